"""Reads texts as dates, with or without a time, in one format or several; every text must match, or none is read."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FEWEST_DAYS = 3  # distinct whole numbers like 20240131; fewer are no evidence of dates
_TIME = re.compile(r"-?\d{1,3}:\d{2}(:\d{2}([.,]\d+)?)?(\s?[AaPp]\.?[Mm]\.?)?")


@dataclass(frozen=True)
class Dates:
    """Distinct texts read as dates: arrow timestamps. `doubt` says why they cannot be read with certainty."""

    values: Any
    formats: tuple[str, ...]
    timed: bool
    aware: bool = False
    doubt: str = ""


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?")
_ISO_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s?(Z|[-+]\d{2}:?\d{2})")
_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_SHAPE = re.compile(r"(?=.*\d)[\w ,./:+-]{6,40}")


def read_dates(texts: list[str]) -> Dates | None:
    """Read distinct texts as dates, in one format or several; None if some are not dates.

    A value above 12 shows whether the day or the month comes first; without one, the order is reported as a doubt.
    """
    if not texts or not all(_SHAPE.fullmatch(text) for text in texts[:50]):
        return None
    values = pa.array([None] * len(texts), pa.timestamp("us"))
    formats, aware = [], [_ISO_ZONE.fullmatch(text) is not None for text in texts]
    iso = [_ISO.fullmatch(text) is not None for text in texts]
    if any(aware) and not all(aware):
        mixed = sum(aware) + sum(iso) == len(texts)
        return Dates(values, (), timed=True, doubt="some have a time zone and some do not") if mixed else None
    if all(aware):
        read = _cast([text.replace(" Z", "Z").replace(" +", "+") for text in texts], pa.timestamp("us", "UTC"))
        return None if read is None else Dates(read, ("ISO with a time zone",), timed=True, aware=True)
    if any(iso):
        values = _cast([text if good else None for text, good in zip(texts, iso, strict=True)], pa.timestamp("us"))
        if values is None:
            return None
        formats.append("ISO")
    timed = any(len(text) > 10 for text, good in zip(texts, iso, strict=True) if good)
    candidates = [(day + time, time) for time in _TIMES for day in _DAYS]
    first = next((text for text, good in zip(texts, iso, strict=True) if not good), None)
    if first is not None and not any(_strptime([first], pa.array([first]), form)[0].is_valid for form, _ in candidates):
        return None  # trying eighty formats on each of 100,000 identifiers would take too long
    array = pa.array(texts)
    reads: dict[str, Any] = {}
    while values.null_count:
        left = pc.is_null(values)
        best, best_count = ("", ""), 0
        for candidate, time in candidates:
            if candidate not in reads:
                reads[candidate] = _strptime(texts, array, candidate)
            count = pc.sum(pc.and_(left, pc.is_valid(reads[candidate]))).as_py() or 0
            if count > best_count:
                best, best_count = (candidate, time), count
        if not best_count:
            return None
        if doubt := _order_doubt(best[0], reads, left, formats):
            return Dates(values, (), timed=False, doubt=doubt)
        values = pc.coalesce(values, reads[best[0]])
        formats.append(best[0])
        timed = timed or bool(best[1])
    return Dates(values, tuple(formats), timed)


def _order_doubt(form: str, reads: dict[str, Any], left: Any, formats: list[str]) -> str:
    """Why the order of day and month is not certain, if it is not."""
    other = _swapped(form)
    if other in formats:
        return "the day comes first in some, and the month in others"
    ambiguous = other in reads and _ambiguous(reads[form], reads[other], left)
    return "the day or the month could come first" if ambiguous else ""


def _swapped(form: str) -> str:
    """The same format with day and month exchanged; "" if people do not write it that way."""
    return form.translate(str.maketrans("dm", "md")) if form[:6] in ("%d/%m/", "%m/%d/", "%d-%m-", "%m-%d-") else ""


def _ambiguous(one: Any, other: Any, left: Any) -> bool:
    """Whether two formats read the same of the texts that are `left`, but as different dates."""
    first, second = one.filter(left), other.filter(left)
    return first.null_count == second.null_count and not first.equals(second) and bool(
        pc.all(pc.equal(pc.is_valid(first), pc.is_valid(second))).as_py()
    )  # fmt: skip


def _cast(texts: list[Any], kind: Any) -> Any:
    try:
        return pc.cast(pa.array(texts, pa.string()), kind)
    except pa.ArrowInvalid:
        return None


def _strptime(texts: list[str], array: Any, form: str) -> Any:
    """Read by one format. Arrow reads 30 February as 2 March, so the first days of each month are checked again."""
    read = pc.strptime(array, format=form, unit="us", error_is_null=True)
    if read.null_count == len(read):
        return read
    early = np.flatnonzero(pc.fill_null(pc.less_equal(pc.day(read), 3), False).to_numpy(zero_copy_only=False))
    wrong = np.zeros(len(texts), dtype=bool)
    for position in early.tolist():
        try:
            dt.datetime.strptime(texts[position], form)
        except ValueError:
            wrong[position] = True
    if "%Y" in form:
        wrong |= pc.fill_null(pc.less(pc.year(read), 1000), False).to_numpy(zero_copy_only=False)
    return pc.if_else(pa.array(wrong), pa.scalar(None, read.type), read) if wrong.any() else read


def all_times(texts: list[str]) -> bool:
    """Whether all are times of day or durations, without a date."""
    return all(_TIME.fullmatch(text) for text in texts[:50]) and all(_TIME.fullmatch(text) for text in texts)


def iso_text(text: str) -> str | None:
    """A date or time in ISO format as the project's table has it: with a T, and in UTC if it has a time zone."""
    if _ISO.fullmatch(text):
        form = text.replace(" ", "T")
    elif _ISO_ZONE.fullmatch(text):
        form = text.replace(" Z", "Z").replace(" +", "+").replace(" -", "-")
    else:
        return None
    try:
        read = dt.datetime.fromisoformat(form)
    except ValueError:
        return None
    if read.tzinfo:
        return read.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"
    return read.isoformat() if "T" in form else form


def read_day_numbers(values: npt.NDArray[np.float64]) -> Any:
    """Read distinct whole numbers like 20240131 as an arrow array of days; None if one of them is not a date."""
    if len(values) < FEWEST_DAYS or values.min() < 19000101 or values.max() > 21001231:
        return None
    whole = values.astype(np.int64)
    year, month, day = whole // 10_000, whole // 100 % 100, whole % 100
    if not ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
        return None
    months = (year - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    real = days.astype("datetime64[M]").astype(np.int64) == months  # which 31 February is not
    return pa.array(days) if real.all() else None
