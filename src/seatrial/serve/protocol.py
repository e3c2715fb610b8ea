"""Uvicorn's HTTP connection with limits: deadlines for a client's part, and a bound on the header.

Uvicorn has neither: a client that sends a byte a second is served for ever, and a header of 20 MB is taken.
"""

import asyncio
from time import perf_counter
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from seatrial.serve import logs, requests, responses

SWEEP_SECONDS = 0.5
PIPELINE_LIMIT = 256  # requests that wait on one connection; Uvicorn would take as many as fit into the memory


class RefusedError(Exception):
    """Raised into the parser, to make it stop."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. The application is a Front, which holds the limits and the access log."""

    app: Any

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a new connection a deadline too: one that stays silent is closed."""
        super().connection_made(transport)
        settings = self.app.settings
        self._header_limit: int = settings.header_limit
        # Chunks of one byte cost six; who sends more than this plays with us.
        self._message_limit: int = settings.header_limit + 8 * settings.body_limit
        self._timeout: float = settings.receive_timeout
        self._keep_alive: float = settings.keep_alive
        self._began = perf_counter()  # of the message that is being received; 0 between messages
        self._idle = 0.0  # since when nothing is asked; 0 while something is
        self._stuck = 0.0  # since when the client takes no bytes
        self._size = 0
        self._follows = False  # whether the message began amid data that had another one's end
        self._in_head = True
        self._refused = 400
        self.leaving: bool = getattr(self.server_state, "leaving", False)
        self.current: Any = None  # the request whose answer is due next; Uvicorn's `cycle` is the newest
        state = self.server_state
        if not getattr(state, "swept", False):
            state.swept = True  # type: ignore[attr-defined]
            self.loop.call_later(SWEEP_SECONDS, _sweep, self.loop, state)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, too: behind it others may have come down the line."""
        if self.current is not None:
            self.current.disconnected = True
            self.current.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what a message takes."""
        self._idle = 0.0
        self._began = self._began or perf_counter()
        self._size += len(data)
        self._follows = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is spoken here: the request is answered as it stands
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
        """Note when a request began."""
        super().on_message_begin()
        self._began = self.scope["state"]["began"] = perf_counter()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Refuse a header over the limit before anything is done with it."""
        if (self._follows or self._size > self._header_limit) and self._header_size() > self._header_limit:
            self._refused = 431
            raise RefusedError
        self._in_head = False
        self.begin_request()

    def begin_request(self) -> None:
        """Hand the request, as yet without its body, to the application."""
        if len(self.pipeline) >= PIPELINE_LIMIT:
            self._refused = 429
            raise RefusedError
        before = self.cycle
        try:
            super().on_headers_complete()
        except Exception:  # a path that is none, or not ASCII
            raise RefusedError from None
        if self.leaving:
            if before is not None and not before.response_started:
                before.keep_alive = True  # the connection ends with the last answer that is due on it
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The deadline is met."""
        self._received()
        super().on_message_complete()
        if self.cycle.response_complete:  # it was refused before all of it was here
            self._idle = perf_counter()

    def _received(self) -> None:
        self._began = 0.0
        self._size = 0
        self._follows = True

    def on_response_complete(self) -> None:
        """Go on with the next request; the sweep, not a timer, closes a connection that has none."""
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
        """Answer in a few words and close. Answers that are under way on this connection are lost with it."""
        if self.transport.is_closing():
            return
        details = {
            400: "This is not HTTP as it should be.",
            408: f"The request was not sent within {self._timeout:g} s.",
            429: "Too many requests wait on one connection.",
            431: f"The header is larger than {self._header_limit:,} bytes.",
            500: "The connection failed.",
        }
        request_id = requests.request_id(self.headers or ())
        due = self.current if self.current is not None and not self.current.response_complete else None
        own = due is not None and due.scope is self.scope
        if due is None or (own and not due.response_started):  # else it would pass for the answer to another request
            answer = responses.refused(status, details[status])
            self.transport.write(wire(answer, request_id, self.server_state.default_headers, keep_alive=False))
        if due is not None:
            due.disconnected = True
            due.message_event.set()
            if own:
                due.scope["state"]["refused"] = True  # this is its line in the log
        self.transport.close()
        scope: Any = self.scope or {}
        self.app.note(
            self._began or perf_counter(), scope.get("method", "-"), scope.get("path", "-"), status, request_id
        )

    def pause_writing(self) -> None:
        """Note when a client stopped taking its answer."""
        self._stuck = perf_counter()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It goes on."""
        self._stuck = 0.0
        super().resume_writing()

    def leave(self) -> None:
        """End with the next answer: the server goes, and has time."""
        self.leaving = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Do not wait for requests that are not yet here."""
        super().shutdown()
        if self._began and not self.transport.is_closing():
            self.transport.close()

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow, or has been silent for long."""
        if self._stuck and now - self._stuck > self._timeout:
            self.transport.abort()
        elif self._idle and now - self._idle > self._keep_alive:
            self.transport.close()
        elif self._began and now - self._began > self._timeout and not self.transport.is_closing():
            if self._size == 0:
                self.transport.close()  # it never said a word
            elif self.current is not None and self.current.response_started:
                self.transport.abort()  # it was answered long ago, and is still sending
            else:
                self._refuse(408)


def wire(answer: responses.Answer, request_id: str, more: list[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
    """Write an answer as it goes over the wire; `more` are headers that all answers of the server have."""
    status, body, others = answer
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
