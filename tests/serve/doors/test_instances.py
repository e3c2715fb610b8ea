"""KServe's protocol V1, and Vertex AI with the routes that it names."""

import json
from typing import Any

import pytest
from tests.serve.clients import ask, run

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

PREDICT_V1 = "/v1/models/small-multiclass:predict"
VERTEX = "/v1/endpoints/7/deployedModels/8"
ROW = {"size": 2.5, "count": 3, "kind": "b"}


def test_models_are_listed_and_ready(app: AsgiApp, multiclass: Release) -> None:
    def get(path: str, app: AsgiApp = app) -> tuple[int, Any]:
        reply = run(ask(app, "GET", path))
        return reply.status, reply.json()

    assert get("/v1/models") == (200, {"models": ["small-multiclass"]})
    assert get("/v1/models/small-multiclass") == (200, {"name": "small-multiclass", "ready": True})
    assert get("/") == (200, {"status": "alive"})
    assert get(VERTEX) == (200, {"status": "ready"})
    starting = AsgiApp(Service(multiclass, Settings()))
    assert get("/v1/models/small-multiclass", starting) == (503, {"name": "small-multiclass", "ready": False})
    assert get(VERTEX, starting) == (503, {"error": "The model is not ready."})
    assert get("/v1/models/x")[0] == 404


def test_kserve_gets_labels_and_vertex_ai_objects(app: AsgiApp, multiclass: Release) -> None:
    body = json.dumps({"instances": [ROW, [2.5, 3, "b", None]]}).encode()
    [expected] = multiclass.predict(ROW)
    document = run(ask(app, path=PREDICT_V1, body=body)).json()
    assert document == {
        "predictions": [expected["prediction"]] * 2,
        "probabilities": [expected["probabilities"]] * 2,
    }
    assert run(ask(app, path=VERTEX + ":predict", body=body)).json() == {"predictions": [expected] * 2}


def test_a_row_has_its_own_warnings_for_vertex_ai(titanic: Release) -> None:
    service = Service(titanic, Settings())
    service.load()
    rows = [titanic.metadata.typical, {**titanic.metadata.typical, "fare": 1e6}]
    reply = run(ask(AsgiApp(service), path=VERTEX + ":predict", body=json.dumps({"instances": rows}).encode()))
    assert reply.json()["predictions"] == titanic.predict(rows)
    assert "warnings" in reply.json()["predictions"][1]
    service.stop()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, 'Send {"instances": [...]}.'),
        ({"instances": [ROW], "parameters": {"k": 1}}, "this model takes no parameters"),
        ({"instances": [ROW], "inputs": 1}, "more keys than it may have"),
        ({"instances": ROW}, "Send a list of rows."),
        ({"instances": [1]}, "row 0: Input should be an object"),
        (
            {"instances": [{**ROW, "sise": 1}]},
            "row 0, column sise: Extra inputs are not permitted: did you mean `size`?",
        ),
    ],
)
def test_what_is_wrong_is_said(app: AsgiApp, document: Any, words: str) -> None:
    for path in (PREDICT_V1, VERTEX + ":predict"):
        reply = run(ask(app, path=path, body=json.dumps(document).encode()))
        assert reply.status == 400
        assert words in reply.json()["error"]


def test_an_unknown_model_is_404(app: AsgiApp) -> None:
    reply = run(ask(app, path="/v1/models/x:predict", body=b"{"))
    assert (reply.status, reply.json()) == (404, {"error": "Unknown model 'x'. This server has small-multiclass."})


def test_vertex_ai_names_its_routes(multiclass: Release) -> None:
    service = Service(multiclass, Settings(predict_route="/own/predict", health_route="/own/health"))
    service.load()
    body = json.dumps({"instances": [ROW]}).encode()
    for app in (AsgiApp(service), create_fastapi(service)):
        assert run(ask(app, path="/own/predict", body=body)).json() == {"predictions": multiclass.predict([ROW])}
        assert run(ask(app, "GET", "/own/health")).json() == {"status": "ready"}
        assert run(ask(app, path="/own/health", body=body)).status == 405
    service.stop()


@pytest.mark.parametrize("path", [VERTEX + ":predict", "/v1/models/small-multiclass:predict"])
def test_a_route_that_is_there_already_may_be_named(multiclass: Release, path: str) -> None:
    app = AsgiApp(Service(multiclass, Settings(predict_route=path, health_route="/health")))
    assert run(ask(app, "GET", "/health")).status == 200


@pytest.mark.parametrize("path", ["/api/v1/predict", "/invocations", "/score", "/", "/mcp"])
def test_a_route_of_another_form_is_refused(multiclass: Release, path: str) -> None:
    with pytest.raises(SeatrialError, match="cannot be a route of Vertex AI's form"):
        AsgiApp(Service(multiclass, Settings(predict_route=path)))
