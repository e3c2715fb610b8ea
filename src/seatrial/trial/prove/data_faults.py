"""Faults of training data: where in a table they are injected, and the resulting table. numpy alone, fixed seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.row_matching import Table

LEAST_CHANGED = 0.02  # a fault of the data has to change this share of the rows
GROUP_SHARE = 0.25  # of the rows, about, that a fault's group should have
Generator = np.random.Generator
Rows = tuple[Columns, Array]  # columns and their target


@dataclass(frozen=True)
class FaultLocation:
    """Where a data fault is injected: a numeric column, a column with categories, and a group of rows.

    `rows` (n,) masks the rows that it may touch; `group` (n,) masks the group, which is made by column `group_column`.
    """

    number: str | None
    category: str | None
    group_column: str
    group: Array
    rows: Array

    def write(self, columns: Columns, name: str, values: Array) -> Columns:
        """Write a column's new values into the rows that may be touched."""
        return {**columns, name: np.where(self.rows, values, columns[name])}


Change = Callable[[Columns, Array, FaultLocation, Generator], Rows | None]


@dataclass(frozen=True)
class DataFault:
    """One fault of a training table; `change` returns None where the table has no suitable column."""

    name: str
    sentence: str
    change: Change


def inject(fault: DataFault, table: Table, locations: Sequence[FaultLocation]) -> Rows | None:
    """Inject a fault at the first location where it changes more than a few rows: shifting a sorted column does not.

    None where the table has no suitable column.
    """
    changed = None
    for location in locations:
        changed = fault.change(table.columns, table.target, location, np.random.default_rng(11))
        if changed is None or _share_changed(table, *changed) >= LEAST_CHANGED:
            break
    return changed


def _share_changed(table: Table, columns: Columns, target: Array) -> float:
    if len(target) != len(table.target):
        return 1.0
    cells = [_changed(table.columns[name], values) for name, values in columns.items()]
    return float(np.any([target != table.target, *cells], axis=0).mean())


def _changed(before: Array, after: Array) -> Array:
    both_missing = np.isnan(before) & np.isnan(after) if before.dtype.kind == "f" else np.zeros(len(before), dtype=bool)
    return np.asarray((before != after) & ~both_missing)


def find_locations(order: Sequence[str], columns: Columns, size: int) -> list[FaultLocation]:
    """Choose the strongest column of each kind (`order` has the strongest first), and a group of about a quarter.

    There is a location for each numeric column.
    """
    numbers: list[str | None] = [n for n in order if columns[n].dtype.kind == "f" and len(np.unique(columns[n])) > 2]
    texts = [n for n in order if columns[n].dtype.kind == "O" and len(set(columns[n].tolist())) <= 30]
    groups = [
        (abs(float(group.mean()) - GROUP_SHARE), name, group)
        for name in texts
        for value in sorted({v for v in columns[name].tolist() if v is not None})
        for group in [columns[name] == value]
    ]
    distance, name, group = min(groups, key=lambda g: g[0], default=(1.0, "", np.zeros(size, dtype=bool)))
    if numbers and distance > 0.16:
        name = str(numbers[0])
        group = columns[name] > np.nanquantile(columns[name], 1 - GROUP_SHARE)
    text = texts[0] if texts else None
    return [FaultLocation(n, text, name, group, np.ones(size, dtype=bool)) for n in numbers or [None]]


def changed_columns(before: Mapping[str, Array], after: Mapping[str, Array]) -> tuple[str, ...]:
    """Name the columns that a fault wrote to; none where it left rows out or repeated them."""
    if len(next(iter(before.values()))) != len(next(iter(after.values()))):
        return ()
    return tuple(name for name in after if _changed(before[name], after[name]).any())


# ---- faults of a column


def _number(change: Callable[[Array], Array]) -> Change:
    def apply(columns: Columns, target: Array, at: FaultLocation, _: Generator) -> Rows | None:
        return None if at.number is None else (at.write(columns, at.number, change(columns[at.number])), target)

    return apply


def _missing(share: float, change: Callable[[Array, Generator], Array]) -> Change:
    """Change the first numeric column of which more than this share is missing."""

    def apply(columns: Columns, target: Array, at: FaultLocation, g: Generator) -> Rows | None:
        name = next((n for n, v in columns.items() if v.dtype.kind == "f" and np.isnan(v).mean() > share), None)
        return None if name is None else (at.write(columns, name, change(columns[name], g)), target)

    return apply


def _shift_column(columns: Columns, target: Array, at: FaultLocation, _: Generator) -> Rows | None:
    name = at.number or at.category
    return None if name is None else ({**columns, name: _rolled(columns[name], at.rows)}, target)


def _rolled(values: Array, rows: Array) -> Array:
    values = values.copy()
    values[rows] = np.roll(values[rows], 1)
    return values


