"""Delivers the segments of a spool to a destination, each exactly once, and deletes them from the spool.

A segment is deleted after the destination has it. A shipper that is killed in between delivers it again, which a
destination takes as the same one. While a destination is down, attempts become rarer, and the spool grows.
"""

import gc
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, get_native_id
from typing import Literal

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations import DeliveryError, Destination
from seatrial.prediction_log.segments import (
    Record,
    Schemas,
    SpoolLock,
    backlog,
    is_pause_asked,
    read_segment,
    seal_abandoned,
    sealed_segments,
)
from seatrial.prediction_log.tables import log_tables

STATE = "shipper.json"
LOOK_SECONDS = 1.0  # between two looks at the spool
LONGEST_WAIT = 30.0  # seconds between attempts while the destination is down
EXPIRE_SECONDS = 3600.0  # between two times that old days are deleted
STATE_SECONDS = 5.0  # after which the state is written even if it is the same
HURRY = 4  # a spool that is fuller than one part in so many of its limit is delivered without giving way
MOST_FAILURES = 3  # in a row, after which a round ends

Level = Literal["info", "warning", "error"]
Report = Callable[[Level, str], None]


@dataclass(frozen=True)
class Patience:
    """When a shipper ends: once `stopped` is set, with an empty spool or after so many seconds."""

    stopped: Event
    drain: float


