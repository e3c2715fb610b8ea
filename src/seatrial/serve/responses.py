"""Answers as bytes. The front and FastAPI both send what is made here, so that they cannot come to differ."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seatrial.model import Release
from seatrial.model.engines import Floats

Piece = tuple[str, str]  # a prediction and its probabilities, as JSON


# What every answer carries besides its length and its request id; a browser must not guess at a type.
JSON = (b"content-type", b"application/json")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
REQUEST_ID = b"x-request-id"


class Answer(NamedTuple):
    """An HTTP answer, as yet without its request id header."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def to_bytes(document: Any) -> bytes:
    """Render JSON exactly as FastAPI's own answers are rendered."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def invalid(errors: list[dict[str, Any]]) -> Answer:
    """FastAPI's 422."""
    return Answer(422, to_bytes({"detail": errors}))


def refused(status: int, detail: str) -> Answer:
    """Any other refusal, in the form of FastAPI's HTTPException."""
    return Answer(status, to_bytes({"detail": detail}))


def too_large(limit: int) -> Answer:
    """The 413 for a body over the limit."""
    return refused(413, f"The body is larger than {limit:,} bytes.")


def failed(request_id: str) -> Answer:
    """A fault of the model's or ours; the log has the details, a caller does not get them."""
    detail = "The request failed. The server's log says why, under this request id."
    return Answer(500, to_bytes({"detail": detail, "request_id": request_id}))


def busy() -> Answer:
    """Too many large requests at once."""
    return Answer(503, to_bytes({"detail": "Too many large requests at once; try again."}), ((b"retry-after", b"1"),))


def starting() -> Answer:
    """The model is not loaded yet, or no longer."""
    return Answer(503, to_bytes({"detail": "The model is not ready."}), ((b"retry-after", b"1"),))


class PredictionWriter:
    """Writes predictions as JSON from pieces that are made once per release.

    Floats are written by repr, the shortest text that reads back as the same number.
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

    def pieces(self, scores: Floats) -> list[Piece]:
        """Write each row of scores. Raises ValueError where the model gave something that is no number."""
        values = scores.tolist()
        if self._regression:
            if not all(map(math.isfinite, values)):
                raise ValueError("The model gave NaN or an infinity.")
            return [(repr(value), "") for value in values]
        labels, template = self._labels, self._probabilities
        decided = self._release.decide_index(scores).tolist()
        if not math.isfinite(sum(map(sum, values))):
            raise ValueError("The model gave NaN or an infinity as a probability.")
        return [(labels[i], template % tuple(row)) for i, row in zip(decided, values, strict=True)]

    def answer(self, pieces: Sequence[Piece], request_id: str, more: Mapping[str, Any] | None = None) -> Answer:
        """Put the pieces of one request together, and `more` that is to be told with them."""
        if len(pieces) == 1:
            prediction, probabilities = pieces[0]
        else:
            prediction = ",".join([piece[0] for piece in pieces])
            probabilities = ",".join([piece[1] for piece in pieces])
        middle = "" if self._regression else f',"probabilities":[{probabilities}]'
        if more:
            middle += "," + to_bytes(more).decode()[1:-1]
        text = f'{{"predictions":[{prediction}]{middle}{self._end}"{escaped(request_id)}"}}'
        return Answer(200, text.encode())


def escaped(request_id: str) -> str:
    """Escape a request id, visible ASCII, for JSON."""
    if '"' in request_id or "\\" in request_id:
        return request_id.replace("\\", "\\\\").replace('"', '\\"')
    return request_id
