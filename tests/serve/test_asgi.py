"""The ASGI application: the predict path, the health checks, and FastAPI for all other paths."""

import asyncio
import json
import threading
from typing import Any

import pytest
from tests.serve.clients import PREDICT, Reply, ask, run
from tests.serve.small_releases import EXAMPLE

from seatrial.model import Release
from seatrial.serve import create_app, logs
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.exchanges import Exchange
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import LARGE_LIMIT, Service


@pytest.fixture
def app(service: Service) -> AsgiApp:
    return AsgiApp(service)


def body_of(release: Release, rows: int = 0) -> bytes:
    example = release.metadata.example
    return json.dumps([example] * rows if rows else example).encode()


def test_one_row_a_list_and_inputs_are_accepted(app: AsgiApp) -> None:
    example = app.service.release.metadata.example
    for document, count in ((example, 1), ([example] * 3, 3), ({"inputs": [example] * 2}, 2), ([], 0)):
        reply = run(ask(app, body=json.dumps(document).encode()))
        assert reply.status == 200
        assert len(reply.json()["predictions"]) == len(reply.json()["probabilities"]) == count
        assert reply.json()["version"] == app.service.release.version


def test_many_rows_get_the_same_predictions_as_single_rows(app: AsgiApp) -> None:
    release = app.service.release
    ages = [i / 20 for i in range(2000)]
    rows = [{**release.metadata.example, "age": age} for age in ages]
    reply = run(ask(app, body=json.dumps(rows).encode(), pieces=7))
    assert reply.status == 200
    probabilities = [p["1"] for p in reply.json()["probabilities"]]
    for position in (0, 63, 64, 1024, 1999):
        alone = release.predict(rows[position])[0]["probabilities"]["1"]
        assert probabilities[position] == pytest.approx(alone, abs=1e-12)
    assert probabilities != sorted(probabilities) or probabilities != probabilities[::-1]


def test_an_invalid_row_is_an_error_without_predictions(app: AsgiApp) -> None:
    row = {**app.service.release.metadata.example, "pclass": 99, "age": -5}
    reply = run(ask(app, body=json.dumps([app.service.release.metadata.example, row]).encode()))
    assert reply.status == 422
    messages = {tuple(e["loc"]): e["msg"] for e in reply.json()["detail"]}
    assert messages[("body", 1, "age")] == "Input should be greater than or equal to 0"
    assert messages[("body", 1, "pclass")] == "Input should be 1, 2 or 3"


def test_a_misspelt_column_gets_a_suggestion(app: AsgiApp) -> None:
    row = {**app.service.release.metadata.example, "embarkd": "S"}
    detail = run(ask(app, body=json.dumps(row).encode())).json()["detail"]
    assert [(e["type"], e["loc"]) for e in detail] == [("extra_forbidden", ["body", "embarkd"])]
    assert "did you mean `embarked`?" in detail[0]["msg"]


def test_too_many_rows_are_rejected(titanic: Release) -> None:
    small = Release(titanic.package, row_limit=3)

    async def main() -> list[Reply]:
        app = create_app(small, Settings(row_limit=3))
        app.service.load()
        return [await ask(app, body=body_of(small, n)) for n in (3, 4)]

    good, bad = run(main())
    assert good.status == 200
    assert bad.status == 422
    assert bad.json()["detail"][0]["type"] == "too_long"
    assert "at most 3 items" in bad.json()["detail"][0]["msg"]


@pytest.mark.parametrize("pieces", [1, 5])
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_rejected(titanic: Release, pieces: int, declared: bool) -> None:
    app = create_app(titanic, Settings(body_limit=1000))
    app.service.load()
    headers = [("content-length", "1001")] if declared else []
    body = body_of(titanic)
    reply = run(ask(app, body=body + b" " * (1001 - len(body)), headers=headers, pieces=pieces))
    assert reply.status == 413
    assert reply.json() == {"detail": "The body is larger than 1,000 bytes."}
    assert run(ask(app, body=body + b" " * (1000 - len(body)), pieces=pieces)).status == 200
    app.service.stop()


def test_a_client_that_disconnects_gets_no_response(app: AsgiApp) -> None:
    logged: list[int] = []
    app.exchanges.add = lambda _, status: logged.append(status)  # type: ignore[method-assign]

    async def main() -> None:
        messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            raise AssertionError(message)

        await app({"type": "http", "path": PREDICT, "method": "POST", "headers": []}, receive, send)

    run(main())
    assert logged == [499]


