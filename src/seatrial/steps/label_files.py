"""Reads tables of labels: which prediction each row is about, and what turned out to be right."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.settings import near_hint

if TYPE_CHECKING:
    from seatrial.prediction_log.labels import GivenLabel
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.template.records import TableSource

DATE_LENGTH = len("2027-01-31")


def read_labels(
    data: Any,
    *,
    label: str,
    by: str,
    row: str = "",
    time: str = "",
    zone: str = "",
    query: str = "",
    options: "CsvOptions | None" = None,
) -> "tuple[list[GivenLabel], str]":
    """Read the columns of these names; returns the labels, and the name of where they are from.

    `row` may be missing in the table. Raises SeatrialError, with the line, where a value is not understood.
    """
    from seatrial.prediction_log.labels import GivenLabel
    from seatrial.steps.new import read_table

    source = read_table(data, query=query, options=options)
    known = source.columns
    for name in filter(None, (by, label, time)):
        if name not in known:
            raise SeatrialError(f"{source.name} has no column `{name}`.", hint=near_hint(name, known, "It has"))
    values = {name: source.values(known.index(name)).to_pylist() for name in {by, label, row, time} if name in known}
    given = []
    where = _zone(zone)
    for number in range(source.rows):
        place = _place(source, number)
        key = values[by][number]
        if key is None or not str(key).strip():
            raise SeatrialError(f"{place}: `{by}` is empty.", hint="Remove the row, or fill it in.")
        given.append(
            GivenLabel(
                place,
                _text(key),
                "" if values[label][number] is None else _text(values[label][number]),
                _whole(values[row][number], place, row) if row in values else None,
                _moment(values[time][number], place, time, where) if time else None,
            )
        )
    return given, source.path.name if source.path else source.name


def _place(source: "TableSource", number: int) -> str:
    line = f"line {source.first_line + number}" if source.first_line else f"row {number + 1}"
    return f"{source.name}, {line}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # as pandas has integers beside a missing value
    return str(value)


def _whole(value: Any, place: str, column: str) -> int | None:
    if value is None or value == "":
        return None
    text = _text(value).strip()
    if not text.isdecimal() or len(text) > 9:
        raise SeatrialError(f"{place}: `{column}` is {text!r}, not the number of a row.", hint="The first row is 0.")
    return int(text)


def _zone(name: str) -> tzinfo | None:
    try:
        return (UTC if name.upper() in ("UTC", "Z") else ZoneInfo(name)) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"{name!r} is not a time zone.", hint="Examples: UTC, Europe/Berlin.") from None


def _moment(value: Any, place: str, column: str, zone: tzinfo | None) -> datetime:
    """A time in UTC; a date stands for its end."""
    whole_day = isinstance(value, str) and len(value.strip()) == DATE_LENGTH
    whole_day = whole_day or (isinstance(value, date) and not isinstance(value, datetime))
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day)
        else:
            moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise SeatrialError(
            f"{place}: `{column}` is {value!r}, not a time.", hint="Write it as 2027-01-31T12:00:00Z."
        ) from None
    if moment.tzinfo is None:
        if zone is None:
            raise SeatrialError(
                f"{place}: `{column}` is {str(value)!r}, a time without a zone.",
                hint="Write 2027-01-31T12:00:00Z, or say --zone Europe/Berlin.",
            )
        moment = moment.replace(tzinfo=zone)
    return (moment + timedelta(days=1, microseconds=-1) if whole_day else moment).astimezone(UTC)
