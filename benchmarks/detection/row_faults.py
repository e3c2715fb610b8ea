"""Faults of joins and of rows: joined wrongly, fanned out, repeated, left out, selected, imported again, made up."""

import numpy as np

from benchmarks.detection.batches import Batch, Faulty, plain
from benchmarks.detection.fault_parts import Change, Rows, everywhere, group, run, some
from seatrial.model.features import Array

REPEATED = ("repeat", "twice", "duplicate", "copies", "equal to")
LOST = ("rows", "missing", "fewer", "lost")


# ---- joins


def _joined(b: Batch, names: list[str], rows: Array, source: Array) -> Faulty:
    """The rows (a mask) have the values of other rows in some columns; `source` (n,) has the positions of these."""
    return b.wrote({name: plain(b.columns[name])[source] for name in names}, rows, tuple(names))


def _others(b: Batch, rows: Array) -> Array:
    """Positions (n,): for some new rows, another one of these."""
    places, source = np.flatnonzero(rows), np.arange(len(rows))
    order = b.g.permutation(places)
    source[order] = np.roll(order, 1)
    return source


def _join(columns: float, rows: Rows) -> Change:
    """Some columns (a share of them, or one if it is 0) come from another row."""

    def apply(b: Batch) -> Faulty | None:
        names = b.ranked
        count = max(1, round(columns * len(names)))
        chosen = (
            [names[k] for k in sorted(b.g.permutation(len(names))[:count].tolist())]
            if columns
            else [names[int(b.g.integers(0, (len(names) + 1) // 2))]]
        )
        taken = rows(b)
        return _joined(b, chosen, taken, _others(b, taken)) if len(names) > 1 else None

    return apply


def _join_by_key(b: Batch) -> Faulty | None:
    """One group's rows have some columns of another group's rows."""
    found = b.group()
    others = b.new & ~found[1] if found else None
    if not found or others is None or others.sum() < 3:
        return None
    names = [name for name in b.ranked if name != found[0]]
    chosen = names[: max(1, len(names) // 3)]
    source = np.arange(len(b.new))
    source[found[1]] = b.g.choice(np.flatnonzero(others), int(found[1].sum()))
    return _joined(b, chosen, found[1], source)


def _join_with_old(b: Batch) -> Faulty | None:
    """A third of the new rows has a third of its columns from an old row: a stale table was joined."""
    names = b.ranked
    chosen = names[: max(1, len(names) // 3)]
    return _joined(b, chosen, b.some(0.33), b.g.choice(np.flatnonzero(b.old), len(b.new)))


def _join_next(b: Batch) -> Faulty | None:
    """Half of the columns are those of the next row, in all new rows: pasted one row too low."""
    names = b.ranked[::2]
    source, places = np.arange(len(b.new)), b.places
    source[places] = np.roll(places, 1)
    return _joined(b, names, b.new, source)


def _join_first(b: Batch) -> Faulty | None:
    """A third of the new rows found the first row of the other table."""
    names = b.ranked[: max(1, len(b.ranked) // 3)]
    return _joined(b, names, b.some(0.33), np.full(len(b.new), b.places[0]))


def _sorted(b: Batch) -> Faulty | None:
    """One column was sorted, the others were not."""
    name = b.pick(b.numbers())
    if name is None:
        return None
    values, places = plain(b.columns[name]), b.places
    values[places] = np.sort(values[places])
    return b.write(name, b.new, values)


def _fan_out(share: float, times: int) -> Change:
    """Some new rows come several times, with other rows' values in one column: the key of a join was not unique."""

    def apply(b: Batch) -> Faulty | None:
        rows = np.repeat(b.g.permutation(b.places)[: max(1, round(share * len(b.places)))], times)
        name = b.pick(b.texts() + b.numbers())
        if name is None:
            return None
        other = plain(b.columns[name])[b.g.choice(b.places, len(rows))]
        return b.append(rows, {name: other}, REPEATED, (name,))

    return apply


def _fan_out_group(b: Batch) -> Faulty | None:
    """The rows of a group come twice, with another value of one column."""
    found = b.group()
    name = found and b.pick([n for n in b.numbers() + b.texts() if n != found[0]])
    if not found or not name:
        return None
    rows = np.flatnonzero(found[1])
    return b.append(rows, {name: plain(b.columns[name])[b.g.permutation(rows)]}, REPEATED, (name, found[0]))


JOINS: list[tuple[str, str, Change]] = [
    ("join_third", "a third of the new rows has half of its columns from another row", _join(0.5, some(0.33))),
    ("join_third_few", "a third has a fifth of its columns from another row", _join(0.2, some(0.33))),
    ("join_third_one", "a third has one column from another row", _join(0, some(0.33))),
    ("join_load", "a third, in a row, has half of its columns from another row", _join(0.5, run(0.33))),
    ("join_all_one", "one column is from another row in all new rows", _join(0, everywhere)),
    ("join_group", "a group has half of its columns from another row of the group", _join(0.5, group)),
    ("join_by_key", "a group has a third of its columns from another group's rows", _join_by_key),
    ("join_stale", "a third has a third of its columns from an old row", _join_with_old),
    ("join_pasted_low", "half of the columns are those of the row before", _join_next),
    ("join_first_match", "a third found the first row of the joined table", _join_first),
    ("one_column_sorted", "one column is sorted, the others are not", _sorted),
    ("fan_out", "4 % of the new rows come three more times, with other values in one column", _fan_out(0.04, 3)),
    ("fan_out_twice", "a fifth of the new rows comes twice, with another value in one column", _fan_out(0.2, 1)),
    ("fan_out_group", "a group comes twice, with another value in one column", _fan_out_group),
]  # fmt: skip


# ---- rows


def _twice(share: float, of_old: bool = False) -> Change:
    def apply(b: Batch) -> Faulty:
        rows = np.flatnonzero(b.old) if of_old else b.places
        count = max(1, round(share * len(b.places)))
        return b.append(b.g.permutation(rows)[:count], words=REPEATED)

    return apply


def _nearly_twice(share: float, key: bool = False) -> Change:
    """Repeats that differ in one number by a little; or in a key, which is a column of distinct values."""

    def apply(b: Batch) -> Faulty | None:
        rows = b.g.permutation(b.places)[: max(1, round(share * len(b.places)))]
        names = b.numbers()
        if key:
            names = [n for n in names if len(np.unique(b.columns[n])) > 0.9 * len(b.new)]
        name = b.pick(names)
        if name is None:
            return None
        values = b.columns[name]
        step = np.nanmax(np.abs(values)) * 0.5 if key else 0.02 * (np.nanstd(values) or 1.0)
        whole = bool((values[~np.isnan(values)] % 1 == 0).all())
        after = values[rows] + (np.maximum(1, np.rint(step)) if whole else step)
        return b.append(rows, {name: after}, REPEATED, (name,))

    return apply


def _truncated(share: float) -> Change:
    """Only the first part of a sorted export is there."""

    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.numbers())
        if name is None:
            return None
        return b.keep(b.columns[name] <= np.nanquantile(b.columns[name][b.new], share), (name,))

    return apply


def _group_only(b: Batch) -> Faulty | None:
    found = b.group()
    return found and b.keep(found[1], (found[0],))  # type: ignore[return-value]


def _group_lost(b: Batch) -> Faulty | None:
    found = b.group()
    return found and b.keep(~found[1], (found[0],))  # type: ignore[return-value]


def _complete_only(b: Batch) -> Faulty | None:
    """Rows with a missing value are left out."""
    complete, gaps = np.ones(len(b.new), dtype=bool), []
    for name, values in b.columns.items():
        missing = np.isnan(values) if values.dtype.kind == "f" else np.array([v is None for v in values.tolist()])
        complete &= ~missing
        gaps += [name] if missing[b.old].any() else []
    return b.keep(complete, tuple(gaps), LOST) if gaps else None


def _labels(b: Batch) -> Array:
    """A mask (n,) of the commonest label, or of the numbers below the median."""
    if b.target.dtype.kind == "f":
        return np.asarray(b.target <= np.median(b.target))
    known, count = np.unique(b.target.astype(str), return_counts=True)
    return np.asarray(b.target.astype(str) == known[count.argmax()])


def _sampled(common: float, rare: float) -> Change:
    """One label's rows are sampled more often than the other's."""

    def apply(b: Batch) -> Faulty | None:
        keep = b.g.random(len(b.new)) < np.where(_labels(b), common, rare)
        return b.keep(keep, ("",), ("label",))

    return apply


def _made_up(b: Batch) -> Faulty:
    """5 % of the new rows are a tester's: the same values in all of them."""
    count = max(1, round(0.05 * len(b.places)))
    rows = np.full(count, b.places[0])
    changes = {}
    for name, values in b.columns.items():
        if values.dtype.kind == "f":
            changes[name] = np.full(count, float(np.rint(np.nanmedian(values))))
    return b.append(rows, changes, (*REPEATED, "test"), tuple(b.columns))


def _test_values(b: Batch) -> Faulty | None:
    """8 % of the new rows have 1 in all numbers."""
    names = b.numbers()
    return b.wrote({name: np.ones(len(b.new)) for name in names}, b.some(0.08)) if names else None


def _other_population(b: Batch) -> Faulty | None:
    """Half of the new rows are of the upper end of a column: another shop, another ward."""
    name = b.pick(b.numbers())
    if name is None:
        return None
    values = b.columns[name]
    return b.keep((values >= np.nanmedian(values)) | b.some(0.2), (name,))


ROWS: list[tuple[str, str, Change]] = [
    ("twice_4", "4 % of the new rows come twice", _twice(0.04)),
    ("twice_15", "15 % of the new rows come twice", _twice(0.15)),
    ("twice_all", "all new rows come twice", _twice(1.0)),
    ("twice_nearly_4", "4 % come twice, with a slightly different number", _nearly_twice(0.04)),
    ("twice_nearly_15", "15 % come twice, with a slightly different number", _nearly_twice(0.15)),
    ("twice_fresh_key", "8 % come twice, with a key of their own", _nearly_twice(0.08, key=True)),
    ("old_imported_again", "old rows are among the new ones: as many as a tenth of these", _twice(0.1, of_old=True)),
    ("old_imported_half", "old rows are among the new ones: as many as half of these", _twice(0.5, of_old=True)),
    ("truncated_60", "the new rows are the first 60 % of an export that is sorted by a column", _truncated(0.6)),
    ("truncated_85", "the new rows are the first 85 % of an export that is sorted by a column", _truncated(0.85)),
    ("group_only", "a filter was left on: the new rows are all of one group", _group_only),
    ("group_lost", "a group has no new rows", _group_lost),
    ("complete_only", "new rows with a missing value are left out", _complete_only),
    ("label_sampled", "the commonest label's rows are sampled at half the rate", _sampled(0.5, 1.0)),
    ("label_sampled_rare", "the rarer labels' rows are sampled at half the rate", _sampled(1.0, 0.5)),
    ("test_rows", "5 % of the new rows are test rows", _made_up),
    ("test_values", "8 % of the new rows have 1 in all numbers", _test_values),
    ("other_population", "most new rows are of the upper half of a column", _other_population),
]  # fmt: skip
