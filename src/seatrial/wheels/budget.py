"""What the inspection of one file may cost: bytes, members and processor time, summed over all depths.

A small file can describe work without end: archives in archives, fields without content, names with a million parts.
Each limit holds for the whole inspection, so that no part of a file can use it up again.
"""

import io
import tempfile
import time
from collections.abc import Callable
from typing import IO

MEMBER_LIMIT = 10_000  # a forest saved by skops has some for each tree
TOTAL_LIMIT = 4 * 2**30  # bytes of all members together, unpacked
RATIO_LIMIT, RATIO_FROM = 100, 64 * 2**20  # unpacked size to file size, for archives that unpack to more than this
SECONDS = 1.2  # of processor time for a small file
RATE = 32 * 2**20  # bytes of the file for which there is another second
CHUNK = 1 << 20
IN_MEMORY = 16 * 2**20  # larger files are unpacked to disk


class InspectionError(Exception):
    """The file is refused, or its inspection would cost too much; the message is the reason."""


class InspectionBudget:
    """What is left for a file of `size` bytes. `clock` is replaced in tests."""

    def __init__(self, size: int, *, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._end = clock() + SECONDS + size / RATE
        self._members = MEMBER_LIMIT
        self._bytes = min(TOTAL_LIMIT, max(RATIO_FROM, RATIO_LIMIT * size))
        self._size, self._allowed = size, self._bytes

    def check_time(self) -> None:
        """Stop when the processor time is used up."""
        if self._clock() > self._end:
            raise InspectionError("it takes too long to inspect")

    def take_members(self, count: int) -> None:
        """Count the members of an archive, at any depth."""
        self._members -= count
        if self._members < 0:
            raise InspectionError(f"it contains more than {MEMBER_LIMIT:,} files")

    def take_bytes(self, count: int) -> None:
        """Count bytes that are unpacked, at any depth."""
        self._bytes -= count
        if self._bytes < 0:
            times = (self._allowed - self._bytes) // max(1, self._size)
            raise InspectionError(f"it unpacks to {times:,} times its size" if times > 1 else "it is too large")

    def copy(self, source: IO[bytes], *, size: int) -> IO[bytes]:
        """Copy a file of about `size` bytes, so that it can be read in any order and does not change meanwhile."""
        copied: IO[bytes] = io.BytesIO() if size <= IN_MEMORY else tempfile.TemporaryFile()  # noqa: SIM115 - returned
        while chunk := source.read(CHUNK):
            self.check_time()
            copied.write(chunk)
        copied.seek(0)
        return copied
