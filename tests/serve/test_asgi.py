"""The fast front: the predict path, the health checks, and all others by way of FastAPI."""

import asyncio
import json
import threading
from typing import Any

import pytest
from tests.serve.releases import EXAMPLE
from tests.serve.serving import PREDICT, Reply, ask, run

from seatrial.model import Release
from seatrial.serve import create_app, logs
from seatrial.serve.asgi import Front
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import LARGE_AT_ONCE, Service


@pytest.fixture
def front(service: Service) -> Front:
    return Front(service)


def body_of(release: Release, rows: int = 0) -> bytes:
    example = release.metadata.example
    return json.dumps([example] * rows if rows else example).encode()


def test_one_row_a_list_and_inputs_are_answered(front: Front) -> None:
    example = front.service.release.metadata.example
    for document, count in ((example, 1), ([example] * 3, 3), ({"inputs": [example] * 2}, 2), ([], 0)):
        reply = run(ask(front, body=json.dumps(document).encode()))
        assert reply.status == 200
        assert len(reply.json()["predictions"]) == len(reply.json()["probabilities"]) == count
        assert reply.json()["version"] == front.service.release.version


def test_many_rows_are_answered_as_one_by_one(front: Front) -> None:
    release = front.service.release
    ages = [i / 20 for i in range(2000)]
    rows = [{**release.metadata.example, "age": age} for age in ages]
    reply = run(ask(front, body=json.dumps(rows).encode(), pieces=7))
    assert reply.status == 200
    found = [p["1"] for p in reply.json()["probabilities"]]
    for position in (0, 63, 64, 1024, 1999):
        alone = release.predict(rows[position])[0]["probabilities"]["1"]
        assert found[position] == pytest.approx(alone, abs=1e-12)
    assert found != sorted(found) or found != found[::-1]


def test_a_broken_rule_is_an_error_and_no_prediction(front: Front) -> None:
    row = {**front.service.release.metadata.example, "pclass": 99, "age": -5}
    reply = run(ask(front, body=json.dumps([front.service.release.metadata.example, row]).encode()))
    assert reply.status == 422
    told = {tuple(e["loc"]): e["msg"] for e in reply.json()["detail"]}
    assert told[("body", 1, "age")] == "Input should be greater than or equal to 0"
    assert told[("body", 1, "pclass")] == "Input should be 1, 2 or 3"


def test_a_misspelt_column_is_told_its_name(front: Front) -> None:
    row = {**front.service.release.metadata.example, "embarkd": "S"}
    detail = run(ask(front, body=json.dumps(row).encode())).json()["detail"]
    assert [(e["type"], e["loc"]) for e in detail] == [("extra_forbidden", ["body", "embarkd"])]
    assert "did you mean `embarked`?" in detail[0]["msg"]


def test_the_row_limit_is_told(titanic: Release) -> None:
    small = Release(titanic.package, row_limit=3)

    async def main() -> list[Reply]:
        front = create_app(small, Settings(row_limit=3))
        front.service.load()
        return [await ask(front, body=body_of(small, n)) for n in (3, 4)]

    good, bad = run(main())
    assert good.status == 200
    assert bad.status == 422
    assert bad.json()["detail"][0]["type"] == "too_long"
    assert "at most 3 items" in bad.json()["detail"][0]["msg"]


@pytest.mark.parametrize("pieces", [1, 5])
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_refused(titanic: Release, pieces: int, declared: bool) -> None:
    front = create_app(titanic, Settings(body_limit=1000))
    front.service.load()
    headers = [("content-length", "1001")] if declared else []
    body = body_of(titanic)
    reply = run(ask(front, body=body + b" " * (1001 - len(body)), headers=headers, pieces=pieces))
    assert reply.status == 413
    assert reply.json() == {"detail": "The body is larger than 1,000 bytes."}
    assert run(ask(front, body=body + b" " * (1000 - len(body)), pieces=pieces)).status == 200
    front.service.stop()


def test_a_client_that_goes_away_gets_no_answer(front: Front) -> None:
    noted: list[int] = []
    front.note = lambda began, method, path, status, request_id: noted.append(status)  # type: ignore[method-assign]

    async def main() -> None:
        messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            raise AssertionError(message)

        await front({"type": "http", "path": PREDICT, "method": "POST", "headers": []}, receive, send)

    run(main())
    assert noted == [499]


