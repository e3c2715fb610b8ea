"""What the doors share: a request as they get it, and how a refusal becomes one of theirs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.http.messages import EncodedResponse, Headers
from seatrial.model.row_validation import encodable
from seatrial.serve.exchanges import Exchange
from seatrial.serve.refusals import door_error
from seatrial.serve.responses import Form
from seatrial.serve.service import Service

CAUSES = 5  # in the text of an error
INVALID = 422  # what the service answers to invalid rows
BAD_REQUEST = 400  # what the protocols answer to them


@dataclass(frozen=True)
class Call:
    """A request: its headers, how to read its body, its exchange, and the names in its path."""

    headers: Any
    receive: Any
    exchange: Exchange
    names: Mapping[str, str]

    def header(self, name: bytes) -> str:
        """The value of a header, or "" without one; of several, the last."""
        return next((value.decode("latin-1").strip() for key, value in reversed(self.headers) if key == name), "")


class Door:
    """One protocol. Its methods take a call and return the response, None for a client that has disconnected."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.release = service.release

    def fast_urls(self) -> tuple[bytes, ...]:
        """The URLs whose small requests skip ASGI (see http_fast_path.py), for a door that has a `plain_form`."""
        return ()

    async def answer(self, form: Form, call: Call) -> EncodedResponse | None:
        """Predict, and translate what is refused."""
        response = await self.service.predict_in(form, call.headers, call.receive, call.exchange)
        return self.refused(response) if response and response.status != 200 else response

    def refused(self, response: EncodedResponse) -> EncodedResponse:
        """Translate a refusal of the service."""
        status = BAD_REQUEST if response.status == INVALID else response.status
        return self.error(status, reason(response), response.headers)

    def error(self, status: int, text: str, headers: Headers = ()) -> EncodedResponse:
        """An error in the protocol's form; most have this one."""
        return door_error(status, text, headers)

    def unknown_model(self, call: Call) -> EncodedResponse | None:
        """The 404 for a name in the path that is not the release's, or for another version than its own."""
        text = self.unknown(call.names["name"], call.names.get("version", ""))
        return self.error(404, text) if text else None

    def unknown(self, name: str, version: str = "") -> str:
        """Say that the model is not this server's, or that its version is another one; "" where both are right."""
        release = self.release
        if name != release.name:
            return f"Unknown model {_cut(name)}. This server has {release.name}."
        if version not in ("", release.version):
            return f"Unknown version {_cut(version)} of {release.name}. This server has {release.version}."
        return ""


def reason(response: EncodedResponse) -> str:
    """Say in one text why the service refused a request: for rows, each cause with its first row, column and rule."""
    detail = json.loads(response.body)["detail"]
    if isinstance(detail, str):
        return detail
    places: dict[tuple[str, str, str], list[str]] = {}
    for error in detail:
        _, *place = error["loc"]
        row = str(place.pop(0)) if place and isinstance(place[0], int) else ""
        cause = (".".join(map(str, place)), error["msg"], error["type"])
        places.setdefault(cause, []).append(row)
    causes = [_cause(rows, *cause) for cause, rows in places.items()]
    more = f"; and {len(causes) - CAUSES} more" if len(causes) > CAUSES else ""
    return "; ".join(causes[:CAUSES]) + more


def _cause(rows: list[str], column: str, message: str, rule: str) -> str:
    where = ", ".join([f"row {rows[0]}"] * bool(rows[0]) + [f"column {column}"] * bool(column))
    others = f", and in {len(rows) - 1} more rows" if len(rows) > 1 else ""
    return f"{where}: {message} ({rule}){others}" if where else f"{message} ({rule})"


def _cut(name: str) -> str:
    """A name from a path, as text that can be encoded."""
    return repr(encodable(name))
