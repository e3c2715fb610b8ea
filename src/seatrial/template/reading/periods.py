"""Reads periods and instants that are not written as dates: `Jan-2018`, `2018Q1`, `2018-W05`, 201801, epoch seconds.

A period becomes its first day. A number is read so only if the column's name says it, since 201801 may be an amount.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.template.column_names import words_of
from seatrial.template.reading.calendar_words import month_numbers

FEWEST = 2  # distinct values
IN_DIGITS = " in digits"
_MONTHS = month_numbers()
_NAME = "|".join(sorted(_MONTHS, key=len, reverse=True))
_FIRST, _LAST = 1980, 2100  # years of an epoch number
_STRONG = {"epoch", "unix", "unixtime", "timestamp", "ts", "timestampms", "epochs"}
_WEAK = {"time", "datetime", "date", "at", "when", "created", "updated", "utc"}
_SECONDS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
FORMATS = {"months", "quarters", "weeks", f"months{IN_DIGITS}", f"weeks{IN_DIGITS}", *(f"epoch {u}" for u in _SECONDS)}
_YEAR_MONTH = {"month", "yearmonth", "yyyymm", "ym", "period", "date", "mois", "monat"}
_YEAR_WEEK = {"week", "yearweek", "yyyyww", "yw", "kw", "isoweek"}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Period:
    """Values read as days or instants: an arrow array, whether they are instants, and how they were written."""

    values: Any
    what: str
    instants: bool = False


_Read = Callable[[re.Match[str]], tuple[int, int] | None]


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else int(text) + (2000 if int(text) < 69 else 1900)


_FORMS: tuple[tuple[str, re.Pattern[str], _Read], ...] = (
    (
        "months",
        re.compile(rf"({_NAME})\.?(?:[-/ ,]+(\d{{4}})|(\d{{4}})|[-'](\d{{2}}))", re.IGNORECASE),
        lambda m: (_year(m[2] or m[3] or m[4]), _MONTHS[m[1].lower()]),
    ),
    (
        "months",
        re.compile(rf"(\d{{4}})[-/ ]?({_NAME})\.?", re.IGNORECASE),
        lambda m: (int(m[1]), _MONTHS[m[2].lower()]),
    ),
    ("months", re.compile(r"(\d{4})(?:[-/]|[Mm])(\d{1,2})"), lambda m: (int(m[1]), int(m[2]))),
    ("months", re.compile(r"(\d{1,2})[-/](\d{4})"), lambda m: (int(m[2]), int(m[1]))),
    ("quarters", re.compile(r"(\d{4})[-/ ]?[Qq]([1-4])"), lambda m: (int(m[1]), 3 * int(m[2]) - 2)),
    ("quarters", re.compile(r"[Qq]([1-4])[-/ ']*(\d{4}|\d{2})"), lambda m: (_year(m[2]), 3 * int(m[1]) - 2)),
    ("quarters", re.compile(r"([1-4])[Qq][-/ ']*(\d{4}|\d{2})"), lambda m: (_year(m[2]), 3 * int(m[1]) - 2)),
    ("weeks", re.compile(r"(\d{4})[-/ ]?[Ww](\d{1,2})"), lambda m: (int(m[1]), int(m[2]))),
    ("weeks", re.compile(r"[Ww](\d{1,2})[-/ ]*(\d{4})"), lambda m: (int(m[2]), int(m[1]))),
)


def read_periods(texts: list[str]) -> Period | None:
    """Read distinct texts that are all months, quarters or weeks with a year, in one form."""
    if len(texts) < FEWEST:
        return None
    for what, pattern, read in _FORMS:
        if not pattern.fullmatch(texts[0]):
            continue
        matches = [pattern.fullmatch(text) for text in texts]
        if not all(matches):
            continue
        pairs = np.array([read(match) for match in matches if match], dtype=np.int64)
        if pattern.pattern.startswith(r"(\d{4})(?:[-/]") and _seasons(pairs):
            return None
        days = _days(pairs[:, 0], pairs[:, 1], weeks=what == "weeks")
        return None if days is None else Period(days, f"{what}, by their first day")
    return None


def read_period_numbers(name: str, values: Floats) -> Period | None:
    """Read numbers (n,) as epoch times or as months or weeks like 201801, if the column's name says so."""
    words = set(words_of(name))
    if len(values) < FEWEST or not words & (_STRONG | _WEAK | _YEAR_MONTH | _YEAR_WEEK):
        return None
    if words & (_STRONG | _WEAK) and (unit := _epoch_unit(values, strong=bool(words & _STRONG))):
        micros = np.rint(values / _SECONDS[unit] * 1e6) if unit != "microseconds" else np.rint(values)
        return Period(pa.array(micros.astype(np.int64)).cast(pa.timestamp("us", "UTC")), f"epoch {unit}", instants=True)
    if (values % 1 != 0).any() or values.min() < 190_000 or values.max() > 210_100:
        return None
    years, parts = (values // 100).astype(np.int64), (values % 100).astype(np.int64)
    for named, weeks in ((_YEAR_WEEK, True), (_YEAR_MONTH, False)):
        days = _days(years, parts, weeks=weeks) if words & named else None
        if days is not None:
            what = "weeks" if weeks else "months"
            return Period(days, f"{what}{IN_DIGITS}, by their first day")
    return None


def _instant(text: str, per_second: int) -> str | None:
    """An epoch time; None if it is none of a plausible year, as one in another unit."""
    try:
        micros = np.rint(float(text) / per_second * 1e6)
    except ValueError:
        return None
    if not (_FIRST - 1970) * 31_557_600 <= micros / 1e6 <= (_LAST - 1970) * 31_557_600:
        return None
    instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(micros))
    return instant.isoformat().replace("+00:00", "Z")


