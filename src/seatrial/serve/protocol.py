"""Uvicorn's HTTP connection with limits: deadlines for what the client must send, and a maximum header size.

Uvicorn has neither: a client that sends a byte a second is served forever, and a header of 20 MB is accepted.
"""

import asyncio
from time import perf_counter
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from seatrial.serve import logs, requests, responses

SWEEP_SECONDS = 0.5
PIPELINE_LIMIT = 256  # requests that may wait on one connection; Uvicorn has no limit


class RefusedError(Exception):
    """Raised inside the parser's callbacks, to stop it."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. The application is an AsgiApp, which has the limits and the access log."""

    app: Any

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of a new connection: one that stays silent is closed."""
        super().connection_made(transport)
        settings = self.app.settings
        self._header_limit: int = settings.header_limit
        # A chunk of one byte takes six, so this covers any legitimate body. Anything beyond it is treated as abuse.
        self._message_limit: int = settings.header_limit + 8 * settings.body_limit
        self._timeout: float = settings.receive_timeout
        self._keep_alive: float = settings.keep_alive
        self._began = perf_counter()  # when the message that is being received began; 0 between messages
        self._idle = 0.0  # when the connection became idle; 0 while a request is in progress
        self._stuck = 0.0  # when the client stopped reading; 0 while it reads
        self._size = 0
        self._follows = False  # whether the message began in the same data in which another one ended
        self._in_head = True
        self._refused = 400
        self.draining: bool = getattr(self.server_state, "draining", False)
        self.current: Any = None  # the request whose response is due next; Uvicorn's `cycle` is the newest
        state = self.server_state
        if not getattr(state, "swept", False):
            state.swept = True  # type: ignore[attr-defined]
            self.loop.call_later(SWEEP_SECONDS, _sweep, self.loop, state)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the request in progress, too: Uvicorn only notifies the newest one on the connection."""
        if self.current is not None:
            self.current.disconnected = True
            self.current.message_event.set()
        self.pipeline.clear()
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
                logs.fault("The connection failed", cause or error, "-")
                self._refused = 500
            self._refuse(self._refused)
        except httptools.HttpParserError:
            self._refuse(400)
        else:
            if self._in_head and self._size > self._header_limit:
                self._refuse(431)
            elif self._size > self._message_limit and self._began:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self._began = self.scope["state"]["began"] = perf_counter()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Refuse a header over the limit before it is used."""
        if (self._follows or self._size > self._header_limit) and self._header_size() > self._header_limit:
            self._refused = 431
            raise RefusedError
        self._in_head = False
        self.begin_request()

    def begin_request(self) -> None:
        """Hand the request to the application; its body follows."""
        if len(self.pipeline) >= PIPELINE_LIMIT:
            self._refused = 429
            raise RefusedError
        previous = self.cycle
        try:
            super().on_headers_complete()
        except Exception:  # the path is invalid or not ASCII
            raise RefusedError from None
        if self.draining:
            if previous is not None and not previous.response_started:
                previous.keep_alive = True  # the connection closes after the last response that is due on it
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Stop the clock of the request."""
        self._received()
        super().on_message_complete()
        if self.cycle.response_complete:  # it was refused before it had arrived completely
            self._idle = perf_counter()

    def _received(self) -> None:
        self._began = 0.0
        self._size = 0
        self._follows = True

    def on_response_complete(self) -> None:
        """Continue with the next request. If there is none, the sweep (not a timer) closes the connection later."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self.flow.resume_reading()
        if not self._began:
            self._idle = perf_counter()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.current = cycle
        super()._start_asgi_task(cycle, app)

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, status: int) -> None:
        """Send an error and close. Responses in progress on this connection are lost."""
        if self.transport.is_closing():
            return
        details = {
            400: "The request is not valid HTTP.",
            408: f"The request did not arrive within {self._timeout:g} s.",
            429: "Too many requests are waiting on this connection.",
            431: f"The request header is larger than {self._header_limit:,} bytes.",
            500: "The connection failed.",
        }
        request_id = requests.request_id(self.headers or ())
        due = self.current if self.current is not None and not self.current.response_complete else None
        own = due is not None and due.scope is self.scope
        if due is None or (own and not due.response_started):  # else the client would take it for another response
            response = responses.refusal(status, details[status])
            self.transport.write(to_wire(response, request_id, self.server_state.default_headers, keep_alive=False))
        if due is not None:
            due.disconnected = True
            due.message_event.set()
            if own:
                due.scope["state"]["refused"] = True  # so that it is logged only once
        self.transport.close()
        scope: Any = self.scope or {}
        self.app.log_request(
            self._began or perf_counter(), scope.get("method", "-"), scope.get("path", "-"), status, request_id
        )

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read its response."""
        self._stuck = perf_counter()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Stop that clock."""
        self._stuck = 0.0
        super().resume_writing()

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
        if self._stuck and now - self._stuck > self._timeout:
            self.transport.abort()
        elif self._idle and now - self._idle > self._keep_alive:
            self.transport.close()
        elif self._began and now - self._began > self._timeout and not self.transport.is_closing():
            if self._size == 0:
                self.transport.close()  # the client never sent anything
            elif self.current is not None and self.current.response_started:
                self.transport.abort()  # it has its response, and is still sending
            else:
                self._refuse(408)


def to_wire(
    response: responses.EncodedResponse, request_id: str, more: list[tuple[bytes, bytes]], *, keep_alive: bool
) -> bytes:
    """Encode a response for the wire; `more` are headers that all responses of the server have."""
    status, body, others = response
    head = [STATUS_LINE[status]]
    for name, value in more:
        head += (name, b": ", value, b"\r\n")
    head.append(_HEAD % (len(body), request_id.encode()))
    for name, value in others:
        head += (name, b": ", value, b"\r\n")
    head.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    head.append(body)
    return b"".join(head)


_HEAD = b"%b: %b\r\ncontent-length: %%d\r\n%b: %b\r\n%b: %%b\r\n" % (
    *responses.JSON,
    *responses.NO_SNIFFING,
    responses.REQUEST_ID,
)


def _sweep(loop: asyncio.AbstractEventLoop, state: Any) -> None:
    now = perf_counter()
    for connection in list(state.connections):
        connection.check(now)
    if state.connections:
        loop.call_later(SWEEP_SECONDS, _sweep, loop, state)
    else:
        state.swept = False
