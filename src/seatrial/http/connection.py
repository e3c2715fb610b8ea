"""Uvicorn's HTTP connection with limits: deadlines, header sizes, and a budget for everything that is held.

Uvicorn has none of them: a client that sends a byte a second is served forever, a header of 20 MB is accepted, and the
unfinished bodies of many clients take all memory.
"""

import asyncio
import logging
from time import perf_counter
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seatrial.http.budget import LARGE, Budget
from seatrial.http.limits import Limits
from seatrial.http.messages import RETRY, refusal, request_id, send_response, to_wire

SWEEP_SECONDS = 0.5
PIPELINE_LIMIT = 256  # requests that may wait on one connection; Uvicorn has no limit
WRITE_BUFFER = 16 * 2**10  # bytes of unread responses on a connection that the budget does not count
UNREAD = "The server holds too many unfinished requests. Try again."


class RefusedError(Exception):
    """Raised inside the parser's callbacks, to stop it."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection of a server whose configuration is a GuardedConfig.

    The application may have two more methods: `log_request(began, method, path, status, request_id)` for requests that
    the connection refuses, and `log_fault(message, error, request_id)` for errors in handling the connection itself.
    """

    app: Any
    config: Any

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of a new connection: one that stays silent is closed."""
        super().connection_made(transport)
        self._limits: Limits = self.config.limits
        # A chunk of one byte takes six, so this covers any legitimate body. Anything beyond it is treated as abuse.
        self._message_limit: int = self._limits.header_size + 8 * self._limits.body_size
        self._began = self._heard = perf_counter()  # of the message that is being received; 0 between messages
        self._idle = 0.0  # when the connection became idle; 0 while a request is in progress
        self._stuck = 0.0  # when the client stopped reading; 0 while it reads
        self._closing = 0.0  # when the sweep first saw it closing
        self._size = 0
        self._declared = 0  # the Content-Length of the message
        self._incoming = 0  # what the budget counts for the message that is being received
        self._unread = 0  # and for responses
        self._answered = 0  # and for requests that are complete and not answered yet
        self._useful = False  # whether a request was answered on it
        self._follows = False  # whether the message began in the same data in which another one ended
        self._in_head = True
        self._discarded = False  # whether the body is not wanted
        self._refused = 400
        self.draining: bool = getattr(self.server_state, "draining", False)
        self.current: Any = None  # the request whose response is due next; Uvicorn's `cycle` is the newest
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._join()

    def _join(self) -> None:
        """Count this connection among those of the process, and see that it is swept."""
        state: Any = self.server_state
        self._budget: Budget = self.config.budget
        if not getattr(state, "swept", False):
            state.swept = True
            self.loop.call_later(SWEEP_SECONDS, _sweep, self.loop, state)
        if not self._budget.make_room(self.connections):
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the request in progress, too: Uvicorn only notifies the newest one on the connection."""
        if self.current is not None:
            self.current.disconnected = True
            self.current.message_event.set()
        self.pipeline.clear()
        self._give_all_back()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, and check the size of the message."""
        self._idle = 0.0
        self._began = self._began or perf_counter()
        self._size += len(data)
        self._follows = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is supported: respond to the request as plain HTTP
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, RefusedError):
                self._log_fault(cause or error)
                self._refused = 500
            self._refuse(self._refused)
        except httptools.HttpParserError:
            self._refuse(400)
        else:
            if self._began:
                self._continue()

    def _continue(self) -> None:
        """Check and count what has arrived of a message that is not complete."""
        self._heard = perf_counter()
        if self._follows and self._in_head:
            self._size = self._header_size()
        limits = self._limits
        too_long = self._in_head and self._size > limits.header_size
        if too_long or len(self.headers or ()) > limits.header_count:
            self._refuse(431)
        elif self._size > self._message_limit:
            self.transport.abort()
        elif not self._hold_incoming():
            self._refuse(503)

    def _hold_incoming(self) -> bool:
        """Let the budget count the message as far as it is known; False if there is no room for it."""
        if self._discarded:
            return True
        wanted, large = 2 * min(self._size, self._limits.header_size), False  # parsed headers take twice their size
        if not self._in_head:
            body = min(max(self._declared, self._size), self._limits.body_in_memory())
            wanted, large = wanted + body, body > LARGE
        if wanted <= self._incoming:
            return True
        if not self._budget.take(self, wanted - self._incoming, large=large):
            return False
        self._incoming = wanted
        return True

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self._began = self.scope["state"]["began"] = perf_counter()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Refuse a header over the limit before it is used."""
        limits = self._limits
        if (self._follows or self._size > limits.header_size) and self._header_size() > limits.header_size:
            self._refused = 431
            raise RefusedError
        if len(self.headers) > limits.header_count:
            self._refused = 431
            raise RefusedError
        self._in_head = False
        self.begin_request()

    def begin_request(self) -> None:
        """Hand the request to the application; its body follows. A large body must fit into the budget."""
        if len(self.pipeline) >= PIPELINE_LIMIT:
            self._refused = 429
            raise RefusedError
        previous, app = self.cycle, self.app
        self._declared = next((int(value) for name, value in self.headers if name == b"content-length"), 0)
        if self._declared > LARGE and self._declared <= self._limits.body_size and not self._hold_incoming():
            self.app, self._discarded = _Refusal(app), True
        try:
            super().on_headers_complete()
        except Exception:  # the path is invalid or not ASCII
            raise RefusedError from None
        finally:
            self.app = app
        self.headers = []  # the trailer of a chunked body is not a part of the header
        if self.draining:
            if previous is not None and not previous.response_started:
                previous.keep_alive = True  # the connection closes after the last response that is due on it
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Stop the clock of the request. What is held of it stays counted until it is answered."""
        self._answered += self._incoming
        self._incoming = 0
        self._received()
        super().on_message_complete()
        if self.cycle.response_complete:  # it was refused before it had arrived completely
            self._idle = perf_counter()
            self._give_answered_back()

    def _received(self) -> None:
        self._began = 0.0
        self._size = self._declared = 0
        self._follows = self._in_head = True
        self._discarded = False
        if self._incoming or self._answered:
            self._budget.give_back(self._incoming)
            self._incoming = 0
            if not self._stuck:
                self._budget.stop_waiting(self)

    def on_response_complete(self) -> None:
        """Continue with the next request. If there is none, the sweep (not a timer) closes the connection later."""
        self.server_state.total_requests += 1
        self._useful = True
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        if self._answered:
            self._give_answered_back()
        self.flow.resume_reading()
        if not self._began:
            self._idle = perf_counter()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.current = cycle
        super()._start_asgi_task(cycle, app)

    def _give_answered_back(self) -> None:
        self._budget.give_back(self._answered)
        self._answered = 0

    def _give_all_back(self) -> None:
        self._budget.give_back(self._incoming + self._answered + self._unread)
        self._incoming = self._answered = self._unread = 0
        self._budget.stop_waiting(self)

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
        if due is None or (own and not due.response_started):  # else the client would take it for another response
            response = refusal(status, self._reason(status), RETRY if status == 503 else ())
            self.transport.write(to_wire(response, identity, self.server_state.default_headers, keep_alive=False))
        if due is not None:
            due.disconnected = True
            due.message_event.set()
            if own:
                due.scope["state"]["refused"] = True  # so that it is logged only once
        self.transport.close()
        if log := getattr(self.app, "log_request", None):
            log(self._began or perf_counter(), scope.get("method", "-"), scope.get("path", "-"), status, identity)

    def _reason(self, status: int) -> str:
        limits = self._limits
        seconds = limits.header_seconds if self._in_head else limits.body_seconds
        reasons = {
            400: "The request is not valid HTTP.",
            408: f"The request did not arrive within {seconds:g} s.",
            429: "Too many requests are waiting on this connection.",
            431: f"The request header is larger than {limits.header_size:,} bytes.",
            500: "The connection failed.",
            503: UNREAD,
        }
        if status == 431 and max(self._size, self._header_size()) <= limits.header_size:
            return f"The request has more than {limits.header_count} header lines."
        return reasons[status]

    def _log_fault(self, error: BaseException) -> None:
        if log := getattr(self.app, "log_fault", None):
            log("The connection failed", error, "-")
        else:
            logging.getLogger(__name__).error("The connection failed", exc_info=error)

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read its response, and count what it leaves here."""
        self._stuck = perf_counter()
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        if not self._budget.take(self, self._unread, large=False):
            self._unread = 0
            self.transport.abort()

    def resume_writing(self) -> None:
        """Stop that clock."""
        self._stuck = 0.0
        self._budget.give_back(self._unread)
        self._unread = 0
        if not self._incoming:
            self._budget.stop_waiting(self)
        super().resume_writing()

    def waiting_since(self) -> tuple[bool, float] | None:
        """Whether a request was answered on it, and since when it waits for its client; None while it does not."""
        since = self._stuck or self._began or self._idle
        return (self._useful, since) if since else None

    def evict(self) -> None:
        """Close the connection, which others need more: with a 503 if its client still sends a request."""
        if self._size and not self.transport.get_write_buffer_size():
            self._refuse(503)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
        self._give_all_back()
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

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow or idle for too long."""
        limits = self._limits
        if self.transport.is_closing():
            self._closing = self._closing or now
            if now - self._closing > limits.stall_seconds:
                self.transport.abort()  # its client does not read the last response
        elif self._stuck and now - self._stuck > limits.stall_seconds:
            self.transport.abort()
        elif self._idle and now - self._idle > limits.keep_alive:
            self.transport.close()
        elif self._began and self._is_late(now):
            if self._size == 0:
                self.transport.close()  # the client never sent anything
            elif self.current is not None and self.current.response_started:
                self.transport.abort()  # it has its response, and is still sending
            else:
                self._refuse(408)

    def _is_late(self, now: float) -> bool:
        limits: Limits = self._limits
        seconds = limits.header_seconds if self._in_head else limits.body_seconds
        return now - self._began > seconds or now - self._heard > limits.stall_seconds


class _Refusal:
    """An ASGI application that answers 503, in place of one that has no room for a large body."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        identity = request_id(scope["headers"])
        await send_response(send, refusal(503, UNREAD, RETRY), identity)
        if log := getattr(self._app, "log_request", None):
            log(scope["state"]["began"], scope["method"], scope["path"], 503, identity)


def _sweep(loop: asyncio.AbstractEventLoop, state: Any) -> None:
    now = perf_counter()
    for connection in list(state.connections):
        connection.check(now)
    if state.connections:
        loop.call_later(SWEEP_SECONDS, _sweep, loop, state)
    else:
        state.swept = False
