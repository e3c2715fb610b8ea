"""The log of a server under the supervisor: files of a bounded size, of which a bounded number is kept.

The supervisor reads what its server writes from a pipe, so it can start a new file at any time. A kill at any moment
leaves whole files; what was in the pipe then, at most some 64 KiB, is lost with the server, which ends as well.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MEGABYTE = 10**6
DROPPED = b"%d log lines were dropped, because they could not be written\n"


class RotatingLog:
    """Writes to `path`; beyond `size` bytes it becomes `path`.1, and so on, up to `count` files in all.

    It never raises: what cannot be written, as on a full disk, is dropped, and the number of lines is noted later.
    """

    def __init__(self, path: Path, size: int, count: int) -> None:
        self.path = path
        self._limit, self._count = size, count
        self._file: BinaryIO | None = None
        self._size = self._dropped = 0
        self._between_lines = True
        self._open("ab")

    def write(self, text: bytes | str) -> None:
        """Append text; a file ends with the end of a line, unless a line is longer than a file."""
        data = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
        while data:
            room = self._limit - self._size
            end = len(data) if len(data) <= room else data.rfind(b"\n", 0, max(room, 0)) + 1
            if not end and (not self._between_lines or not self._size) and room > -self._limit:
                end = data.find(b"\n") + 1 or len(data)
            self._append(data[:end])
            data = data[end:]
            if data:
                self._rotate()

    def flush(self) -> None:
        """Do nothing: what is written is written."""

    def close(self) -> None:
        """Close the file."""
        if self._file:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _append(self, data: bytes) -> None:
        if not data:
            return
        if self._file is None or self._moved():
            self.close()
            self._open("ab")
        torn = b"" if self._between_lines else b"\n"
        rest = torn + DROPPED % self._dropped + data if self._dropped else data
        try:
            while rest:
                if self._file is None:
                    raise OSError
                written = self._file.write(rest)  # a disk that becomes full takes a part of it
                self._size += written
                self._between_lines = rest[written - 1 : written] == b"\n"
                rest = rest[written:]
        except OSError:
            noted = len(rest) <= len(data)
            self._dropped = max((rest if noted else data).count(b"\n"), 1) + (0 if noted else self._dropped)
        else:
            self._dropped = 0

    def _moved(self) -> bool:
        """Whether the file is no longer at its path, because it or its folder was removed or renamed."""
        try:
            return self._file is not None and not os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except OSError:
            return True

    def _rotate(self) -> None:
        self.close()
        with suppress(OSError):
            for number in range(self._count - 1, 0, -1):
                older = rotated(self.path, number - 1)
                if older.exists():
                    older.replace(rotated(self.path, number))
        self._open("wb")

    def _open(self, mode: str) -> None:
        with suppress(OSError):
            self._file = self.path.open(mode, buffering=0)  # type: ignore[assignment]
            self._size = os.fstat(self._file.fileno()).st_size  # type: ignore[union-attr]
        self._between_lines = True


def rotated(path: Path, number: int) -> Path:
    """The path of an older file of a log; number 0 is the newest."""
    return path.with_name(f"{path.name}.{number}") if number else path


def remove_log(path: Path) -> None:
    """Remove a log with its older files."""
    for each in (path, *path.parent.glob(f"{path.name}.*")):
        each.unlink(missing_ok=True)


class LogPipe(asyncio.Protocol):
    """Copies what comes out of a pipe to a log; `ended` is set at its end."""

    def __init__(self, log: RotatingLog) -> None:
        self._log = log
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Write it."""
        self._log.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Close the file."""
        self._log.close()
        self.ended.set()


async def log_pipe(log: RotatingLog) -> tuple[int, LogPipe]:
    """Make a pipe into a log; returns the end to write to, which the caller closes, and what reads from it."""
    reading, writing = os.pipe()
    _, pipe = await asyncio.get_running_loop().connect_read_pipe(lambda: LogPipe(log), os.fdopen(reading, "rb"))
    return writing, pipe
