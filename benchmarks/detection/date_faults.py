"""Faults of dates in the new rows: days and months exchanged, shifts, slips, defaults, weekdays.

Columns of dates are changed, and numbers that are parts of dates: a month from 1 to 12, a day, an hour, a year.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.detection.batches import Batch, Faulty, mapped
from benchmarks.detection.fault_parts import Change, Rows, everywhere, group, run, some

# Names and bounds of numbers that are parts of dates.
PARTS = {
    "month": (("month", "mon"), 1, 12), "day": (("day", "mday", "dayofmonth"), 1, 31),
    "hour": (("hour", "hr"), 0, 23), "weekday": (("weekday", "wday", "dow"), 0, 7), "year": (("year", "yr"), 0, 2100),
}  # fmt: skip


def moment(change: Callable[[Any], Any], rows: Rows = everywhere, timed: bool = False) -> Change:
    """A fault of each value of one column of dates, or of times."""

    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.dates(timed))
        return name and b.write(name, rows(b), mapped(b.columns[name], change))  # type: ignore[return-value]

    return apply


def either(first: Change, second: Change) -> Change:
    """The second fault where the first has no column."""
    return lambda b: first(b) or second(b)


def part_of(b: Batch, kind: str) -> str | None:
    """A numeric column that is a part of dates."""
    words, low, high = PARTS[kind]
    for name in b.numbers(least=2):
        values = b.columns[name]
        bare = name.lower().rsplit("_", 1)[-1]
        inside = np.nanmin(values) >= low and np.nanmax(values) <= high and (values[~np.isnan(values)] % 1 == 0).all()
        if inside and (bare in words or name.lower() in words or (kind == "year" and "year" in name.lower())):
            return name
    return None


def part(kind: str, change: Callable[[np.ndarray[Any, Any]], Any], rows: Rows = everywhere) -> Change:
    """A fault of a number that is a part of dates."""

    def apply(b: Batch) -> Faulty | None:
        name = part_of(b, kind)
        return name and b.write(name, rows(b), change(b.columns[name]))  # type: ignore[return-value]

    return apply


def _exchanged(value: Any) -> Any:
    return value.replace(day=value.month, month=value.day) if value.day <= 12 else value


def _exchanged_parts(rows: Rows) -> Change:
    def apply(b: Batch) -> Faulty | None:
        day, month = part_of(b, "day"), part_of(b, "month")
        if not day or not month:
            return None
        possible = rows(b) & (b.columns[day] <= 12)
        return b.wrote({day: b.columns[month], month: b.columns[day]}, possible)

    return apply


def _shift(**by: float) -> Callable[[Any], Any]:
    return lambda value: value + dt.timedelta(**by)


def _months(by: int) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        month = value.year * 12 + value.month - 1 + by
        return value.replace(year=month // 12, month=month % 12 + 1, day=min(value.day, 28))

    return change


def _years(by: int) -> Callable[[Any], Any]:
    return lambda value: value.replace(year=min(max(value.year + by, 1), 9999), day=min(value.day, 28))


def _summer(value: Any) -> Any:
    return value + dt.timedelta(hours=1) if 4 <= value.month <= 10 else value


def _leap(value: Any) -> Any:
    return value + dt.timedelta(days=1) if value.month >= 3 else value


def _all_as(year: int, month: int, day: int, rows: Rows) -> Change:
    return moment(lambda value: value.replace(year=year, month=month, day=day), rows)


def _load_date(b: Batch) -> Faulty | None:
    name = b.pick(b.dates())
    if name is None:
        return None
    latest = max(v for v in b.columns[name].tolist() if v is not None)
    return b.write(name, b.new, mapped(b.columns[name], lambda _: latest))


def _two_exchanged(b: Batch) -> Faulty | None:
    names = b.dates()
    if len(names) < 2:
        return None
    first, second = names[:2]
    return b.wrote({first: b.columns[second], second: b.columns[first]}, b.new)


def _stale(b: Batch) -> Faulty | None:
    """The new rows have dates of old rows."""
    name = b.pick(b.dates())
    if name is None:
        return None
    values = b.columns[name]
    return b.write(name, b.new, values[b.g.choice(np.flatnonzero(b.old), len(values))])


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _weekday_names(change: Callable[[int], int]) -> Change:
    """Weekdays as texts, taken for others."""

    def apply(b: Batch) -> Faulty | None:
        for name in b.texts():
            known = [str(v) for v in b.known(name)]
            places = {v: _WEEKDAYS.index(v.lower()[:3]) for v in known if v.lower()[:3] in _WEEKDAYS}
            if len(places) == len(known) >= 3:
                by_place = {place: v for v, place in places.items()}
                after = {v: by_place.get(change(place) % 7, v) for v, place in places.items()}
                return b.write(name, b.new, mapped(b.columns[name], lambda v, a=after: a[str(v)]))  # type: ignore[misc]
        return None

    return apply


def _lost(b: Batch) -> Faulty | None:
    name = b.pick([n for n in b.dates() if any(v is None for v in b.columns[n].tolist())])
    return name and b.write(name, b.some(0.33), np.full(len(b.new), None, dtype=object))  # type: ignore[return-value]


DATES: list[tuple[str, str, Change]] = [
    ("days_months", "days and months are exchanged where that gives a date",
     either(moment(_exchanged), _exchanged_parts(everywhere))),
    ("days_months_third", "days and months are exchanged in a third",
     either(moment(_exchanged, some(0.33)), _exchanged_parts(some(0.33)))),
    ("days_months_group", "days and months are exchanged in a group",
     either(moment(_exchanged, group), _exchanged_parts(group))),
    ("days_months_load", "days and months are exchanged in half of the rows, in a row",
     either(moment(_exchanged, run(0.5)), _exchanged_parts(run(0.5)))),
    ("hour_later", "times are an hour later",
     either(moment(_shift(hours=1), timed=True), part("hour", lambda v: (v + 1) % 24))),
    ("hour_earlier", "times are an hour earlier",
     either(moment(_shift(hours=-1), timed=True), part("hour", lambda v: (v - 1) % 24))),
    ("hour_summer", "summer time is not taken into account", moment(_summer, timed=True)),
    ("hour_zone", "times are those of another zone, five hours earlier",
     either(moment(_shift(hours=-5), timed=True), part("hour", lambda v: (v - 5) % 24))),
    ("hour_half_day", "afternoons are mornings",
     either(moment(lambda v: v.replace(hour=v.hour % 12), timed=True), part("hour", lambda v: v % 12))),
    ("slip_day", "dates are a day later", either(moment(_shift(days=1)), part("day", lambda v: v % 31 + 1))),
    ("slip_day_before", "dates are a day earlier",
     either(moment(_shift(days=-1)), part("day", lambda v: np.maximum(v - 1, 1)))),
    ("slip_week", "dates are a week later", moment(_shift(days=7))),
    ("slip_week_third", "dates are a week later in a third", moment(_shift(days=7), some(0.33))),
    ("slip_month", "dates are a month later", either(moment(_months(1)), part("month", lambda v: v % 12 + 1))),
    ("slip_month_before", "months are counted from 0",
     either(moment(_months(-1)), part("month", lambda v: np.maximum(v - 1, 1)))),
    ("slip_year", "dates are a year later", either(moment(_years(1)), part("year", lambda v: v + 1))),
    ("slip_year_before", "dates are a year earlier", either(moment(_years(-1)), part("year", lambda v: v - 1))),
    ("slip_year_third", "dates are a year earlier in a third",
     either(moment(_years(-1), some(0.33)), part("year", lambda v: v - 1, some(0.33)))),
    ("slip_century", "two-digit years are of another century",
     either(moment(_years(-100)), part("year", lambda v: v - 100))),
    ("slip_four_years", "dates are four years and a day later: another epoch", moment(_shift(days=1462))),
    ("slip_leap", "days of the year are counted with a leap day", moment(_leap)),
    ("sentinel_1900", "a tenth of the dates is 1900-01-01",
     either(_all_as(1900, 1, 1, some(0.1)), part("year", lambda v: v * 0 + 1900, some(0.1)))),
    ("sentinel_1970", "a tenth of the dates is 1970-01-01",
     either(_all_as(1970, 1, 1, some(0.1)), part("year", lambda v: v * 0 + 1970, some(0.1)))),
    ("sentinel_end_of_time", "a tenth of the dates is 9999-12-31", _all_as(9999, 12, 31, some(0.1))),
    ("date_of_load", "all new rows have the date of the load", _load_date),
    ("first_of_month", "dates are the first of their month",
     either(moment(lambda v: v.replace(day=1)), part("day", lambda v: v * 0 + 1))),
    ("first_of_year", "dates are the first of their year",
     either(moment(lambda v: v.replace(day=1, month=1)), part("month", lambda v: v * 0 + 1))),
    ("time_lost", "times are midnight",
     either(moment(lambda v: v.replace(hour=0, minute=0, second=0), timed=True), part("hour", lambda v: v * 0))),
    ("dates_exchanged", "two columns of dates are exchanged", _two_exchanged),
    ("dates_stale", "dates are those of other rows", _stale),
    ("dates_lost_third", "a third of the dates is missing", _lost),
    ("weekday_from_sunday", "weekdays are counted from another day",
     either(_weekday_names(lambda k: k + 1), part("weekday", lambda v: (v + 1) % 7))),
    ("weekday_reversed", "weekdays are counted backwards",
     either(_weekday_names(lambda k: 6 - k), part("weekday", lambda v: 6 - v % 7))),
    ("week_as_month", "the month's number is the quarter's", part("month", lambda v: np.ceil(v / 3))),
]  # fmt: skip
