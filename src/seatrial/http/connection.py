"""Uvicorn's HTTP connection with limits: deadlines, header sizes, and a budget for everything that is held.

Uvicorn has none of them: a client that sends a byte a second is served forever, a header of 20 MB is accepted, and the
unfinished bodies of many clients take all memory.
"""

import asyncio
from time import perf_counter
from typing import Any

import httptools

from seatrial.http import refusals
from seatrial.http.budget import LARGE, Budget, Holdings
from seatrial.http.deadlines import TimedProtocol
from seatrial.http.hosts import host_of
from seatrial.http.messages import request_id, to_wire
from seatrial.http.receiving import receive_freely
from seatrial.http.turns import SLICE, SlicedInput

PIPELINED_BYTES = 3 * 2**10  # what a request costs that waits for earlier ones
MOST_PIPELINED = 2  # when so many wait, no more are parsed
HEADER_BYTES = 256  # what a parsed header line costs besides its text
STREAM_SLICE = 16 * 2**10  # bytes of a chunked body that are parsed at once while it is read as it arrives
SHORT = 512  # bytes, which are parsed at once unless they are many lines
SMALL = 8 * 2**10  # bytes, which are parsed at once unless they are many lines or requests
MANY_LINES = 48  # browsers send some twenty; each costs as much as a hundred bytes of one
MOST_TASKS = 16  # requests in progress in the application; beside more, others wait for their turns
HEALTH = ("/health", "/api/v1/health", "/ready")  # which do not
WRITE_BUFFER = 16 * 2**10  # bytes of unread responses on a connection that the budget does not count


class RefusedError(Exception):
    """Raised inside the parser's callbacks, to stop it."""


