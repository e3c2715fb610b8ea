"""The budget of one server process: how many bytes its clients may make it hold, and how many connections.

When it is used up, the connections that have waited for their clients the longest go first: what never arrives and what
nobody reads makes room for what does. A complete request that is being answered is never dropped.
"""

from collections import OrderedDict
from collections.abc import Collection
from itertools import islice
from operator import itemgetter
from typing import Literal, Protocol

from seatrial.http.limits import Limits

Kind = Literal["message", "input", "responses", "requests"]

LARGE = 32 * 2**10  # bytes; a larger body must fit before it is read, and leaves a quarter of the budget to others
CANDIDATES = 64  # of those that have waited the longest, for one that makes room for a large body
BATCH = 16  # so many shares; one of them is closed at once, so that finding the oldest is rare


class HeldConnection(Protocol):
    """What the budget knows of a connection."""

    useful: bool  # whether a request was answered on it

    def waiting_since(self) -> float:
        """Since when it has waited for its client; 0 while it is being answered."""

    def is_stalled(self) -> bool:
        """Whether its client is so slow that another one may take its place."""

    def evict(self) -> None:
        """Close it, and give back what it holds."""


class Budget:
    """Counts what the connections of one process hold, and evicts connections if that is too much."""

    def __init__(self, limits: Limits) -> None:
        self.bytes_limit = limits.held_bytes()
        self.connection_limit = limits.connection_count()
        self.held = 0
        self.evicted = self.taken = 0  # how often
        self._waiting: OrderedDict[HeldConnection, None] = OrderedDict()  # those that hold something, oldest first

    def take(self, connection: HeldConnection, size: int, *, large: bool) -> bool:
        """Let a connection that waits for its client hold `size` more bytes; False if there is no room for them."""
        room = self.bytes_limit * 3 // 4 if large else self.bytes_limit
        while self.held + size > room:
            candidates = islice(self._waiting, CANDIDATES) if large else islice(self._waiting, 1)
            chosen = next((each for each in candidates if not large or each.is_stalled()), connection)
            if chosen is connection:
                return False
            self.evicted += 1
            chosen.evict()
        self.held += size
        self.taken += 1
        self._waiting.setdefault(connection)
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
        groups: dict[bool, list[tuple[float, HeldConnection]]] = {False: [], True: []}
        for each in connections:
            if since := each.waiting_since():
                groups[each.useful].append((since, each))
        count = self.connection_limit // BATCH + 1 if groups[False] else 1
        chosen = sorted(groups[False] or groups[True], key=itemgetter(0))[:count]
        for _, each in chosen:
            self.evicted += 1
            each.evict()
        return bool(chosen)


class Holdings:
    """What one connection holds, counted by the budget of its process.

    `message` is the request that is being received, `input` is data that was not parsed yet, `responses` were not read;
    `requests` are complete and not answered, so they are never given up for others.
    """

    def __init__(self, budget: Budget, connection: HeldConnection) -> None:
        self._budget = budget
        self._connection: HeldConnection | None = connection
        self.message = self.input = self.responses = self.requests = 0

    def hold(self, kind: Kind, size: int, *, large: bool = False) -> bool:
        """Count so many bytes of a kind from now on; False, and no change, if the budget has no room for them."""
        if self._connection is None:
            return True
        more = size - getattr(self, kind)
        if more > 0 and not self._budget.take(self._connection, more, large=large):
            return False
        if more < 0:
            self._budget.give_back(-more)
        setattr(self, kind, size)
        if not (self.message or self.input or self.responses):
            self._budget.stop_waiting(self._connection)
        return True

    def complete(self) -> int:
        """Count the message as a request; returns its size."""
        size = self.message
        if size and self._connection is not None:
            self.message = 0
            self.requests += size
            if not (self.input or self.responses):
                self._budget.stop_waiting(self._connection)
        return size

    def close(self) -> None:
        """Hold nothing any more, whatever the connection still does."""
        self._budget.give_back(self.message + self.input + self.responses + self.requests)
        self.message = self.input = self.responses = self.requests = 0
        if self._connection is not None:
            self._budget.stop_waiting(self._connection)
            self._connection = None
