"""A brake on guessing the password: a wrong one is answered late, and later with each of the same address.

The right password is never delayed, from whichever address it comes, so nobody can lock out those who know it.
"""

import asyncio
import logging
import random
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

FIRST, LONGEST = 0.1, 1.0  # seconds before a wrong password is answered
MEMORY_SECONDS = 60.0  # without a wrong password, after which an address is forgotten
MANY = 100  # wrong passwords of all addresses within MEMORY_SECONDS, from which on every wrong one waits the longest
ADDRESSES = 4096  # remembered; the one that was quiet for the longest is forgotten first
PENDING = 512  # late answers at a time; more are answered early, so that they do not take all connections


class Brake:
    """Counts wrong passwords. `clock` is replaced in tests."""

    def __init__(
        self, *, longest: float = LONGEST, pending: int = PENDING, clock: Callable[[], float] = monotonic
    ) -> None:
        self._clock = clock
        self._longest = longest
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and when the last was
        self._times: deque[float] = deque(maxlen=MANY)
        self._pending: deque[asyncio.Event] = deque()
        self._limit = pending
        self._reported = -MEMORY_SECONDS

    def delay(self, address: str) -> float:
        """Count a wrong password from `address`; returns the seconds until its answer."""
        now = self._clock()
        count, last = self._wrong.pop(address, (0, now))
        count = 1 if now - last > MEMORY_SECONDS else count + 1
        self._wrong[address] = count, now
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)
        self._times.append(now)
        attacked = len(self._times) == MANY and now - self._times[0] < MEMORY_SECONDS
        if attacked and now - self._reported >= MEMORY_SECONDS:
            self._reported = now
            logging.getLogger("uvicorn.error").warning(
                "%d wrong passwords within %.0f s, the last from %s", MANY, now - self._times[0], address
            )
        return self._longest if attacked else min(FIRST * 2 ** min(count - 1, 10), self._longest)

    async def wait(self, address: str) -> None:
        """Wait as long as a wrong password must; the longest waiting is let go where too many wait."""
        seconds = self.delay(address) * random.uniform(1.0, 2.0)  # noqa: S311 - so that not all come again at once
        if len(self._pending) >= self._limit:
            self._pending.popleft().set()
        early = asyncio.Event()
        self._pending.append(early)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(early.wait(), seconds)
        finally:
            with suppress(ValueError):
                self._pending.remove(early)
