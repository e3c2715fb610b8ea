"""The files of a spool, for what reads them: which segments are complete, what is in them, and who may change them.

A writer appends to `<name>.open` under a lock, and renames it to `<name>.jsonl` when it is done. So an open segment
whose lock can be taken belonged to a process that is gone. Whoever removes or changes segments holds the spool's lock.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from seatrial.core.errors import SeatrialError
from seatrial.core.processes import is_running

OPEN, SEALED = ".open", ".jsonl"
SCHEMAS = "schemas"  # the folder of what the columns of each release are
SEAL_REQUEST = "seal"  # a file with this name asks every writer for its segment
PAUSE_REQUEST = "pause"  # a file with the process ID of what asks the shipper for the lock
LOCK = "lock"
TURN = ("id", "route", "key", "us", "rows", "scores", "decided")  # a request in the line of a turn
CHUNK_BYTES = (
    1 << 19
)  # of a segment, parsed at a time: larger ones do not fit the processor's cache, and take twice as long
HIDDEN_SECONDS = 3600.0  # after which a segment that was never begun is removed
FINAL_POLL = 0.05  # seconds between two attempts to get a lock

Record = dict[str, Any]


@dataclass(frozen=True)
class Backlog:
    """What is in a spool: bytes, segments, and the time of the oldest one in seconds since 1970, if there is one."""

    size: int
    segments: int
    oldest: float | None


def sealed_segments(spool: Path) -> list[Path]:
    """The segments that are complete, oldest first."""
    return sorted(spool.glob(f"*{SEALED}"))


def backlog(spool: Path) -> Backlog:
    """Measure the spool, with segments that are still being written."""
    size = count = 0
    oldest: str | None = None
    with suppress(FileNotFoundError), os.scandir(spool) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.endswith((OPEN, SEALED)):
                with suppress(OSError):  # it was sealed or delivered meanwhile
                    bytes_ = entry.stat().st_size
                    if bytes_:
                        size, count = size + bytes_, count + 1
                        oldest = min(oldest or entry.name, entry.name)
    return Backlog(size, count, None if oldest is None else segment_time(oldest))


def segment_time(name: str) -> float | None:
    """When a segment was begun, in seconds since 1970, by its name; None for another file's name."""
    from datetime import UTC, datetime

    with suppress(ValueError):
        return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC).timestamp()
    return None


def seal_abandoned(spool: Path) -> int:
    """Seal the segments of processes that are gone, and return their number; an empty one is removed.

    Only for the holder of the spool's lock.
    """
    sealed = 0
    for path in sorted(spool.glob(f"*{OPEN}")):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where the writer lives
            if os.fstat(file.fileno()).st_size:
                path.rename(path.with_suffix(SEALED))
                sealed += 1
            else:
                path.unlink()
    for hidden in spool.glob(".????????T*-*"):  # its writer was killed before it was named
        with suppress(OSError):
            if time.time() - hidden.stat().st_mtime > HIDDEN_SECONDS:
                hidden.unlink()
    return sealed


def read_segment(path: Path) -> Iterator[tuple[list[Record], int]]:
    """The records of a segment in chunks, each with the number of lines that are no record.

    A killed process may leave a half-written last line; a power cut may leave anything.
    """
    with path.open("rb") as file:
        while lines := file.readlines(CHUNK_BYTES):
            yield parse_lines(lines)


def parse_lines(lines: list[bytes]) -> tuple[list[Record], int]:
    """The records in lines of a segment, and the number of lines that hold none."""
    whole = [line for line in lines if line.endswith(b"\n")]
    try:
        parsed = from_json(b"[" + b",".join(whole) + b"]", cache_strings="keys")
        if len(parsed) == len(whole) and all(map(_is_good, parsed)):
            return _records(parsed), len(lines) - len(whole)
    except ValueError:
        pass
    good = []
    for line in whole:
        with suppress(ValueError):
            each = from_json(line)
            if _is_good(each):
                good.append(each)
    return _records(good), len(lines) - len(good)


def _is_good(line: Any) -> bool:
    """Whether a parsed line is a record, or those of a turn."""
    if type(line) is not dict or type(line.get("t")) is not int or "w" not in line:
        return False
    if "turn" in line:
        return type(line["turn"]) is list and all(type(e) is list and len(e) == len(TURN) for e in line["turn"])
    return "id" in line and ("rows" in line or "errors" in line)


def _records(lines: list[Any]) -> list[Record]:
    """The records of lines, with one for each request of a turn."""
    found: list[Record] = []
    for line in lines:
        if "turn" not in line:
            found.append(line)
            continue
        head = {"t": line["t"], "w": line["w"]}
        for identity, route, key, took, rows, scores, decided in line["turn"]:
            record = {**head, "id": identity, "route": route, "us": took}
            record |= {"rows": rows, "scores": scores, "decided": decided}
            if key:
                record["key"] = key
            found.append(record)
    return found


class Schemas(Mapping[str, dict[str, Any]]):
    """What the columns of each release in a spool are, by the wheel's hash; see `Records.facts`.

    Raises SeatrialError for a wheel whose file is missing or damaged.
    """

    def __init__(self, spool: Path) -> None:
        self._folder = spool / SCHEMAS
        self._read: dict[str, dict[str, Any]] = {}

    def __getitem__(self, wheel: str) -> dict[str, Any]:
        if wheel not in self._read:
            path = self._folder / f"{wheel}.json"
            try:
                if not wheel.isalnum():
                    raise ValueError("not a hash")
                self._read[wheel] = json.loads(path.read_bytes())
            except (OSError, ValueError):
                raise SeatrialError(
                    f"{path} does not exist or is damaged, so that records of the prediction log cannot be read.",
                    hint="A server of the same release writes it when it starts with this spool.",
                ) from None
        return self._read[wheel]

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._folder.glob("*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class SpoolLock:
    """The lock on a spool's sealed segments, which one process at a time may hold."""

    def __init__(self, spool: Path) -> None:
        self._path = spool / LOCK
        self._handle = -1

    def acquire(self, wait: float = 0.0) -> bool:
        """Take the lock if it can be had within so many seconds; returns whether it is held."""
        deadline = time.monotonic() + wait
        while self._handle < 0:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._handle = handle
            except OSError:
                os.close(handle)
                if time.monotonic() >= deadline:
                    return False
                time.sleep(FINAL_POLL)
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


@contextmanager
def paused_shipper(spool: Path, wait: float = 30.0) -> Iterator[None]:
    """Hold the spool's lock: the shipper gives it up between two segments. Raises SeatrialError where it does not."""
    pause, lock = spool / PAUSE_REQUEST, SpoolLock(spool)
    pause.write_text(str(os.getpid()))
    try:
        if not lock.acquire(wait):
            raise SeatrialError(
                f"Another process is delivering the prediction log in {spool}.", hint="Try again in a minute."
            )
        yield
    finally:
        with suppress(OSError):
            pause.unlink()
        lock.release()


def is_pause_asked(spool: Path) -> bool:
    """Whether a process that is still running asks the shipper for the lock."""
    with suppress(OSError, ValueError):
        return is_running(int((spool / PAUSE_REQUEST).read_text()))
    return False
