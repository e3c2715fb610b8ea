"""The first place of the prediction log: a segment that this process alone appends to.

What is answered in one turn of the event loop is one write, before the answers leave. The page cache survives the end
of a process, so that no answered row is lost when it is killed. Another process delivers segments that are sealed, and
those of dead processes: a writer holds a lock on its segment for as long as it lives.
"""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic

from loguru import logger

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.prediction_log.log_records import Records
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.segments import OPEN, SCHEMAS, SEAL_REQUEST, SEALED

LOOK_SECONDS = 1.0  # between two looks at the segment's age, the request, and the size of the spool
REPORT_SECONDS = 60.0  # between two lines about records that were dropped


class Spool:
    """Appends records to segments. Its methods may be called from any thread.

    Raises SeatrialError where the folder cannot be used.
    """

    def __init__(self, folder: Path, records: Records, settings: LogSettings) -> None:
        self.records = records
        self.dropped = 0  # requests that were answered and are not in the log
        self.full = False
        self._folder = folder
        self._settings = settings
        self._lock = Lock()
        self._handle = -1
        self._path = folder
        self._size = 0
        self._began = self._reported = monotonic()
        self._room = self.limit
        self._sealed_for = 0.0  # the time of the request that was met last
        try:
            (folder / SCHEMAS).mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(folder / SCHEMAS / f"{records.wheel}.json", json.dumps(records.facts))
            self._open()
        except OSError as error:
            raise SeatrialError(
                f"The prediction log cannot be written to {folder}: {error.strerror}.",
                hint="Set `spool` in [tool.seatrial.log], or in SEATRIAL_LOG, to a folder that can be written.",
            ) from None

    @property
    def limit(self) -> int:
        """The size in bytes at which the spool is full."""
        return self._settings.spool_megabytes << 20

    @property
    def used(self) -> int:
        """The bytes in the spool, of all processes that write to it, as of the last look."""
        return self.limit - self._room

    def write(self, data: bytes, count: int) -> bool:
        """Append the records of `count` requests; False, and nothing is appended, where there is no room for them."""
        with self._lock:
            if self._handle < 0 or len(data) > self._room:
                return self.drop(count)
            try:
                self._append(data)
            except OSError as error:
                return self.drop(count, error.strerror or str(error))
            self._room -= len(data)
            if self._size >= self._settings.segment_megabytes << 20:
                self._roll()
        return True

    def look(self) -> None:
        """Seal a segment that is old or asked for, and see how much room is left. For every LOOK_SECONDS."""
        used = 0
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):  # it was delivered meanwhile
                    used += entry.stat().st_size if entry.name.endswith((OPEN, SEALED)) else 0
        with self._lock:
            self._room = self.limit - used
            self.full = self.full and self._room <= 0
            if self._handle < 0:
                self._reopen()
            elif self._size and (self._is_asked() or monotonic() - self._began >= self._settings.segment_seconds):
                self._roll()

    def close(self) -> None:
        """Seal the segment. What is written afterwards is dropped."""
        with self._lock:
            self._seal()

    def _append(self, data: bytes) -> None:
        """Append all of the data, or nothing."""
        try:
            written = os.write(self._handle, data)
            if written < len(data):
                raise OSError(None, "the disk is full")
            if self._settings.sync:
                os.fdatasync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._began = self._began if self._size else monotonic()
        self._size += written

    def drop(self, count: int, why: str = "the spool is full") -> bool:
        """Count requests that are not logged, and say so now and then; returns False."""
        self.dropped += count
        if not self.full or monotonic() - self._reported >= REPORT_SECONDS:
            self.full, self._reported = True, monotonic()
            logger.error("The prediction log loses requests ({} so far): {}", self.dropped, why)
        return False

    def _is_asked(self) -> bool:
        """Whether somebody has asked for the segments since this one was begun."""
        with suppress(OSError):
            asked = (self._folder / SEAL_REQUEST).stat().st_mtime
            if asked != self._sealed_for:
                self._sealed_for = asked
                return True
        return False

    def _roll(self) -> None:
        self._seal()
        self._reopen()

    def _reopen(self) -> None:
        try:
            self._open()
        except OSError as error:
            self.drop(0, error.strerror or str(error))

    def _open(self) -> None:
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}"
        path = self._folder / f"{name}{OPEN}"
        # Under another name until it is locked: the shipper takes an unlocked segment for one of a dead process.
        hidden = self._folder / f".{name}"
        handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        hidden.rename(path)
        self._handle, self._path, self._size = handle, path, 0

    def _seal(self) -> None:
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        with suppress(OSError):
            if self._size:
                self._path.rename(self._path.with_suffix(SEALED))
            else:
                self._path.unlink()
        os.close(handle)
