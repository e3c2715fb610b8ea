"""Uvicorn's HTTP connection with limits: a deadline for sending a request, and a bound on its header.

Uvicorn has neither: a client that sends a byte a second is served for ever, and a header of 20 MB is taken.
"""

import asyncio
import json
from time import perf_counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from seatrial.serve.requests import new_id

SWEEP_SECONDS = 0.5


class RefusedError(Exception):
    """Raised into the parser, to make it stop."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. The application is a Front, which holds the limits and the access log."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a new connection a deadline too: one that stays silent is closed."""
        super().connection_made(transport)
        settings = self.app.settings  # type: ignore[union-attr]
        self._header_limit: int = settings.header_limit
        # Chunks of one byte cost six; who sends more than this plays with us.
        self._message_limit: int = settings.header_limit + 8 * settings.body_limit
        self._timeout: float = settings.receive_timeout
        self._began = perf_counter()  # of the message that is being received; 0 between messages
        self._stuck = 0.0  # since when the client takes no bytes
        self._size = 0
        self._in_head = True
        self._refused = 400
        state = self.server_state
        if not getattr(state, "swept", False):
            state.swept = True  # type: ignore[attr-defined]
            self.loop.call_later(SWEEP_SECONDS, _sweep, self.loop, state)

    def data_received(self, data: bytes) -> None:
        """Count what a message takes."""
        size = self._size = self._size + len(data)
        super().data_received(data)
        if self._in_head and size > self._header_limit and not self.transport.is_closing():
            self._refuse(431)
        elif size > self._message_limit and self._began:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Note when a request began."""
        super().on_message_begin()
        self._began = self.scope["state"]["began"] = perf_counter()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Refuse a header over the limit before anything is done with it."""
        if self._size > self._header_limit and self._header_size() > self._header_limit:
            self._refused = 431
            raise RefusedError
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The deadline is met."""
        self._began = 0.0
        self._size = 0
        super().on_message_complete()

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or was refused while it was."""
        self._refuse(self._refused, msg)

    def _refuse(self, status: int, reason: str = "") -> None:
        """Answer in a few words and close. A request under way on this connection is lost with it."""
        details = {
            400: reason,
            408: f"The request was not sent within {self._timeout:g} s.",
            431: f"The header is larger than {self._header_limit:,} bytes.",
        }
        body = json.dumps({"detail": details[status]}).encode()
        request_id = new_id()
        head = (
            STATUS_LINE[status]
            + (
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
                f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
            ).encode()
        )
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(head + body)
        self.transport.close()
        self.app.note(self._began or perf_counter(), "-", "-", status, request_id)  # type: ignore[union-attr]

    def pause_writing(self) -> None:
        """Note when a client stopped taking its answer."""
        self._stuck = perf_counter()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It goes on."""
        self._stuck = 0.0
        super().resume_writing()

    def shutdown(self) -> None:
        """Do not wait for requests that are not yet here."""
        super().shutdown()
        if self._began and not self.transport.is_closing():
            self.transport.close()

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow."""
        if self._stuck and now - self._stuck > self._timeout:
            self.transport.abort()
        elif self._began and now - self._began > self._timeout and not self.transport.is_closing():
            if self._size == 0:
                self.transport.close()  # it never said a word
            elif self.cycle is not None and self.cycle.response_started:
                self.transport.abort()  # it was answered long ago, and is still sending
            else:
                self._refuse(408)


def _sweep(loop: asyncio.AbstractEventLoop, state: Any) -> None:
    now = perf_counter()
    for connection in list(state.connections):
        connection.check(now)
    if state.connections:
        loop.call_later(SWEEP_SECONDS, _sweep, loop, state)
    else:
        state.swept = False
