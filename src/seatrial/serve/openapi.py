"""Completes the OpenAPI document with the release's own schema, and with responses that the release computed.

The routes read bodies as bytes, so FastAPI does not know what is in them.
"""

import json
from typing import Any

from seatrial.http.messages import EncodedResponse, to_bytes
from seatrial.serve import requests
from seatrial.serve.routes import OPEN, RouteTable
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service

Json = dict[str, Any]

EXAMPLE_ID = "5f0c8ab2e1d94c6fb3a7d20e91c4f688"
_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}


def _object(properties: Json, required: list[str] | None = None) -> Json:
    return {"type": "object", "required": required or list(properties), "properties": properties}


def _array(items: Json, description: str = "") -> Json:
    return {"type": "array", "items": items, **({"description": description} if description else {})}


_VALIDATION_ERROR = _object(
    {
        "type": {**_TEXT, "description": "The name of the rule."},
        "loc": _array(
            {"anyOf": [_TEXT, {"type": "integer"}]},
            "Where the error is: `body`, the position of the row in a list, the column.",
        ),
        "msg": {**_TEXT, "description": "What the rule requires."},
    }
)
_VALIDATION_ERRORS = _object({"detail": _array(_VALIDATION_ERROR)})
_ERROR = _object({"detail": _TEXT, "request_id": _TEXT}, ["detail"])
_STATUS = _object({"status": _TEXT})
_COMMON: Json = {
    "release": {**_TEXT, "description": "The name of the release."},
    "version": {**_TEXT, "description": "The version of the release."},
    "request_id": {**_TEXT, "description": "The same ID as in the header X-Request-ID."},
}
_WARNINGS = _array(
    _object(
        {
            "row": {"type": "integer", "description": "The position of the row, from 0."},
            "column": _TEXT,
            "type": {"enum": ["above_range", "below_range", "value_unseen", "missing_unseen"]},
            "msg": {**_TEXT, "description": "In what way the value differs from those in training."},
        }
    ),
    "Values that no training row had. The key is left out where there are none.",
)


def complete(document: Json, service: Service) -> Json:
    """Add bodies, responses and examples to what FastAPI wrote about the routes."""
    release = service.release
    schemas = {
        "Prediction": _prediction(service),
        "Explanation": _explanation(service),
        "Model": _model(service),
        "ValidationErrors": _VALIDATION_ERRORS,
        "Error": _ERROR,
        "Status": _STATUS,
    }
    name = release.schema.__name__
    name = name if name not in schemas else f"{name}Row"
    path = f"#/components/schemas/{name}"
    schemas[name] = release.schema.model_json_schema(ref_template=path + "/$defs/{model}")
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    row, example = {"$ref": path}, release.metadata.example
    rows = {**_array(row), "maxItems": service.settings.row_limit}
    inputs = {**_object({"inputs": rows}), "additionalProperties": False}
    body = to_bytes(example)
    paths = document["paths"]
    errors = _errors(service)
    predicted = _response(
        "Prediction", "The predictions, in the order of the rows.", service.predict_body(body, EXAMPLE_ID)
    )
    paths[PREDICT]["post"] |= {
        "requestBody": _body(
            {"anyOf": [row, {**rows, "title": "Rows"}, {**inputs, "title": "Inputs"}]},
            {"one row": example, "several rows": [example, release.metadata.typical], "inputs": {"inputs": [example]}},
        ),
        "responses": {"200": predicted, **errors},
    }
    explained = _response("Explanation", "The prediction with its explanation.", service.explain_body(body, EXAMPLE_ID))
    paths[EXPLAIN]["post"] |= {
        "requestBody": _body(row, {"one row": example}),
        "responses": {"200": explained, **errors},
    }
    paths[MODEL]["get"]["responses"] = {"200": _response("Model", "The model.", service.model())}
    for path in ("/health", "/api/v1/health"):
        paths[path]["get"]["responses"] = {"200": _response("Status", "The server is alive.", service.health())}
    paths["/ready"]["get"]["responses"] = {
        "200": _response("Status", "The model is loaded.", service.readiness()),
        "503": _response("Error", "The model is not loaded yet.", {"detail": "The model is not ready."}),
    }
    if service.access.ring is not None:
        _add_security(document, service.access.routes)
    return document


