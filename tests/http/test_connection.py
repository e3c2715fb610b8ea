"""Connections with limits, in front of an ASGI application that has none: nothing that clients do stops the server."""

import gc
import socket
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from tests.http.apps import Application, guarded
from tests.serve.clients import Client, request, until

from seatrial.http import connection, deadlines
from seatrial.http.connection import MOST_TASKS, GuardedProtocol
from seatrial.http.turns import SlicedInput

KIB, MIB = 2**10, 2**20
HEAD = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def _quick_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "SWEEP_SECONDS", 0.05)


@pytest.fixture
def app() -> Application:
    return Application()


@pytest.fixture
def served(app: Application) -> Iterator[tuple[int, Any]]:
    with guarded(app, held=2 * MIB, connections=40, stall_seconds=0.5, body_seconds=2.0, header_seconds=0.5) as server:
        yield server


def budget_of(server: Any) -> Any:
    return server.config.budget


def length(size: int) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % size


def test_a_large_body_that_does_not_fit_is_refused_at_the_header(served: tuple[int, Any], app: Application) -> None:
    port, server = served
    held = Client(port)
    held.send(length(MIB) + bytes(MIB - 1))
    until(lambda: budget_of(server).held > MIB)
    refused = Client(port)
    refused.send(length(MIB))
    reply = refused.read()
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    until(lambda: len(server.server_state.connections) == 2)
    assert not any(each.useful for each in server.server_state.connections)  # so it goes before those that are
    refused.send(bytes(MIB) + request("GET", "/health"))  # the body is discarded, and the connection is still good
    assert refused.read().status == 200
    assert Client(port).ask("POST", "/x", bytes(20 * KIB)).json()["size"] == 20 * KIB  # small ones always fit
    held.send(b"x")
    assert held.read().json()["size"] == MIB
    assert app.log == [("/x", 503)]
    assert budget_of(server).held == 0


@pytest.mark.parametrize("head", [length(MIB), length(30 * KIB), CHUNKED + b"6000\r\n", HEAD], ids=str)
def test_the_bytes_of_unfinished_requests_are_bounded(served: tuple[int, Any], head: bytes) -> None:
    port, server = served
    clients = [Client(port) for _ in range(39)]
    for client in clients:
        client.send(head + (b"X: " + b"x" * 15_000 if head == HEAD else bytes(20 * KIB)))
        until(lambda: budget_of(server).held)  # what nobody has parsed yet would leave no room for a large body
    until(lambda: budget_of(server).held > MIB)
    assert Client(port).ask("POST", "/x", bytes(20 * KIB)).json()["size"] == 20 * KIB
    assert budget_of(server).held <= 2 * MIB
    for client in clients:
        client.socket.close()
    until(lambda: budget_of(server).held == 0)


def test_responses_that_nobody_reads_are_bounded(served: tuple[int, Any], app: Application) -> None:
    port, server = served
    clients = [Client(port) for _ in range(5)]
    for client in clients:
        client.send(request("GET", "/blob") * 3)
    until(lambda: budget_of(server).evicted or len(server.server_state.connections) < 5)
    assert budget_of(server).held <= 2 * MIB
    assert Client(port).ask("GET", "/health").status == 200
    until(lambda: budget_of(server).held == 0)  # those who still do not read are disconnected
    assert app.faults == []


def test_silent_connections_make_room_for_new_ones(served: tuple[int, Any]) -> None:
    port, server = served
    useful = Client(port)
    assert useful.ask("GET", "/health").status == 200
    silent = [Client(port) for _ in range(200)]
    for _ in range(20):
        assert Client(port).ask("GET", "/health").status == 200
    assert len(server.server_state.connections) <= 40
    assert useful.ask("GET", "/health").status == 200
    assert budget_of(server).evicted > 0  # on a busy machine the deadline closes some of them
    assert silent[0].closed()


@pytest.mark.parametrize("count", [129, 2000])
def test_header_lines_are_counted(served: tuple[int, Any], app: Application, count: int) -> None:
    client = Client(served[0])
    client.send(HEAD + b"a:b\r\n" * count + b"\r\n")
    reply = client.read()
    assert (reply.status, reply.json()["detail"]) == (431, "The request has more than 128 header lines.")
    assert client.closed()
    assert [status for _, status in app.log] == [431]


def test_a_trailer_is_neither_a_header_nor_endless(served: tuple[int, Any]) -> None:
    client = Client(served[0])
    client.send(CHUNKED + b"1\r\nx\r\n0\r\nx-request-id: forged\r\n\r\n")
    assert client.read().json() == {"size": 1, "headers": ["host", "transfer-encoding"]}
    client.send(CHUNKED + b"1\r\nx\r\n0\r\n" + b"a:b\r\n" * 5000)
    assert client.closed()


@pytest.mark.parametrize("rest", [b"0\r\nX: ", b"5;x="], ids=["trailer", "extension"])
def test_what_a_chunked_body_has_besides_data_is_bounded(served: tuple[int, Any], rest: bytes) -> None:
    """The parser keeps a trailer of one line whole, and copies it with each slice."""
    client = Client(served[0])
    client.send(CHUNKED + b"2\r\nxx\r\n" + rest + b"y" * 15_000)
    assert Client(served[0]).ask("GET", "/health").status == 200
    client.send(b"y" * 20_000)
    assert client.read().status == 431


