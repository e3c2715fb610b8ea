"""The FastAPI application: explanations, the model route, errors as JSON, and the OpenAPI document."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.serve.clients import BROWSER, mounted
from tests.serve.small_releases import EXAMPLE

from seatrial.http.messages import EncodedResponse
from seatrial.model import Release
from seatrial.model.batch import predict_file
from seatrial.serve import logs
from seatrial.serve.app import create_fastapi
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, MODEL, PREDICT, Service


@pytest.fixture(scope="module")
def client(titanic: Release) -> Iterator[httpx.Client]:
    with mounted(create_fastapi(Service(titanic, Settings()))) as client:
        yield client


def test_unseen_values_have_the_same_warnings_everywhere(titanic: Release, tmp_path: Path) -> None:
    """In predict, in a file, in an answer to one row or many, and in an explanation; and the server counts them."""
    row = titanic.metadata.typical
    rows = [row, {**row, "age": 99, "sibsp": 30}, {**row, "ticket": "a new ticket"}]
    warned = {
        "age": ("above_range", "Above 80, the largest value in training"),
        "sibsp": ("above_range", "Above 8, the largest value in training"),
    }
    listed = [{"column": name, "type": kind, "msg": msg} for name, (kind, msg) in warned.items()]
    assert [each.get("warnings") for each in titanic.predict(rows)] == [None, listed, None]
    source, output = tmp_path / "rows.json", tmp_path / "out.json"
    source.write_text(json.dumps(rows))
    predict_file(titanic, source, output)
    text = "; ".join(f"{name}: {msg}" for name, (_, msg) in warned.items())
    assert [each["warnings"] for each in json.loads(output.read_text())] == [None, text, None]
    service = Service(titanic, Settings())
    with mounted(create_fastapi(service)) as client:
        assert client.post("/api/v1/predict", json=rows).json()["warnings"] == [{"row": 1, **each} for each in listed]
        assert "warnings" not in client.post("/api/v1/predict", json=rows[0]).json()
        many = client.post("/api/v1/predict", json=rows * 100).json()["warnings"]
        assert [each["row"] for each in many] == [n for n in range(300) if n % 3 == 1 for _ in listed]
        explained = client.post("/api/v1/explain", json=rows[1]).json()
        assert explained["warnings"] == [{"row": 0, **each} for each in listed]
        assert {"explanation", "predictions", "probabilities"} <= set(explained)
    assert service.unseen == {("age", "above_range"): 102, ("sibsp", "above_range"): 102}


def test_it_can_be_mounted_alone(client: httpx.Client, titanic: Release) -> None:
    reply = client.post(PREDICT, json=titanic.metadata.example)
    assert reply.status_code == 200
    assert reply.json()["predictions"] == [titanic.predict(titanic.metadata.example)[0]["prediction"]]
    assert reply.json()["request_id"] == reply.headers["x-request-id"]


def test_contributions_add_up_to_the_prediction(client: httpx.Client, titanic: Release) -> None:
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
def test_only_one_row_can_be_explained_at_a_time(client: httpx.Client, titanic: Release, rows: int) -> None:
    reply = client.post(EXPLAIN, json=[titanic.metadata.example] * rows)
    assert reply.status_code == 422
    message = f"Only one row can be explained at a time; got {rows}"
    assert reply.json()["detail"] == [{"type": "one_row", "loc": ["body"], "msg": message}]


def test_explain_validates_rows_like_predict(client: httpx.Client, titanic: Release) -> None:
    reply = client.post(EXPLAIN, json={**titanic.metadata.example, "age": -5})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "age"]
    assert client.post(EXPLAIN, content=b" " * (2**20 + 1)).status_code == 413


def test_an_error_in_an_explanation_is_a_500_with_its_request_id(
    binary: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: logged.append(request_id))
    with mounted(create_fastapi(Service(binary, Settings()))) as client:
        reply = client.post(EXPLAIN, json={**EXAMPLE, "note": "boom"}, headers={"X-Request-ID": "mine"})
        assert (reply.status_code, reply.json()["request_id"]) == (500, "mine")
        assert client.post(EXPLAIN, json=EXAMPLE).status_code == 200
    assert logged == ["mine"]


def test_the_model_route_describes_the_model(client: httpx.Client, titanic: Release) -> None:
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


def test_an_error_in_a_route_is_a_500_with_its_request_id(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[str, str]] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: logged.append((str(error), request_id)))
    service = Service(titanic, Settings())

    def broken() -> EncodedResponse:
        raise RuntimeError("Mrs Secret")

    monkeypatch.setattr(service, "model", broken)
    with mounted(create_fastapi(service)) as client:
        reply = client.get(MODEL, headers={"X-Request-ID": "abc"})
    assert reply.status_code == 500
    assert reply.json()["request_id"] == reply.headers["x-request-id"] == "abc"
    assert b"Secret" not in reply.content
    assert logged == [("Mrs Secret", "abc")]


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", MODEL, "/health", "/nowhere"])
def test_responses_have_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path, headers=BROWSER).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    if headers["content-type"].startswith("text/html"):
        assert headers.get_list("referrer-policy") == ["no-referrer"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
