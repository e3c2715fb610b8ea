"""Encodes responses as bytes. The ASGI application and FastAPI both send what is made here, so they cannot differ."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.http.messages import RETRY, EncodedResponse, refusal, to_bytes
from seatrial.model import Release
from seatrial.model.features import Floats

RowJson = tuple[str, str]  # a prediction and its probabilities, as JSON


def validation_error(errors: list[dict[str, Any]]) -> EncodedResponse:
    """FastAPI's 422."""
    return EncodedResponse(422, to_bytes({"detail": errors}))


def too_large(limit: int) -> EncodedResponse:
    """The 413 for a body over the limit."""
    return refusal(413, f"The body is larger than {limit:,} bytes.")


def internal_error(request_id: str) -> EncodedResponse:
    """The 500 for an error in the model or the server. The log has the details; the caller does not get them."""
    detail = "The request failed. The cause is in the server's log, under this request ID."
    return EncodedResponse(500, to_bytes({"detail": detail, "request_id": request_id}))


def busy() -> EncodedResponse:
    """The 503 for too many large requests at the same time."""
    return refusal(503, "Too many large requests at the same time. Try again.", RETRY)


def not_ready() -> EncodedResponse:
    """The 503 while the model is loading, and while the server stops."""
    return refusal(503, "The model is not ready.", RETRY)


class PredictionWriter:
    """Writes predictions as JSON from parts that are made once per release.

    Floats are written with repr, the shortest text that reads back as the same number.
    """

    def __init__(self, release: Release) -> None:
        meta = release.metadata
        self._release = release
        self._regression = meta.task == "regression"
        self._labels = [json.dumps(label) for label in meta.classes]
        names = (json.dumps(str(label)).replace("%", "%%") for label in meta.classes)
        self._probabilities = "{" + ",".join(f"{name}:%r" for name in names) + "}"
        facts = json.dumps({"release": release.name, "version": release.version}, separators=(",", ":"))
        self._end = f',{facts[1:-1]},"request_id":'

    def write_rows(self, scores: Floats) -> list[RowJson]:
        """Write each row of scores. Raises ValueError if the model returned NaN or an infinity."""
        values = scores.tolist()
        if self._regression:
            if not all(map(math.isfinite, values)):
                raise ValueError("The model returned NaN or an infinity.")
            return [(repr(value), "") for value in values]
        labels, template = self._labels, self._probabilities
        decided = self._release.decide_index(scores).tolist()
        if not math.isfinite(sum(map(sum, values))):
            raise ValueError("The model returned NaN or an infinity as a probability.")
        return [(labels[i], template % tuple(row)) for i, row in zip(decided, values, strict=True)]

    def respond(
        self, rows: Sequence[RowJson], request_id: str, more: Mapping[str, Any] | None = None
    ) -> EncodedResponse:
        """Join the rows of one request into a response; `more` are further keys."""
        if len(rows) == 1:
            prediction, probabilities = rows[0]
        else:
            prediction = ",".join([row[0] for row in rows])
            probabilities = ",".join([row[1] for row in rows])
        middle = "" if self._regression else f',"probabilities":[{probabilities}]'
        if more:
            middle += "," + to_bytes(more).decode()[1:-1]
        text = f'{{"predictions":[{prediction}]{middle}{self._end}"{escaped(request_id)}"}}'
        return EncodedResponse(200, text.encode())


def escaped(request_id: str) -> str:
    """Escape a request ID, which is visible ASCII, for JSON."""
    if '"' in request_id or "\\" in request_id:
        return request_id.replace("\\", "\\\\").replace('"', '\\"')
    return request_id
