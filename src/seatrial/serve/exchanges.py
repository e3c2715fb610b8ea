"""A request as those see it who look at it afterwards: request lines, metrics, traces, and the prediction log.

They get finished exchanges in batches, so that they cost the path of a request no more than an append.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

TRACE = b"traceparent"  # the header of W3C's trace context
FLUSH_SECONDS = 0.05
FLUSH_EXCHANGES = 64  # a flush blocks the event loop, and more at once would be noticeable

Observer = Callable[[Sequence["Exchange"]], None]


class Exchange:
    """One request and what became of it.

    `began` and `ended` are of time.perf_counter(), at the request's first byte and at its answer, and so is `deadline`:
    when its caller gives up, 0 if it does not say. `path` is the
    caller's text, `route` one of ours: a path in routes.py, "" where there is none. `key` is the name of the caller's
    key, `trace` the traceparent header, as it came. `scored` are the rows that were answered, as responses.Scored, and
    `errors` what was wrong with a request's rows, as in a RowError. A table of any length has `decided` in place of
    `scored`: how many of its rows got each class, by its position, or how many there are for a regression, by None.
    """

    __slots__ = (
        "began",
        "deadline",
        "decided",
        "ended",
        "errors",
        "key",
        "method",
        "path",
        "request_id",
        "route",
        "scored",
        "status",
        "trace",
    )

    def __init__(
        self,
        request_id: str,
        *,
        began: float = 0.0,
        method: str = "POST",
        path: str = "",
        route: str = "",
        key: str = "",
        trace: bytes = b"",
    ) -> None:
        self.request_id = request_id
        self.began = self.ended = began
        self.deadline = 0.0
        self.method = method
        self.path = path
        self.route = route
        self.key = key
        self.trace = trace
        self.status = 0
        self.scored: Sequence[Any] = ()
        self.errors: Sequence[Mapping[str, Any]] = ()
        self.decided: Counter[Any] | None = None


class Exchanges:
    """Collects finished exchanges, and hands them to each of its `observers` in turn."""

    def __init__(self, *observers: Observer) -> None:
        self.observers = list(observers)
        self._finished: list[Exchange] = []

    def add(self, exchange: Exchange, status: int) -> None:
        """Note that an exchange has ended with this status; in the event loop."""
        exchange.status = status
        exchange.ended = perf_counter()
        finished = self._finished
        finished.append(exchange)
        if len(finished) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(finished) >= FLUSH_EXCHANGES:
            self.flush()

    def flush(self) -> None:
        """Hand on what has been collected."""
        if self._finished:
            finished, self._finished = self._finished, []
            for observer in self.observers:
                observer(finished)
