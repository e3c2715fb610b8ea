"""The shortest way to a prediction: small requests go from the parser to the batch and back, past ASGI.

A task, a scope, and two messages each way cost Uvicorn about 20 microseconds a request, more than the prediction. What
is answered here is answered by the same `Service.answer` as everywhere else; whatever is unusual about a request, or
large, takes the ordinary way.
"""

from functools import partial
from typing import Any, ClassVar

from seatrial.serve.protocol import GuardedProtocol, wire
from seatrial.serve.requests import request_id
from seatrial.serve.responses import Answer
from seatrial.serve.service import GONE, LARGE_BODY, PREDICT

_URL = PREDICT.encode()


class _Nobody:
    def set(self) -> None:
        """Wake nobody: no task waits for this request's body."""


class _Turn:
    """Stands in the place of Uvicorn's request cycle while an express request is under way, to keep the order."""

    message_event: ClassVar[_Nobody] = _Nobody()

    def __init__(self, scope: Any, keep_alive: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_started = False
        self.response_complete = False


class ExpressProtocol(GuardedProtocol):
    """One connection that answers predictions itself."""

    cycle: Any
    _express = False
    _body = b""

    def begin_request(self) -> None:
        """Take a request that is whole, small and the only one under way; hand on any other."""
        if self.url == _URL and self._is_plain():
            self._express = True
            self._body = b""
            self.scope |= {"method": "POST", "path": PREDICT}  # for the log, should it come to nothing
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
        for name, value in self.headers:
            if name == b"content-length":
                return int(value) <= LARGE_BODY
        return False

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if self._express:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Ask for the prediction."""
        if not self._express:
            super().on_message_complete()
            return
        self._express = False
        began = self._began
        self._received()
        self.cycle = self.current = turn = _Turn(self.scope, self.parser.should_keep_alive() and not self.leaving)
        named = request_id(self.headers)
        self.app.service.answer(self._body, named, partial(self._answered, turn, began, named))

    def _answered(self, turn: _Turn, began: float, named: str, answer: Answer) -> None:
        status = answer.status
        turn.response_started = turn.response_complete = True
        if turn.disconnected or self.transport.is_closing():
            status = GONE
        else:
            self.transport.write(wire(answer, named, self.server_state.default_headers, keep_alive=turn.keep_alive))
            if not turn.keep_alive:
                self.transport.close()
        self.app.note(began, "POST", PREDICT, status, named)
        self.on_response_complete()
