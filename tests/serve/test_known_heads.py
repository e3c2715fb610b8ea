"""A header that was parsed before is not parsed again; what differs from it in one byte is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.clients import PREDICT, Client, Reply, request, threaded
from tests.serve.small_releases import EXAMPLE

from seatrial.core.access_keys import make_key, render_keys
from seatrial.http.connection import GuardedProtocol
from seatrial.model import Release
from seatrial.serve import create_app, http_fast_path
from seatrial.serve.asgi import AsgiApp
from seatrial.serve.server_settings import Settings

BODY = json.dumps(EXAMPLE).encode()


@pytest.fixture
def app(binary: Release) -> AsgiApp:
    return create_app(binary, Settings())


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the parser got."""
    seen: list[bytes] = []
    parse = GuardedProtocol.data_received

    def noting(protocol: GuardedProtocol, data: bytes) -> None:
        seen.append(data)
        parse(protocol, data)

    monkeypatch.setattr(GuardedProtocol, "data_received", noting)
    return seen


@pytest.fixture
def client(app: AsgiApp, parsed: list[bytes]) -> Iterator[Client]:
    with threaded(app) as (port, _):
        client = Client(port)
        yield client
        client.socket.close()


def test_the_same_header_is_parsed_once_and_answered_the_same(client: Client, parsed: list[bytes]) -> None:
    replies = [client.ask("POST", PREDICT, BODY) for _ in range(5)]
    assert len(parsed) == 1
    (same,) = {json.dumps([status, headers, body.decode()]) for status, headers, body in map(Reply.comparable, replies)}
    assert '"predictions"' in json.loads(same)[2]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 5
    other = json.dumps({**EXAMPLE, "count": 99}).encode()  # of another length
    assert client.ask("POST", PREDICT, other).json() != replies[0].json()
    assert len(parsed) == 2
    assert client.ask("POST", PREDICT, BODY.replace(b"2.5", b"9.5")).json()["predictions"] != []
    assert len(parsed) == 2


def test_every_connection_knows_the_header(client: Client, app: AsgiApp, parsed: list[bytes]) -> None:
    for _ in range(3):
        client.ask("POST", PREDICT, BODY)
    assert len(app.known_heads) == 1
    assert len(parsed) == 1
    other = Client(client.socket.getpeername()[1])
    for _ in range(3):
        assert other.ask("POST", PREDICT, BODY).status == 200
    assert len(parsed) == 1
    other.socket.close()


@pytest.mark.parametrize(
    "header", ["X-Request-ID: mine", f"traceparent: 00-{'a' * 32}-{'b' * 16}-01", "Connection: close"]
)
def test_a_header_that_differs_each_time_is_not_kept(app: AsgiApp, client: Client, header: str) -> None:
    client.ask("POST", PREDICT, BODY)
    assert client.ask("POST", PREDICT, BODY, header).status == 200
    assert not any(header.encode() in head for head in app.known_heads)


def test_pieces_and_several_requests_at_once_are_parsed(client: Client, parsed: list[bytes]) -> None:
    for _ in range(3):
        client.ask("POST", PREDICT, BODY)
    data = request("POST", PREDICT, BODY)
    client.send(data + data)
    assert [client.read().status for _ in range(2)] == [200, 200]
    assert parsed[-1] == data + data
    client.send(data[:-1])
    client.send(data[-1:])
    assert client.read().status == 200
    client.send(data)
    assert client.read().status == 200
    assert len(parsed) == 1 + 1 + 2


def test_bad_rows_behind_a_known_header_are_refused(client: Client, parsed: list[bytes]) -> None:
    for _ in range(3):
        client.ask("POST", PREDICT, BODY)
    bad = BODY.replace(b'"b"', b'"z"')
    assert client.ask("POST", PREDICT, bad).status == 422
    assert client.ask("POST", PREDICT, b"x" * len(BODY)).status == 422
    assert client.ask("POST", PREDICT, BODY).status == 200
    assert len(parsed) == 1


def test_a_revoked_key_behind_a_known_header_is_refused(binary: Release, tmp_path: Path) -> None:
    key, secret = make_key("shop", ["predict"])
    file = tmp_path / "keys.json"
    file.write_text(render_keys([key]))
    app = create_app(binary, Settings(keys=str(file)))
    with threaded(app) as (port, _):
        client = Client(port)
        assert [client.ask("POST", PREDICT, BODY, f"X-API-Key: {secret}").status for _ in range(5)] == [200] * 5
        assert len(app.known_heads) == 1
        file.write_text(render_keys([]))
        assert app.service.access.ring
        app.service.access.ring.next_look = 0
        assert client.ask("POST", PREDICT, BODY, f"X-API-Key: {secret}").status == 401


def test_only_so_many_headers_are_kept(app: AsgiApp, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_fast_path, "MOST_HEADS", 3)
    client.ask("GET", "/health")
    for number in range(4):
        client.ask("POST", PREDICT, BODY + b" " * number)
        assert len(app.known_heads) == (number % 3) + 1
    client.ask("POST", PREDICT, BODY, "X-Padding: " + "x" * 2000)
    assert len(app.known_heads) == 1
