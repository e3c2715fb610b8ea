"""Splits of rows into old and new ones: what a statistic is where nothing has changed.

If the new rows come from the population of the old ones, any split of all rows into so many "new" ones and the rest
is as likely as the actual one. So whatever a statistic measures, its values over random splits are its distribution
without a fault (a permutation test). Many statistics are judged together by the largest of them (max-T, Westfall and
Young 1993), each in units of its own upper range: what rests on few rows, or on a heavy tail, varies much between
splits, and has to stand out more.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping

SPLITS = 1_999
MOST_NEW = 3_000  # rows that take part, and this many times as many old ones
OLD_PER_NEW = 4
UPPER = 0.99  # the quantile that is the unit of a statistic's upper range
TAIL = 0.9  # the quantile above which the tail of the largest statistics begins
LEAST = 1.0  # a statistic within its own upper range never stands out
LONG_PAST = 5  # times the new rows: then new rows are compared with twice as many
FEWEST_WINDOWS, MOST_WINDOWS = 3, 40
MARGIN = 1.25  # for what the past's windows did not show

Key = tuple[str, str, str]  # of a statistic: what it measures, and of which columns


@dataclass(frozen=True)
class Splits:
    """Splits of `rows` pooled rows: positions of the new ones (splits, new) and of the old ones.

    The first is the actual one. `before` (splits, old) are the old rows; None: all rows that are not new.
    """

    rows: int
    drawn: Array
    before: Array | None = None

    @property
    def old(self) -> int:
        """The number of old rows."""
        return self.rows - self.new if self.before is None else int(self.before.shape[1])

    @property
    def new(self) -> int:
        """The number of new rows."""
        return int(self.drawn.shape[1])

    def both(self, codes: Array, size: int) -> tuple[Array, Array]:
        """How many old and how many new rows each group has, in each split: (splits, size) twice.

        `codes` (rows,) are the rows' groups.
        """
        new = _counts(codes, self.drawn, size)
        if self.before is None:
            return np.bincount(codes, minlength=size) - new, new
        return _counts(codes, self.before, size), new

    def sums(self, values: Array, codes: Array, size: int) -> tuple[Array, Array]:
        """The sums of `values` (rows,) in each group, over the old and over the new rows: (splits, size) twice."""
        new = _counts(codes, self.drawn, size, values)
        if self.before is None:
            return np.bincount(codes, values, size) - new, new
        return _counts(codes, self.before, size, values), new

    def crossed(self, groups: Grouping, labels: Grouping) -> tuple[Array, Array]:
        """The tables of counts (splits, groups, labels) of the old and of the new rows."""
        shape = (-1, groups.size, labels.size)
        old, new = self.both(groups.crossed(labels), groups.size * labels.size)
        return old.reshape(shape), new.reshape(shape)


def _counts(codes: Array, positions: Array, size: int, values: Array | None = None) -> Array:
    splits = len(positions)
    shifted = codes[positions] + size * np.arange(splits)[:, None]
    weights = None if values is None else values[positions].ravel()
    return np.bincount(shifted.ravel(), weights, splits * size).reshape(splits, size)


def random_splits(old: int, new: int, splits: int = SPLITS) -> Splits:
    """The actual split of `old` + `new` rows, in which the new rows come last, and random ones."""
    generator, rows = np.random.default_rng(0), old + new
    drawn = np.empty((splits + 1, new), dtype=np.int64)
    drawn[0] = np.arange(old, rows)
    for split in range(1, splits + 1):
        drawn[split] = generator.choice(rows, new, replace=False, shuffle=False)
    return Splits(rows, drawn)


def window_splits(old: int, new: int) -> Splits | None:
    """The new rows against the newest old ones, and earlier windows as long against those before them.

    Rows are in the order of their time, the `new` ones last. None where the past is too short for three windows.
    """
    before = 2 * new if old >= LONG_PAST * new else new
    step = max(new // 2, 1)
    ends = [old + new, *range(old, before + new - 1, -step)][: MOST_WINDOWS + 1]
    if len(ends) < 1 + FEWEST_WINDOWS:
        return None
    drawn = np.stack([np.arange(end - new, end) for end in ends])
    return Splits(old + new, drawn, np.stack([np.arange(end - new - before, end - new) for end in ends]))


def sampled(old: int, new: int) -> tuple[Array, Array]:
    """Positions of the old and of the new rows that take part in a comparison: all, or a random part of many."""
    generator = np.random.default_rng(1)
    some = np.arange(new) if new <= MOST_NEW else np.sort(generator.choice(new, MOST_NEW, replace=False))
    most = max(OLD_PER_NEW * len(some), MOST_NEW)
    return (np.arange(old) if old <= most else np.sort(generator.choice(old, most, replace=False))), some


@dataclass(frozen=True)
class Scale:
    """The unit of a statistic: 0 is its median over random splits, and 1 its upper quantile."""

    middle: float
    spread: float

    def of(self, values: Array) -> Array:
        """The values (n,) in this unit."""
        return np.asarray((values - self.middle) / self.spread)


def scale_of(values: Array) -> Scale:
    """The scale of a statistic by its values over random splits."""
    middle, upper = np.quantile(values, [0.5, UPPER])
    return Scale(float(middle), max(float(upper - middle), float(values.std()), 1e-9))


@dataclass(frozen=True)
class CommonLimit:
    """The common limit of statistics that are judged together, each in units of its own scale."""

    scales: dict[Key, Scale]
    limit: float

    def exceeded(self, actual: dict[Key, float]) -> dict[Key, float]:
        """The statistics over the limit, with how many times over it they are."""
        over = {key: float(self.scales[key].of(np.array([value]))[0]) / self.limit for key, value in actual.items()}
        return {key: times for key, times in over.items() if times > 1}


def limits_of(statistics: dict[Key, Array], alpha: float) -> CommonLimit:
    """The limit that none of the statistics (splits,) exceeds but with probability `alpha`, if nothing changed."""
    scales = {key: scale_of(values) for key, values in statistics.items()}
    largest = np.max([scales[key].of(values)[1:] for key, values in statistics.items()], axis=0)
    return CommonLimit(scales, max(_upper(np.sort(largest), alpha), LEAST))


def _upper(ordered: Array, alpha: float) -> float:
    """The value that one more draw exceeds with probability `alpha`, by sorted draws (n,).

    Beyond what so many draws can show, an exponential tail with the mean excess of the upper ones is assumed.
    """
    place = alpha * (len(ordered) + 1)
    if place >= 1:
        return float(ordered[-int(place)])
    start = np.quantile(ordered, TAIL)
    excess = float((ordered[ordered >= start] - start).mean())
    return float(ordered[-1]) - excess * float(np.log(place))


def drift_limits(limits: CommonLimit, windows: dict[Key, Array]) -> dict[Key, float]:
    """How many times over the limit each statistic may be, by how earlier windows (windows,) differed from theirs.

    Each earlier window is also judged by the others: what the worst statistic of a past window was over what the other
    windows would have allowed is a factor that the present must exceed as well.
    """
    past = {key: np.maximum(limits.scales[key].of(values)[1:] / limits.limit, 1.0) for key, values in windows.items()}
    every = np.stack(list(past.values()))
    factor = 1.0
    for k in range(every.shape[1]):
        factor = max(factor, float((every[:, k] / np.delete(every, k, axis=1).max(axis=1)).max()))
    return {key: float(values.max()) * factor * MARGIN for key, values in past.items()}
