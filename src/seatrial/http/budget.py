"""The budget of one server process: how many bytes its clients may make it hold, and how many connections.

When it is used up, the connections that have waited for their clients the longest go first: what never arrives and what
nobody reads makes room for what does. A complete request that is being answered is never dropped.
"""

from collections import OrderedDict
from collections.abc import Collection
from time import perf_counter
from typing import Protocol

from seatrial.http.limits import Limits

LARGE = 32 * 2**10  # bytes; a larger body must fit before it is read, and leaves a quarter of the budget to others
PATIENCE = 1.0  # seconds; an unfinished body younger than this never makes room for another large one
BATCH = 16  # a sixteenth of the connections is closed at once, so that finding the oldest is rare


class HeldConnection(Protocol):
    """What the budget knows of a connection."""

    def waiting_since(self) -> tuple[bool, float] | None:
        """Whether it was ever useful, and since when it has waited for its client; None while it is being answered."""

    def evict(self) -> None:
        """Close it, and give back what it holds."""


class Budget:
    """Counts what the connections of one process hold, and evicts connections if that is too much."""

    def __init__(self, limits: Limits) -> None:
        self.bytes_limit = limits.held_bytes()
        self.connection_limit = limits.connection_count()
        self.held = 0
        self.evicted = 0
        self._waiting: OrderedDict[HeldConnection, float] = OrderedDict()  # those that hold something, oldest first

    def take(self, connection: HeldConnection, size: int, *, large: bool) -> bool:
        """Let a connection that waits for its client hold `size` more bytes; False if there is no room for them."""
        room = self.bytes_limit * 3 // 4 if large else self.bytes_limit
        patience = PATIENCE if large else 0.0
        while self.held + size > room:
            oldest = next(iter(self._waiting), connection)
            if oldest is connection or perf_counter() - self._waiting[oldest] < patience:
                return False
            self.evicted += 1
            oldest.evict()
        self.held += size
        self._waiting.setdefault(connection, perf_counter())
        return True

    def give_back(self, size: int) -> None:
        """Count `size` bytes as free again."""
        self.held -= size

    def stop_waiting(self, connection: HeldConnection) -> None:
        """Keep the connection: the server, not the client, has the next move."""
        self._waiting.pop(connection, None)

    def make_room(self, connections: Collection[HeldConnection]) -> bool:
        """Close some connections if there are too many; False if all of them are being answered."""
        if len(connections) <= self.connection_limit:
            return True
        waiting = [(since, each) for each in connections if (since := each.waiting_since()) is not None]
        waiting.sort(key=lambda pair: pair[0])
        strangers = [each for (useful, _), each in waiting if not useful]
        chosen = strangers[: self.connection_limit // BATCH + 1] or [each for _, each in waiting[:1]]
        for each in chosen:
            self.evicted += 1
            each.evict()
        return bool(chosen)
