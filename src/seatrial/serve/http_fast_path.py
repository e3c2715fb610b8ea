"""The shortest path to a prediction: small requests go from the parser to the batch and back, without ASGI.

A task, a scope and two messages each way cost Uvicorn about 20 microseconds per request, more than the prediction.
Responses come from the same `Service.answer` as everywhere else. Large or unusual requests take the ASGI path.
"""

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

from seatrial.http.connection import GuardedProtocol
from seatrial.http.messages import EncodedResponse, request_id, to_wire
from seatrial.serve.access import CREDENTIALS
from seatrial.serve.exchanges import TRACE, Exchange
from seatrial.serve.responses import Form
from seatrial.serve.service import CLIENT_CLOSED, LARGE_BODY, PREDICT

_URL = PREDICT.encode()
# What clients send for JSON; any other type, and any other way to write these, takes the ASGI path.
PLAIN = {
    b"application/json",
    *(b"application/json;%bcharset=%b" % (space, name) for space in (b"", b" ") for name in (b"utf-8", b"UTF-8")),
}
# Headers of requests that the ASGI path handles.
UNUSUAL = frozenset((b"content-encoding", b"inference-header-content-length"))
ELSEWHERE = UNUSUAL | {b"origin"}  # where responses differ by it


class FastDoor(Protocol):
    """Another protocol whose small requests in plain JSON are on the fast path."""

    fast_route: str  # its path in routes.py

    def plain_form(self) -> Form:
        """The form of one request."""

    def refused(self, response: EncodedResponse) -> EncodedResponse:
        """Translate a refusal of the service."""


class _Cycle:
    """Takes the place of Uvicorn's request cycle while a request is on the fast path, to keep responses in order."""

    message_event: ClassVar[Any] = SimpleNamespace(set=lambda: None)  # no task waits for this request's body

    def __init__(self, scope: Any, keep_alive: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_started = False
        self.response_complete = False


class FastPathProtocol(GuardedProtocol):
    """One connection that handles predictions itself."""

    cycle: Any
    _on_fast_path = False
    _door: FastDoor | None = None
    _body = b""
    _key = ""  # the name of the caller's key
    _trace = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of a new connection."""
        super().connection_made(transport)
        self._known_hosts: set[bytes] = self.app.hosts.known
        self._ring = self.app.service.access.ring
        self._elsewhere = ELSEWHERE if self.app.cors else UNUSUAL

    def begin_request(self) -> None:
        """Take a request that is complete, small and the only one in progress; pass on any other."""
        native = self.url == _URL
        door = None if native else self.app.fast_doors.get(self.url)
        if (native or door) and self._is_plain():
            self._on_fast_path = True
            self._door = door
            self._body = b""
            # for the log, if the request is never completed
            self.scope |= {"method": "POST", "path": PREDICT if native else self.url.decode("ascii")}
        else:
            super().begin_request()

    def _is_plain(self) -> bool:
        parser, cycle = self.parser, self.cycle
        if (
            parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or self.expect_100_continue
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or parser.should_upgrade()
        ):
            return False
        length, host, credential, trace = LARGE_BODY + 1, b"", None, b""
        for line in self.headers:
            name, value = line
            if name == b"content-length":
                length = int(value)
            elif name == b"host":
                if host or (value not in self._known_hosts and not self.app.hosts.knows(value)):
                    return False
                host = value
            elif name == b"content-type":
                if value not in PLAIN:
                    return False
            elif name in CREDENTIALS:
                if credential:
                    return False
                credential = line
            elif name in self._elsewhere:
                return False
            elif name == TRACE:
                trace = value
        self._trace = trace
        return length <= LARGE_BODY and host != b"" and (self._ring is None or self._may_predict(credential))

    def _may_predict(self, credential: Any) -> bool:
        """Whether this header line was found good before, and its key has requests left."""
        ring = self._ring
        ring.look_if_due()
        caller = ring.remembered.get(credential)
        if caller is None or not caller.meter.take():
            return False
        self._key = caller.key.name
        return True

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if self._on_fast_path:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Request the prediction."""
        if not self._on_fast_path:
            super().on_message_complete()
            return
        self._on_fast_path = False
        began, scope, door = self._began, self.scope, self._door
        self._received()
        self.cycle = self.current = cycle = _Cycle(scope, self.parser.should_keep_alive() and not self.draining)
        exchange = Exchange(
            request_id(self.headers),
            began=began,
            path=scope["path"],
            route=door.fast_route if door else PREDICT,
            key=self._key,
            trace=self._trace,
        )
        respond = partial(self._respond, cycle, exchange, door)
        self.app.service.answer(self._body, exchange, respond, door and door.plain_form())

    def _respond(self, cycle: _Cycle, exchange: Exchange, door: FastDoor | None, response: EncodedResponse) -> None:
        if door and response.status != 200:
            response = door.refused(response)
        status = response.status
        cycle.response_started = cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            status = CLIENT_CLOSED
        else:
            headers = self.server_state.default_headers
            self.transport.write(to_wire(response, exchange.request_id, headers, keep_alive=cycle.keep_alive))
            if not cycle.keep_alive:
                self.transport.close()
        self.app.exchanges.add(exchange, status)
        self.on_response_complete()