class GuardedProtocol(TimedProtocol):
    """One connection of a server whose configuration is a GuardedConfig.

    The application may have three more methods: `log_request(began, method, path, status, request_id)` for requests
    that the connection refuses, `log_fault(message, error, request_id)` for errors in handling the connection itself,
    and `streamed_size(scope)`: how large the body of a request may be that is read as it arrives, 0 where it is not.
    Such a body may take as long as it keeps arriving, and the key "abort" of the request's state is a function that
    closes the connection in the middle of the response.
    """

    app: Any
    flow: SlicedInput

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of a new connection: one that stays silent is closed."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        # A chunk of one byte takes six, so this covers any legitimate body. Anything beyond it is treated as abuse.
        self._message_limit: int = self._limits.header_size + 8 * self._limits.body_size
        self._streamed_size = 0
        self._declared = 0  # the Content-Length of the message
        self._follows = False  # whether another message ended in the data that is being parsed
        self.url, self.headers = b"", []  # Uvicorn sets them when a message begins; empty lines may come before it
        self._chunked = False
        self._barren = 0  # bytes of a chunked message since its last data: a trailer, or extensions of a chunk
        self._shared = False  # whether the message began in such data, so that its size is not known
        self._discarded = False  # whether the body is not wanted
        self._refused = 400
        self.useful = False  # whether a request was answered on it, and not for lack of room
        self.draining: bool = getattr(self.server_state, "draining", False)
        self.current: Any = None  # the request whose response is due next; Uvicorn's `cycle` is the newest
        self._next_app: Any = None  # the application that is to answer it, while it waits for its turn
        self._join(self.config.budget)

    def _join(self, budget: Budget) -> None:
        """Count this connection among those of the process."""
        self._holdings = Holdings(budget, self)
        self.flow = SlicedInput(self.transport, self.config.turns, self._parse_slice)
        if not budget.make_room(self.connections):
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the request in progress, too: Uvicorn only notifies the newest one on the connection."""
        if self.current is not None:
            self.current.disconnected = True
            self.current.message_event.set()
        self.pipeline.clear()
        self._holdings.close()
        super().connection_lost(exc)
        self.flow.close()
        if self.scope:
            self.scope["state"].pop("abort", None)
        self.cycle = self.current = None  # type: ignore[assignment]  # they refer to this connection

    def data_received(self, data: bytes) -> None:
        """Parse the data: at once if it is small or a part of a body, and in slices otherwise."""
        self._idle = 0.0
        self._began = self._began or perf_counter()
        if not self.flow.waiting and _is_small(data):
            self._parse(data)
        elif len(data) <= self._declared - self._size and not self.flow.waiting:
            self._parse(data)
            self.flow.add(b"")
        elif self._holdings.hold("input", self.flow.waiting + len(data), large=len(data) > LARGE):
            self.flow.add(data)
        else:
            self._refuse(503)

    def _parse_slice(self, data: bytes) -> int:
        """Parse some of the data that waits; returns how much may be parsed at once after it."""
        self._parse(data)
        least = STREAM_SLICE if self._streamed else SLICE
        return SLICE // 2 if self.pipeline else max(self._declared - self._size, least)  # a body costs little

    def _parse(self, data: bytes) -> None:
        """Parse some data, and check the size of the message."""
        self._size += len(data)
        self._barren += len(data)
        self._follows = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is supported: respond to the request as plain HTTP
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, RefusedError):
                refusals.log_fault(self.app, cause or error)
                self._refused = 500
            self._refuse(self._refused)
        except httptools.HttpParserError:
            self._refuse(400)
        else:
            if self._began:
                self._continue()
        if self._holdings.input:
            self._holdings.hold("input", self.flow.waiting)
            if self.flow.waiting:
                self._began = self._began or perf_counter()

    def _continue(self) -> None:
        """Check and count what has arrived of a message that is not complete."""
        self._heard = perf_counter()
        if self._follows and self._in_head:
            self._size = self._header_size()
        limits = self._limits
        too_long = self._in_head and self._size > limits.header_size
        too_long |= self._chunked and self._barren > limits.header_size
        if too_long or len(self.headers) > limits.header_count:
            self._refuse(431)
        elif self._size > self._message_limit + 8 * self._streamed_size:
            self.transport.abort()
        elif not self._hold_message():
            self._refuse(503)

    def _hold_message(self) -> bool:
        """Let the budget count the message as far as it is known; False if there is no room for it."""
        if self._discarded:
            return True
        # The parsed header is another copy of what was received, and an object for each name and value.
        wanted, large = 2 * min(self._size, self._limits.header_size) + HEADER_BYTES * len(self.headers or ()), False
        if not self._in_head:
            body = min(max(self._declared, self._size), self._limits.body_in_memory())
            wanted, large = wanted + body, body > LARGE
        return wanted <= self._holdings.message or self._holdings.hold("message", wanted, large=large)

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self._began = self.scope["state"]["began"] = perf_counter()
        self._in_head, self._shared = True, self._follows

    def on_headers_complete(self) -> None:
        """Refuse a header over the limit before it is used."""
        limits = self._limits
        across = self._shared and not self._follows  # it began in earlier data, beside other messages
        long = (across or self._size > limits.header_size) and self._header_size() > limits.header_size
        if long or len(self.headers) > limits.header_count:
            self._refused = 431
            raise RefusedError
        self._in_head = False
        self.begin_request()

    def begin_request(self) -> None:
        """Hand the request to the application; its body follows. A large body must fit into the budget."""
        previous, app = self.cycle, self.app
        self._read_framing()
        if LARGE < self._declared <= self._limits.body_size and not self._hold_message():
            self.app, self._discarded = refusals.NoRoom(app), True
        elif self._declared > LARGE:
            receive_freely(self.transport)
        try:
            super().on_headers_complete()
        except Exception:  # the path is invalid or not ASCII
            raise RefusedError from None
        finally:
            self.app = app
        self._stream()
        self.headers = []  # the trailer of a chunked body is not a part of the header
        if self.pipeline and not self._holdings.hold("message", self._holdings.message + PIPELINED_BYTES):
            self._refused = 503
            raise RefusedError
        if self.draining:
            if previous is not None and not previous.response_started:
                previous.keep_alive = True  # the connection closes after the last response that is due on it
            self.cycle.keep_alive = False

    def _stream(self) -> None:
        """Ask the application whether it reads the body as it arrives."""
        ask = getattr(self.app, "streamed_size", None)
        self._streamed_size = ask(self.scope) if ask and not self._discarded else 0
        if self._streamed_size:
            self._streamed = True
            self.scope["state"]["abort"] = self.abort_response
            if self._chunked:
                receive_freely(self.transport)

    def abort_response(self) -> None:
        """Close the connection in the middle of its response, so that the client notices."""
        if self.current is not None:
            self.current.disconnected = True
        self.transport.close()

    def _read_framing(self) -> None:
        """Read how the body is framed; refuse a request without exactly one valid host."""
        hosts = 0
        for name, value in self.headers:
            if name == b"content-length":
                self._declared = int(value)
            elif name == b"transfer-encoding":
                self._chunked, self._barren = True, 0
            elif name == b"host":
                hosts += 1
                if value and host_of(value) is None:
                    raise RefusedError
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):  # RFC 9112, 3.2
            raise RefusedError

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body."""
        self._barren = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of the request. What is held of it stays counted until it is answered."""
        held = self._holdings.complete()
        self._received()
        super().on_message_complete()
        if held:
            self.cycle.held = held  # type: ignore[attr-defined]
        if self.cycle.response_complete:  # it was refused before it had arrived completely
            self._idle = perf_counter()
            self._answered(self.cycle)

    def _received(self) -> None:
        self._began = 0.0
        if self._streamed:
            self._streamed, self._streamed_size = False, 0
            self._stuck = perf_counter() if self._stuck else 0.0  # the client may read only now
        self._size = self._declared = 0
        self._follows = self._in_head = True
        self._discarded = self._chunked = False
        if self._holdings.message:
            self._holdings.hold("message", 0)

    def _answered(self, cycle: Any) -> None:
        if held := getattr(cycle, "held", 0):
            cycle.held = 0
            self._holdings.hold("requests", self._holdings.requests - held)

    def on_response_complete(self) -> None:
        """Continue with the next request. If there is none, the sweep (not a timer) closes the connection later."""
        self.server_state.total_requests += 1
        self.useful = self.useful or not self._discarded
        self._answered(self.current)
        if self.transport.is_closing():
            return
        if self._streamed:  # answered before all of it has arrived, which must not take long now
            self._streamed, self._began = False, perf_counter()
        if len(self.pipeline) < MOST_PIPELINED:
            self.flow.resume_reading()
        if self.pipeline:
            self.current, self._next_app = self.pipeline.pop()
            self.config.turns.add(self)  # those who send one request at a time go first
        elif not self._began:
            self._idle = perf_counter()

    def take_turn(self) -> bool:
        """Start to answer a request that waits for its turn."""
        app, self._next_app = self._next_app, None
        if app is not None and not self.transport.is_closing():
            super()._start_asgi_task(self.current, app)
        return False

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.current = cycle
        if len(self.tasks) < MOST_TASKS or cycle.scope["path"] in HEALTH:
            super()._start_asgi_task(cycle, app)
        else:
            self._next_app = app
            self.config.turns.add(self)

    def _is_answered(self) -> bool:
        """Whether the request whose body arrives has its response already."""
        return not self._in_head and self.current is not None and self.current.scope is self.scope

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, status: int) -> None:
        """Send an error and close. Responses in progress on this connection are lost."""
        if self.transport.is_closing():
            return
        scope: Any = self.scope or {}
        identity = request_id(scope.get("headers", ()))
        due = self.current if self.current is not None and not self.current.response_complete else None
        own = due is not None and due.scope is self.scope
        if due is None and self._is_answered():
            self.transport.close()
            return
        if due is None or (own and not due.response_started):  # else the client would take it for another response
            too_many = status == 431 and max(self._size, self._header_size()) <= self._limits.header_size
            response = refusals.response(status, self._limits, in_head=self._in_head, too_many=too_many)
            self.transport.write(to_wire(response, identity, self.server_state.default_headers, keep_alive=False))
        if due is not None:
            due.disconnected = True
            due.message_event.set()
            if own:
                due.scope["state"]["refused"] = True  # so that it is logged only once
        self.transport.close()
        refusals.log_request(self.app, scope, self._began or perf_counter(), status, identity)

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read its response, and count what it leaves here."""
        self._stuck = perf_counter()
        super().pause_writing()
        if not self._holdings.hold("responses", self.transport.get_write_buffer_size()):
            self.transport.abort()

    def resume_writing(self) -> None:
        """Stop that clock."""
        self._stuck = 0.0
        self._holdings.hold("responses", 0)
        super().resume_writing()

    def evict(self) -> None:
        """Close the connection, which others need more: with a 503 if its client still sends a request."""
        if self._size and not self.transport.get_write_buffer_size():
            self._refuse(503)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
        self._holdings.close()
        self.connections.discard(self)

    def drain(self) -> None:
        """Close the connection after its next response, because the server is stopping."""
        self.draining = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Do not wait for requests that have not arrived."""
        super().shutdown()
        if self._began and not self.transport.is_closing():
            self.transport.close()


def _is_small(data: bytes) -> bool:
    """Whether to parse the data takes no longer than an ordinary request does."""
    if len(data) > SMALL or data.count(b"\n") > MANY_LINES:
        return False
    return len(data) <= SHORT or data.count(b" HTTP/1.") <= 2
