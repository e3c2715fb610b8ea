"""The doors' part of the OpenAPI document: a summary of each route, and what its bodies and answers are."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence

from seatrial import __version__
from seatrial.http.messages import to_bytes
from seatrial.serve import openapi, requests
from seatrial.serve.doors import HANDLERS, Doors
from seatrial.serve.doors.azure import ScoreForm
from seatrial.serve.doors.instances import InstancesForm
from seatrial.serve.doors.mlflow import JSON_TYPE, InvocationForm
from seatrial.serve.doors.open_inference import InferForm
from seatrial.serve.doors.tensors import DATATYPES, column_datatype
from seatrial.serve.exchanges import Exchange
from seatrial.serve.openapi import NUMBER, TEXT, Json, array_of, object_of
from seatrial.serve.responses import Form
from seatrial.serve.routes import ROUTES, Route
from seatrial.serve.service import Service

V2, V1, MLFLOW, VERTEX, AZURE = "Open Inference", "KServe V1", "MLflow and SageMaker", "Vertex AI", "Azure ML"

# By path: the tag, and the summary.
SUMMARIES = {
    "/v2": (V2, "Describe the server."),
    "/v2/health/live": (V2, "Check whether the server is alive."),
    "/v2/health/ready": (V2, "Check whether the model is loaded."),
    "/v2/models/{name}": (V2, "Describe the model's inputs and outputs."),
    "/v2/models/{name}/versions/{version}": (V2, "Describe the inputs and outputs of one version."),
    "/v2/models/{name}/ready": (V2, "Check whether the model is loaded."),
    "/v2/models/{name}/versions/{version}/ready": (V2, "Check whether one version is loaded."),
    "/v2/models/{name}/infer": (V2, "Predict rows that are sent as a tensor for each column."),
    "/v2/models/{name}/versions/{version}/infer": (V2, "Predict rows with one version."),
    "/v1/models": (V1, "List the model."),
    "/v1/models/{name}": (V1, "Check whether the model is loaded."),
    "/v1/models/{name}:predict": (V1, "Predict instances."),
    "/v1/endpoints/{endpoint}/deployedModels/{model}": (VERTEX, "Check whether the model is loaded."),
    "/v1/endpoints/{endpoint}/deployedModels/{model}:predict": (VERTEX, "Predict instances."),
    "/ping": (MLFLOW, "Check whether the model is loaded."),
    "/version": (MLFLOW, "Get the version of the server's software."),
    "/invocations": (MLFLOW, "Predict a table: JSON in one of MLflow's forms, CSV, or JSON lines."),
    "/score": (AZURE, "Predict rows."),
}
# The names of the schemas of requests and answers, by tag.
REQUESTS = {
    V2: "InferRequest",
    V1: "InstancesRequest",
    VERTEX: "InstancesRequest",
    MLFLOW: "MlflowTable",
    AZURE: "AzureTable",
}
ANSWERS = {V2: "InferResponse", V1: "DoorPrediction", VERTEX: "VertexPrediction", MLFLOW: "DoorPrediction"} | {
    AZURE: "PredictionList"
}
# What the routes without rows answer: the schema and an example, in which "name" becomes the release's.
STATES: dict[str, tuple[str, Json]] = {
    "/v2": ("InferServer", {"name": "seatrial", "version": __version__, "extensions": ["binary_tensor_data"]}),
    "/v2/health/live": ("Live", {"live": True}),
    "/v2/health/ready": ("Ready", {"ready": True}),
    "/v2/models/{name}": ("InferModel", {}),
    "/v2/models/{name}/versions/{version}": ("InferModel", {}),
    "/v2/models/{name}/ready": ("Ready", {"name": "", "ready": True}),
    "/v2/models/{name}/versions/{version}/ready": ("Ready", {"name": "", "ready": True}),
    "/v1/models": ("ModelList", {"models": [""]}),
    "/v1/models/{name}": ("Ready", {"name": "", "ready": True}),
    "/v1/endpoints/{endpoint}/deployedModels/{model}": ("Status", {"status": "ready"}),
    "/ping": ("Status", {"status": "ready"}),
}


def complete(document: Json, service: Service) -> Json:
    """Add parameters, bodies, answers and examples to what FastAPI wrote about the doors' routes."""
    release = service.release
    names = {"name": release.name, "version": release.version, "endpoint": "1", "model": "2"}
    document["components"]["schemas"] |= _schemas(service)
    for route in ROUTES:
        if route.path not in HANDLERS:
            continue
        operation = document["paths"][route.path][route.method.lower()]
        named = re.findall(r"\{(\w+)\}", route.path)
        if named:
            operation["parameters"] = [_parameter(name, names[name]) for name in named]
        operation["responses"] = {**_answers(route.path, service), **_errors(route, service)}
        if route.method == "POST":
            operation["requestBody"] = _request(route.path, service)
    return document


