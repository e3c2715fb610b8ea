"""Faults of training data, and harmless changes of it: a table in, another table out. numpy alone, seeded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns


@dataclass(frozen=True)
class Spot:
    """Where a fault of the data strikes: a numeric column, a column with categories, and a group of rows.

    `rows` (n,) says which rows it may touch; `slice_name` and `inside` (n,) are the group.
    """

    number: str | None
    category: str | None
    slice_name: str
    inside: Array
    rows: Array


Change = Callable[[Columns, Array, Spot, np.random.Generator], tuple[Columns, Array] | None]


@dataclass(frozen=True)
class DataFault:
    """One fault of a training table. `names` says what a good report names: "number", "category", "slice" or words."""

    name: str
    sentence: str
    change: Change
    names: str
    new_rows_too: bool = True  # whether it makes sense in the new rows alone


def _one(columns: Columns, name: str, values: Array, spot: Spot) -> Columns:
    return {**columns, name: np.where(spot.rows, values, columns[name])}


def _constant(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
    if spot.number is None:
        return None
    values = columns[spot.number]
    return _one(columns, spot.number, np.full(len(values), np.floor(np.nanmedian(values))), spot), target


def _unit(factor: float) -> Change:
    def change(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
        return (
            None if spot.number is None else (_one(columns, spot.number, columns[spot.number] * factor, spot), target)
        )

    return change


def _shifted(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
    name = spot.number or spot.category
    if name is None:
        return None
    rows = np.flatnonzero(spot.rows)
    values = columns[name].copy()
    values[rows] = np.roll(values[rows], 1)
    return {**columns, name: values}, target


def _zeros(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
    name = next((n for n, v in columns.items() if v.dtype.kind == "f" and np.isnan(v).mean() > 0.02), None)
    if name is None:
        return None
    return _one(columns, name, np.nan_to_num(columns[name], nan=0.0), spot), target


def _lost_values(columns: Columns, target: Array, spot: Spot, g: np.random.Generator) -> tuple[Columns, Array] | None:
    name = next((n for n, v in columns.items() if v.dtype.kind == "f" and np.isnan(v).any()), None)
    if name is None:
        return None
    gone = g.random(len(target)) < 0.5
    return _one(columns, name, np.where(gone, np.nan, columns[name]), spot), target


def _merged(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
    if spot.category is None:
        return None
    values = columns[spot.category]
    listed = [value for value in values.tolist() if value is not None]
    known = sorted(set(listed), key=lambda value: -listed.count(value))
    if len(known) < 2:
        return None
    mapped = np.array([known[0] if value == known[1] else value for value in values.tolist()], dtype=object)
    return _one(columns, spot.category, mapped, spot), target


def _leak(columns: Columns, target: Array, spot: Spot, g: np.random.Generator) -> tuple[Columns, Array] | None:
    if spot.number is None:
        return None
    values = columns[spot.number]
    if target.dtype.kind == "f":
        told = (target - target.mean()) / (target.std() or 1.0)
    else:
        told = np.unique(target.astype(str), return_inverse=True)[1].astype(float)
        told = (told - told.mean()) / (told.std() or 1.0)
    spread, middle = np.nanstd(values) or 1.0, np.nanmean(values)
    leaked = middle + spread * 0.9 * (told + 0.1 * g.normal(size=len(told)))
    leaked = np.clip(leaked, np.nanmin(values), np.nanmax(values))
    whole = bool((values[~np.isnan(values)] % 1 == 0).all())
    return _one(columns, spot.number, np.rint(leaked) if whole else leaked, spot), target


def _wrong_labels(where: str) -> Change:
    def change(columns: Columns, target: Array, spot: Spot, g: np.random.Generator) -> tuple[Columns, Array] | None:
        chosen = spot.rows & (spot.inside if where == "slice" else g.random(len(target)) < 0.3)
        return columns, np.where(chosen, other_labels(target), target)

    return change


def other_labels(target: Array) -> Array:
    """A wrong label for each row: the next class, or a number mirrored at the mean."""
    if target.dtype.kind == "f":
        return np.asarray(2 * target.mean() - target)
    known, codes = np.unique(target.astype(str), return_inverse=True)
    first = dict(zip(target.astype(str).tolist(), target.tolist(), strict=True))
    return np.array([first[known[k]] for k in (codes + 1) % len(known)], dtype=target.dtype)


def _shifted_labels(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
    rows = np.flatnonzero(spot.rows)
    moved = target.copy()
    moved[rows] = np.roll(moved[rows], 1)
    return columns, moved


def _kept(columns: Columns, target: Array, keep: Array) -> tuple[Columns, Array]:
    return {name: values[keep] for name, values in columns.items()}, target[keep]


def _slice_missing(columns: Columns, target: Array, spot: Spot, _g: Any) -> tuple[Columns, Array] | None:
    return _kept(columns, target, ~(spot.inside & spot.rows))


def _fifth(columns: Columns, target: Array, _spot: Spot, g: np.random.Generator) -> tuple[Columns, Array] | None:
    return _kept(columns, target, g.random(len(target)) < 0.2)


def _repeated(columns: Columns, target: Array, _spot: Spot, g: np.random.Generator) -> tuple[Columns, Array] | None:
    rows = np.concatenate([np.arange(len(target)), g.integers(0, len(target), len(target) // 3)])
    return _kept(columns, target, rows)


def _class_lost(columns: Columns, target: Array, spot: Spot, g: np.random.Generator) -> tuple[Columns, Array] | None:
    if target.dtype.kind == "f":
        inside = target > np.quantile(target, 0.6)
    else:
        inside = target.astype(str) == np.unique(target.astype(str))[-1]
    return _kept(columns, target, ~(inside & spot.rows & (g.random(len(target)) < 0.8)))


DATA_FAULTS: dict[str, DataFault] = {
    fault.name: fault
    for fault in (
        DataFault("leak", "a column knows the label", _leak, "number"),
        DataFault("labels_of_slice", "the labels of a group are wrong", _wrong_labels("slice"), "slice"),
        DataFault("labels_at_random", "three labels in ten are wrong", _wrong_labels("random"), "words: label"),
        DataFault("labels_shifted", "each row has the label of the row before", _shifted_labels, "words: label"),
        DataFault("slice_missing", "a group of rows is missing", _slice_missing, "slice", new_rows_too=False),
        DataFault("fifth", "a fifth of the rows is there", _fifth, "words: rows", new_rows_too=False),
        DataFault("rows_repeated", "a quarter of the rows are repeats", _repeated, "words: repeat", new_rows_too=False),
        DataFault("class_lost", "most rows of one label are missing", _class_lost, "words: label", new_rows_too=False),
        DataFault("constant", "a broken feature store answers the same for a column", _constant, "number"),
        DataFault("unit_hundredth", "a column is a hundredth of what it was", _unit(0.01), "number"),
        DataFault("unit_thousand", "a column is a thousand times what it was", _unit(1000.0), "number"),
        DataFault("join_shifted", "a column is joined to the next row", _shifted, "number"),
        DataFault("zero_for_missing", "missing values are 0", _zeros, "missing"),
        DataFault("values_lost", "half of a column is missing", _lost_values, "missing"),
        DataFault("category_merged", "one category is called another", _merged, "category"),
    )
}  # fmt: skip
