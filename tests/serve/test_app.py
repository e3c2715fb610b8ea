"""The FastAPI application: explanations, facts about the model, errors as JSON, and a life of its own."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.serve.releases import EXAMPLE
from tests.serve.serving import mounted

from seatrial.model import Release
from seatrial.serve import logs
from seatrial.serve.app import create_fastapi
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service


@pytest.fixture(scope="module")
def client(titanic: Release) -> Iterator[httpx.Client]:
    with mounted(create_fastapi(Service(titanic, Settings()))) as found:
        yield found


def test_it_may_be_mounted_alone(client: httpx.Client, titanic: Release) -> None:
    reply = client.post(PREDICT, json=titanic.metadata.example)
    assert reply.status_code == 200
    assert reply.json()["predictions"] == [titanic.predict(titanic.metadata.example)[0]["prediction"]]
    assert reply.json()["request_id"] == reply.headers["x-request-id"]


def test_an_explanation_adds_up(client: httpx.Client, titanic: Release) -> None:
    reply = client.post(EXPLAIN, json=titanic.metadata.example)
    document = reply.json()
    assert list(document) == ["predictions", "probabilities", "explanation", "release", "version", "request_id"]
    explanation = document["explanation"]
    assert explanation["label"] == 1
    assert explanation["value"] == pytest.approx(document["probabilities"][0]["1"], abs=1e-12)
    parts = explanation["contributions"]
    assert sum(p["contribution"] for p in parts) == pytest.approx(explanation["value"] - explanation["typical_value"])
    assert [set(p) for p in parts] == [{"column", "value", "typical", "contribution"}] * len(parts)
    sizes = [abs(p["contribution"]) for p in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert "ticket" not in [p["column"] for p in parts]  # the model does not read it


@pytest.mark.parametrize("rows", [0, 2])
def test_one_row_is_explained_at_a_time(client: httpx.Client, titanic: Release, rows: int) -> None:
    reply = client.post(EXPLAIN, json=[titanic.metadata.example] * rows)
    assert reply.status_code == 422
    message = f"One row is explained at a time; there are {rows}"
    assert reply.json()["detail"] == [{"type": "one_row", "loc": ["body"], "msg": message}]


def test_an_explanation_has_the_same_rules(client: httpx.Client, titanic: Release) -> None:
    reply = client.post(EXPLAIN, json={**titanic.metadata.example, "age": -5})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "age"]
    assert client.post(EXPLAIN, content=b" " * (2**20 + 1)).status_code == 413


def test_a_fault_in_an_explanation_is_told_by_its_id(binary: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: told.append(request_id))
    with mounted(create_fastapi(Service(binary, Settings()))) as client:
        reply = client.post(EXPLAIN, json={**EXAMPLE, "note": "boom"}, headers={"X-Request-ID": "mine"})
        assert (reply.status_code, reply.json()["request_id"]) == (500, "mine")
        assert client.post(EXPLAIN, json=EXAMPLE).status_code == 200
    assert told == ["mine"]


def test_the_models_facts(client: httpx.Client, titanic: Release) -> None:
    document = client.get(MODEL).json()
    meta = titanic.metadata
    assert document["name"] == "titanic-model"
    assert document["version"] == titanic.version
    assert document["classes"] == [0, 1]
    assert document["labels"] == {"0": "died", "1": "survived"}
    assert (document["task"], document["positive"], document["threshold"]) == ("binary", 1, 0.5)
    assert document["schema"] == titanic.json_schema
    assert document["card"] == titanic.card
    assert document["example"] == meta.example
    assert set(document) >= {"description", "target", "engine", "headline", "metrics", "split", "proof", "typical"}


def test_a_regression_has_no_threshold(regression: Release) -> None:
    with mounted(create_fastapi(Service(regression, Settings()))) as client:
        document = client.get(MODEL).json()
    assert (document["task"], document["threshold"], document["positive"]) == ("regression", None, None)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("GET", "/assets/../../pyproject.toml", 404, "Not Found"),
        ("GET", "/static-offline-docs/nothing.js", 404, "Not Found"),
        ("GET", "/static-offline-docs/..%2f..%2f__init__.py", 404, "Not Found"),
        ("GET", PREDICT, 405, "Method Not Allowed"),
        ("DELETE", MODEL, 405, "Method Not Allowed"),
        ("POST", PREDICT + "/", 404, "Not Found"),
    ],
)
def test_errors_are_json(client: httpx.Client, method: str, path: str, status: int, detail: str) -> None:
    reply = client.request(method, path)
    assert (reply.status_code, reply.json()) == (status, {"detail": detail})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    assert status != 405 or reply.headers["allow"]


def test_a_fault_in_a_route_is_a_500_with_its_id(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: told.append((str(error), request_id)))
    app = create_fastapi(Service(titanic, Settings()))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("Mrs Secret")

    with mounted(app) as client:
        reply = client.get("/broken", headers={"X-Request-ID": "abc"})
    assert reply.status_code == 500
    assert reply.json()["request_id"] == reply.headers["x-request-id"] == "abc"
    assert b"Secret" not in reply.content
    assert told == [("Mrs Secret", "abc")]


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", MODEL, "/health", "/nowhere"])
def test_browsers_are_told_what_not_to_do(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    if headers["content-type"].startswith("text/html"):
        assert headers.get_list("referrer-policy") == ["no-referrer"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_every_route_is_documented_or_meant_for_browsers(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {PREDICT, EXPLAIN, MODEL, "/health", "/api/v1/health", "/ready"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, answer in operation["responses"].items():
                content = answer["content"]["application/json"]
                assert content["schema"], (path, status)
                assert "example" in content, (path, status)
                assert "X-Request-ID" in answer["headers"]
    assert set(document["paths"][PREDICT]["post"]["responses"]) == {"200", "413", "422", "500", "503"}


def test_the_documents_examples_are_true(client: httpx.Client) -> None:
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
def test_what_is_answered_is_what_is_documented(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)
    with mounted(create_fastapi(Service(release, Settings()))) as client:
        document = client.get("/openapi.json").json()
        example = release.metadata.example
        bad: Any = {**example, "x": 1}
        for path, body in ((PREDICT, [example, example]), (PREDICT, bad), (EXPLAIN, example)):
            reply = client.post(path, json=body)
            answers = document["paths"][path]["post"]["responses"]
            schema = answers[str(reply.status_code)]["content"]["application/json"]["schema"]
            assert mismatch(schema, reply.json(), document) == ""
        name = release.schema.__name__
        assert document["components"]["schemas"][name]["required"] == release.json_schema["required"]


def mismatch(schema: dict[str, Any], value: Any, document: Any) -> str:
    """Say where a value is not what a schema says; as much of JSON Schema as the document uses."""
    if "$ref" in schema:
        found = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return mismatch(found, value, document)
    kinds: dict[str, Any] = {"object": dict, "array": list, "string": str, "number": (int, float), "null": type(None)}
    if "enum" in schema and value not in schema["enum"]:
        return f"{value} is none of {schema['enum']}"
    if "type" in schema and not isinstance(value, kinds.get(schema["type"], int)):
        return f"{value} is no {schema['type']}"
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


def test_a_schema_class_may_have_the_name_of_one_of_ours(binary: Release) -> None:
    renamed = Release(binary.package)
    renamed.__dict__["schema"] = type("Prediction", (binary.schema,), {})
    document = create_fastapi(Service(renamed, Settings())).openapi()
    schemas = document["components"]["schemas"]
    assert "size" in schemas["PredictionRow"]["properties"]
    assert "predictions" in schemas["Prediction"]["properties"]
    text = json.dumps(document["paths"][PREDICT]["post"]["requestBody"])
    assert "#/components/schemas/PredictionRow" in text
