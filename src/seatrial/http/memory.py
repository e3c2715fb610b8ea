"""Gives memory back to the system after a peak: the C library keeps what was freed, in the hope of needing it again."""

import ctypes
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from seatrial.core.memory_limits import resident
from seatrial.http.budget import Budget

SECONDS = 2.0  # between two looks
GROWTH = 1.1  # of the memory at the start; less is not worth the effort
CROWD = 64  # connections; beside more, the oldest objects are not searched for garbage
COLLECTIONS = (2_000, 2, 10_000)  # thresholds; 3,000 connections are 100,000 objects, none of which is garbage
TURNS = 3  # looks after the last activity, since threads end later


class Trimmer:
    """Looks at the memory of the process from time to time, while clients make it hold something and shortly after."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._start = resident()
        self._activity = budget.taken + budget.evicted
        self._left = 0
        self._next = time.perf_counter() + SECONDS

    def look(self, now: float, connections: int = 0) -> bool:
        """Trim the memory if it is time to, beside so many connections; returns whether to look again later."""
        if now < self._next:
            return self._left > 0
        self._next = now + SECONDS
        activity = self._budget.taken + self._budget.evicted
        calm = activity == self._activity
        self._activity = activity
        self._left = max(self._left - 1, 0) if calm else TURNS
        if self._left and resident() > GROWTH * self._start:
            threading.Thread(target=trim, args=(calm, connections > CROWD), name="trim", daemon=True).start()
        return self._left > 0


@contextmanager
def collector_off() -> Iterator[None]:
    """Load something that stays, in any thread, without stopping the event loop to look for garbage in it, ever."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*COLLECTIONS)
        gc.enable()


def trim(collect: bool, crowded: bool) -> None:
    """Return free memory to the system, where the C library can; `collect` circles of objects before."""
    if collect:  # beside a crowd the oldest generation would stop the event loop for a tenth of a second
        gc.collect(1 if crowded else 2)
    if function := _malloc_trim():
        function(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    with suppress(OSError, AttributeError, TypeError):
        return ctypes.CDLL(None).malloc_trim
    return None
