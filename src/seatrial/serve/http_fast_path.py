"""The shortest path to a prediction: small requests go from the parser to the batch and back, without ASGI.

A task, a scope and two messages each way cost Uvicorn about 20 microseconds per request, more than the prediction.
Responses come from the same `Service.answer` as everywhere else. Large or unusual requests take the ASGI path.
"""

import asyncio
from functools import partial
from math import inf
from time import perf_counter
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, Protocol

from seatrial.http import refusals
from seatrial.http.connection import SMALL, GuardedProtocol
from seatrial.http.messages import REQUEST_ID, EncodedResponse, new_id, request_id, to_wire
from seatrial.http.turns import Turns
from seatrial.serve.access import CREDENTIALS
from seatrial.serve.exchanges import TRACE, Exchange
from seatrial.serve.requests import TIMEOUT, timeout_of
from seatrial.serve.responses import Form
from seatrial.serve.service import CLIENT_CLOSED, LARGE_BODY, PREDICT

_URL = PREDICT.encode()
# What clients send for JSON; any other type, and any other way to write these, takes the ASGI path.
PLAIN = {
    b"application/json",
    *(b"application/json;%bcharset=%b" % (space, name) for space in (b"", b" ") for name in (b"utf-8", b"UTF-8")),
}
HEAD_BYTES = 1024  # a longer header is parsed each time
MOST_HEADS = 1024  # are kept; the length of the body is in them, so that one client has many
# Headers of requests that the ASGI path handles.
UNUSUAL = frozenset((b"content-encoding", b"inference-header-content-length"))
NOTED = frozenset((TRACE, REQUEST_ID, TIMEOUT))
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

    __slots__ = ("disconnected", "held", "keep_alive", "response_complete", "response_started", "scope")
    message_event: ClassVar[Any] = SimpleNamespace(set=lambda: None)  # no task waits for this request's body

    def __init__(self, scope: Any, keep_alive: bool) -> None:
        self.scope = scope
        self.held = 0
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_started = False
        self.response_complete = False


class _KnownHead(NamedTuple):
    """What a request's header says: the same bytes always say the same, so they are parsed once.

    Clients repeat their headers. What would differ each time, as an ID of the caller's, is not kept.
    """

    length: int  # of the body
    path: str
    door: FastDoor | None
    credential: tuple[bytes, bytes] | None
    timeout: float  # seconds that the caller waits


