"""The OpenAPI document: every route, real examples, and schemas that the responses match."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.serve.clients import mounted

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.doors import HANDLERS
from seatrial.serve.metrics.server_metrics import METRICS
from seatrial.serve.routes import OPEN, ROUTES
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service


@pytest.fixture(scope="module")
def client(titanic: Release) -> Iterator[httpx.Client]:
    with mounted(create_fastapi(Service(titanic, Settings()))) as client:
        yield client


def test_every_api_route_is_documented(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    own = {PREDICT, EXPLAIN, MODEL, METRICS, "/health", "/api/v1/health", "/ready"}
    assert set(document["paths"]) == own | set(HANDLERS)  # not the page, the documents and their files
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, answer in operation["responses"].items():
                for content in answer["content"].values():
                    assert content["schema"], (path, status)
                    assert "example" in content, (path, status)
                assert "X-Request-ID" in answer["headers"]
    assert set(document["paths"][PREDICT]["post"]["responses"]) == {
        *("200", "400", "406", "413", "415", "422", "500", "503")
    }


def test_the_examples_in_the_openapi_document_are_real(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path in (PREDICT, EXPLAIN):
        operation = document["paths"][path]["post"]
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        replies = [client.post(path, json=example["value"]) for example in examples.values()]
        assert [reply.status_code for reply in replies] == [200] * len(replies)
        shown = operation["responses"]["200"]["content"]["application/json"]["example"]
        assert {**replies[0].json(), "request_id": shown["request_id"]} == shown
    shown = document["paths"][MODEL]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert shown == client.get(MODEL).json()


@pytest.mark.parametrize("kind", ["titanic", "multiclass", "regression", "native"])
def test_responses_match_the_documented_schemas(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)
    with mounted(create_fastapi(Service(release, Settings()))) as client:
        document = client.get("/openapi.json").json()
        example = release.metadata.example
        bad: Any = {**example, "x": 1}
        levels = ["?interval=0.9", "?interval=0.7"] if release.intervals.levels else []
        queries = [(PREDICT + query, [example, example]) for query in ("", *levels)]
        for path, body in (*queries, (PREDICT, bad), (EXPLAIN, example)):
            reply = client.post(path, json=body)
            answers = document["paths"][path.partition("?")[0]]["post"]["responses"]
            schema = answers[str(reply.status_code)]["content"]["application/json"]["schema"]
            assert mismatch(schema, reply.json(), document) == ""
        name = release.schema.__name__
        assert document["components"]["schemas"][name]["required"] == release.json_schema["required"]


@pytest.mark.parametrize("kind", ["titanic", "multiclass", "regression"])
def test_the_doors_answer_as_the_document_says(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)
    with mounted(create_fastapi(Service(release, Settings()))) as client:
        document = client.get("/openapi.json").json()
        for route in ROUTES:
            if route.path not in HANDLERS:
                continue
            operation = document["paths"][route.path][route.method.lower()]
            path = route.path
            for parameter in operation.get("parameters", ()):
                path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
            kinds = operation["requestBody"]["content"] if route.method == "POST" else {"": {}}
            shown = operation["responses"]["200"]["content"]
            for kind_sent, sent in kinds.items():
                bodies = [each["value"] for each in sent["examples"].values()] if "examples" in sent else [None]
                for body in bodies:
                    content = sent["example"] if "example" in sent else json.dumps(body) if body else None
                    reply = client.request(route.method, path, content=content, headers={"content-type": kind_sent})
                    assert reply.status_code == 200, (path, reply.text)
                    if "application/json" in shown:
                        part = shown["application/json"]
                        assert mismatch(part["schema"], reply.json(), document) == "", path
                        example, answer = part["example"], reply.json()
                        if "id" in example:
                            example, answer = {**example, "id": ""}, {**answer, "id": ""}
                        assert answer == example, path
                    else:
                        assert shown["text/plain"]["example"] == reply.text
            if route.method == "POST":
                refused = client.post(path, content=b"{}", headers={"content-type": "application/json"})
                part = operation["responses"][str(refused.status_code)]["content"]["application/json"]
                assert mismatch(part["schema"], refused.json(), document) == "", path


def mismatch(schema: dict[str, Any], value: Any, document: Any) -> str:
    """Say where a value is not what a schema says; as much of JSON Schema as the document uses."""
    if "$ref" in schema:
        target = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return mismatch(target, value, document)
    kinds: dict[str, Any] = {"object": dict, "array": list, "string": str, "number": (int, float), "null": type(None)}
    if "enum" in schema and value not in schema["enum"]:
        return f"{value} is none of {schema['enum']}"
    if "type" in schema and not isinstance(value, kinds.get(schema["type"], int)):
        return f"{value} is not a {schema['type']}"
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value)
        unknown = set(value) - set(schema.get("properties", value))
        if missing or unknown:
            return f"missing {missing}, unknown {unknown}"
        parts = [mismatch(part, value[k], document) for k, part in schema.get("properties", {}).items() if k in value]
        return next(filter(None, parts), "")
    if isinstance(value, list):
        return next(filter(None, (mismatch(schema.get("items", {}), part, document) for part in value)), "")
    return ""


def test_a_schema_class_may_share_a_name_with_a_response_schema(binary: Release) -> None:
    renamed = Release(binary.package)
    renamed.__dict__["schema"] = type("Prediction", (binary.schema,), {})
    document = create_fastapi(Service(renamed, Settings())).openapi()
    schemas = document["components"]["schemas"]
    assert "size" in schemas["PredictionRow"]["properties"]
    assert "predictions" in schemas["Prediction"]["properties"]
    text = json.dumps(document["paths"][PREDICT]["post"]["requestBody"])
    assert "#/components/schemas/PredictionRow" in text


def test_a_server_with_keys_says_which_routes_need_one(titanic: Release) -> None:
    key, _ = make_key("web", ["predict"])
    locked = create_fastapi(Service(titanic, Settings(keys_text=render_keys([key])))).openapi()
    assert set(locked["components"]["securitySchemes"]) == {"bearer", "key"}
    closed = {
        (m, p) for p, operations in locked["paths"].items() for m, each in operations.items() if "security" in each
    }
    doors = {(route.method.lower(), route.path) for route in ROUTES if route.path in HANDLERS and route.scope != OPEN}
    assert closed == {("post", PREDICT), ("post", EXPLAIN), ("get", MODEL), ("get", METRICS)} | doors
    for method, path in closed:
        answers = locked["paths"][path][method]["responses"]
        assert {"401", "403", "429"} <= set(answers)
        example = answers["401"]["content"]["application/json"]["example"]
        keys = {"error_code", "message"} if path == "/invocations" else {"error" if path in HANDLERS else "detail"}
        assert set(example) == keys, path
    opened = create_fastapi(Service(titanic, Settings())).openapi()
    assert "security" not in json.dumps(opened)
