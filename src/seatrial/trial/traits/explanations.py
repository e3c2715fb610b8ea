"""What was done to a column: the change that, undone, makes the new rows like the old ones again.

Each candidate is undone in all new rows, or in those that then fit better. How much of the difference between new and
old rows goes away is the share that it explains; the best one is named if this is at least half.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.fit import Prediction
from seatrial.trial.traits.moment_marks import parts
from seatrial.trial.traits.number_marks import DECIMALS, decimals
from seatrial.trial.traits.pool import DAY, Pool, PooledColumn, moved_on

EXPLAINS = 0.5
BEYOND = 4.5  # the score of a value outside the old rows' range
PREDICTED = 0.3  # the share that other columns must explain to say which rows fit
MARGIN = 0.5  # by how much better a row must fit for the change to be undone in it
FACTORS: dict[str, float] = {
    **{f"{10**k:,} times": 10.0**k for k in range(1, 7)}, **{f"1/{10**k:,} of": 10.0**-k for k in range(1, 7)},
    "60 times": 60, "1/60 of": 1 / 60, "3,600 times": 3600, "1/3,600 of": 1 / 3600, "24 times": 24, "1/24 of": 1 / 24,
    "12 times": 12, "1/12 of": 1 / 12, "7 times": 7, "1/7 of": 1 / 7, "2.54 times": 2.54, "1/2.54 of": 1 / 2.54,
    "2.205 times (pounds for kilograms)": 2.20462, "0.4536 times (kilograms for pounds)": 0.453592,
    "1.609 times (kilometres for miles)": 1.609344, "0.6214 times (miles for kilometres)": 0.621371,
    "3.785 times (litres for gallons)": 3.78541, "0.3048 times (metres for feet)": 0.3048,
    "3.281 times (feet for metres)": 3.28084, "10.76 times (square feet for square metres)": 10.7639,
}  # fmt: skip
SLIPS = {
    "an hour": 3600.0, "two hours": 7200.0, "five hours": 18000.0, "six hours": 21600.0, "eight hours": 28800.0,
    "half a day": DAY / 2, "a day": DAY, "two days": 2 * DAY, "a week": 7 * DAY, "four years and a day": 1462 * DAY,
}  # fmt: skip


@dataclass(frozen=True)
class ColumnChange:
    """What was done to a column, in words after its name, the share of the difference that it explains, and where.

    `rows` (n_new,) masks the new rows in which it was undone.
    """

    words: str
    explains: float
    rows: Array
    only_a_fault: bool = True


def explain(pool: Pool, column: PooledColumn, predictions: dict[str, Prediction]) -> ColumnChange | None:
    """Find what was done to a column; None if no known change explains half of the difference."""
    found = list(_candidates(pool, column, predictions))
    best = max(found, key=lambda e: (round(e.explains, 2), e.rows.mean()), default=None)
    return best if best is not None and best.explains >= EXPLAINS else None


def _candidates(pool: Pool, column: PooledColumn, predictions: dict[str, Prediction]) -> Iterator[ColumnChange]:
    if column.form == "number":
        yield from _numbers(pool, column, predictions.get(column.name))
    if column.form == "moment":
        yield from _moments(pool, column)
    elif column.is_category or column.form == "text":
        yield from _renamed(pool, column)


# ---- numbers


def _numbers(pool: Pool, column: PooledColumn, prediction: Prediction | None) -> Iterator[ColumnChange]:
    old, new = column.values[: pool.old_rows], column.values[pool.old_rows :]
    there, order = ~np.isnan(new), np.argsort(old)[: int((~np.isnan(old)).sum())]
    known = old[order]
    if there.sum() < 3 or len(known) < 10:
        return
    expected = np.zeros(len(new))
    if prediction is not None and prediction.coded.is_score and prediction.explained >= PREDICTED:
        expected = prediction.expected[pool.old_rows :, 0]
        before = prediction.expected[: pool.old_rows, 0][order]
    else:
        prediction, before = None, np.zeros(len(known))
    places = int(np.quantile(decimals(known), 0.9))
    exact = _exact(known, places)
    typical = np.abs(scores_among(known, known) - before).mean() if prediction else 0.0

    def distance(values: Array) -> float:
        scores = scores_among(values[there], known)
        fit = float(np.abs(scores - expected[there]).mean()) - float(typical) if prediction else 0.0
        return max(fit, 0.0) + _apart(scores) + max(exact - _exact(values[there], places), 0.0)

    start = distance(new)
    noise = 1.2 / np.sqrt(there.sum())
    if start < 2 * noise:
        return
    for words, undo in number_changes(column, new):
        with np.errstate(all="ignore"):
            undone = undo(new)
        if not np.isfinite(undone[there]).all():
            continue
        better = _fits_better(new, undone, known, expected) & there
        with np.errstate(all="ignore"):
            usual = float(_fits_better(known, undo(known), known, before).mean())
        for rows, all_of_it in ((there, 1.0), (better, max(1 - usual / max(float(better.mean()), 1e-9), 0.0))):
            if rows.sum() >= 3:
                left = max(distance(np.where(rows, undone, new)) - noise, 0.0)
                yield ColumnChange(words, all_of_it * (1 - left / (start - noise)), rows)


def _fits_better(values: Array, undone: Array, known: Array, expected: Array) -> Array:
    """The rows (n,) in which a value fits clearly better after a change was undone; some of the old rows do, too."""
    with np.errstate(invalid="ignore"):
        own, other = (np.abs(scores_among(v, known) - expected) for v in (values, undone))
    return np.asarray(other < own - MARGIN)


def _exact(values: Array, places: int) -> float:
    """The share of values that are written with this number of decimals; 0 if that says nothing of large numbers.

    Factors of units are known to five digits only, so a value that was multiplied is not exact again.
    """
    tolerance = 2e-5 * np.abs(values) + 1e-9
    chance = np.minimum(2 * tolerance * 10.0**places, 1.0).mean()
    hits = float((np.abs(values - np.round(values, places)) <= tolerance).mean())
    return max(0.0, (hits - chance) / (1 - chance)) if places < DECIMALS and chance < 0.5 else 0.0


def number_changes(column: PooledColumn, new: Array) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    """The changes of numbers that are known: what a column then is, in words, and how to undo it."""
    for words, factor in FACTORS.items():
        yield f"is {words} what it was", lambda v, f=factor: v / f  # type: ignore[misc]
    yield "is in Fahrenheit, it was in Celsius", lambda v: (v - 32) / 1.8
    yield "is in Celsius, it was in Fahrenheit", lambda v: v * 1.8 + 32
    yield "is one more than it was", lambda v: v - 1
    yield "is one less than it was", lambda v: v + 1
    yield "has the wrong sign", lambda v: -v
    if column.missing.mean() < 0.5 and (new < 50).all():
        yield "is the logarithm of what it was", np.expm1


def scores_among(values: Array, known: Array) -> Array:
    """Where values (n,) are among known, sorted ones, on the scale of a normal distribution; beyond them ±4.5."""
    from scipy.special import ndtri

    middle = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
    scores = ndtri(np.clip(middle / len(known), 0.5 / len(known), 1 - 0.5 / len(known)))
    width = max(float(known[-1] - known[0]), 1e-12) * 0.05
    return np.where(values > known[-1] + width, BEYOND, np.where(values < known[0] - width, -BEYOND, scores))


def _apart(scores: Array) -> float:
    """How far the distribution of scores is from the normal one: the area between their quantiles."""
    from scipy.special import ndtri

    places = (np.arange(len(scores)) + 0.5) / len(scores)
    return float(np.abs(np.sort(scores) - ndtri(places)).mean())


# ---- moments


def _moments(pool: Pool, column: PooledColumn) -> Iterator[ColumnChange]:
    old, new = column.values[: pool.old_rows], column.values[pool.old_rows :]
    there = ~np.isnan(new)
    others = [c for c in pool.columns if c.form == "moment" and c is not column]
    later = moved_on(column, pool.old_rows)

    def distance(values: Array) -> float:
        total = _profile(old, values, later)
        for other in others:
            gaps = old - other.values[: pool.old_rows]
            after = values - other.values[pool.old_rows :]
            known = np.sort(gaps[~np.isnan(gaps)])
            if len(known) > 10 and np.isfinite(after).any():
                total += _apart(scores_among(after[np.isfinite(after)], known))
        return total

    start, noise = distance(new), _profile_noise(old, int(there.sum()), later)
    if there.sum() < 10 or start < 1.5 * noise:
        return
    for words, undone in _moment_changes(new):
        if np.nanmax(np.abs(undone - new), initial=0.0) > 0:
            left = max(distance(undone) - noise, 0.0)
            yield ColumnChange(words, 1 - left / (start - noise), there & (undone != new))


def _profile(old: Array, new: Array, later: bool) -> float:
    """How different the parts of dates are: the sum of the distances between their shares (total variation)."""
    before, after = parts(old[~np.isnan(old)]), parts(new[~np.isnan(new)])
    used = ("weekday", "hour") if later else ("weekday", "hour", "month", "year", "day")
    total = 0.0
    for part in used:
        values = np.concatenate([before[part], after[part]])
        codes = np.unique(values, return_inverse=True)[1]
        first, second = (np.bincount(c, minlength=codes.max() + 1) for c in np.split(codes, [len(before[part])]))
        total += float(np.abs(first / max(first.sum(), 1) - second / max(second.sum(), 1)).sum() / 2)
    return total


def _profile_noise(old: Array, rows: int, later: bool) -> float:
    draw = np.random.default_rng(1)
    known = old[~np.isnan(old)]
    return float(np.median([_profile(known, draw.choice(known, rows), later) for _ in range(9)]))


def _moment_changes(new: Array) -> Iterator[tuple[str, Array]]:
    yield "has days and months exchanged", _exchanged(new)
    for words, seconds in SLIPS.items():
        yield f"is {words} later than it was", new - seconds
        yield f"is {words} earlier than it was", new + seconds
    for months, words in ((1, "a month"), (12, "a year"), (1200, "a century")):
        yield f"is {words} later than it was", _months(new, -months)
        yield f"is {words} earlier than it was", _months(new, months)


def _exchanged(seconds: Array) -> Array:
    number = parts(seconds)
    possible = number["day"] <= 12
    month = (number["year"] - 1970) * 12 + np.where(possible, number["day"], number["month"]) - 1
    day = np.where(possible, number["month"], number["day"])
    return np.asarray(_month_start(month) + (day - 1) * DAY + np.mod(seconds, DAY))


def _months(seconds: Array, by: int) -> Array:
    number = parts(seconds)
    month = (number["year"] - 1970) * 12 + number["month"] - 1 + by
    return np.asarray(_month_start(month) + (number["day"] - 1) * DAY + np.mod(seconds, DAY))


def _month_start(months: Array) -> Array:
    there = ~np.isnan(months)
    starts = np.where(there, months, 0).astype(np.int64).astype("datetime64[M]").astype("datetime64[s]")
    return np.where(there, starts.astype(np.int64).astype(float), np.nan)


# ---- categories and texts


def _renamed(pool: Pool, column: PooledColumn) -> Iterator[ColumnChange]:
    """One value that became rarer by as much as another became more frequent."""
    codes, size = column.codes, int(column.codes.max(initial=-1)) + 1
    if not 2 <= size <= len(codes) / 4:
        return
    old, new = codes[: pool.old_rows], codes[pool.old_rows :]
    known = np.unique(column.values[~column.missing])
    first, second = (np.bincount(part[part >= 0], minlength=size) / len(part) for part in (old, new))
    change = second - first
    grown, lost = int(change.argmax()), int(change.argmin())
    moved = min(change[grown], -change[lost])
    total = float(np.abs(change).sum() / 2)
    noise = float(np.sqrt(first * (1 - first) / len(new)).sum() / 2 * 0.8)
    gone = second[lost] < 0.2 * first[lost]
    if moved > 0 and total > 1.5 * noise and gone and first[lost] * len(new) >= 5:
        left = max(total - float(moved) - noise, 0.0)
        names = [column.texts[int(known[k])] if column.form == "text" else f"{known[k]:.10g}" for k in (grown, lost)]
        words = f"is {names[0]} where it was {names[1]}"
        # The world may lose one category and gain another; a new name for an old value is a fault.
        yield ColumnChange(words, 1 - left / (total - noise), new == grown, only_a_fault=bool(first[grown] == 0))