def operation_id(path: str) -> str:
    """What clients that are made from the document call a route: its door and what it does there."""
    door, method = HANDLERS[path]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", door).lower()
    return f"{words}_{method}{'_version' * ('{version}' in path)}"


def _parameter(name: str, example: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "example": example}


def _form(service: Service, path: str) -> Form:
    """The form of a request in JSON through the door of a path."""
    door = Doors(service).door(path)
    forms: dict[str, Callable[[], Form]] = {
        V2: lambda: InferForm(door, ""),
        V1: lambda: InstancesForm(door),
        VERTEX: lambda: InstancesForm(door, objects=True),
        MLFLOW: lambda: InvocationForm(door, JSON_TYPE, JSON_TYPE),
        AZURE: lambda: ScoreForm(door),
    }
    return forms[SUMMARIES[path][0]]()


def _examples(path: str, service: Service) -> dict[str, Json]:
    """Bodies with the example row, by what they are called."""
    release, row = service.release, service.release.metadata.example
    inputs = [
        {"name": column.name, "datatype": column_datatype(column), "shape": [1], "data": [row.get(column.name)]}
        for column in release.columns
    ]
    split = {"columns": list(row), "data": [list(row.values())]}
    mlflow = {"dataframe_split": split, "dataframe_records": [row], "inputs": {k: [v] for k, v in row.items()}}
    bodies: dict[str, dict[str, Json]] = {
        V2: {"tensors": {"inputs": inputs}},
        V1: {"instances": {"instances": [row]}},
        VERTEX: {"instances": {"instances": [row]}},
        MLFLOW: {key: {key: value} for key, value in mlflow.items()},
        AZURE: {"input_data": {"input_data": split}, "data": {"data": [row]}},
    }
    return bodies[SUMMARIES[path][0]]


def _request(path: str, service: Service) -> Json:
    tag = SUMMARIES[path][0]
    schema: Json = {"$ref": f"#/components/schemas/{REQUESTS[tag]}"}
    request = openapi.request_body(schema, _examples(path, service))
    if tag == MLFLOW:
        row, text = service.release.metadata.example, io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([row.keys(), row.values()])
        request["content"]["text/csv"] = {"schema": TEXT, "example": text.getvalue()}
        request["content"]["application/jsonlines"] = {"schema": TEXT, "example": json.dumps(row) + "\n"}
    return request


def _answers(path: str, service: Service) -> Json:
    """The 200 of a route, with the answer that it really gives."""
    tag, summary = SUMMARIES[path]
    if path in STATES:
        schema, example = STATES[path]
        if schema == "InferModel":
            example = Doors(service).door(path).facts()
        elif path != "/v2":
            text = json.dumps(example).replace('""', json.dumps(service.release.name))
            example = json.loads(text)
        return {"200": openapi.response(schema, summary, example)}
    if path == "/version":
        answer = openapi.response("Status", summary, {})
        return {"200": {**answer, "content": {"text/plain": {"schema": TEXT, "example": __version__}}}}
    body = to_bytes(next(iter(_examples(path, service).values())))
    predicted = service.predict_body(body, Exchange(openapi.EXAMPLE_ID), form=_form(service, path))
    return {"200": openapi.response(ANSWERS[tag], "The predictions, in the order of the rows.", predicted)}