def test_health_is_alive_before_the_model_is_and_ready_is_not(titanic: Release) -> None:
    async def main() -> list[Reply]:
        front = create_app(titanic)
        asked = [("GET", "/health"), ("GET", "/api/v1/health"), ("GET", "/ready"), ("POST", PREDICT)]
        before = [await ask(front, method, path, body_of(titanic)) for method, path in asked]
        front.service.load()
        after = [await ask(front, method, path, body_of(titanic)) for method, path in asked]
        front.service.stop()
        return [*before, *after, await ask(front, "GET", "/ready")]

    replies = run(main())
    assert [reply.status for reply in replies] == [200, 200, 503, 503, 200, 200, 200, 200, 503]
    assert replies[0].json() == {"status": "alive"}
    assert replies[2].headers["retry-after"] == "1"
    assert replies[6].json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-1", True), ("", False), ("a b", False), ("x" * 128, True), ("x" * 129, False), ("a\x01b", False)],
)
def test_a_request_id_is_the_callers_or_a_new_one(front: Front, given: str, kept: bool) -> None:
    for method, path in (("POST", PREDICT), ("GET", "/health"), ("GET", "/api/v1/model")):
        reply = run(ask(front, method, path, body_of(front.service.release), [("X-Request-ID", given)]))
        found = reply.headers["x-request-id"]
        assert (found == given) is kept
        assert len(found) == 32 or kept
        if path == PREDICT:
            assert reply.json()["request_id"] == found


def test_other_paths_are_fastapis(front: Front) -> None:
    async def main() -> list[Reply]:
        return await asyncio.gather(*(ask(front, "GET", path) for path in ("/docs", "/api/v1/model", "/nowhere")))

    docs, model, nowhere = run(main())
    assert docs.headers["content-type"].startswith("text/html")
    assert model.json()["name"] == "titanic-model"
    assert (nowhere.status, nowhere.json()) == (404, {"detail": "Not Found"})


def test_a_fault_in_a_feature_function_is_a_500_that_tells_nothing(
    binary: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: told.append((str(error), request_id)))

    async def main() -> list[Reply]:
        front = create_app(binary)
        front.service.load()
        rows = [{**EXAMPLE, "note": note} for note in ("boom: Mrs Secret", "fine")]
        bodies = [json.dumps(r).encode() for r in (*rows, [rows[0]] * 100, rows[1])]
        return [await ask(front, body=body, headers=[("x-request-id", f"r{i}")]) for i, body in enumerate(bodies)]

    replies = run(main())
    assert [reply.status for reply in replies] == [500, 200, 500, 200]
    assert b"Secret" not in replies[0].body
    assert replies[0].json()["request_id"] == "r0"
    assert [request_id for _, request_id in told] == ["r0", "r2"]
    assert "Mrs Secret" in told[0][0]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "native"])
def test_every_kind_of_release_is_served(kind: str, request: pytest.FixtureRequest) -> None:
    release: Release = request.getfixturevalue(kind)

    async def main() -> list[Reply]:
        front = create_app(release)
        front.service.load()
        body = json.dumps(EXAMPLE).encode()
        replies = [await ask(front, body=body), await ask(front, body=b"[" + body + b"]", path="/api/v1/explain")]
        front.service.stop()
        return replies

    predicted, explained = run(main())
    expected = release.predict(EXAMPLE)[0]
    assert predicted.json()["predictions"] == [expected["prediction"]]
    assert predicted.json().get("probabilities") == ([expected["probabilities"]] if kind != "regression" else None)
    found = explained.json()["explanation"]
    shares = sum(c["contribution"] for c in found["contributions"])
    assert shares == pytest.approx(found["value"] - found["typical_value"], abs=1e-9)
    assert (found["label"] is None) is (kind == "regression")


def test_concurrent_requests_are_each_answered_their_own(front: Front) -> None:
    release = front.service.release
    rows = [{**release.metadata.example, "age": float(age)} for age in range(100)]
    alone = [release.predict(row)[0]["probabilities"]["1"] for row in rows]

    async def main() -> list[Reply]:
        return await asyncio.gather(*(ask(front, body=json.dumps(row).encode()) for row in rows))

    found = [reply.json()["probabilities"][0]["1"] for reply in run(main())]
    assert found == pytest.approx(alone, abs=1e-12)


def test_too_many_large_requests_are_told_to_come_again(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    real = front.service.predict_body

    def slow(body: bytes, request_id: str) -> Any:
        assert goes_on.wait(10)
        return real(body, request_id)

    monkeypatch.setattr(front.service, "predict_body", slow)
    large = body_of(front.service.release, 200)

    async def main() -> tuple[list[Reply], Reply, Reply]:
        asked = [asyncio.create_task(ask(front, body=large)) for _ in range(LARGE_AT_ONCE)]
        await asyncio.sleep(0)
        refused = await ask(front, body=large)
        small = await ask(front, body=body_of(front.service.release))  # small ones are answered meanwhile
        goes_on.set()
        return await asyncio.gather(*asked), refused, small

    served, refused, small = run(main())
    assert {reply.status for reply in served} == {200}
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert small.status == 200


def test_a_release_that_cannot_be_loaded_is_told_at_the_start(titanic: Release) -> None:
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
