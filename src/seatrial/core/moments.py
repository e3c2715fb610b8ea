"""Times as people write them: a moment, or a length of time."""

import re
from datetime import UTC, datetime, timedelta

from seatrial.core.errors import SeatrialError

_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400),
}
_LENGTH = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?([a-z]+)", re.ASCII)
LONGEST = 100 * 366 * 86_400  # seconds


def parse_length(text: str, where: str) -> timedelta:
    """Read a length of time: 90s, 15min, 12h, 7d, "30 days", 2w. Raises SeatrialError; `where` names what it is of."""
    found = _LENGTH.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2]] if found and found[2] in _UNITS else None
    if seconds is None or not 0 < seconds <= LONGEST:
        raise SeatrialError(f"{where} {text!r} is not a length of time.", hint="Examples: 90s, 15min, 12h, 7d, 2w.")
    return timedelta(seconds=seconds)


def parse_moment(text: str, where: str, now: datetime | None = None) -> datetime:
    """Read a moment in UTC: a date, a time in ISO format (UTC, unless it has a zone), or how long ago, as 7d.

    Raises SeatrialError; `where` names what it is of.
    """
    try:
        read = datetime.fromisoformat(text.strip())
        found = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        try:
            return (now or datetime.now(UTC)) - parse_length(text, where)
        except SeatrialError:
            raise SeatrialError(
                f"{where} {text!r} is not a time.", hint="Examples: 7d, 2027-01-31, 2027-01-31T12:00 (UTC)."
            ) from None
    return found