class FastPathProtocol(GuardedProtocol):
    """One connection that handles predictions itself."""

    cycle: Any
    _on_fast_path = False
    _body = b""
    _postponed = b""  # data that waits for its turn
    _arrived = 0.0  # when it came
    _key = ""  # the name of the caller's key
    _trace = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of a new connection."""
        super().connection_made(transport)
        self._heads: dict[bytes, _KnownHead] = self.app.known_heads
        self._noted: _KnownHead | None = None  # what the request on the fast path has in its header
        self._known_hosts: set[bytes] = self.app.hosts.known
        self._turns: Turns = self.config.turns
        self._ring = self.app.service.access.ring
        self._elsewhere = ELSEWHERE if self.app.cors else UNUSUAL

    def data_received(self, data: bytes) -> None:
        """Handle data at once, or in a crowd the beginning of a request for a prediction when it is its turn."""
        if self._postponed:
            data = self._postponed + data
            if len(data) <= SMALL:
                self._postponed = data
                return
            self._postponed = b""
        elif self._turns.is_crowded() and data.startswith(b"POST "):
            self._postponed = data
            self._idle, self._arrived = 0.0, perf_counter()
            self._turns.line_up(self._take_postponed)
            return
        self._receive(data)

    def _take_postponed(self) -> None:
        data, self._postponed = self._postponed, b""
        if data and not self.transport.is_closing():  # else its client has gone
            try:
                self._receive(data)
            except Exception:  # the event loop logs it
                self.transport.abort()
                raise
        self._arrived = 0.0

    def _receive(self, data: bytes) -> None:
        """Answer a whole request whose header is one that was parsed before; parse anything else."""
        end = data.find(b"\r\n\r\n", 0, HEAD_BYTES) + 4
        if end > 3 and not self._is_busy():
            head = data[:end]
            if known := self._heads.get(head):
                if len(data) == end + known.length and (self._ring is None or self._may_predict(known.credential)):
                    self._answer_known(known, data[end:])
                    return
            else:
                self._noted = None
                super().data_received(data)
                if self._noted and len(data) == end + self._noted.length:
                    if len(self._heads) >= MOST_HEADS:
                        self._heads.clear()
                    self._heads[head] = self._noted
                return
        super().data_received(data)

    def _answer_known(self, head: _KnownHead, body: bytes) -> None:
        """Request the prediction for a request that was not parsed."""
        scope: Any = {"method": "POST", "path": head.path, "headers": [], "state": {}}
        self.scope = scope
        self._began = self._idle = 0.0
        try:
            self._answer(_Cycle(scope, keep_alive=True), self._arrived or perf_counter(), head, body)
        except Exception as error:
            refusals.log_fault(self.app, error)
            self._refuse(500)

    def _is_busy(self) -> bool:
        """Whether anything else is in progress on this connection, or it is to be closed."""
        cycle = self.cycle
        return bool(
            self._size  # a part of a message has been parsed
            or (cycle is not None and not cycle.response_complete)
            or self.flow.waiting
            or self.flow.write_paused
            or self.draining
            or self.transport.is_closing()
        )

    def on_message_begin(self) -> None:
        """Start the clock of a request, at its arrival if it had to wait for its turn."""
        super().on_message_begin()
        if self._arrived:
            self._began = self.scope["state"]["began"] = self._arrived
            self._arrived = 0.0

    def begin_request(self) -> None:
        """Take a request that is complete, small and the only one in progress; pass on any other."""
        native = self.url == _URL
        door = None if native else self.app.fast_doors.get(self.url)
        if (native or door) and self._is_plain() and self._read_header(door):
            self._on_fast_path = True
            self._body = b""
            self.scope |= {"method": "POST", "path": self._head.path}  # for the log, if it is never completed
        else:
            super().begin_request()

    def _is_plain(self) -> bool:
        """Whether the request and what else happens on the connection are as usual."""
        parser, cycle = self.parser, self.cycle
        return not (
            parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or self.expect_100_continue
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or parser.should_upgrade()
        )

    def _read_header(self, door: FastDoor | None) -> bool:
        """Note what is needed of the header, as `_head`; False where it has anything unusual."""
        length, host, credential = LARGE_BODY + 1, b"", None
        noted: dict[bytes, bytes] = {}
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
            elif name in NOTED:
                noted[name] = value
        timeout = timeout_of(self.headers) if TIMEOUT in noted else inf
        if length > LARGE_BODY or not host or isinstance(timeout, EncodedResponse):
            return False
        if self._ring is not None and not self._may_predict(credential):
            return False
        path = PREDICT if door is None else self.url.decode("ascii")
        self._head = _KnownHead(length, path, door, credential, timeout)
        self._trace, self._repeated = noted.get(TRACE, b""), not (TRACE in noted or REQUEST_ID in noted)
        return True

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
        began, keep_alive = self._began, self.parser.should_keep_alive() and not self.draining
        self._received()
        if keep_alive and self._repeated:
            self._noted = self._head
        self._answer(
            _Cycle(self.scope, keep_alive), began, self._head, self._body, request_id(self.headers), self._trace
        )

    def _answer(
        self, cycle: _Cycle, began: float, head: _KnownHead, body: bytes, identity: str = "", trace: bytes = b""
    ) -> None:
        """Request the prediction for a complete request."""
        self.cycle = self.current = cycle
        door = head.door
        exchange = Exchange(
            identity or new_id(),
            began=began,
            path=head.path,
            route=door.fast_route if door else PREDICT,
            key=self._key,
            trace=trace,
        )
        if head.timeout != inf:
            exchange.deadline = began + head.timeout
        self.app.service.answer(
            body, exchange, partial(self._respond, cycle, exchange, door), door and door.plain_form()
        )

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
