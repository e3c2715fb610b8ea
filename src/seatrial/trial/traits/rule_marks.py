"""Traits of columns together: rules that nearly all rows keep, and rows that break them.

A rule is found in old and new rows together, so finding it favours neither.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.marks import Mark
from seatrial.trial.traits.moment_marks import parts
from seatrial.trial.traits.number_marks import end_marks
from seatrial.trial.traits.pool import DAY, Pool, PooledColumn

KEPT = 0.85  # the share of rows that keep a rule; new rows that break it are among the rest
MOST_PAIRED = 40  # columns of which all pairs are looked at
MOST_LEVELS = 400  # of a column that may determine another
MOST_SUMMED = 16
SAMPLE = 200
MOST_MOMENTS = 6


def rule_marks(pool: Pool) -> Iterator[Mark]:
    """Mark the rows that break a rule between two or three columns, and gaps between dates."""
    numbers = [c for c in pool.columns if c.form == "number" and len(np.unique(c.values[~c.missing])) > 5]
    moments = [c for c in pool.columns if c.form == "moment"]
    yield from _orders(numbers[:MOST_PAIRED])
    yield from _sums(numbers[:MOST_SUMMED])
    yield from _determined([c for c in pool.columns if 1 < c.codes.max(initial=-1) + 1 <= MOST_LEVELS][:MOST_PAIRED])
    for first, second in combinations(moments[:MOST_MOMENTS], 2):
        yield from _gaps(first, second)
    yield from _missing_together([c for c in pool.columns if c.missing.any()][:MOST_PAIRED])


def _broken(columns: tuple[str, ...], words: str, kept: Array, there: Array) -> Iterator[Mark]:
    """Mark the rows that break a rule, once for each column that may be the reason."""
    broken = there & ~kept
    if there.sum() >= 20 and broken.any() and kept[there].mean() >= KEPT:
        for rank, name in enumerate(columns):
            yield Mark(name, "rule", words, broken, more=True, rank=rank)


def _orders(columns: list[PooledColumn]) -> Iterator[Mark]:
    """A <= B, and A = B, for columns of one size."""
    for first, second in combinations(columns, 2):
        a, b = first.values, second.values
        there = ~(first.missing | second.missing)
        if there.sum() < 20 or not _overlap(a[there], b[there]):
            continue
        for low, high, small, large in ((a, b, first.name, second.name), (b, a, second.name, first.name)):
            yield from _broken((small, large), f"`{small}` is more than `{large}`", low <= high, there)
        yield from _broken((first.name, second.name), f"`{first.name}` is not equal to `{second.name}`", a == b, there)


def _overlap(a: Array, b: Array) -> bool:
    """Whether two columns share much of their range; otherwise their order says nothing."""
    low, high = np.quantile(a, [0.05, 0.95]), np.quantile(b, [0.05, 0.95])
    return bool(low[0] < high[1] and high[0] < low[1])


def _sums(columns: list[PooledColumn]) -> Iterator[Mark]:
    """A = B + C, A = B x C, and A in a fixed ratio to B."""
    if len(columns) < 2:
        return
    draw = np.random.default_rng(2).permutation(len(columns[0].values))[:SAMPLE]
    sample = [column.values[draw] for column in columns]
    for i, j in combinations(range(len(columns)), 2):
        ratio = _constant(sample[i], sample[j])
        if ratio is not None:
            a, b = columns[i], columns[j]
            kept, there = _near(a.values, b.values * ratio), ~(a.missing | b.missing)
            yield from _broken((a.name, b.name), f"`{a.name}` is not {ratio:.4g} times `{b.name}`", kept, there)
        for sign, found in (("+", sample[i] + sample[j]), ("times", sample[i] * sample[j])):
            there = np.isfinite(found)
            if there.sum() < 20:
                continue
            for k in set(range(len(columns))) - {i, j}:
                if _near(sample[k], found)[there & np.isfinite(sample[k])].mean() < KEPT - 0.1:
                    continue
                a, b, c = columns[k], columns[i], columns[j]
                total = b.values + c.values if sign == "+" else b.values * c.values
                words = f"`{a.name}` is not `{b.name}` {sign} `{c.name}`"
                both = ~(a.missing | b.missing | c.missing)
                if (b.values[both] == 0).mean() < 0.8 and (c.values[both] == 0).mean() < 0.8:
                    yield from _broken((a.name, b.name, c.name), words, _near(a.values, total), both)


def _near(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(a - b) <= 0.01 * np.maximum(np.abs(a), np.abs(b)) + 1e-9)


def _constant(a: Array, b: Array) -> float | None:
    there = np.isfinite(a) & np.isfinite(b) & (b != 0)
    if there.sum() < 20:
        return None
    ratios = a[there] / b[there]
    ratio = float(np.median(ratios))
    return ratio if ratio and (np.abs(ratios - ratio) <= 0.01 * abs(ratio)).mean() > KEPT - 0.1 else None


def _determined(columns: list[PooledColumn]) -> Iterator[Mark]:
    """B is determined by A: each value of A goes with one of B. Marked where it goes with another one."""
    for first in columns:
        for second in columns:
            if first is second or second.codes.max() > first.codes.max():
                continue
            there = ~(first.missing | second.missing)
            a, b = first.codes[there], second.codes[there]
            if len(a) < 40:
                continue
            width = int(second.codes.max()) + 1
            table = np.bincount(a * width + b, minlength=(int(first.codes.max()) + 1) * width).reshape(-1, width)
            usual, size = table.max(axis=1), table.sum(axis=1)
            often = size >= 5
            if size[often].sum() < 0.5 * len(a) or table.sum(axis=0).max() > 0.9 * len(a):
                continue
            if usual[often].sum() < 0.9 * size[often].sum():
                continue
            kept = np.ones(len(there), dtype=bool)
            kept[there] = (b == table.argmax(axis=1)[a]) | ~often[a]
            words = f"`{second.name}` is not the one that goes with its `{first.name}`"
            yield from _broken((second.name, first.name), words, kept, there)


def _gaps(first: PooledColumn, second: PooledColumn) -> Iterator[Mark]:
    """The time from one date to another: which comes first, how long it is, and whether days of the month agree."""
    gap = (second.values - first.values) / DAY
    there = np.isfinite(gap)
    if there.sum() < 20:
        return
    names = (first.name, second.name)
    yield from _broken(names, f"`{second.name}` is before `{first.name}`", gap >= 0, there)
    yield from _broken(names, f"`{first.name}` is before `{second.name}`", gap <= 0, there)
    days = f"the number of days from `{first.name}` to `{second.name}`"
    same = there & (parts(first.values)["day"] == parts(second.values)["day"])
    for name in names:
        for mark in end_marks("", gap, there):
            yield Mark(name, "range", mark.words.replace("``", days), mark.values, mark.more)
        known, counts = np.unique(gap[there], return_counts=True)
        for place in np.argsort(-counts)[:5].tolist():
            if counts[place] >= 4:
                yield Mark(name, "value", f"{days} is {known[place]:.4g}", gap == known[place])
        yield Mark(name, "profile", f"`{first.name}` and `{second.name}` have the same day of the month", same)


def _missing_together(columns: list[PooledColumn]) -> Iterator[Mark]:
    """Two columns that are missing in the same rows, or one only where the other is."""
    for first, second in combinations(columns, 2):
        a, b = first.missing, second.missing
        both, either = int((a & b).sum()), int((a | b).sum())
        if both > 0.7 * either and both < either:
            words = f"only one of `{first.name}` and `{second.name}` is missing"
            for name in (first.name, second.name):
                yield Mark(name, "profile", words, a != b, more=True)