def _errors(route: Route, service: Service) -> Json:
    if route.method == "GET" and "{" not in route.path and "ready" not in route.path and route.path != "/ping":
        return {}
    tag, posted = SUMMARIES[route.path][0], route.method == "POST"
    column = service.release.columns[0].name
    texts = {
        "400": f"row 0, column {column}: Field required (missing)" if posted else "",
        "404": "Unknown model 'x'." if "{" in route.path else "",
        "406": "The answer can be application/json, text/csv or application/jsonlines." if tag == MLFLOW else "",
        "413": f"The body is larger than {service.settings.body_limit:,} bytes." if posted else "",
        "415": requests.NOT_JSON % "not text/plain" if posted else "",
        "500": "The request failed." if posted else "",
        "503": "The model is not ready.",
    }
    code = {"error_code": "BAD_REQUEST"}
    return {
        status: openapi.response("MlflowError", text, {**code, "message": text})
        if tag == MLFLOW
        else openapi.response("DoorError", text, {"error": text})
        for status, text in texts.items()
        if text and (posted or status != "406")
    }


def _schemas(service: Service) -> Json:
    """The schemas of requests and answers, as much as is the same for all models."""
    whole = {"type": "integer", "minimum": 0}
    row: Json = {"anyOf": [{"type": "object"}, array_of({})]}
    rows = {**array_of(row, "Each an object, or a list of values in the order of the columns."), "items": row}
    parameters = _or_null({"type": "object", "additionalProperties": True})
    none = _or_null({"type": "object", "maxProperties": 0})  # a model takes no parameters
    tensor = {"name": TEXT, "datatype": {"enum": sorted(DATATYPES)}, "shape": array_of(whole)}
    sent = object_of({**tensor, "parameters": parameters, "data": array_of({})}, list(tensor))
    described = {**tensor, "shape": array_of({"type": "integer", "minimum": -1}), "parameters": parameters}
    split = object_of({"columns": array_of(TEXT), "index": array_of({}), "data": array_of(row)}, ["data"])
    label = openapi.label_of(service)
    shares: Json = {"type": "object", "additionalProperties": NUMBER}
    warnings = {"type": "array", "items": {"type": "object"}}
    predicted = {"prediction": label, "probabilities": shares, "warnings": warnings}
    columns = {"predictions": array_of(label), "probabilities": array_of(shares), "warnings": warnings}
    request = {
        "id": _or_null(TEXT),
        "parameters": parameters,
        "inputs": {**array_of(sent), "minItems": 1},
    }
    wanted = _or_null(array_of(object_of({"name": TEXT, "parameters": parameters}, ["name"])))
    tables = {"dataframe_records": rows, "instances": rows, "inputs": {"anyOf": [rows, {"type": "object"}]}}
    forms = ("dataframe_split", *tables)
    answer = {"model_name": TEXT, "model_version": TEXT, "id": TEXT, "parameters": parameters}
    facts = {"name": TEXT, "versions": array_of(TEXT), "platform": TEXT}
    listed = array_of(object_of(described, list(tensor)))
    return {
        "InferRequest": object_of({**request, "outputs": wanted}, ["inputs"]),
        "InferResponse": object_of({**answer, "outputs": array_of(sent)}, ["model_name", "outputs"]),
        "InferModel": object_of({**facts, "inputs": listed, "outputs": listed}),
        "InferServer": object_of({"name": TEXT, "version": TEXT, "extensions": array_of(TEXT)}),
        "InstancesRequest": _closed({"instances": rows, "parameters": none}, ["instances"]),
        "MlflowTable": _closed({"dataframe_split": split, **tables, "params": none}, [], one_of=forms),
        "AzureTable": _closed(
            {"input_data": {"anyOf": [split, rows]}, "data": rows, "params": none},
            [],
            one_of=("input_data", "data"),
        ),
        "DoorPrediction": object_of(columns, ["predictions"]),
        "VertexPrediction": object_of({"predictions": array_of(object_of(predicted, ["prediction"]))}),
        "PredictionList": array_of(object_of(predicted, ["prediction"])),
        "Live": object_of({"live": {"type": "boolean"}}),
        "Ready": object_of({"name": TEXT, "ready": {"type": "boolean"}}, ["ready"]),
        "ModelList": object_of({"models": array_of(TEXT)}),
        "DoorError": object_of({"error": TEXT}),
        "MlflowError": object_of({"error_code": TEXT, "message": TEXT}),
    }


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _closed(properties: Json, required: list[str], one_of: Sequence[str] = ()) -> Json:
    """An object without other keys; with `one_of`, it has exactly one of these."""
    chosen = {"oneOf": [{"required": [key]} for key in one_of]} if one_of else {}
    return {**object_of(properties, required), "additionalProperties": False, **chosen}
