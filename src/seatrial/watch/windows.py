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

PAST = 28  # windows before a step that it is compared with
LONG = 14  # with fewer, weekdays are not known, and windows may differ by PRIOR
SHORTEST = 3
PRIOR = 0.06  # the standard deviation of shares between windows where that is not known
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
    """Sum counts by hour (hours, size) into windows of `hours` that end with the hour `last`: (windows, size)."""
    places = windows - 1 - (last - slots) // hours
    inside = (places >= 0) & (slots <= last)
    summed = np.zeros((windows, counts.shape[1]), dtype=np.int64)
    np.add.at(summed, places[inside], counts[inside])
    return summed


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


def find_step(counts: Array, marks: Array, *, least: Floats, tests: int = 1) -> StepFound | None:
    """Find the most certain step of windows (windows, size), the oldest first, that the newest window still shows.

    `least` (marks,) is how far shares must move. `tests` is for how many tests of one window the p-value counts besides
    those here. None where nothing moved far enough.
    """
    totals = counts.sum(axis=1).astype(np.float64)
    kept = np.flatnonzero(totals > 0)
    if len(kept) < SHORTEST + 1 or kept[-1] != len(totals) - 1:
        return None
    marked = (counts[kept] @ marks).astype(np.float64)
    rows = totals[kept]
    shares = _without_weekdays(marked / rows[:, None], kept)
    best: StepFound | None = None
    for length in AFTER:
        found = _of_length(shares, rows, length, least)
        if found is None:
            continue
        log_p = found.log_p + np.log(len(AFTER) * marks.shape[1] * tests)
        if best is None or log_p < best.log_p:
            best = StepFound(int(kept[found.place]), found.mark, found.before, found.after, float(min(log_p, 0.0)))
    return best


def _of_length(shares: Floats, rows: Floats, length: int, least: Floats) -> StepFound | None:
    """The most certain step with so many windows after it."""
    windows = len(rows)
    starts = np.arange(SHORTEST, windows - length + 1)
    if not len(starts):
        return None
    first = np.maximum(starts - PAST, 0)
    weighted = _sums(shares * rows[:, None])
    sums, squares, all_rows, inverse = _sums(shares), _sums(shares**2), _sums(rows), _sums(1 / rows)
    number = (starts - first)[:, None].astype(np.float64)
    old_rows, new_rows = all_rows[starts] - all_rows[first], all_rows[starts + length] - all_rows[starts]
    old = (weighted[starts] - weighted[first]) / old_rows[:, None]
    new = (weighted[starts + length] - weighted[starts]) / new_rows[:, None]
    mean = (sums[starts] - sums[first]) / number
    spread = np.maximum((squares[starts] - squares[first]) / number - mean**2, 0) * number / (number - 1)
    pooled = (old * old_rows[:, None] + new * new_rows[:, None]) / (old_rows + new_rows)[:, None]
    sampling = np.maximum(old * (1 - old), 0)
    between = np.maximum(spread - sampling * ((inverse[starts] - inverse[first]) / number[:, 0])[:, None], 0)
    between = np.where(number < LONG, np.maximum(between, PRIOR**2), between)
    variance = np.maximum(pooled * (1 - pooled), 1e-12)
    own = variance / new_rows[:, None]
    effective = variance / (own + between * (1 + 1 / number))
    before = np.broadcast_to(old_rows[:, None], old.shape)
    ratio = 2 * _likelihood_ratio(new, effective, old, before)
    # What began earlier and was chance goes back: all windows since then must show it, too.
    rest = (all_rows[-1] - all_rows[starts])[:, None]
    later = (weighted[-1] - weighted[starts]) / rest
    lasting = variance / (variance / rest + between * (1 + 1 / number))
    same_way = np.sign(later - old) == np.sign(new - old)
    ratio = np.where(same_way, np.minimum(ratio, 2 * _likelihood_ratio(later, lasting, old, before)), 0.0)
    change = np.minimum(np.abs(new - old), np.abs(later - old))
    wanted = (ratio > EVIDENT) & (change >= least) & (new_rows >= FEWEST_AFTER)[:, None]
    wanted &= (old_rows >= FEWEST_BEFORE)[:, None]
    newest = shares[-1]
    wanted &= np.abs(newest - old) >= 0.5 * change  # otherwise it is over
    wanted &= np.sign(newest - old) == np.sign(new - old)
    if not wanted.any():
        return None
    at, mark = np.nonzero(wanted)
    part = between[at, mark] / (own + between)[at, mark]
    freedom = (number[at, 0] - 1) / np.maximum(part, 1e-3) ** 2
    tails = _log_tail(ratio[at, mark], freedom)
    k = int(tails.argmin())
    return StepFound(
        int(starts[at[k]]), int(mark[k]), float(old[at[k], mark[k]]), float(new[at[k], mark[k]]), float(tails[k])
    )


def compare(counts: Array, expected: Array, marks: Array, least: Floats) -> StepFound | None:
    """Compare the rows of one window (size,) with held-out rows (size,), where windows may differ by PRIOR."""
    rows, known = float(counts.sum()), float(expected.sum())
    if rows < FEWEST_AFTER or known < FEWEST_BEFORE / 2:
        return None
    new, old = (counts @ marks) / rows, (expected @ marks) / known
    pooled = (new * rows + old * known) / (rows + known)
    variance = np.maximum(pooled * (1 - pooled), 1e-12)
    effective = variance / (variance / rows + PRIOR**2)
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
    from scipy.stats import norm, t

    root = np.sqrt(statistic)
    tails = np.where(freedom < 200, t.logsf(root, np.minimum(freedom, 200)), norm.logsf(root))
    return np.asarray(np.log(2) + tails)
