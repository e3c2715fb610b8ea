"""Completes the OpenAPI document with the release's own schema, and with responses that the release computed.

The routes read bodies as bytes, so FastAPI does not know what is in them.
"""

import json
from typing import Any

from seatrial.http.messages import EncodedResponse, refusal, to_bytes
from seatrial.serve import requests
from seatrial.serve.exchanges import Exchange
from seatrial.serve.interval_form import INTERVAL
from seatrial.serve.metrics.server_metrics import METRICS
from seatrial.serve.refusals import in_form_of
from seatrial.serve.routes import OPEN
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service

Json = dict[str, Any]

EXAMPLE_ID = "5f0c8ab2e1d94c6fb3a7d20e91c4f688"
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}


def object_of(properties: Json, required: list[str] | None = None) -> Json:
    """The schema of an object; by default all of its properties are required."""
    return {"type": "object", "required": list(properties) if required is None else required, "properties": properties}


def array_of(items: Json, description: str = "") -> Json:
    """The schema of a list."""
    return {"type": "array", "items": items, **({"description": description} if description else {})}


_VALIDATION_ERROR = object_of(
    {
        "type": {**TEXT, "description": "The name of the rule."},
        "loc": array_of(
            {"anyOf": [TEXT, {"type": "integer"}]},
            "Where the error is: `body`, the position of the row in a list, the column.",
        ),
        "msg": {**TEXT, "description": "What the rule requires."},
    }
)
_VALIDATION_ERRORS = object_of({"detail": array_of(_VALIDATION_ERROR)})
_ERROR = object_of({"detail": TEXT, "request_id": TEXT}, ["detail"])
_STATUS = object_of({"status": TEXT})
_COMMON: Json = {
    "release": {**TEXT, "description": "The name of the release."},
    "version": {**TEXT, "description": "The version of the release."},
    "request_id": {**TEXT, "description": "The same ID as in the header X-Request-ID."},
}
ID_HEADER: Json = {"description": "The ID of the request: the caller's own, or a new one.", "schema": TEXT}
_LINE = 'seatrial_requests_total{method="POST",route="/api/v1/predict",status="200"} 17.0\n'
_METRICS: Json = {
    "description": "The numbers of all worker processes, in the format that Accept prefers.",
    "headers": {"X-Request-ID": ID_HEADER},
    "content": {
        "text/plain": {"schema": TEXT, "example": _LINE},
        "application/openmetrics-text": {"schema": TEXT, "example": f"{_LINE}# EOF\n"},
    },
}
_WARNINGS = array_of(
    object_of(
        {
            "row": {"type": "integer", "description": "The position of the row, from 0."},
            "column": TEXT,
            "type": {"enum": ["above_range", "below_range", "value_unseen", "missing_unseen"]},
            "msg": {**TEXT, "description": "In what way the value differs from those in training."},
        }
    ),
    "Values that no training row had. The key is left out where there are none.",
)


