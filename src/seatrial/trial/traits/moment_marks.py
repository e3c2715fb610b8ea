"""Traits of one column of dates: the parts of a date that a calendar or a clock gives it."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.pool import DAY, PooledColumn, moved_on

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def parts(seconds: Array) -> dict[str, Array]:
    """Year, month, day, weekday (0 is Monday), hour, minute and second of moments (n,); NaN where missing."""
    missing = np.isnan(seconds)
    moments = np.where(missing, 0, seconds).astype(np.int64).astype("datetime64[s]")
    days, months = moments.astype("datetime64[D]"), moments.astype("datetime64[M]")
    whole = np.where(missing, 0, seconds).astype(np.int64)
    numbers = {
        "year": moments.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": whole // 3600 % 24,
        "minute": whole // 60 % 60,
        "second": whole % 60,
    }
    return {name: np.where(missing, np.nan, values.astype(np.float64)) for name, values in numbers.items()}


def moment_marks(column: PooledColumn, old_rows: int) -> Iterator[Mark]:
    """Mark weekdays, hours, minutes and days; months and the date itself unless time moved on."""
    name, there = column.name, ~column.missing
    number = parts(column.values)
    for k, weekday in enumerate(WEEKDAYS):
        yield from _mark(name, "profile", f"`{name}` is on a {weekday}", number["weekday"] == k)
    yield from _mark(name, "profile", f"`{name}` is at a weekend", number["weekday"] >= 5)
    for hour in range(24):
        yield from _mark(name, "profile", f"`{name}` is between {hour} and {hour + 1} o'clock", number["hour"] == hour)
    for hour in (3, 6, 9, 12, 15, 18, 21):
        yield from _mark(name, "profile", f"`{name}` is before {hour} o'clock", number["hour"] < hour)
    if np.nanmax(number["hour"], initial=0) > 0:
        clock = np.where(there, np.mod(column.values, DAY), DAY / 2) / DAY
        yield Mark(name, "profile", f"`{name}` is earlier or later in the day", clock)
    for part in ("minute", "second"):
        yield from _mark(name, "digits", f"`{name}` has 0 {part}s", number[part] == 0)
    yield from _mark(name, "digits", f"`{name}` is at midnight", there & (column.values % DAY == 0))
    if moved_on(column, old_rows):
        return
    yield from _mark(name, "profile", f"`{name}` is on one of the first 12 days of a month", number["day"] <= 12)
    yield from _mark(name, "profile", f"`{name}` is on the first day of a month", number["day"] == 1)
    for month in range(1, 13):
        yield from _mark(name, "profile", f"`{name}` is in month {month}", number["month"] == month)
    for year in np.unique(number["year"][there]).tolist()[:30]:
        yield from _mark(name, "profile", f"`{name}` is in the year {year:.0f}", number["year"] == year)
    known, counts = np.unique(column.values[there], return_counts=True)
    for place in np.argsort(-counts)[:5].tolist():
        if counts[place] >= 4 and len(known) > 12:
            moment = known[place].astype("datetime64[s]")
            yield from _mark(name, "value", f"`{name}` is {moment}", column.values == known[place])


def _mark(name: str, trait: Trait, words: str, values: Array) -> Iterator[Mark]:
    if 0 < values.sum() < len(values):
        yield Mark(name, trait, words, values)
