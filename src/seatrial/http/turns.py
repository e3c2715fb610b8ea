"""Shares the event loop among connections: large input is parsed in slices, for a few milliseconds in each turn.

Without this, one turn of the loop takes as long as everything that has arrived since the last one: a megabyte in chunks
of one byte takes a tenth of a second to parse, and 200 clients send that at the same time.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from uvicorn.protocols.http.flow_control import FlowControl

SLICE = 8 * 2**10  # bytes; a small request comes in one piece and is parsed at once
TURN_SECONDS = 0.002
MOST_IN_A_TURN = 16  # connections that read more in a turn, each up to 256 KiB


class Turns:
    """The connections of one process that have more input than one slice, in the order in which they are served."""

    def __init__(self) -> None:
        self._waiting: deque[SlicedInput] = deque()

    def add(self, input_: "SlicedInput") -> None:
        """Give a connection turns until it has no more work."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        self._waiting.append(input_)

    def _run(self) -> None:
        deadline = perf_counter() + TURN_SECONDS
        try:
            for _ in range(min(len(self._waiting), MOST_IN_A_TURN)):
                input_ = self._waiting.popleft()
                if input_.take_turn():
                    self._waiting.append(input_)
                if perf_counter() > deadline:
                    break
        finally:  # an error in one must not end the turns of the others
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._run)


class SlicedInput(FlowControl):
    """The input of one connection: it is read no faster than it is parsed, and parsed when it is this one's turn.

    `parse` gets the slices. The application pauses and resumes reading, as with Uvicorn's own class.
    """

    def __init__(self, transport: asyncio.Transport, turns: Turns, parse: Callable[[bytes], None]) -> None:
        super().__init__(transport)
        self._turns = turns
        self._parse = parse
        self._in_line = False
        self._stopped = False  # whether the transport reads nothing now
        self.waiting = b""  # data that was not parsed yet

    def add(self, data: bytes) -> None:
        """Parse the data later, in slices, and read no more until then; empty data only lets others go first."""
        self.waiting += data
        self._stop()
        self._line_up()

    def pause_reading(self) -> None:
        """Neither parse nor read more, because the application has enough."""
        self.read_paused = True
        self._stop()

    def resume_reading(self) -> None:
        """Go on."""
        if self.read_paused:
            self.read_paused = False
            self._line_up()

    def close(self) -> None:
        """Drop what is waiting. The connection is gone, and nothing here keeps it in memory."""
        self.waiting = b""
        self._parse = _ignore

    def take_turn(self) -> bool:
        """Parse a slice, or read on if there is nothing to parse; returns whether to get another turn."""
        self._in_line = False
        if self._transport.is_closing():
            self.waiting = b""
        elif self.waiting and not self.read_paused:
            data, self.waiting = self.waiting[:SLICE], self.waiting[SLICE:]
            try:
                self._parse(data)
            except Exception:  # the event loop logs it
                self._transport.abort()
                raise
            self._in_line = not self.read_paused
        elif not self.read_paused and self._stopped:
            self._stopped = False
            self._transport.resume_reading()
        return self._in_line

    def _line_up(self) -> None:
        if not self._in_line:
            self._in_line = True
            self._turns.add(self)

    def _stop(self) -> None:
        if not self._stopped and not self._transport.is_closing():
            self._stopped = True
            self._transport.pause_reading()


def _ignore(_data: bytes) -> None:
    pass