def complete(document: Json, service: Service) -> Json:
    """Add bodies, responses and examples to what FastAPI wrote about the routes."""
    release = service.release
    schemas = {
        "Prediction": prediction_schema(service),
        "ExplainedPrediction": explanation_schema(service),
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
    rows = {**array_of(row), "maxItems": service.settings.row_limit}
    inputs = {**object_of({"inputs": rows}), "additionalProperties": False}
    body = to_bytes(example)
    paths = document["paths"]
    errors = _errors(service)
    predicted = response(
        "Prediction", "The predictions, in the order of the rows.", service.predict_body(body, Exchange(EXAMPLE_ID))
    )
    paths[PREDICT]["post"] |= {
        "parameters": _parameters(service),
        "requestBody": request_body(
            {"anyOf": [row, {**rows, "title": "Rows"}, {**inputs, "title": "Inputs"}]},
            {"one row": example, "several rows": [example, release.metadata.typical], "inputs": {"inputs": [example]}},
        ),
        "responses": {"200": predicted, **errors},
    }
    explained = response(
        "ExplainedPrediction", "The prediction with its explanation.", service.explain_body(body, Exchange(EXAMPLE_ID))
    )
    paths[EXPLAIN]["post"] |= {
        "requestBody": request_body(row, {"one row": example}),
        "responses": {"200": explained, **errors},
    }
    paths[MODEL]["get"]["responses"] = {"200": response("Model", "The model.", service.model())}
    for path in ("/health", "/api/v1/health"):
        paths[path]["get"]["responses"] = {"200": response("Status", "The server is alive.", service.health())}
    paths["/ready"]["get"]["responses"] = {
        "200": response("Status", "The model is loaded.", service.readiness()),
        "503": response("Error", "The model is not loaded yet.", {"detail": "The model is not ready."}),
    }
    paths[METRICS]["get"]["responses"] = {"200": _METRICS}
    return document


def add_security(document: Json, service: Service) -> Json:
    """Say which routes need a key, for clients that are made from the document, and for the page at /docs."""
    if service.access.ring is None:
        return document
    routes = service.access.routes
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
                    operation["responses"][status] = _refused(path, int(status), text)
    return document


def _refused(path: str, status: int, text: str) -> Json:
    """A refusal in the form of the path's protocol; Vertex AI's own routes are not in the document."""
    translated = in_form_of(path, (), refusal(status, text))
    example = json.loads(translated.body)
    schema = "MlflowError" if "error_code" in example else "DoorError" if "error" in example else "Error"
    return response(schema, text, example)


def request_body(schema: Json, examples: Json) -> Json:
    """A JSON body, with examples by name."""
    named = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": named}}}


def response(schema: str, description: str, example: EncodedResponse | Json) -> Json:
    """A JSON response of the schema with this name."""
    example = json.loads(example.body) if isinstance(example, EncodedResponse) else example
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {
        "description": description,
        "headers": {"X-Request-ID": ID_HEADER},
        "content": {"application/json": content},
    }


def _errors(service: Service) -> Json:
    column = service.release.columns[0].name
    large = f"The body is larger than {service.settings.body_limit:,} bytes."
    invalid = {"detail": [{"type": "missing", "loc": ["body", column], "msg": "Field required"}]}
    failed = "The model or the server failed. The server's log has the cause, under this request ID."
    busy = "The server is not ready or too busy. Try again."
    return {
        "413": response("Error", large, {"detail": large}),
        "415": response(
            "Error", "The body is of another type, or not in UTF-8.", {"detail": requests.NOT_JSON % "not text/plain"}
        ),
        "422": response("ValidationErrors", "A row is invalid. Each error has its location and the rule.", invalid),
        "500": response("Error", failed, {"detail": "..."}),
        "503": response("Error", busy, {"detail": "The model is not ready."}),
    }


def label_of(service: Service) -> Json:
    """The schema of a prediction: one of the classes, or a number."""
    classes = list(service.release.metadata.classes)
    return {"enum": classes} if classes else NUMBER


def _parameters(service: Service) -> list[Json]:
    """The parameter for intervals, where the release has any."""
    known = service.release.intervals
    if not known.levels:
        return []
    what = "the true value is in its interval" if known.name == "intervals" else "the true class is in its set"
    text = f"For JSON: answer `{known.name}` too. For rows like those in training, {what} with this probability."
    levels = [f"{level:g}" for level in known.levels]  # as text: generators of clients refuse lists of numbers
    return [{"name": INTERVAL, "in": "query", "description": text, "schema": {**TEXT, "enum": levels}}]


def _intervals(service: Service) -> Json:
    """The schema of what is answered besides the predictions to those who ask for intervals."""
    known = service.release.intervals
    if not known.levels:
        return {}
    if known.name == "sets":
        return {"sets": array_of(array_of(label_of(service)), "By row, with ?interval=: the classes, likeliest first.")}
    ends = {**array_of(NUMBER), "minItems": 2, "maxItems": 2}
    return {"intervals": array_of(ends, "By row, with ?interval=: the lower and the upper end.")}


def prediction_schema(service: Service) -> Json:
    """The schema of the native response to rows."""
    meta = service.release.metadata
    properties: Json = {"predictions": array_of(label_of(service))}
    if meta.task != "regression":
        probabilities = object_of({str(label): {**NUMBER, "minimum": 0, "maximum": 1} for label in meta.classes})
        properties["probabilities"] = array_of(probabilities, "By label, for each row.")
    optional = {**_intervals(service), "warnings": _WARNINGS}
    return object_of({**properties, **_COMMON, **optional}, [*properties, *_COMMON])


def explanation_schema(service: Service) -> Json:
    """The schema of the native response to a row that is to be explained."""
    contribution = object_of(
        {
            "column": TEXT,
            "value": {"description": "The value in this row."},
            "typical": {"description": "The value in a typical row."},
            "contribution": {**NUMBER, "description": "How much the value, instead of the typical one, contributes."},
        }
    )
    label = label_of(service) if service.release.metadata.classes else {"type": "null"}
    explanation = object_of(
        {
            "label": {**label, "description": "The class whose probability is explained; null for a regression."},
            "value": {**NUMBER, "description": "Its probability, or the predicted number, for this row."},
            "typical_value": {**NUMBER, "description": "The same for a typical row."},
            "contributions": array_of(contribution, "Largest first."),
        }
    )
    prediction = prediction_schema(service)
    known = {name: schema for name, schema in prediction["properties"].items() if name not in _intervals(service)}
    return object_of({**known, "explanation": explanation}, [*prediction["required"], "explanation"])


def _model(service: Service) -> Json:
    facts = json.loads(service.model().body)
    kinds = {str: "string", dict: "object", list: "array", float: "number", int: "integer"}
    schemas = {kind: array_of({}) if kind is list else {"type": name} for kind, name in kinds.items()}
    return object_of({name: schemas.get(type(value), {}) for name, value in facts.items()})