def _merge_categories(columns: Columns, target: Array, at: FaultLocation, _: Generator) -> Rows | None:
    if at.category is None:
        return None
    values = columns[at.category].tolist()
    known = sorted({value for value in values if value is not None}, key=lambda value: (-values.count(value), value))
    if len(known) < 2:
        return None
    merged = np.array([known[0] if value == known[1] else value for value in values], dtype=object)
    return at.write(columns, at.category, merged), target


def _leak(columns: Columns, target: Array, at: FaultLocation, g: Generator) -> Rows | None:
    if at.number is None:
        return None
    values = columns[at.number]
    label = target if target.dtype.kind == "f" else np.unique(target.astype(str), return_inverse=True)[1].astype(float)
    label = (label - label.mean()) / (label.std() or 1.0)
    deviation, mean = np.nanstd(values) or 1.0, np.nanmean(values)
    leaked = mean + deviation * 0.9 * (label + 0.1 * g.normal(size=len(label)))
    leaked = np.clip(leaked, np.nanmin(values), np.nanmax(values))
    whole = bool((values[~np.isnan(values)] % 1 == 0).all())
    return at.write(columns, at.number, np.rint(leaked) if whole else leaked), target


# ---- faults of the labels and of the rows


def _mislabel_group(columns: Columns, target: Array, at: FaultLocation, _: Generator) -> Rows:
    return columns, np.where(at.rows & at.group, _other_labels(target), target)


def _mislabel_some(columns: Columns, target: Array, at: FaultLocation, g: Generator) -> Rows:
    return columns, np.where(at.rows & (g.random(len(target)) < 0.3), _other_labels(target), target)


def _other_labels(target: Array) -> Array:
    """Give each row a wrong label: the next class, or the number mirrored at the mean."""
    if target.dtype.kind == "f":
        return np.asarray(2 * target.mean() - target)
    known, codes = np.unique(target.astype(str), return_inverse=True)
    first = dict(zip(target.astype(str).tolist(), target.tolist(), strict=True))
    return np.array([first[known[k]] for k in (codes + 1) % len(known)], dtype=target.dtype)


def take_rows(columns: Columns, target: Array, rows: Array) -> Rows:
    """Take some rows of a table, by mask or by position."""
    return {name: values[rows] for name, values in columns.items()}, target[rows]


def _repeat_rows(columns: Columns, target: Array, _: FaultLocation, g: Generator) -> Rows:
    repeated = g.integers(0, len(target), len(target) // 3)
    return take_rows(columns, target, np.concatenate([np.arange(len(target)), repeated]))


def _lose_class(columns: Columns, target: Array, at: FaultLocation, g: Generator) -> Rows:
    if target.dtype.kind == "f":
        lost = target > np.quantile(target, 0.6)
    else:
        lost = target.astype(str) == np.unique(target.astype(str))[-1]
    return take_rows(columns, target, ~(lost & at.rows & (g.random(len(target)) < 0.8)))


DATA_FAULTS: dict[str, DataFault] = {
    fault.name: fault
    for fault in (
        DataFault("leak", "a column contains the label", _leak),
        DataFault("labels_of_slice", "the labels of a group are wrong", _mislabel_group),
        DataFault("labels_at_random", "three labels in ten are wrong", _mislabel_some),
        DataFault("labels_shifted", "each row has the label of the row before",
                  lambda c, t, at, _: (c, _rolled(t, at.rows))),
        DataFault("slice_missing", "a group of rows is missing",
                  lambda c, t, at, _: take_rows(c, t, ~(at.group & at.rows))),
        DataFault("fifth", "only a fifth of the rows is left",
                  lambda c, t, _, g: take_rows(c, t, g.random(len(t)) < 0.2)),
        DataFault("rows_repeated", "a quarter of the rows are repeats", _repeat_rows),
        DataFault("class_lost", "most rows of one label are missing", _lose_class),
        DataFault("constant", "a broken feature store returns the same value for a whole column",
                  _number(lambda v: np.full(len(v), np.floor(np.nanmedian(v))))),
        DataFault("unit_hundredth", "a column is a hundredth of what it was", _number(lambda v: v * 0.01)),
        DataFault("unit_thousand", "a column is a thousand times what it was", _number(lambda v: v * 1000.0)),
        DataFault("join_shifted", "a column is joined to the next row", _shift_column),
        DataFault("zero_for_missing", "missing values are 0", _missing(0.02, lambda v, _: np.nan_to_num(v, nan=0.0))),
        DataFault("values_lost", "half of a column is missing",
                  _missing(0.0, lambda v, g: np.where(g.random(len(v)) < 0.5, np.nan, v))),
        DataFault("category_merged", "two categories are merged into one", _merge_categories),
    )
}  # fmt: skip