class Shipper:
    """Delivers what is in a spool. `report` gets the few lines that people should see."""

    def __init__(
        self, spool: Path, destination: Destination, *, days: int | None, report: Report, limit: int = 1 << 30
    ) -> None:
        self._hurry = limit // HURRY
        self.delivered_rows = 0
        self.skipped_lines = 0
        self.down: str | None = None  # why the destination does not take what there is
        self._spool = spool
        self._destination = destination
        self._days = days
        self._report = report
        self._lock = SpoolLock(spool)
        self._failures: dict[str, int] = {}  # of segments that were tried
        self._attempts = 0  # rounds since the last one without a failure
        self._retry_at = self._expire_at = 0.0
        self._state: tuple[object, ...] = ()
        self._state_at = 0.0
        with suppress(OSError, ValueError, KeyError):
            self.delivered_rows = int(json.loads((spool / STATE).read_text())["delivered_rows"])

    def run(self, patience: Patience) -> bool:
        """Deliver until told to stop; returns whether the spool is empty in the end."""
        deadline: float | None = None
        # Threads have a priority of their own, which only falls: a server at its peak needs all of the processor.
        calm = ThreadPoolExecutor(1, thread_name_prefix="calm", initializer=_give_way)
        try:
            while True:
                stopping = patience.stopped.is_set()
                if stopping and deadline is None:
                    deadline = time.monotonic() + patience.drain
                    self._retry_at = 0.0
                if deadline is None and backlog(self._spool).size < self._hurry:
                    calm.submit(self.look).result()
                else:
                    self.look(deadline)
                if deadline is not None and (self._is_empty() or time.monotonic() >= deadline):
                    return self._is_empty()
                if stopping:
                    time.sleep(LOOK_SECONDS / 10)
                else:
                    patience.stopped.wait(LOOK_SECONDS)
        finally:
            calm.shutdown()
            self._destination.close()
            self._lock.release()

    def look(self, deadline: float | None = None) -> None:
        """Deliver what is due, if no other process holds the spool, and write down how it stands."""
        if is_pause_asked(self._spool):
            self._lock.release()
            return
        if time.monotonic() < self._retry_at:
            self._write_state()
            return
        try:
            if not self._lock.acquire():
                return
            seal_abandoned(self._spool)
            self._round(deadline)
        except OSError as error:  # the spool itself: it is gone, or its disk is broken
            self._settle(_reason(error))
        self._write_state()

    def _round(self, deadline: float | None) -> None:
        """Try every segment once: those that failed before come last, so that one cannot keep the others waiting."""
        segments = sealed_segments(self._spool)
        self._failures = {path.name: self._failures[path.name] for path in segments if path.name in self._failures}
        segments.sort(key=lambda path: (self._failures.get(path.name, 0), path.name))
        in_a_row, why = 0, None
        for path in segments:
            if in_a_row == MOST_FAILURES or is_pause_asked(self._spool):
                break
            if deadline is not None and time.monotonic() >= deadline:
                break
            try:
                self._ship(path)
                in_a_row = 0
                self._failures.pop(path.name, None)
            except Exception as error:  # whatever it is, the other segments have to go on
                in_a_row += 1
                why = _reason(error)
                self._failures[path.name] = self._failures.get(path.name, 0) + 1
        why = why or self._expire()
        if why is not None or not self._failures:
            self._settle(why)

    def _ship(self, path: Path) -> None:
        """Deliver one segment and delete it."""
        skipped = 0

        def chunks() -> Iterator[list[Record]]:
            nonlocal skipped
            for records, bad in read_segment(path):
                skipped += bad
                yield records

        tables = log_tables(Schemas(self._spool), chunks())
        if tables:
            self._destination.deliver(path.stem, tables)
        path.unlink()
        gc.collect()  # it is off while a segment is in memory
        self.delivered_rows += sum(table.data.num_rows for table in tables if table.kind == "predictions")
        self.skipped_lines += skipped
        if skipped:
            lines = "line" if skipped == 1 else "lines"
            self._report("warning", f"The prediction log skipped {skipped} half-written {lines} of {path.name}.")

    def _expire(self) -> str | None:
        """Delete old days now and then; returns why that failed."""
        if self._days is None or time.monotonic() < self._expire_at:
            return None
        try:
            self._destination.expire(datetime.now(UTC).date() - timedelta(days=self._days))
        except DeliveryError as error:
            return str(error)
        self._expire_at = time.monotonic() + EXPIRE_SECONDS
        return None

    def _settle(self, why: str | None) -> None:
        """Note how a round went: one line when a destination goes down, and one when it is back."""
        if why is None:
            if self.down is not None:
                self._report("info", f"The prediction log is delivered to {self._destination.shown} again.")
            self.down, self._attempts = None, 0
            return
        if self.down is None:
            self._report("error", f"The prediction log cannot be delivered to {self._destination.shown}: {why}")
        self.down = why
        self._attempts += 1
        wait = min(2.0 ** (self._attempts - 1), LONGEST_WAIT)
        self._retry_at = time.monotonic() + wait * random.uniform(0.5, 1.0)  # noqa: S311 - servers that wait together

    def _is_empty(self) -> bool:
        return backlog(self._spool).size == 0

    def _write_state(self) -> None:
        """Write the state for metrics: whole, and without waiting for the disk."""
        found = backlog(self._spool)
        state = (found, self.down, self.delivered_rows, self.skipped_lines)
        if state == self._state and time.monotonic() - self._state_at < STATE_SECONDS:
            return
        self._state, self._state_at = state, time.monotonic()
        document = {
            "time": time.time(),
            "bytes": found.size,
            "segments": found.segments,
            "oldest": found.oldest,
            "down": self.down,
            "delivered_rows": self.delivered_rows,
            "skipped_lines": self.skipped_lines,
            "pid": os.getpid(),
        }
        temporary = self._spool / f".{STATE}"  # of this process alone, since it holds the lock
        with suppress(OSError):
            temporary.write_text(json.dumps(document))
            temporary.replace(self._spool / STATE)


def _reason(error: Exception) -> str:
    """What a message may say about an error: other libraries put values of rows into theirs."""
    if isinstance(error, DeliveryError | SeatrialError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f" in line {place.tb_lineno} of {Path(place.tb_frame.f_code.co_filename).name}" if place else ""
    return f"a segment cannot be delivered ({type(error).__name__}{where})"


def _give_way() -> None:
    """Let this thread work only where nothing else wants the processor."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), 19)
