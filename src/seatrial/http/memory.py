"""Gives memory back to the system after a peak: the C library keeps what was freed, in the hope of needing it again."""

import ctypes
import os
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from seatrial.http.budget import Budget

SECONDS = 2.0  # between two looks
GROWTH = 1.1  # of the memory at the start; less is not worth the effort
TURNS = 3  # looks after the last activity, since threads end later


class Trimmer:
    """Looks at the memory of the process from time to time, while clients make it hold something and shortly after."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._start = resident()
        self._taken = budget.taken
        self._left = 0
        self._next = time.perf_counter() + SECONDS

    def look(self, now: float) -> bool:
        """Trim the memory if it is time to; returns whether to look again later."""
        if now < self._next:
            return self._left > 0
        self._next = now + SECONDS
        if self._taken != self._budget.taken:
            self._taken, self._left = self._budget.taken, TURNS
        elif self._left:
            self._left -= 1
        if self._left and resident() > GROWTH * self._start:
            threading.Thread(target=trim, name="trim", daemon=True).start()
        return self._left > 0


def resident() -> int:
    """The resident memory of this process in bytes; 0 where it cannot be read."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def trim() -> None:
    """Return free memory to the system, where the C library can."""
    if function := _malloc_trim():
        function(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    with suppress(OSError, AttributeError, TypeError):
        return ctypes.CDLL(None).malloc_trim
    return None
