"""Where the faults of training data strike a table, and what they change there."""

from collections.abc import Mapping, Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.prove import data_faults

LEAST_SPOILED = 0.02  # of the rows that a fault of the data has to change
SHARE = 0.25  # of the rows that the group of a fault is to have, about


def spoiled(
    fault: data_faults.DataFault, table: Table, spots: Sequence[data_faults.Spot]
) -> tuple[Columns, Array] | None:
    """Spoil a table at the first spot where that changes more than a few rows, as shifting a sorted column does not.

    None where the table has nothing of the kind.
    """
    found = None
    for spot in spots:
        found = fault.change(table.columns, table.target, spot, np.random.default_rng(11))
        if found is None or _share_changed(table, *found) >= LEAST_SPOILED:
            break
    return found


def _share_changed(table: Table, columns: Columns, target: Array) -> float:
    if len(target) != len(table.target):
        return 1.0
    differs = target != table.target
    for name, values in columns.items():
        before = table.columns[name]
        both_missing = np.isnan(values) & np.isnan(before) if values.dtype.kind == "f" else False
        differs = differs | ((values != before) & ~np.asarray(both_missing))
    return float(differs.mean())


def spots_of(order: tuple[str, ...], columns: Columns, size: int) -> list[data_faults.Spot]:
    """Choose where the data's faults strike: the strongest column of each sort first, a group of about a quarter."""
    numbers: list[str | None] = [n for n in order if columns[n].dtype.kind == "f" and len(np.unique(columns[n])) > 2]
    texts = [n for n in order if columns[n].dtype.kind == "O" and len(set(columns[n].tolist())) <= 30]
    groups = [
        (abs(float(inside.mean()) - SHARE), name, inside)
        for name in texts
        for value in sorted({v for v in columns[name].tolist() if v is not None})
        for inside in [columns[name] == value]
    ]
    _, name, inside = min(groups, key=lambda g: g[0], default=(1.0, "", np.zeros(size, dtype=bool)))
    if numbers and (not groups or abs(float(inside.mean()) - SHARE) > 0.16):
        name = str(numbers[0])
        inside = columns[name] > np.nanquantile(columns[name], 1 - SHARE)
    everywhere = np.ones(size, dtype=bool)
    text = texts[0] if texts else None
    return [data_faults.Spot(number, text, name, inside, everywhere) for number in numbers or [None]]


def changed_columns(before: Mapping[str, Array], after: Mapping[str, Array]) -> tuple[str, ...]:
    """Which columns a fault wrote to; none where it left rows out, or repeated them."""
    if len(next(iter(before.values()))) != len(next(iter(after.values()))):
        return ()
    return tuple(n for n in after if after[n] is not before[n] and not _equal(before[n], after[n]))


def _equal(a: Array, b: Array) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True)) if a.dtype.kind == "f" else a.tolist() == b.tolist()
