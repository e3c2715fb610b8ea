"""What a value has become in a hashed column, so that people can ask for it by the value itself."""

import os
from collections.abc import Collection
from contextlib import suppress
from functools import cache

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import Hashes
from seatrial.prediction_log.log_records import KEY_FILE, keyed_hash
from seatrial.prediction_log.log_settings import KEY_VARIABLE, LogSettings, spool_folder


def hashes_of(settings: LogSettings, release: str) -> Hashes:
    """Return what gives the hashes that a value may have, by its key; none where this machine has no key."""
    key = find_key(settings, release)

    @cache
    def hashes(text: str) -> Collection[str]:
        return [keyed_hash(value, key) for value in _readings(text)] if key else ()

    return hashes


def require_key(settings: LogSettings, release: str, columns: Collection[str]) -> None:
    """Raise SeatrialError where one of these columns is hashed and there is no key to find its rows with."""
    hashed = sorted({*columns} & {*settings.hashed})
    if hashed and not find_key(settings, release):
        raise SeatrialError(
            f"`{hashed[0]}` is hashed in the log, and its key is not here.",
            hint=f"Set {KEY_VARIABLE} to the servers' key, or copy their file {KEY_FILE} into the spool's folder.",
        )


def find_key(settings: LogSettings, release: str) -> bytes | None:
    """The key of hashed columns, if this machine has it."""
    if text := os.environ.get(KEY_VARIABLE):
        return text.encode("utf-8", "surrogateescape")
    with suppress(OSError, SeatrialError):
        return (spool_folder(settings, release) / KEY_FILE).read_bytes()
    return None


def _readings(text: str) -> list[str | int | float | bool]:
    """The values that a text may stand for: a schema's column has one type, and its hash is of that."""
    found: list[str | int | float | bool] = [text]
    if text.lower() in ("true", "false"):
        found.append(text.lower() == "true")
    with suppress(ValueError, OverflowError):
        number = float(text)
        found += [number, *[int(number)] * number.is_integer()]
    return found
