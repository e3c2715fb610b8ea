"""Compares the rows that are new to a training table with the old ones: values, labels, and how the two are related.

A fault in the rows that came since the last release is hidden by the many old rows; compared separately, it shows. The
limit of all these statistics together comes from random splits of the rows (`splits`), and where rows have a time,
from how earlier windows of the table differed from what came before them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, group_column, grouped, missing
from seatrial.trial.compare.queries import spread
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.splits import (
    MARGIN,
    MOST_WINDOWS,
    CommonLimit,
    Key,
    Splits,
    drift_limits,
    limits_of,
    random_splits,
    sampled,
    window_splits,
)
from seatrial.trial.compare.time_order import TimeOrder

FEWEST = 15  # new rows that are judged, and rows of a group whose label rate is
PARTNER = 0.25  # how much of a column another one has to explain to be its partner
MOST_PAIRS = 60
UNKNOWN = 0.0  # a past that is too short to say how far it moved
PAIR_ROWS = 4_000  # rows by which partners are chosen
MOST_PAIRED = 1_000  # columns among which partners are looked for, spread over all of a wider table
BLOCK = 16  # columns whose tables of counts with all others are made at once
ROUNDED = 1e-3  # more than single precision loses
MOST_IN_WINDOW = 30_000  # rows of each window of time; of more, every second or third and so on is compared


@dataclass(frozen=True)
class Pooled:
    """The old rows followed by the new ones: each column as groups, and where values are missing."""

    groups: dict[str, Grouping]
    gone: dict[str, Grouping]
    labels: Grouping
    partners: tuple[tuple[str, str], ...]  # (a, b): a explains b
    old_rows: int

    def taken(self, rows: Array) -> "Pooled":
        """The same columns over some of the rows; the old ones come first."""
        return Pooled(
            {name: grouping.taken(rows) for name, grouping in self.groups.items()},
            {name: grouping.taken(rows) for name, grouping in self.gone.items()},
            self.labels.taken(rows), self.partners, int((rows < self.old_rows).sum()),
        )  # fmt: skip


def pool(old: Table, new: Table, rows: Array) -> Pooled:
    """Put the old rows and those of `new` at `rows` together."""
    groups: dict[str, Grouping] = {}
    gone: dict[str, Grouping] = {}
    for name in [name for name in old.columns if name in new.columns]:
        values = np.concatenate([old.columns[name], new.columns[name][rows]])
        groups |= {grouping.column: grouping.packed() for grouping in grouped({name: values})}
        there = missing(values)
        if there.any():
            gone[name] = Grouping(name, ("known", "missing"), there.astype(np.int8))
    labels = _labels(new.name, np.concatenate([old.target, new.target[rows]]))
    return Pooled(groups, gone, labels, _partners(groups, old.rows), old.rows)


def _labels(name: str, both: Array) -> Grouping:
    """Labels as groups: classes, or quarters of a number."""
    if both.dtype.kind == "f":
        grouping = group_column(name, both)
        assert grouping is not None
        return grouping
    known, codes = np.unique(both.astype(str), return_inverse=True)
    return Grouping(name, tuple(known.tolist()), codes)


def _partners(groups: dict[str, Grouping], old: int) -> tuple[tuple[str, str], ...]:
    """Pairs of columns of which the first explains the second among the old rows, the most closely related first."""
    some = np.linspace(0, old - 1, min(old, PAIR_ROWS)).astype(int)
    names = spread(groups, MOST_PAIRED) if groups else ()
    parts = [groups[name].taken(some) for name in names]
    related = []
    for first, second in np.argwhere(_explained_pairs(parts) > PARTNER - ROUNDED).tolist():
        part, partner = parts[first], parts[second]
        counts = np.bincount(part.crossed(partner), minlength=part.size * partner.size)
        share = float(explained(counts.reshape(1, part.size, partner.size))[0])
        if share >= PARTNER and first != second:
            related.append((share, names[first], names[second]))
    return tuple((name, other) for _, name, other in sorted(related, reverse=True)[:MOST_PAIRS])


def _explained_pairs(parts: Sequence[Grouping]) -> Array:
    """How much each column explains of each other one, as `explained` has it but for rounding: (columns, columns).

    The tables of counts of all pairs are one product of matrices, a block of columns at a time.
    """
    if not parts:
        return np.zeros((0, 0))
    rows, sizes = len(parts[0].codes), np.array([part.size for part in parts])
    starts, end = np.cumsum(sizes) - sizes, int(sizes.sum())
    marked = np.zeros((rows, end), dtype=np.float32)
    for start, part in zip(starts.tolist(), parts, strict=True):
        marked[np.arange(rows), start + part.codes.astype(np.int64)] = 1
    counts = marked.sum(axis=0, dtype=np.float64)
    total = rows - np.add.reduceat(counts**2, starts) / rows
    counts = np.maximum(counts, 1).astype(np.float32)  # of groups that are in none of these rows
    kept = np.zeros((len(parts), len(parts)))
    for first in range(0, len(parts), BLOCK):
        block, begin = slice(first, first + BLOCK), int(starts[first])
        own = slice(begin, begin + int(sizes[block].sum()))
        squares = (marked[:, own].T @ marked[:, begin:]) ** 2
        places = starts[block] - begin, starts[first:] - begin
        kept[block, first:] = _block_sums(squares / counts[own, None], *places)
        kept[first:, block] = _block_sums(squares / counts[begin:], *places).T
    chance = (rows - 1) / np.maximum(rows - sizes, 1)
    return np.asarray(1 - (rows - kept) / np.maximum(total, 1e-12) * chance[:, None])


def _block_sums(values: Array, rows: Array, columns: Array) -> Array:
    """The sums of the blocks of a matrix, which begin at these rows and columns."""
    return np.asarray(np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1))


def explained(counts: Array) -> Array:
    """How much of the labels the groups explain, in tables of counts (n, groups, labels): 0 to 1, for each table (n,).

    Adjusted for chance, so that many groups explain nothing by their number. 0 without more rows than groups.
    """
    groups, labels = counts.sum(axis=2), counts.sum(axis=1)
    rows, size = groups.sum(axis=1), counts.shape[1]
    total = (labels * (1 - labels / np.maximum(rows, 1)[:, None])).sum(axis=1)
    left = rows - (counts**2 / np.maximum(groups, 1)[:, :, None]).sum(axis=(1, 2))
    share = 1 - left / np.maximum(total, 1e-12) * (rows - 1) / np.maximum(rows - size, 1)
    return np.where((rows > size) & (total > 0), share, 0.0)


def statistics(pooled: Pooled, splits: Splits) -> dict[Key, Array]:
    """All statistics of the new rows, for each split (splits,)."""
    return dict(_statistics(pooled, splits))


def _statistics(pooled: Pooled, splits: Splits) -> Iterator[tuple[Key, Array]]:
    labels = pooled.labels
    yield ("labels", labels.column, ""), distance(*splits.both(labels.codes, labels.size))
    for name, grouping in pooled.gone.items():
        yield ("missing", name, ""), distance(*splits.both(grouping.codes, 2))
    for name, grouping in pooled.groups.items():
        old, new = splits.crossed(grouping, labels)
        yield ("shares", name, ""), distance(old.sum(axis=2), new.sum(axis=2))
        yield ("tie", name, ""), np.abs(explained(new) - explained(old))
        yield ("rates", name, ""), rate_changes(old, new).max(axis=(1, 2))
    for name, other in pooled.partners:
        old, new = splits.crossed(pooled.groups[name], pooled.groups[other])
        yield ("partners", name, other), explained(old) - explained(new)


def distance(old: Array, new: Array) -> Array:
    """The total variation distance of two distributions over groups, from their counts (n, groups): 0 to 1, (n,)."""
    first, second = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (old, new))
    return np.asarray(np.abs(first - second).sum(axis=1) / 2)


def rate_changes(old: Array, new: Array) -> Array:
    """How far each label's rate in each group moved, in standard errors: (n, groups, labels); 0 for small groups.

    Agresti and Coull's pseudo-counts keep a rate of 0 or 1 in few rows from looking certain.
    """
    before, after = old.sum(axis=2, keepdims=True), new.sum(axis=2, keepdims=True)
    middle = (old + new + 2) / (before + after + 4)
    spread = np.sqrt(middle * (1 - middle) * (1 / np.maximum(before, 1) + 1 / np.maximum(after, 1)))
    change = np.abs(new / np.maximum(after, 1) - old / np.maximum(before, 1)) / spread
    return np.where((before >= FEWEST) & (after >= FEWEST), change, 0.0)


@dataclass(frozen=True)
class Exceeded:
    """A statistic that stands out: how many times over its limit it is, and what the time says about it.

    `past` is how many times over the random limit the past's own drift went; `abrupt` says whether the change came
    between the last old rows and the first new ones. Both are None without a time.
    """

    key: Key
    times: float
    past: float | None = None
    abrupt: bool | None = None


@dataclass(frozen=True)
class Judgement:
    """The statistics that stand out, and those that only moved as much as they had moved before."""

    exceeded: tuple[Exceeded, ...]
    drifted: tuple[Exceeded, ...] = ()


def judge_rows(pooled: Pooled, alpha: float, order: TimeOrder | None) -> Judgement:
    """Judge all statistics of the new rows together; with probability `alpha` at most does any stand out by chance."""
    old, new = pooled.old_rows, len(pooled.labels.codes) - pooled.old_rows
    first, second = sampled(old, new)
    measured = statistics(pooled.taken(np.concatenate([first, old + second])), random_splits(len(first), len(second)))
    limits = limits_of(measured, alpha)
    over = limits.exceeded({key: float(values[0]) for key, values in measured.items()})
    if order is not None:  # what tells the time is newer, as it must be
        over = {key: times for key, times in over.items() if not (order.told_by(key[1]) or order.told_by(key[2]))}
    if order is None or not over:
        return Judgement(tuple(Exceeded(key, times) for key, times in over.items()))
    return _with_time(pooled, limits, over, order)


def _with_time(pooled: Pooled, limits: CommonLimit, over: dict[Key, float], order: TimeOrder) -> Judgement:
    old = pooled.old_rows
    step = -(-len(order.new) // MOST_IN_WINDOW)
    before, after = order.old[::-1][::step][::-1], order.new[::step]
    ordered = pooled.taken(np.concatenate([before, old + after]))
    splits = window_splits(len(before), len(after))
    if splits is None:
        return Judgement(tuple(Exceeded(key, times, UNKNOWN, False) for key, times in over.items()))
    windows = statistics(ordered, splits)
    allowed = drift_limits(limits, windows)
    actual = limits.exceeded({key: float(values[0]) for key, values in windows.items()})
    seam = _seam(ordered, limits)
    kinds: dict[bool, list[Exceeded]] = {True: [], False: []}
    for key, times in over.items():
        now = actual.get(key, 0.0)
        stands_out = now > allowed[key]
        kinds[stands_out].append(
            Exceeded(key, max(now / allowed[key], 1.0) if stands_out else times, allowed[key], seam.get(key))
        )
    return Judgement(tuple(kinds[True]), tuple(kinds[False]))


def _seam(ordered: Pooled, limits: CommonLimit) -> dict[Key, bool]:
    """Whether the first half of the new rows differs more from the last old rows than from the second half.

    It must also differ more than any earlier rows, as many as these, did from those before them.
    """
    old, half = ordered.old_rows, (len(ordered.labels.codes) - ordered.old_rows) // 2
    if half < FEWEST or old < half:
        return {}
    earlier = range(old, 2 * half - 1, -max(half // 2, old // MOST_WINDOWS))
    ends = np.array([old + half, old + 2 * half, *earlier])
    drawn = np.stack([np.arange(end - half, end) for end in ends])
    halves = statistics(ordered, Splits(old + 2 * half, drawn, drawn - half))
    return {key: _begins(limits.scales[key].of(values)) for key, values in halves.items()}


def _begins(jumps: Array) -> bool:
    """Whether the first of these is the largest by far: at the seam, within the new rows, and at earlier places."""
    at, inside, past = float(jumps[0]), max(float(jumps[1]), 0.0), float(jumps[2:].max(initial=0.0))
    return at > 1 and at > 2 * inside and at > MARGIN * past
