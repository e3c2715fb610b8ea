"""The part of the OpenAPI document about tables."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from seatrial.http.messages import to_bytes
from seatrial.model.table_writers import Write, csv_writer, lines_writer
from seatrial.model.unseen import WARNINGS
from seatrial.serve.bulk import ARROW, CSV, LINES
from seatrial.serve.openapi import TEXT, Json, response
from seatrial.serve.service import PREDICT, Service

BINARY: Json = {**TEXT, "format": "binary"}


def add_tables(document: Json, service: Service) -> Json:
    """Add the forms of tables to the route for predictions."""
    operation: dict[str, Any] = document["paths"][PREDICT]["post"]
    names = [column.name for column in service.release.columns]
    sent = {
        CSV: {"schema": {**TEXT, "description": f"UTF-8 with a header: {', '.join(names)}."}},
        LINES: {"schema": {**TEXT, "description": "A row in each line, as an object."}},
        ARROW: {"schema": {**BINARY, "description": "An Arrow IPC stream with the schema's columns."}},
    }
    operation["requestBody"]["content"] |= sent
    columns = ["prediction", *(f"probability_{label}" for label in service.release.metadata.classes), "warnings"]
    text = {**TEXT, "description": f"The columns {', '.join(columns)}."}
    answers: Json = {
        CSV: {"schema": text, "example": _example(service, csv_writer)},
        LINES: {"schema": text, "example": _example(service, lines_writer)},
        ARROW: {"schema": BINARY, "example": "an Arrow IPC stream with these columns"},
    }
    operation["responses"]["200"]["content"] |= answers
    operation["parameters"] += [
        {
            "name": "on_bad_rows",
            "in": "query",
            "description": "For tables: refuse the request at the first rows that break the schema, or answer them "
            "without a prediction and with the reason as their warning.",
            "schema": {"enum": ["fail", "keep"], "default": "fail"},
        }
    ]
    form = f"The answer can be {CSV}, {LINES} or {ARROW}."
    packed = "The body is not valid gzip."
    operation["responses"] |= {
        "400": response("Error", "The body is not what its Content-Encoding says.", {"detail": packed}),
        "406": response("Error", "A table is to be answered in another form.", {"detail": form}),
    }
    return document


def _example(service: Service, writer: Callable[[Any], AbstractContextManager[Write]]) -> str:
    """The answer to the release's example in one of the forms of text."""
    release = service.release
    scores = release.score([release.encode(release.parse(to_bytes(release.metadata.example))[0])])
    sink = io.BytesIO()
    text = io.TextIOWrapper(sink, "utf-8", newline="", write_through=True)
    with writer(sink if writer is lines_writer else text) as write:
        write({**release.prediction_columns(scores), WARNINGS: [None]})
    return sink.getvalue().decode()