def test_health_responds_before_the_model_is_ready(titanic: Release) -> None:
    async def main() -> list[Reply]:
        app = create_app(titanic)
        routes = [("GET", "/health"), ("GET", "/api/v1/health"), ("GET", "/ready"), ("POST", PREDICT)]
        before = [await ask(app, method, path, body_of(titanic)) for method, path in routes]
        app.service.load()
        after = [await ask(app, method, path, body_of(titanic)) for method, path in routes]
        app.service.stop()
        return [*before, *after, await ask(app, "GET", "/ready")]

    replies = run(main())
    assert [reply.status for reply in replies] == [200, 200, 503, 503, 200, 200, 200, 200, 503]
    assert replies[0].json() == {"status": "alive"}
    assert replies[2].headers["retry-after"] == "1"
    assert replies[6].json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("abc-1", True), ("", False), ("a b", False), ("x" * 128, True), ("x" * 129, False), ("a\x01b", False)],
)
def test_the_request_id_is_the_callers_own_or_a_new_one(app: AsgiApp, sent: str, kept: bool) -> None:
    for method, path in (("POST", PREDICT), ("GET", "/health"), ("GET", "/api/v1/model")):
        reply = run(ask(app, method, path, body_of(app.service.release), [("X-Request-ID", sent)]))
        request_id = reply.headers["x-request-id"]
        assert (request_id == sent) is kept
        assert len(request_id) == 32 or kept
        if path == PREDICT:
            assert reply.json()["request_id"] == request_id


def test_other_paths_go_to_fastapi(app: AsgiApp) -> None:
    async def main() -> list[Reply]:
        return await asyncio.gather(*(ask(app, "GET", path) for path in ("/docs", "/api/v1/model", "/nowhere")))

    docs, model, nowhere = run(main())
    assert docs.headers["content-type"].startswith("text/html")
    assert model.json()["name"] == "titanic-model"
    assert (nowhere.status, nowhere.json()) == (404, {"detail": "Not Found"})


def test_an_error_in_a_feature_function_is_a_500_without_details(
    binary: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[tuple[str, str]] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: logged.append((str(error), request_id)))

    async def main() -> list[Reply]:
        app = create_app(binary)
        app.service.load()
        rows = [{**EXAMPLE, "note": note} for note in ("boom: Mrs Secret", "fine")]
        bodies = [json.dumps(r).encode() for r in (*rows, [rows[0]] * 100, rows[1])]
        return [await ask(app, body=body, headers=[("x-request-id", f"r{i}")]) for i, body in enumerate(bodies)]

    replies = run(main())
    assert [reply.status for reply in replies] == [500, 200, 500, 200]
    assert b"Secret" not in replies[0].body
    assert replies[0].json()["request_id"] == "r0"
    assert [request_id for _, request_id in logged] == ["r0", "r2"]
    assert "Mrs Secret" in logged[0][0]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "native"])
def test_every_kind_of_release_is_served(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)

    async def main() -> list[Reply]:
        app = create_app(release)
        app.service.load()
        body = json.dumps(EXAMPLE).encode()
        replies = [await ask(app, body=body), await ask(app, body=b"[" + body + b"]", path="/api/v1/explain")]
        app.service.stop()
        return replies

    predicted, explained = run(main())
    expected = release.predict(EXAMPLE)[0]
    assert predicted.json()["predictions"] == [expected["prediction"]]
    assert predicted.json().get("probabilities") == ([expected["probabilities"]] if kind != "regression" else None)
    explanation = explained.json()["explanation"]
    total = sum(c["contribution"] for c in explanation["contributions"])
    assert total == pytest.approx(explanation["value"] - explanation["typical_value"], abs=1e-9)
    assert (explanation["label"] is None) is (kind == "regression")


def test_concurrent_requests_get_their_own_predictions(app: AsgiApp) -> None:
    release = app.service.release
    rows = [{**release.metadata.example, "age": float(age)} for age in range(100)]
    alone = [release.predict(row)[0]["probabilities"]["1"] for row in rows]

    async def main() -> list[Reply]:
        return await asyncio.gather(*(ask(app, body=json.dumps(row).encode()) for row in rows))

    concurrent = [reply.json()["probabilities"][0]["1"] for reply in run(main())]
    assert concurrent == pytest.approx(alone, abs=1e-12)


def test_too_many_large_requests_are_asked_to_retry(app: AsgiApp, monkeypatch: pytest.MonkeyPatch) -> None:
    resume = threading.Event()
    real = app.service.predict_body

    def slow(body: bytes, exchange: Exchange, rest: Any) -> Any:
        assert resume.wait(10)
        return real(body, exchange, rest)

    monkeypatch.setattr(app.service, "predict_body", slow)
    large = body_of(app.service.release, 200)

    async def main() -> tuple[list[Reply], Reply, Reply]:
        tasks = [asyncio.create_task(ask(app, body=large)) for _ in range(LARGE_LIMIT)]
        await asyncio.sleep(0)
        refused = await ask(app, body=large)
        small = await ask(app, body=body_of(app.service.release))  # small requests are still answered
        resume.set()
        return await asyncio.gather(*tasks), refused, small

    served, refused, small = run(main())
    assert {reply.status for reply in served} == {200}
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert small.status == 200


def test_a_release_that_cannot_be_loaded_fails_the_startup(titanic: Release) -> None:
    sent: list[Any] = []

    async def main() -> None:
        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        await create_app(Release("tests"))({"type": "lifespan"}, receive, send)

    run(main())
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "There is no trained model" in sent[0]["message"]
