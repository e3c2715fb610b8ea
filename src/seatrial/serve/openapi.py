"""Completes the OpenAPI document: the release's own schema, and examples that it answered itself.

The routes read bodies as bytes, so FastAPI knows nothing of what is in them; here it is said.
"""

import json
from typing import Any

from seatrial.serve.responses import to_bytes
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service

Json = dict[str, Any]

EXAMPLE_ID = "5f0c8ab2e1d94c6fb3a7d20e91c4f688"
_TEXT: Json = {"type": "string"}
_INVALID: Json = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "loc", "msg"],
                "properties": {
                    "type": {**_TEXT, "description": "The rule's name."},
                    "loc": {
                        "type": "array",
                        "items": {"anyOf": [_TEXT, {"type": "integer"}]},
                        "description": "The place: `body`, the row's position in a list, the column.",
                    },
                    "msg": {**_TEXT, "description": "The rule."},
                },
            },
        }
    },
}
_REFUSED: Json = {"type": "object", "required": ["detail"], "properties": {"detail": _TEXT, "request_id": _TEXT}}
_STATUS: Json = {"type": "object", "required": ["status"], "properties": {"status": _TEXT}}


def completed(document: Json, service: Service) -> Json:
    """Add bodies, answers and examples to what FastAPI wrote of the routes."""
    release = service.release
    mine = {"Prediction", "Explanation", "Model", "Invalid", "Refused", "Status"}
    name = release.schema.__name__
    name = name if name not in mine else f"{name}Row"
    place = f"#/components/schemas/{name}"
    schemas = {
        name: release.schema.model_json_schema(ref_template=place + "/$defs/{model}"),
        "Prediction": _prediction(service),
        "Explanation": _explanation(service),
        "Model": _model(service),
        "Invalid": _INVALID,
        "Refused": _REFUSED,
        "Status": _STATUS,
    }
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    row, example = {"$ref": place}, release.metadata.example
    rows = {"type": "array", "items": row, "maxItems": service.settings.row_limit}
    inputs = {"type": "object", "required": ["inputs"], "properties": {"inputs": rows}, "additionalProperties": False}
    body = to_bytes(example)
    paths = document["paths"]
    paths[PREDICT]["post"] |= {
        "requestBody": _body(
            {"anyOf": [row, {**rows, "title": "Rows"}, {**inputs, "title": "Inputs"}]},
            {"one row": example, "several rows": [example, release.metadata.typical], "inputs": {"inputs": [example]}},
        ),
        "responses": {
            "200": _answer(
                "The predictions, in the rows' order.", "Prediction", service.predict_body(body, EXAMPLE_ID)
            ),
            **_refusals(service),
        },
    }
    paths[EXPLAIN]["post"] |= {
        "requestBody": _body(row, {"one row": example}),
        "responses": {
            "200": _answer("The prediction, explained.", "Explanation", service.explain_body(body, EXAMPLE_ID)),
            **_refusals(service),
        },
    }
    paths[MODEL]["get"]["responses"] = {"200": _answer("The model.", "Model", service.model())}
    for path in ("/health", "/api/v1/health"):
        paths[path]["get"]["responses"] = {"200": _answer("Alive.", "Status", service.health())}
    paths["/ready"]["get"]["responses"] = {
        "200": _answer("Ready.", "Status", service.readiness()),
        "503": _told("The model is not loaded yet.", "Refused", {"detail": "The model is not ready."}),
    }
    return document


def _body(schema: Json, examples: Json) -> Json:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": named}}}


def _answer(description: str, schema: str, answer: Any) -> Json:
    return _told(description, schema, json.loads(answer.body))


def _told(description: str, schema: str, example: Any) -> Json:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    header = {"description": "The request's id: the caller's own, or one that was made for it.", "schema": _TEXT}
    return {
        "description": description,
        "headers": {"X-Request-ID": header},
        "content": {"application/json": content},
    }


def _refusals(service: Service) -> Json:
    column = service.release.columns[0].name
    limit = service.settings.body_limit
    wrong = {"detail": [{"type": "missing", "loc": ["body", column], "msg": "Field required"}]}
    return {
        "413": _told(
            f"The body is larger than {limit:,} bytes.",
            "Refused",
            {"detail": f"The body is larger than {limit:,} bytes."},
        ),
        "422": _told("A row breaks a rule: the place and the rule.", "Invalid", wrong),
        "500": _told("A fault of the model's or the server's; its log has this id.", "Refused", {"detail": "..."}),
        "503": _told("Not ready, or too busy; try again.", "Refused", {"detail": "The model is not ready."}),
    }


def _object(properties: Json, required: list[str] | None = None) -> Json:
    return {"type": "object", "required": required or list(properties), "properties": properties}


_FRAME: Json = {
    "release": {**_TEXT, "description": "The release's name."},
    "version": {**_TEXT, "description": "The release's version."},
    "request_id": {**_TEXT, "description": "The same as in the header X-Request-ID."},
}


def _label(service: Service) -> Json:
    classes = list(service.release.metadata.classes)
    return {"enum": classes} if classes else {"type": "number"}


def _prediction(service: Service) -> Json:
    meta = service.release.metadata
    properties: Json = {"predictions": {"type": "array", "items": _label(service)}}
    if meta.task != "regression":
        shares = _object({str(label): {"type": "number", "minimum": 0, "maximum": 1} for label in meta.classes})
        properties["probabilities"] = {"type": "array", "items": shares, "description": "By label, row by row."}
    return _object({**properties, **_FRAME})


def _explanation(service: Service) -> Json:
    number: Json = {"type": "number"}
    contribution = _object(
        {
            "column": _TEXT,
            "value": {"description": "What the row says."},
            "typical": {"description": "What a typical row says."},
            "contribution": {**number, "description": "What the one in place of the other did to the prediction."},
        }
    )
    label = (service.release.metadata.classes and _label(service)) or {"type": "null"}
    explanation = _object(
        {
            "label": {**label, "description": "The class whose probability is explained; null for a regression."},
            "value": {**number, "description": "Its probability, or the predicted number, for the row."},
            "typical_value": {**number, "description": "The same for a typical row."},
            "contributions": {"type": "array", "items": contribution, "description": "The largest first."},
        }
    )
    prediction = _prediction(service)["properties"]
    return _object({**prediction, "explanation": explanation})


def _model(service: Service) -> Json:
    facts = json.loads(service.model().body)
    kinds = {str: "string", dict: "object", list: "array", float: "number", int: "integer"}
    return _object({name: {"type": kinds[type(v)]} if type(v) in kinds else {} for name, v in facts.items()})
