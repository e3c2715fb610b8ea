"""Encodes responses as bytes. The ASGI application and FastAPI both send what is made here, so they cannot differ.

`Form` is what another protocol defines to be answered by the same service.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from seatrial.http.messages import RETRY, EncodedResponse, refusal, to_bytes
from seatrial.model import Release
from seatrial.model.features import Floats

# What the model says about a row: the position of the predicted class and the probability of each class, or a
# regression's prediction and nothing else. The numbers are float64 as the engine gave them.
Scored = tuple[Any, Sequence[float]]


class Form(Protocol):
    """How one protocol writes a request for predictions and its answer. An object is for one request."""

    media_types: frozenset[str]  # that are accepted besides JSON

    def read(self, body: bytes) -> bytes:
        """Translate a body into the JSON that /api/v1/predict takes, which is then validated. Raises RowError."""

    def respond(self, rows: Sequence[Scored], request_id: str, more: Mapping[str, Any]) -> EncodedResponse:
        """Write the predictions; `more` are further keys of the native response, such as `warnings`."""


ALIVE = EncodedResponse(200, b'{"status":"alive"}')


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


def overloaded(seconds: float) -> EncodedResponse:
    """The 503 for a request that would wait too long for the engine."""
    retry = (b"retry-after", b"%d" % math.ceil(max(seconds, 1.0)))
    return refusal(503, "The server has more requests than it can answer in time. Try again.", (retry,))


def too_late() -> EncodedResponse:
    """The 504 for a request whose caller has given up by its own deadline: its work is not begun."""
    return refusal(504, "The time in X-Request-Timeout was over before the work on the request began.")


def not_ready() -> EncodedResponse:
    """The 503 while the model is loading, and while the server stops."""
    return refusal(503, "The model is not ready.", RETRY)


def scored_rows(release: Release, scores: Floats) -> list[Scored]:
    """Turn scores, (n, n_classes) or (n,), into rows. Raises ValueError if the model returned NaN or an infinity."""
    values = scores.tolist()
    if release.metadata.task == "regression":
        if not all(map(math.isfinite, values)):
            raise ValueError("The model returned NaN or an infinity.")
        return [(value, ()) for value in values]
    if not math.isfinite(sum(map(sum, values))):
        raise ValueError("The model returned NaN or an infinity as a probability.")
    return list(zip(release.decide_index(scores).tolist(), values, strict=True))


class PredictionWriter:
    """Writes predictions as the native JSON, from parts that are made once per release.

    Floats are written with repr, the shortest text that reads back as the same number.
    """

    def __init__(self, release: Release) -> None:
        meta = release.metadata
        self._regression = meta.task == "regression"
        self._labels = [json.dumps(label) for label in meta.classes]
        names = (json.dumps(str(label)).replace("%", "%%") for label in meta.classes)
        self._probabilities = "{" + ",".join(f"{name}:%r" for name in names) + "}"
        facts = json.dumps({"release": release.name, "version": release.version}, separators=(",", ":"))
        self._end = f',{facts[1:-1]},"request_id":'

    def respond(
        self, rows: Sequence[Scored], request_id: str, more: Mapping[str, Any] | None = None
    ) -> EncodedResponse:
        """Write the rows of one request; `more` are further keys."""
        if self._regression:
            prediction, middle = ",".join([repr(value) for value, _ in rows]), ""
        else:
            labels, template = self._labels, self._probabilities
            if len(rows) == 1:
                [(position, shares)] = rows
                prediction, probabilities = labels[position], template % (*shares,)
            else:
                prediction = ",".join([labels[position] for position, _ in rows])
                probabilities = ",".join([template % tuple(shares) for _, shares in rows])
            middle = f',"probabilities":[{probabilities}]'
        if more:
            middle += "," + to_bytes(more).decode()[1:-1]
        text = f'{{"predictions":[{prediction}]{middle}{self._end}"{escaped(request_id)}"}}'
        return EncodedResponse(200, text.encode())


def escaped(request_id: str) -> str:
    """Escape a request ID, which is visible ASCII, for JSON."""
    if '"' in request_id or "\\" in request_id:
        return request_id.replace("\\", "\\\\").replace('"', '\\"')
    return request_id
