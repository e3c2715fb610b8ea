"""Writes a log without ever waiting for its reader: a pipe that nobody reads must not stop a server."""

import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

ATOMIC = 4096  # what a pipe writes in one piece, so that lines do not mix with those of other programs (PIPE_BUF)
QUEUE_BYTES = 1 << 20  # of lines that wait for a slow reader: some 5,000 requests
PAUSE_SECONDS = 0.02  # between two times that lines are written
STOP_SECONDS = 1  # how long the last lines may take
DROPPED = "%d log lines were dropped: nobody read the log, or it could not be written"


class DroppingWriter:
    """Writes to a file descriptor from a thread of its own.

    While the reader is slow, up to QUEUE_BYTES wait; what arrives beyond that is dropped and counted, and so is what
    cannot be written, as on a full disk. `report` gets the count once lines are written again. Loguru calls `stop` when
    the handler is removed, which happens at exit too.
    """

    def __init__(self, handle: int, report: Callable[[int], None]) -> None:
        self._handle = handle
        self._report = report
        self._queue: deque[bytes] = deque()
        self._bytes = self._dropped = 0
        self.all_dropped = 0  # lines since the start
        self._stopped = False
        self._idle = False  # whether the thread waits for a line
        self._torn = False  # whether the last line was written in part
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, message: str) -> None:
        """Queue whole lines, or drop them."""
        data = message.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._bytes + len(data) > QUEUE_BYTES:
                self._drop(data.count(b"\n"))
                return
            self._queue.append(data)
            self._bytes += len(data)
            if self._idle:
                self._idle = False
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """The bytes that wait for the reader."""
        return self._bytes

    def _drop(self, lines: int) -> None:
        self._dropped += lines
        self.all_dropped += lines

    def stop(self) -> None:
        """Wait until everything is written, for STOP_SECONDS at most."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._bytes, STOP_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._idle = not self._queue
                self._changed.wait_for(lambda: self._queue or self._stopped)
                if not self._queue:
                    return
                data = b"".join(self._queue)
                self._queue.clear()
            with _alone(self._handle):
                lost = self._write(data)
            with self._changed:
                self._bytes -= len(data)
                self._changed.notify_all()
                self._drop(lost)
                dropped = self._dropped if not (self._queue or lost) else 0
                self._dropped -= dropped
            if dropped:
                self._report(dropped)
            with self._changed:  # each time it wakes, it takes the interpreter's lock from what is busy
                self._changed.wait_for(lambda: self._stopped, PAUSE_SECONDS)

    def _write(self, data: bytes) -> int:
        """Write in pieces of whole lines, each of which a pipe writes at once; returns how many lines were lost."""
        if self._torn:
            data = b"\n" + data
        while data:
            end = len(data) if len(data) <= ATOMIC else data.rfind(b"\n", 0, ATOMIC) + 1 or data.find(b"\n") + 1
            try:
                written = os.write(self._handle, data[: end or len(data)])
            except BlockingIOError:  # another process made the pipe non-blocking
                select.select((), (self._handle,), ())
            except OSError:  # the reader has gone, or the disk is full: the server goes on
                return data.removeprefix(b"\n").count(b"\n")
            else:
                self._torn, data = data[written - 1 : written] != b"\n", data[written:]
        return 0


@contextmanager
def _alone(handle: int) -> Iterator[None]:
    """Keep this server's other processes from writing: a line longer than ATOMIC is not written in one piece.

    The lock is on the file or pipe itself, and ends with the process that holds it. Where there is none, short lines
    do not mix all the same.
    """
    held = False
    with suppress(OSError):
        if fcntl:
            fcntl.lockf(handle, fcntl.LOCK_EX)
            held = True
    try:
        yield
    finally:
        if held:
            with suppress(OSError):
                fcntl.lockf(handle, fcntl.LOCK_UN)


class BackgroundHandler(logging.Handler):
    """A handler of the standard library's logging that writes to a stream through a DroppingWriter."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._writer = DroppingWriter((stream or sys.stderr).fileno(), self._report)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record as a line."""
        self._writer.write(self.format(record) + "\n")

    def close(self) -> None:
        """Wait until everything is written, for STOP_SECONDS at most."""
        self._writer.stop()
        super().close()

    def _report(self, count: int) -> None:
        self.emit(logging.LogRecord("seatrial", logging.WARNING, __file__, 0, DROPPED, (count,), None))
