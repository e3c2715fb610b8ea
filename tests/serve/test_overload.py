"""More work than the engine can do, and callers who wait for a limited time: what is refused, when, and how."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest
from tests.serve.clients import PREDICT, Client, ask, request, threaded, until

from seatrial.http.turns import Turns
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.app import create_fastapi
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import EXPLAIN, LARGE_BODY, Service

TIMEOUT = "X-Request-Timeout"
INVOCATIONS = "/invocations"


class HeldRelease:
    """A native release whose engine can be held; `calls` are those since then."""

    def __init__(self, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.go.set()
        self.calls = 0
        score = release.score

        def held(rows: Any) -> Any:
            self.calls += 1
            assert self.go.wait(10)
            return score(rows)

        monkeypatch.setattr(release, "score", held)

    def hold(self) -> None:
        self.go.clear()
        self.calls = 0


@pytest.fixture
def held(native: Release, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldRelease]:
    native.load()
    engine = HeldRelease(native, monkeypatch)
    yield engine
    engine.go.set()


def example(release: Release) -> bytes:
    return json.dumps(release.metadata.example).encode()


@pytest.mark.parametrize("value", ["soon", "0", "-1", "1h", "1e3", ""])
def test_a_timeout_that_cannot_be_read_is_a_400_on_every_path(titanic: Release, value: str) -> None:
    row = example(titanic)
    with threaded(create_app(titanic)) as (port, _):
        client = Client(port)
        for path, body in ((PREDICT, row), (EXPLAIN, row), (INVOCATIONS, b'{"instances":[' + row + b"]}")):
            reply = client.ask("POST", path, body, f"{TIMEOUT}: {value}")
            assert reply.status == 400, path
            assert b"as in 1.5, 1.5s or 1500ms" in reply.body
        assert client.predict(row, f"{TIMEOUT}: 5").status == 200


@pytest.mark.parametrize("kind", ["asgi", "fastapi"])
@pytest.mark.parametrize("size", [0, 2 * LARGE_BODY])
def test_work_whose_caller_has_given_up_is_not_begun(titanic: Release, kind: str, size: int) -> None:
    """In the batch, and in the threads for large bodies and explanations."""
    service = Service(titanic, Settings())
    service.load()
    app: Any = AsgiApp(service) if kind == "asgi" else create_fastapi(service)
    row = example(titanic) + b" " * size

    async def main() -> None:
        for path in (PREDICT, EXPLAIN):
            late = await ask(app, path=path, body=row, headers=[(TIMEOUT, "0.000000001")])
            assert (late.status, "retry-after" in late.headers) == (504, False)
            assert "X-Request-Timeout" in late.json()["detail"]
            assert (await ask(app, path=path, body=row, headers=[(TIMEOUT, "60")])).status == 200

    asyncio.run(main())
    service.stop()


def test_a_deadline_that_passes_while_rows_wait_for_the_engine_is_a_504(native: Release, held: HeldRelease) -> None:
    row = example(native)
    with threaded(create_app(native)) as (port, _):
        clients = [Client(port) for _ in range(3)]
        held.hold()
        for client, more in zip(clients, ((), (f"{TIMEOUT}: 200ms",), (f"{TIMEOUT}: 60",)), strict=True):
            lines = [f"POST {PREDICT} HTTP/1.1", "Host: localhost", f"Content-Length: {len(row)}"]
            client.send("\r\n".join([*lines, "Content-Type: application/json", *more]).encode() + b"\r\n\r\n" + row)
            until(lambda: held.calls)
        threading.Timer(0.4, held.go.set).start()
        assert [client.read().status for client in clients] == [200, 504, 200]
        assert held.calls == 2
        assert [client.predict(row).status for client in clients] == [200] * 3


def test_what_would_wait_too_long_for_the_engine_is_a_503_at_once(native: Release, held: HeldRelease) -> None:
    row, settings = example(native), Settings(wait_limit=0.2)
    with threaded(create_app(native, settings)) as (port, server):
        batcher = server.config.app.service._batcher
        first, second = Client(port), Client(port)
        held.hold()
        threading.Thread(target=first.predict, args=(row,)).start()
        until(lambda: held.calls)
        until(lambda: batcher.wait() > 0.2)
        refused = second.predict(row)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert "more requests than it can answer in time" in refused.json()["detail"]
        infer = second.ask("POST", INVOCATIONS, b'{"instances":[' + row + b"]}")
        assert (infer.status, infer.headers["retry-after"]) == (503, "1")
        assert second.ask("GET", "/health").status == 200
        assert second.ask("GET", "/ready").status == 200
        held.go.set()
        until(lambda: not batcher.busy)
        assert second.predict(row).status == 200
        assert held.calls == 2


def test_what_cannot_be_in_time_for_its_caller_is_a_503_at_once(native: Release, held: HeldRelease) -> None:
    row = example(native)
    with threaded(create_app(native)) as (port, server):
        batcher = server.config.app.service._batcher
        first, second = Client(port), Client(port)
        held.hold()
        threading.Thread(target=first.predict, args=(row,)).start()
        until(lambda: held.calls)
        until(lambda: batcher.wait() > 0.1)
        assert second.predict(row, f"{TIMEOUT}: 100ms").status == 503
        assert held.calls == 1
        held.go.set()
        until(lambda: not batcher.busy)
        assert second.predict(row, f"{TIMEOUT}: 5s").status == 200


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request for a prediction wait for its turn."""
    is_crowded = Turns.is_crowded
    monkeypatch.setattr(Turns, "is_crowded", lambda self: is_crowded(self) or True)


