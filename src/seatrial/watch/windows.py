"""Windows of a log, and steps between them: a share that is suddenly another one than in the windows before.

How far windows differed from each other before is part of what chance explains, besides sampling: a stream with
seasons, weekdays and bursts moves by itself. For each window, the shares of the windows before it give a variance
between windows (by the method of moments), which is added to that of sampling. The likelihood ratio of two binomial
samples, in units of that, has the tail of an F distribution, with the degrees of freedom of Welch (1947) and
Satterthwaite (1946).
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.false_alarms import log_tail

PAST = 28  # windows before a step that it is compared with
LONG = 14  # with fewer, weekdays are not known, and windows may differ by PRIOR
SHORTEST = 3
PRIOR = 0.06  # the standard deviation of shares between windows where that is not known
PRIOR_RARE = 0.02  # of those that are close to none, such as of values that training never saw
AFTER = (1, 2, 4, 8, 16)  # windows after a step that are compared together
FEWEST_AFTER, FEWEST_BEFORE = 20, 60  # rows
EVIDENT = 12.0  # the statistic from which a tail is worth computing
WEEK = 7  # windows of a day


@dataclass(frozen=True)
class StepFound:
    """A step: it began with window `place`, in the mark `mark`; shares before and after, and the log of its p-value."""

    place: int
    mark: int
    before: float
    after: float
    log_p: float


def in_windows(slots: Array, counts: Array, last: int, hours: int, windows: int) -> Array:
    """Sum counts by hour (hours, size), in order, into windows of `hours` that end with `last`: (windows, size)."""
    until = np.zeros((len(slots) + 1, counts.shape[1]), dtype=np.int64)
    np.cumsum(counts, axis=0, out=until[1:])
    ends = np.searchsorted(slots, last + 1 - hours * np.arange(windows, -1, -1))
    return np.asarray(np.diff(until[ends], axis=0))


def marks_of(size: int, *, ordered: bool, first: int = 0) -> Array:
    """What is compared of bins (size, marks): each share, and of bins in an order the share up to each of them.

    Bins before `first` are in no order.
    """
    single = np.eye(size)
    if not ordered or size - first < 3:
        return single
    sums = np.zeros((size, size - first - 3))
    for k in range(sums.shape[1]):
        sums[first : first + k + 2, k] = 1
    return np.hstack([single, sums])


def find_step(
    counts: Array, marks: Array, *, least: Floats, prior: Floats | float = PRIOR, tests: int = 1
) -> StepFound | None:
    """Find the most certain step of windows (windows, size), the oldest first, that the newest window still shows.

    `least` (marks,) is how far shares must move, and `prior` how far windows differ where that is not known. `tests` is
    for how many tests of one window the p-value counts besides those here. None where nothing moved far enough.
    """
    totals = counts.sum(axis=1).astype(np.float64)
    kept = np.flatnonzero(totals > 0)
    if len(kept) < SHORTEST + 1 or kept[-1] != len(totals) - 1:
        return None
    marked = (counts[kept] @ marks).astype(np.float64)
    rows = totals[kept]
    shares = _without_weekdays(marked / rows[:, None], kept)
    sums = _Sums(shares, rows)
    best: StepFound | None = None
    for length in AFTER:
        found = _of_length(shares, rows, sums, length, least, np.broadcast_to(prior, least.shape))
        if found is None:
            continue
        log_p = found.log_p + np.log(len(AFTER) * marks.shape[1] * tests)
        if best is None or log_p < best.log_p:
            best = StepFound(int(kept[found.place]), found.mark, found.before, found.after, float(min(log_p, 0.0)))
    return best


def _of_length(
    shares: Floats, rows: Floats, sums: "_Sums", length: int, least: Floats, prior: Floats
) -> StepFound | None:
    """The most certain step with so many windows after it."""
    starts = np.arange(SHORTEST, len(rows) - length + 1)
    first = np.maximum(starts - PAST, 0)
    old_rows, new_rows = sums.rows[starts] - sums.rows[first], sums.rows[starts + length] - sums.rows[starts]
    rest = sums.rows[-1] - sums.rows[starts]
    old = (sums.weighted[starts] - sums.weighted[first]) / old_rows[:, None]
    new = (sums.weighted[starts + length] - sums.weighted[starts]) / new_rows[:, None]
    # What began earlier and was chance goes back: all windows since then must show it, too.
    later = (sums.weighted[-1] - sums.weighted[starts]) / rest[:, None]
    change = np.minimum(np.abs(new - old), np.abs(later - old))
    newest = shares[-1]
    wanted = (change >= least) & ((new_rows >= FEWEST_AFTER) & (old_rows >= FEWEST_BEFORE))[:, None]
    wanted &= np.abs(newest - old) >= 0.5 * change  # otherwise it is over
    wanted &= (np.sign(newest - old) == np.sign(new - old)) & (np.sign(later - old) == np.sign(new - old))
    at, mark = np.nonzero(wanted)  # most marks moved too little, which is seen sooner than whether it is chance
    if not len(at):
        return None
    begin, end = first[at], starts[at]
    old_rows, new_rows, rest = old_rows[at], new_rows[at], rest[at]
    before, after, lasting = old[at, mark], new[at, mark], later[at, mark]
    number = (end - begin).astype(np.float64)
    mean = (sums.shares[end, mark] - sums.shares[begin, mark]) / number
    spread = np.maximum((sums.squares[end, mark] - sums.squares[begin, mark]) / number - mean**2, 0)
    sampling = np.maximum(before * (1 - before), 0) * ((sums.inverse[end] - sums.inverse[begin]) / number)
    between = np.maximum(spread * number / (number - 1) - sampling, 0)
    between = np.where(number < LONG, np.maximum(between, prior[mark] ** 2), between)
    pooled = (before * old_rows + after * new_rows) / (old_rows + new_rows)
    variance = np.maximum(pooled * (1 - pooled), 1e-12)
    own, apart = variance / new_rows, between * (1 + 1 / number)
    ratio = 2 * np.minimum(
        _likelihood_ratio(after, variance / (own + apart), before, old_rows),
        _likelihood_ratio(lasting, variance / (variance / rest + apart), before, old_rows),
    )
    freedom = (number - 1) / np.maximum(between / (own + between), 1e-3) ** 2
    evident = np.flatnonzero(ratio > EVIDENT)
    if not len(evident):
        return None
    tails = _log_tail(ratio[evident], freedom[evident])
    k = evident[int(tails.argmin())]
    return StepFound(int(end[k]), int(mark[k]), float(before[k]), float(after[k]), float(tails.min()))


class _Sums:
    """Running sums over windows, of which a difference is the sum of any windows in a row."""

    def __init__(self, shares: Floats, rows: Floats) -> None:
        self.weighted, self.rows = _sums(shares * rows[:, None]), _sums(rows)
        self.shares, self.squares, self.inverse = _sums(shares), _sums(shares**2), _sums(1 / rows)


def compare(
    counts: Array, expected: Array, marks: Array, least: Floats, prior: Floats | float = PRIOR
) -> StepFound | None:
    """Compare the rows of one window (size,) with held-out rows (size,), where windows may differ by `prior`."""
    rows, known = float(counts.sum()), float(expected.sum())
    if rows < FEWEST_AFTER or known < FEWEST_BEFORE / 2:
        return None
    new, old = (counts @ marks) / rows, (expected @ marks) / known
    pooled = (new * rows + old * known) / (rows + known)
    variance = np.maximum(pooled * (1 - pooled), 1e-12)
    effective = variance / (variance / rows + np.square(prior))
    ratio = 2 * _likelihood_ratio(new, effective, old, np.full_like(old, known))
    tails = _log_tail(ratio, np.full(len(ratio), 1e6)) + np.log(len(ratio))
    tails[np.abs(new - old) < least] = 0.0
    k = int(tails.argmin())
    return StepFound(0, k, float(old[k]), float(new[k]), float(tails[k])) if tails[k] < 0 else None


def change_hour(slots: Array, hits: Floats, rows: Floats, before: float) -> int:
    """The hour from which shares are no longer `before`: the most likely change point of binomial counts by hour.

    `hits` of `rows` (hours,) are in the mark. The share after it is the one that fits best.
    """
    best, place = -np.inf, 0
    for start in range(len(slots)):
        after = hits[start:].sum() / max(rows[start:].sum(), 1)
        value = float(_likelihood(hits[:start].sum(), rows[:start].sum(), before))
        value += float(_likelihood(hits[start:].sum(), rows[start:].sum(), after))
        if value > best:
            best, place = value, start
    return int(slots[place])


def _without_weekdays(shares: Floats, kept: Array) -> Floats:
    """Take out how weekdays differ, where there are three weeks and they do: each day by the same ones before it."""
    if len(kept) < 3 * WEEK or kept[-1] - kept[0] != len(kept) - 1:
        return shares
    weekday = kept % WEEK
    recent = slice(max(len(kept) - PAST - WEEK, 0), len(kept) - WEEK)  # before the newest week
    means = np.stack([shares[recent][weekday[recent] == day].mean(axis=0) for day in range(WEEK)])
    centre = means.mean(axis=0)
    noise = shares[recent].var(axis=0) * WEEK / max(recent.stop - recent.start, 1)
    if float((means.var(axis=0) / np.maximum(noise, 1e-9)).max(initial=0.0)) < 3.0:
        return shares
    return np.asarray(np.clip(shares - (means - centre)[weekday], 0, 1))


def _sums(values: Floats) -> Floats:
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


def _likelihood(hits: Floats, rows: Floats, share: Floats | float) -> Floats:
    """The log-likelihood of binomial counts."""
    from scipy.special import xlog1py, xlogy

    return np.asarray(xlogy(hits, share) + xlog1py(rows - hits, -share))


def _likelihood_ratio(new: Floats, new_rows: Floats, old: Floats, old_rows: Floats) -> Floats:
    """The log of the likelihood ratio of two shares against one, of so many rows each."""
    both = (new * new_rows + old * old_rows) / (new_rows + old_rows)
    apart = _likelihood(new * new_rows, new_rows, new) + _likelihood(old * old_rows, old_rows, old)
    same = _likelihood(new * new_rows, new_rows, both) + _likelihood(old * old_rows, old_rows, both)
    return np.maximum(apart - same, 0)


def _log_tail(statistic: Floats, freedom: Floats) -> Floats:
    """The log of the p-value of a squared statistic, by Student's distribution."""
    from scipy.special import log_ndtr

    root = np.sqrt(statistic)
    tails = np.where(freedom < 200, log_tail(root, np.minimum(freedom, 200)), log_ndtr(-root))
    return np.asarray(np.log(2) + tails)