def _add_security(document: Json, routes: RouteTable) -> None:
    """Say which routes need a key, for clients that are made from the document, and for the page at /docs."""
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    refusals = {
        "401": "There is no valid key.",
        "403": "The key does not have the scope that the route needs.",
        "429": "The rate or the quota of the key is used up. Retry-After has the seconds to wait.",
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if routes.scope_of(method.upper(), path) != OPEN:
                operation["security"] = [{"bearer": []}, {"key": []}]
                for status, text in refusals.items():
                    operation["responses"][status] = _response("Error", text, {"detail": text})


def _body(schema: Json, examples: Json) -> Json:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": named}}}


def _response(schema: str, description: str, example: EncodedResponse | Json) -> Json:
    example = json.loads(example.body) if isinstance(example, EncodedResponse) else example
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    header = {"description": "The ID of the request: the caller's own, or a new one.", "schema": _TEXT}
    return {
        "description": description,
        "headers": {"X-Request-ID": header},
        "content": {"application/json": content},
    }


def _errors(service: Service) -> Json:
    column = service.release.columns[0].name
    large = f"The body is larger than {service.settings.body_limit:,} bytes."
    invalid = {"detail": [{"type": "missing", "loc": ["body", column], "msg": "Field required"}]}
    failed = "The model or the server failed. The server's log has the cause, under this request ID."
    busy = "The server is not ready or too busy. Try again."
    return {
        "413": _response("Error", large, {"detail": large}),
        "415": _response("Error", "The body is not JSON in UTF-8.", {"detail": requests.NOT_JSON % "not text/plain"}),
        "422": _response("ValidationErrors", "A row is invalid. Each error has its location and the rule.", invalid),
        "500": _response("Error", failed, {"detail": "..."}),
        "503": _response("Error", busy, {"detail": "The model is not ready."}),
    }


def _label(service: Service) -> Json:
    classes = list(service.release.metadata.classes)
    return {"enum": classes} if classes else _NUMBER


def _prediction(service: Service) -> Json:
    meta = service.release.metadata
    properties: Json = {"predictions": _array(_label(service))}
    if meta.task != "regression":
        probabilities = _object({str(label): {**_NUMBER, "minimum": 0, "maximum": 1} for label in meta.classes})
        properties["probabilities"] = _array(probabilities, "By label, for each row.")
    return _object({**properties, **_COMMON, "warnings": _WARNINGS}, [*properties, *_COMMON])


def _explanation(service: Service) -> Json:
    contribution = _object(
        {
            "column": _TEXT,
            "value": {"description": "The value in this row."},
            "typical": {"description": "The value in a typical row."},
            "contribution": {**_NUMBER, "description": "How much the value, instead of the typical one, contributes."},
        }
    )
    label = _label(service) if service.release.metadata.classes else {"type": "null"}
    explanation = _object(
        {
            "label": {**label, "description": "The class whose probability is explained; null for a regression."},
            "value": {**_NUMBER, "description": "Its probability, or the predicted number, for this row."},
            "typical_value": {**_NUMBER, "description": "The same for a typical row."},
            "contributions": _array(contribution, "Largest first."),
        }
    )
    prediction = _prediction(service)
    return _object({**prediction["properties"], "explanation": explanation}, [*prediction["required"], "explanation"])


def _model(service: Service) -> Json:
    facts = json.loads(service.model().body)
    kinds = {str: "string", dict: "object", list: "array", float: "number", int: "integer"}
    return _object({name: {"type": kinds[type(v)]} if type(v) in kinds else {} for name, v in facts.items()})
