"""MLflow's scoring protocol, and SageMaker's use of it: /invocations with JSON, CSV or JSON lines, and /ping.

MLflow's CSV has a header, SageMaker's has none: the first line is a header where most of its cells are columns' names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial import __version__
from seatrial.http.messages import EncodedResponse, Headers, to_bytes
from seatrial.serve import requests
from seatrial.serve.doors.door import Call, Door
from seatrial.serve.doors.predictions import as_labels, as_objects
from seatrial.serve.doors.row_json import Json, from_columns, from_rows, from_split, problem, read_object
from seatrial.serve.doors.texts import read_csv, read_json_lines, to_csv
from seatrial.serve.refusals import mlflow_error
from seatrial.serve.responses import Scored

JSON_TYPE, CSV_TYPE, LINES_TYPE = "application/json", "text/csv", "application/jsonlines"
LINES_TYPES = frozenset({LINES_TYPE, "application/x-jsonlines", "application/jsonl", "application/x-ndjson"})
FORMATS = {JSON_TYPE: JSON_TYPE, CSV_TYPE: CSV_TYPE, **dict.fromkeys(LINES_TYPES, LINES_TYPE)}
KEYS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class MlflowScoring(Door):
    """The scoring server's routes."""

    def error(self, status: int, text: str, headers: Headers = ()) -> EncodedResponse:
        """An error in MLflow's form."""
        return mlflow_error(status, text, headers)

    async def ping(self, _: Call) -> EncodedResponse:
        """Handle GET /ping."""
        state = self.service.readiness()
        return state if state.status == 200 else self.refused(state)

    async def version(self, _: Call) -> EncodedResponse:
        """Handle GET /version: of the server, in plain text, as MLflow does."""
        return EncodedResponse(200, __version__.encode(), ((b"content-type", b"text/plain; charset=utf-8"),))

    async def invocations(self, call: Call) -> EncodedResponse | None:
        """Handle POST /invocations."""
        sent, _, unknown = requests.content_type_of(call.header(b"content-type"))
        if (sent and sent not in FORMATS and not requests.is_json(sent)) or unknown:
            what = f"the parameter {unknown[:100]}" if unknown else sent[:100]
            text = f"Not {what}. Send application/json, text/csv or application/jsonlines, with charset alone."
            return self.error(415, text)
        wanted = requests.accepted(call.header(b"accept"), FORMATS, JSON_TYPE)
        if wanted is None:
            return self.error(406, f"The answer can be {JSON_TYPE}, {CSV_TYPE} or {LINES_TYPE}.")
        return await self.answer(InvocationForm(self, FORMATS.get(sent, JSON_TYPE), wanted), call)


class InvocationForm:
    """One request; `sent` and `wanted` are the formats of the request and of the answer."""

    media_types = frozenset(FORMATS)

    def __init__(self, door: Door, sent: str, wanted: str) -> None:
        self._door = door
        self._sent = sent
        self._wanted = wanted

    def read(self, body: bytes) -> bytes:
        """Translate a table into rows."""
        if self._sent == CSV_TYPE:
            return read_csv(self._door.release, body)
        if self._sent == LINES_TYPE:
            return read_json_lines(self._door.release, body)
        request = read_object(body)
        named = [key for key in KEYS if key in request]
        if len(named) != 1:
            raise problem(f"Send exactly one of {', '.join(KEYS)}.", "missing")
        if request.get("params") not in (None, {}) or set(request) - {*KEYS, "params"}:
            raise problem(f"The request has keys besides {named[0]}; this model takes no params.", "extra_forbidden")
        table = request[named[0]]
        if named[0] == "dataframe_split":
            return from_split(self._door.release, table)
        return (
            self._columns(table)
            if named[0] == "inputs" and isinstance(table, dict)
            else from_rows(self._door.release, table)
        )

    def _columns(self, table: Json) -> bytes:
        """Translate a list of values for each column, or one value for each, which is one row."""
        if not any(isinstance(values, list) for values in table.values()):
            return from_rows(self._door.release, [table])
        count = max(len(values) for values in table.values() if isinstance(values, list))
        for name, values in table.items():
            if not isinstance(values, list) or len(values) != count:
                raise problem("The columns of inputs are not of the same length.", "wrong_length", name)
        return from_columns(self._door.release, list(table), list(table.values()))

    def respond(self, rows: Sequence[Scored], _: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions in the format that the caller accepts."""
        meta = self._door.release.metadata
        if self._wanted == CSV_TYPE:
            return EncodedResponse(200, to_csv(meta, rows), ((b"content-type", b"text/csv; charset=utf-8"),))
        if self._wanted == LINES_TYPE:
            lines = b"".join(to_bytes(each) + b"\n" for each in as_objects(meta, rows, more))
            return EncodedResponse(200, lines, ((b"content-type", LINES_TYPE.encode()),))
        return EncodedResponse(200, to_bytes({**as_labels(meta, rows), **more}))
