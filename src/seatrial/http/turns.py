"""Shares the event loop among connections: large input is parsed in slices, for a few milliseconds in each turn.

Without this, one turn of the loop takes as long as everything that has arrived since the last one: a megabyte in chunks
of one byte takes a tenth of a second to parse, and 200 clients send that at the same time. So do a thousand small
requests: of a crowd, some are handled in a turn, in the order in which they came, and who asks for something else, as a
health check does, waits for one short turn.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

SLICE = 512  # bytes, which may hold 15 requests
TURN_SECONDS = 0.002
MOST_IN_A_TURN = 16  # connections that read more in a turn, each up to 256 KiB
CROWD = 64  # small requests in a turn of the event loop; with so few, what belongs to them stays in the cache
LONGEST_WAIT = 1.0  # seconds, for a turn of the event loop


class Work(Protocol):
    """Something that is done in steps."""

    def take_turn(self) -> bool:
        """Do one step; returns whether to get another turn."""


class Turns:
    """What the connections of one process have to do that can wait for others, in the order in which it is done."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()
        self._crowd: deque[Callable[[], None]] = deque()
        self._requests = 0  # small ones in this turn of the event loop

    def is_crowded(self) -> bool:
        """Count a small request; returns whether there are so many that it has to wait for its turn."""
        self._requests += 1
        if self._requests == 1:
            asyncio.get_running_loop().call_soon(self._next)
        return self._requests > CROWD

    def line_up(self, handle: Callable[[], None]) -> None:
        """Handle a small request after all others that wait for their turns."""
        self._crowd.append(handle)

    def _next(self) -> None:
        """Begin a turn of the loop with requests of earlier ones; while there are more, new ones wait behind them."""
        crowd = self._crowd
        try:
            for _ in range(min(len(crowd), CROWD)):
                crowd.popleft()()
        finally:
            self._requests = CROWD if crowd else 0
            if crowd:
                asyncio.get_running_loop().call_soon(self._next)

    def add(self, work: Work) -> None:
        """Give some work turns until it is done."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        self._waiting.append(work)

    def _run(self) -> None:
        deadline = perf_counter() + TURN_SECONDS
        try:
            for _ in range(min(len(self._waiting), MOST_IN_A_TURN)):
                work = self._waiting.popleft()
                if work.take_turn():
                    self._waiting.append(work)
                if perf_counter() > deadline:
                    break
        finally:  # an error in one must not end the turns of the others
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._run)


class SlicedInput(FlowControl):
    """The input of one connection: it is read no faster than it is parsed, and parsed when it is this one's turn.

    `parse` gets the slices, and returns how large the next one may be. The application pauses and resumes reading, as
    with Uvicorn's own class.
    """

    def __init__(self, transport: asyncio.Transport, turns: Turns, parse: Callable[[bytes], int]) -> None:
        super().__init__(transport)
        self._turns = turns
        self._parse = parse
        self._in_line = False
        self._stopped = False  # whether the transport reads nothing now
        self._data = b""
        self._parsed = 0  # bytes of the data
        self.waiting = 0  # bytes that were not parsed yet
        self._slice = SLICE  # how large the next one may be

    def add(self, data: bytes) -> None:
        """Parse the data later, in slices, and read no more until then; empty data only lets others go first."""
        self._data, self._parsed = self._data[self._parsed :] + data, 0
        self.waiting = len(self._data)
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
        self._drop()
        self._parse = _ignore

    def take_turn(self) -> bool:
        """Parse a slice, or read on if there is nothing to parse; returns whether to get another turn."""
        self._in_line = False
        if self._transport.is_closing():
            self._drop()
        elif self.waiting and not self.read_paused:
            start, self._parsed = self._parsed, min(self._parsed + self._slice, len(self._data))
            self.waiting = len(self._data) - self._parsed
            try:
                self._slice = self._parse(self._data[start : self._parsed])
            except Exception:  # the event loop logs it
                self._transport.abort()
                raise
            if not self.waiting:
                self._drop()
            self._in_line = not self.read_paused
        elif not self.read_paused and self._stopped:
            self._stopped = False
            self._transport.resume_reading()
        return self._in_line

    def _drop(self) -> None:
        self._data, self._parsed, self.waiting = b"", 0, 0

    def _line_up(self) -> None:
        if not self._in_line:
            self._in_line = True
            self._turns.add(self)

    def _stop(self) -> None:
        if not self._stopped and not self._transport.is_closing():
            self._stopped = True
            self._transport.pause_reading()


def wait_for_turn(loop: asyncio.AbstractEventLoop) -> None:
    """Let a turn of the event loop pass, in a thread that works in slices.

    Whenever the loop handles an event it needs the interpreter's lock, and a thread that works keeps that for half a
    millisecond at a time: a turn with 200 events would take a tenth of a second.
    """
    passed = threading.Event()
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(passed.set)
        passed.wait(LONGEST_WAIT)


def _ignore(_data: bytes) -> int:
    return SLICE