def test_in_a_crowd_the_answers_are_the_same(titanic: Release, crowded: None) -> None:
    """Also of requests in pieces, behind one another, and of what is refused."""
    row = example(titanic)
    good = request("POST", PREDICT, row, "Content-Type: application/json")
    bad = request("POST", PREDICT, b"{}", "Content-Type: application/json")
    with threaded(create_app(titanic)) as (port, _):
        client = Client(port)
        for _ in range(3):  # the header is known the second time
            client.send(good)
            assert client.read().status == 200
        client.send(good + bad + good + request("GET", "/health"))
        assert [client.read().status for _ in range(4)] == [200, 422, 200, 200]
        for cut in (3, 20, len(good) - len(row), len(good) - 1):
            client.send(good[:cut])
            time.sleep(0.02)
            client.send(good[cut:])
            assert client.read().status == 200
        large = Client(port)
        body = b"[" + b",".join([row] * 2_000) + b"]"
        large.send(request("POST", PREDICT, body, "Content-Type: application/json"))
        assert len(large.read().json()["predictions"]) == 2_000
        client.send(b"POST /api/v1/predict HTTP/9\r\n\r\n")
        assert client.read().status == 400
        assert client.closed()


class Held:
    """Keeps what has lined up until it is let go, in the server's event loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lined_up: list[tuple[asyncio.AbstractEventLoop, Any]] = []
        monkeypatch.setattr(Turns, "is_crowded", lambda _: True)
        monkeypatch.setattr(Turns, "line_up", self._line_up)

    def _line_up(self, handle: Any) -> None:
        self.lined_up.append((asyncio.get_running_loop(), handle))

    def let_go(self) -> None:
        loop, handle = self.lined_up.pop()
        loop.call_soon_threadsafe(handle)


def test_in_a_crowd_a_request_began_when_it_came(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """The silence of its connection before does not count, and its wait does."""
    data = request("POST", PREDICT, example(titanic), "Content-Type: application/json")
    held, took = Held(monkeypatch), []
    with threaded(create_app(titanic)) as (port, server):
        answer = server.config.app.service.answer

        def noting(body: bytes, exchange: Any, *more: Any) -> None:
            took.append(perf_counter() - exchange.began)
            answer(body, exchange, *more)

        monkeypatch.setattr(server.config.app.service, "answer", noting)
        for _ in range(2):  # the header is known the second time
            client = Client(port)
            time.sleep(0.3)
            client.send(data)
            until(lambda: held.lined_up)
            time.sleep(0.1)
            held.let_go()
            assert client.read().status == 200
    assert len(took) == 2
    assert all(0.1 <= each < 0.3 for each in took)


def test_a_client_that_has_gone_is_not_answered(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    data = request("POST", PREDICT, example(titanic), "Content-Type: application/json")
    held, bodies = Held(monkeypatch), []
    with threaded(create_app(titanic)) as (port, server):
        monkeypatch.setattr(server.config.app.service, "answer", lambda body, *_: bodies.append(body))
        client = Client(port)
        client.send(data)
        until(lambda: held.lined_up)
        client.socket.close()
        until(lambda: not server.server_state.connections)
        held.let_go()
        assert Client(port).ask("GET", "/health").status == 200  # it does not line up
    assert bodies == []
