"""?interval= on the route for predictions: intervals and sets, the same on every path, and 422 for another level."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.serve.clients import Client, Reply, ask, threaded
from tests.serve.small_releases import EXAMPLE

from seatrial.model import Release
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import PREDICT, Service

ROWS = [EXAMPLE, {**EXAMPLE, "size": 9.5}, {**EXAMPLE, "kind": "c"}]


def asked(release: Release, query: str, body: Any, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """The response to a body, which the server, the ASGI application and FastAPI agree about."""
    service = Service(release, Settings())
    service.load()
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def in_process() -> list[Reply]:
        apps = AsgiApp(service), create_fastapi(service)
        return [await ask(app, "POST", PREDICT, sent, headers, query=query[1:].encode()) for app in apps]

    first, second = asyncio.run(in_process())
    with threaded(AsgiApp(Service(release, Settings()))) as (port, _):
        third = Client(port).ask("POST", PREDICT + query, sent, *[f"{name}: {value}" for name, value in headers])
    assert first.comparable() == second.comparable()
    assert third.comparable()[::2] == first.comparable()[::2]
    return first


@pytest.mark.parametrize(("kind", "name"), [("regression", "intervals"), ("multiclass", "sets"), ("binary", "sets")])
@pytest.mark.parametrize("copies", [1, 50])  # few rows are scored in the event loop, many in a thread
def test_intervals_and_sets_are_those_of_the_release(
    kind: str, name: str, copies: int, request: pytest.FixtureRequest
) -> None:
    release: Release = request.getfixturevalue(kind)
    answer = asked(release, "?interval=0.9", ROWS * copies).json()
    assert answer[name] == release.interval(ROWS * copies, 0.9)
    assert asked(release, "?interval=0.9", EXAMPLE).json()[name] == [release.interval(EXAMPLE, 0.9)]
    for prediction, found in zip(answer["predictions"], answer[name], strict=True):
        assert found[0] <= prediction <= found[1] if name == "intervals" else found
    plain = asked(release, "", ROWS * copies).json()
    shared = {key: value for key, value in answer.items() if key not in (name, "request_id")}
    assert shared == {key: value for key, value in plain.items() if key != "request_id"}
    assert asked(release, "?interval=0.50", []).json()[name] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?interval=0.7", "Input should be 0.5, 0.8, 0.9 or 0.95; "),
        ("?interval=", "Input should be 0.5, 0.8, 0.9 or 0.95"),
        ("?interval=1e400", "Input should be 0.5, 0.8, 0.9 or 0.95"),
        ("?interval=%ff", "Input should be 0.5, 0.8, 0.9 or 0.95"),
        ("?interval=0.99", "Input should be 0.5, 0.8, 0.9 or 0.95; 0.99 needs 199 held-out rows, and there were 120"),
        ("?interval=0.9&interval=0.5", "Give one level"),
    ],
)
def test_another_level_is_refused(regression: Release, query: str, message: str) -> None:
    reply = asked(regression, query, EXAMPLE)
    expected = {"type": "literal_error", "loc": ["query", "interval"], "msg": message.removesuffix("; ")}
    assert (reply.status, reply.json()) == (422, {"detail": [expected]})


def test_a_release_without_numbers_says_so(native: Release) -> None:
    reply = asked(native, "?interval=0.9", EXAMPLE)
    message = "The release was trained without prediction sets"
    assert reply.json() == {"detail": [{"type": "no_intervals", "loc": ["query", "interval"], "msg": message}]}
    assert asked(native, "?other=1", EXAMPLE).status == 200


def test_invalid_rows_are_refused_as_without_intervals(regression: Release) -> None:
    assert asked(regression, "?interval=0.9", {**EXAMPLE, "size": "x"}).json()["detail"][0]["loc"] == ["body", "size"]


def test_tables_have_no_intervals(regression: Release) -> None:
    reply = asked(regression, "?interval=0.9", b"size,count,kind,note\n2.5,3,b,\n", [("content-type", "text/csv")])
    assert reply.status == 422
    assert reply.json()["detail"][0]["loc"] == ["query", "interval"]