def period_in(text: str, what: str) -> str | None:
    """Read one text as a month, quarter or week, or as an epoch time, in ISO format; None if it is none.

    `what` is the first word or words of `Period.what`.
    """
    if what.startswith("epoch "):
        return _instant(text, _SECONDS[what.removeprefix("epoch ")])
    number = re.fullmatch(r"(\d{4})(\d\d)(\.0+)?", text) if what.endswith(IN_DIGITS) else None
    what = what.removesuffix(IN_DIGITS)
    found = [(int(number[1]), int(number[2]))] if number else []
    forms = [(form.fullmatch(text), read) for name, form, read in _FORMS if name == what]
    found += [pair for match, read in forms if match and (pair := read(match))]
    for year, part in found:
        try:
            day = dt.date.fromisocalendar(year, part, 1) if what == "weeks" else dt.date(year, part, 1)
        except ValueError:
            continue
        return day.isoformat() if 1900 <= day.year <= 2100 else None
    return None


def _epoch_unit(values: Floats, *, strong: bool) -> str | None:
    first = (_FIRST - 1970) * 31_557_600 if strong else 10**9
    last = (_LAST - 1970) * 31_557_600
    return next((u for u, per in _SECONDS.items() if first * per <= values.min() and values.max() <= last * per), None)


def _days(years: Any, parts: Any, *, weeks: bool) -> Any:
    """The first day of each month or ISO week of a year, as arrow timestamps; None if one does not exist."""
    if (years < 1900).any() or (years > 2100).any() or (parts < 1).any() or (parts > (53 if weeks else 12)).any():
        return None
    if not weeks:
        return pa.array(((years - 1970) * 12 + parts - 1).astype("datetime64[M]").astype("datetime64[us]"))
    fourth = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]") + np.timedelta64(3, "D")  # in week 1
    monday = fourth - ((fourth.astype(np.int64) + 3) % 7).astype("timedelta64[D]")
    return pa.array((monday + (7 * (parts - 1)).astype("timedelta64[D]")).astype("datetime64[us]"))


def _seasons(pairs: Any) -> bool:
    """Whether all are two years in a row, as 2009/10, and not months."""
    return bool((pairs[:, 1] == (pairs[:, 0] + 1) % 100).all())


def expand_period(period: Period, values: Any) -> Any:
    """One value per present row -> one per row of `values`, null where that is null."""
    present = np.cumsum(pc.is_valid(values).to_numpy(zero_copy_only=False)) - 1
    return period.values.take(pa.array(present, mask=pc.is_null(values).to_numpy(zero_copy_only=False)))
