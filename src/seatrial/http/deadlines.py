"""When a connection waits for its client, and for how long it may."""

import asyncio
from time import perf_counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seatrial.http.limits import Limits
from seatrial.http.memory import Trimmer

SWEEP_SECONDS = 0.5
CHECKED_AT_ONCE, CLOSED_AT_ONCE = 256, 16  # connections in one turn of the loop; thousands may end at the same time
PATIENCE, LEAST_RATE = 1.0, 16 * 2**10  # seconds; and bytes a second, for a body that keeps its place among others


class TimedProtocol(HttpToolsProtocol):
    """A connection with clocks. One sweep checks all of them, since a timer for each request would cost too much."""

    config: Any
    connections: Any
    flow: Any
    current: Any  # the request whose response is due next; Uvicorn's `cycle` is the newest

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of a new connection: one that stays silent is closed."""
        super().connection_made(transport)
        self._limits: Limits = self.config.limits
        self._began = self._heard = perf_counter()  # of the message that is being received; 0 between messages
        self._idle = 0.0  # when the connection became idle; 0 while a request is in progress
        self._stuck = 0.0  # when the client stopped reading; 0 while it reads
        self._closing = 0.0  # when the sweep first saw it closing
        self._size = 0  # of the message
        self._in_head = True
        self._streamed = False  # whether the application reads the body as it arrives
        state: Any = self.server_state
        if not getattr(state, "swept", False):
            state.swept = True
            self.loop.call_later(SWEEP_SECONDS, _sweep, self.loop, state, self.config.trimmer)

    def waiting_since(self) -> float:
        """Since when it waits for its client; 0 while it does not."""
        if self._is_streaming() and not self.is_stalled():
            return 0.0
        return self._stuck or self._began or self._idle

    def is_stalled(self) -> bool:
        """Whether its client sends or reads so little that another one may take its place."""
        if self._is_streaming():
            return not self.flow.read_paused and perf_counter() - self._heard > PATIENCE
        took = perf_counter() - self.waiting_since()
        return took > PATIENCE and (self._stuck > 0 or self._size < took * LEAST_RATE)

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow or idle for too long."""
        limits = self._limits
        if self.transport.is_closing():
            self._closing = self._closing or now
            if now - self._closing > limits.stall_seconds:
                self.transport.abort()  # its client does not read the last response
        elif self._stuck and now - max(self._stuck, self._is_streaming() * self._heard) > limits.stall_seconds:
            self.transport.abort()  # clients that send a long body may read the response after it
        elif self._idle and now - self._idle > limits.keep_alive:
            self.transport.close()
        elif self._began and not self.flow.waiting and self._is_late(now):
            if self._size == 0:
                self.transport.close()  # the client never sent anything
            elif self.current is not None and self.current.response_started:
                self.transport.abort()  # it has its response, and is still sending
            else:
                self._refuse(408)

    def _is_streaming(self) -> bool:
        """Whether a body arrives that may take as long as it keeps arriving."""
        return self._streamed and self._began > 0 and not self._in_head

    def _is_late(self, now: float) -> bool:
        limits: Limits = self._limits
        if self._is_streaming():
            if self.flow.read_paused and not self._stuck:
                self._heard = now  # the server is behind, not the client
            slow = now - self._began > limits.body_seconds + self._size / LEAST_RATE
            return slow or now - self._heard > limits.stall_seconds
        seconds = limits.header_seconds if self._in_head else limits.body_seconds
        return now - self._began > seconds or now - self._heard > limits.stall_seconds

    def _refuse(self, status: int) -> None:
        raise NotImplementedError


def _sweep(
    loop: asyncio.AbstractEventLoop, state: Any, trimmer: Trimmer, left: list[TimedProtocol] | None = None
) -> None:
    """Check all connections, a few in each turn of the loop; `left` are those that an earlier turn did not come to."""
    now = perf_counter()
    left = list(state.connections) if left is None else left
    closed = 0
    for _ in range(min(len(left), CHECKED_AT_ONCE)):
        connection = left.pop()
        connection.check(now)
        closed += connection.transport.is_closing()
        if closed >= CLOSED_AT_ONCE:
            break
    if left:
        loop.call_soon(_sweep, loop, state, trimmer, left)
    elif trimmer.look(now, len(state.connections)) or state.connections:
        loop.call_later(SWEEP_SECONDS, _sweep, loop, state, trimmer)
    else:
        state.swept = False
