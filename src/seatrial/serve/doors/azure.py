"""Azure ML: `/score`, with the bodies of its own scoring scripts and of the MLflow models that it serves.

The answer is a list with an object for each row. Its check that the server is alive, GET /, is in `asgi.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.http.messages import EncodedResponse, to_bytes
from seatrial.serve.doors.door import Call, Door
from seatrial.serve.doors.predictions import as_objects
from seatrial.serve.doors.row_json import from_rows, from_split, problem, read_object
from seatrial.serve.responses import Scored

KEYS = ("input_data", "data")


class AzureScoring(Door):
    """The scoring route."""

    async def score(self, call: Call) -> EncodedResponse | None:
        """Handle POST /score."""
        return await self.answer(ScoreForm(self), call)


class ScoreForm:
    """One request."""

    media_types: frozenset[str] = frozenset()

    def __init__(self, door: Door) -> None:
        self._door = door

    def read(self, body: bytes) -> bytes:
        """Translate `{"input_data": {"columns": ..., "data": ...}}`, or a list under either key, into rows."""
        request = read_object(body)
        named = [key for key in KEYS if key in request]
        if len(named) != 1:
            raise problem('Send {"input_data": {"columns": [...], "data": [...]}} or {"data": [...]}.', "missing")
        if request.get("params") not in (None, {}) or set(request) - {*KEYS, "params"}:
            raise problem(f"The request has keys besides {named[0]}; this model takes no params.", "extra_forbidden")
        table = request[named[0]]
        translate = from_split if isinstance(table, dict) else from_rows
        return translate(self._door.release, table)

    def respond(self, rows: Sequence[Scored], _: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions."""
        return EncodedResponse(200, to_bytes(as_objects(self._door.release.metadata, rows, more)))