def test_a_body_of_many_chunks_is_not_taken_for_a_trailer(served: tuple[int, Any]) -> None:
    client = Client(served[0])
    client.send(CHUNKED + b"1;a=b\r\nx\r\n" * 20_000 + b"0\r\nX: " + b"y" * 15_000 + b"\r\n\r\n")
    assert client.read().json()["size"] == 20_000


def test_empty_lines_before_a_request_are_bounded_and_others_keep_their_turns(
    served: tuple[int, Any], app: Application
) -> None:
    """Uvicorn has neither a URL nor headers yet; an error then ended the turns of all large bodies, for good."""
    lines = [Client(served[0]) for _ in range(10)]
    for client in lines:
        client.send(b"\r\n" * 50_000)
    assert [client.read().status for client in lines] == [431] * 10
    body = bytes(100_000)
    assert Client(served[0]).ask("POST", "/x", body).json()["size"] == 100_000
    client = Client(served[0])
    client.send(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert client.read().json()["size"] == 100_000
    client = Client(served[0])
    client.send(b"\r\n" * 20 + request("GET", "/health"))
    assert client.read().status == 200


def test_a_client_that_stalls_in_a_long_body_is_disconnected(served: tuple[int, Any], app: Application) -> None:
    client = Client(served[0])
    client.send(length(MIB))
    began = time.perf_counter()
    assert client.read().status == 408
    assert 0.4 < time.perf_counter() - began < 1.5
    assert app.log == [("/x", 408)]


def test_a_connection_that_is_closing_does_not_stay(served: tuple[int, Any], app: Application) -> None:
    """The last response does not fit into the socket, and the client never reads it."""
    app.blob = 10 * KIB
    port, server = served
    client = Client(port)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(request("GET", "/blob") * 250 + b"nonsense\r\n\r\n")
    until(lambda: not server.server_state.connections, 5)
    assert app.faults == []


def test_pipelined_requests_wait_for_their_turns(served: tuple[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    port, server = served
    turns = server.config.turns
    waited: list[Any] = []
    add = turns.add
    monkeypatch.setattr(turns, "add", lambda work: (waited.append(work), add(work)))
    client = Client(port)
    for _ in range(3):
        assert client.ask("GET", "/health").status == 200
    assert waited == []  # one at a time
    client.send(request("GET", "/health") * 100)
    assert [client.read().status for _ in range(100)] == [200] * 100
    assert sum(isinstance(work, GuardedProtocol) for work in waited) > 80
    assert any(isinstance(work, SlicedInput) for work in waited)  # nor are they all parsed at once


def test_beside_a_crowd_requests_wait_for_their_turns_but_not_health(
    served: tuple[int, Any], app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, server = served
    waited: list[Any] = []
    add = server.config.turns.add
    monkeypatch.setattr(server.config.turns, "add", lambda work: (waited.append(work), add(work)))
    busy = [Client(port) for _ in range(MOST_TASKS)]
    for client in busy:
        client.send(length(10))
    until(lambda: len(server.server_state.tasks) == MOST_TASKS)
    assert Client(port).ask("GET", "/health").status == 200
    assert waited == []
    assert Client(port).ask("GET", "/x").status == 200
    assert len(waited) == 1
    for client in busy:
        client.send(bytes(10))
        assert client.read().json()["size"] == 10


@pytest.mark.parametrize(
    ("data", "small"),
    [
        (b"x" * 512, True),
        (request("GET", "/health") * 8, True),
        (b"x" * 8192, True),
        (request("GET", "/health") * 100, False),
        (b"x" * 8193, False),
        (HEAD + b"a:b\r\n" * 40, True),
        (HEAD + b"a:\r\n" * 90, False),
    ],
    ids=["short", "few requests", "one request", "many requests", "long", "some lines", "many lines"],
)
def test_small_data_is_parsed_at_once(data: bytes, small: bool) -> None:
    assert connection._is_small(data) is small


def test_a_request_that_was_answered_is_not_refused_as_well(served: tuple[int, Any]) -> None:
    port, server = served
    held = Client(port)
    held.send(length(MIB) + bytes(MIB - 1))
    until(lambda: budget_of(server).held > MIB)
    client = Client(port)
    client.send(length(MIB) + bytes(1000))
    assert client.read().status == 503
    (answered,) = [each for each in server.server_state.connections if each._discarded]
    answered.loop.call_soon_threadsafe(answered.evict)
    with pytest.raises((EOFError, ConnectionError)):
        client.read()


def test_a_connection_that_is_gone_leaves_no_garbage(served: tuple[int, Any]) -> None:
    port, server = served
    gc.collect()
    gc.disable()
    try:
        made = weakref.WeakSet[Any]()
        for data in (
            request("GET", "/x"),
            request("GET", "/blob") * 3,
            length(MIB),
            b"GET /",
            request("GET", "/x") * 40,
        ):
            client = Client(port)
            client.send(data)
            until(lambda: server.server_state.connections)
            time.sleep(0.05)
            made.update(server.server_state.connections)
            client.socket.close()
            until(lambda: not server.server_state.connections)
        until(lambda: not made, 2.0)
    finally:
        gc.enable()


def test_an_application_without_a_log_is_guarded_too() -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with guarded(plain) as (port, _):
        assert Client(port).ask("GET", "/").status == 204
        client = Client(port)
        client.send(b"nonsense\r\n\r\n")
        assert client.read().status == 400
