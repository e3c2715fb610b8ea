"""The part of the OpenAPI document about tables."""

from typing import Any

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
    answers = {CSV: {"schema": text}, LINES: {"schema": text}, ARROW: {"schema": BINARY}}
    operation["responses"]["200"]["content"] |= answers
    operation["parameters"] = [
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
