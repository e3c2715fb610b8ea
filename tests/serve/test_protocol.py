"""The connection itself, on real sockets: order, limits and deadlines."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.serving import PREDICT, Client, request, threaded, until

from seatrial.model import Release
from seatrial.serve import create_app, protocol
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import LARGE_BODY, Service

TIMEOUT = 0.4


class Noted:
    """An access log that keeps what it is told."""

    release = ""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, int]] = []

    def add(self, began: float, method: str, path: str, status: int, request_id: str) -> None:
        assert 0 <= time.perf_counter() - began < 60
        assert request_id
        self.lines.append((method, path, status))

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.fixture(scope="module")
def noted() -> Noted:
    return Noted()


@pytest.fixture(autouse=True)
def _forget(noted: Noted) -> None:
    noted.lines.clear()


@pytest.fixture(scope="module")
def served(titanic: Release, noted: Noted) -> Iterator[tuple[int, Any]]:
    settings = Settings(receive_timeout=TIMEOUT, keep_alive=3 * TIMEOUT, body_limit=100_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "SWEEP_SECONDS", 0.05)
        with threaded(create_app(titanic, settings, noted)) as found:  # type: ignore[arg-type]
            yield found


@pytest.fixture
def client(served: tuple[int, Any]) -> Iterator[Client]:
    found = Client(served[0])
    yield found
    found.socket.close()


@pytest.fixture(scope="module")
def row(titanic: Release) -> bytes:
    return json.dumps(titanic.metadata.example).encode()


def push(client: Client, data: bytes, most: int) -> None:
    """Send again and again, until the other side has had enough; it must not take more than `most` bytes."""
    for _ in range(most // len(data)):
        try:
            client.send(data)
        except ConnectionError:
            return
    raise AssertionError("it took everything")


def test_a_connection_serves_many_requests(client: Client, row: bytes) -> None:
    for _ in range(20):
        assert client.predict(row).status == 200
        assert client.ask("GET", "/health").json() == {"status": "alive"}
    assert client.ask("HEAD", "/health").body == b""
    assert client.predict(row).status == 200


def test_answers_keep_the_order_of_pipelined_requests(client: Client, row: bytes, noted: Noted) -> None:
    names = [f"n{i}" for i in range(12)]
    paths = [
        (PREDICT, row),
        ("/health", b""),
        (PREDICT, b"["),
        (PREDICT, row),
        ("/api/v1/model", b""),
        (PREDICT, row),
    ] * 2
    data = b"".join(
        request("POST" if path == PREDICT else "GET", path, body, f"X-Request-ID: {name}")
        for name, (path, body) in zip(names, paths, strict=True)
    )
    client.send(data)
    replies = [client.read() for _ in names]
    assert [reply.headers["x-request-id"] for reply in replies] == names
    assert [reply.status for reply in replies] == [200, 200, 422, 200, 200, 200] * 2
    assert [status for _, _, status in noted.lines] == [200, 200, 422, 200, 200, 200] * 2


@pytest.mark.parametrize("step", [1, 7, 100])
def test_a_request_may_come_in_pieces(client: Client, row: bytes, step: int) -> None:
    data = request("POST", PREDICT, row)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(data), step):
        client.send(data[start : start + step])
    assert client.read().status == 200


def test_chunked_bodies_and_expectations_take_the_ordinary_way(client: Client, row: bytes) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
    client.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(row), row))
    assert client.read().status == 200
    client.send(head + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(row))
    assert client.read().status == 100
    client.send(row)
    assert client.read().status == 200
    client.send(head + b"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: %d\r\n\r\n%b" % (len(row), row))
    assert client.read().status in (200, 422)


def test_bodies_of_any_size_up_to_the_limit(client: Client, row: bytes) -> None:
    for size in (len(row), LARGE_BODY - 1, LARGE_BODY, LARGE_BODY + 1, 99_999, 100_000):
        assert client.predict(row + b" " * (size - len(row))).status == 200, size
    assert client.predict(b" " * 100_001).status == 413
    assert client.predict(row).status == 200  # the connection is as good as before


def test_an_old_client_is_answered_and_let_go(client: Client, row: bytes) -> None:
    client.send(f"POST {PREDICT} HTTP/1.0\r\nContent-Length: {len(row)}\r\n\r\n".encode() + row)
    assert client.read().status == 200
    assert client.closed()


def test_a_client_that_wants_to_close_is_let_go(client: Client, row: bytes) -> None:
    reply = client.predict(row, "Connection: close")
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert client.closed()


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /h\xc3\xa9alth HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"POST /api/v1/predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/predict HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /api/v1/predict HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/predict HTTP/1.1\r\nContent-Length: %b\r\n\r\n" % (b"9" * 5000),
        b"POST /api/v1/predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /health HTTP/1.1\r\nBad Name: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so_once(client: Client, noted: Noted, data: bytes, row: bytes) -> None:
    client.send(data)
    reply = client.read()
    assert reply.status == 400
    assert reply.json() == {"detail": "This is not HTTP as it should be."}
    assert client.closed()
    until(lambda: noted.lines)
    assert [status for _, _, status in noted.lines] == [400]


@pytest.mark.parametrize("count", [1, 2000])
@pytest.mark.parametrize("path", ["/health", PREDICT])
def test_a_header_over_the_limit_is_refused(client: Client, noted: Noted, count: int, path: str) -> None:
    headers = [f"X-{i}: {'x' * (16_500 // count)}" for i in range(count)]
    client.send(request("POST", path, b"{}", *headers))
    reply = client.read()
    assert (reply.status, reply.json()["detail"]) == (431, "The header is larger than 16,384 bytes.")
    assert client.closed()
    assert [status for _, _, status in noted.lines] == [431]


def test_a_header_without_an_end_is_refused_early(client: Client) -> None:
    client.send(b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000)
    assert client.read().status == 431
    assert client.closed()


def test_a_long_address_counts_as_header(client: Client) -> None:
    client.send(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n")
    assert client.read().status == 431


def test_a_large_header_may_not_hide_behind_a_small_request(client: Client, noted: Noted) -> None:
    client.send(request("GET", "/health") + request("GET", "/health", b"", "X: " + "x" * 17_000))
    assert client.closed()
    until(lambda: 431 in [status for _, _, status in noted.lines])


def test_a_header_of_nearly_the_limit_is_served(client: Client, row: bytes) -> None:
    assert client.predict(row, "X: " + "x" * 16_000).status == 200


def test_a_slow_request_meets_its_deadline(client: Client, noted: Noted) -> None:
    began = time.perf_counter()
    client.send(f"POST {PREDICT} HTTP/1.1\r\nContent-Length: 5".encode())
    reply = client.read()
    assert (reply.status, reply.json()["detail"]) == (408, "The request was not sent within 0.4 s.")
    assert TIMEOUT <= time.perf_counter() - began < TIMEOUT + 2
    assert client.closed()
    assert [status for _, _, status in noted.lines] == [408]


@pytest.mark.parametrize("length", [100, 90_000])
def test_a_slow_body_meets_the_same_deadline(client: Client, noted: Noted, length: int) -> None:
    client.send(f"POST {PREDICT} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{{".encode())
    for _ in range(3):  # a byte now and then is no excuse
        time.sleep(TIMEOUT / 5)
        client.send(b" ")
    assert client.read().status == 408
    assert client.closed()
    assert noted.lines == [("POST", PREDICT, 408)]


def test_a_silent_connection_is_closed(client: Client, noted: Noted) -> None:
    began = time.perf_counter()
    assert client.closed()
    assert TIMEOUT / 2 < time.perf_counter() - began < TIMEOUT + 2
    assert noted.lines == []


def test_an_idle_connection_is_closed_after_its_time(client: Client) -> None:
    assert client.ask("GET", "/health").status == 200
    began = time.perf_counter()
    assert client.closed()
    assert 2 * TIMEOUT < time.perf_counter() - began < 3 * TIMEOUT + 2


def test_blank_lines_do_not_keep_a_connection(client: Client) -> None:
    assert client.ask("GET", "/health").status == 200
    client.send(b"\r\n")
    began = time.perf_counter()
    assert client.closed()
    assert time.perf_counter() - began < TIMEOUT + 2


def test_a_client_that_reads_nothing_is_let_go(
    served: tuple[int, Any], row: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[str] = []
    monkeypatch.setattr(protocol.logs, "fault", lambda message, error, request_id: faults.append(str(error)))
    client = Client(served[0])
    client.send(request("GET", "/redoc.js") * 20 + request("POST", PREDICT, row))  # 20 MB
    until(lambda: served[1].server_state.connections)
    until(lambda: not served[1].server_state.connections, TIMEOUT + 4)
    assert faults == []
    client.socket.close()


def test_requests_do_not_pile_up_on_a_connection(served: tuple[int, Any], noted: Noted, row: bytes) -> None:
    client = Client(served[0])
    client.send(request("POST", PREDICT, row) * 200)
    assert [client.read().status for _ in range(200)] == [200] * 200
    push(client, request("GET", "/health") * 1000, 10**8)
    assert 429 in [status for _, _, status in noted.lines]


def test_a_refusal_never_passes_for_the_answer_to_another_request(client: Client, row: bytes) -> None:
    client.send(request("GET", "/api/v1/model") + b"nonsense\r\n\r\n")
    try:
        assert client.read().status == 200
    except EOFError:
        return
    assert client.closed()


def test_stalled_clients_do_not_hold_up_others(served: tuple[int, Any], row: bytes) -> None:
    stalled = [Client(served[0]) for _ in range(50)]
    for other in stalled:
        other.send(f"POST {PREDICT} HTTP/1.1\r\nContent-Length: 50\r\n\r\n{{".encode())
    began = time.perf_counter()
    assert Client(served[0]).predict(row).status == 200
    assert Client(served[0]).ask("GET", "/health").status == 200
    assert time.perf_counter() - began < TIMEOUT
    assert [other.read().status for other in stalled] == [408] * 50


def test_a_body_that_goes_on_for_ever_is_cut_off(client: Client) -> None:
    client.send(f"POST {PREDICT} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    push(client, b"1\r\nx\r\n" * 10_000, 5 * 10**7)


def test_a_large_body_is_refused_before_it_is_sent(client: Client, noted: Noted) -> None:
    client.send(f"POST {PREDICT} HTTP/1.1\r\nContent-Length: 200000000\r\n\r\n".encode())
    assert client.read().status == 413
    assert noted.lines == [("POST", PREDICT, 413)]
    client.socket.close()


def test_a_fault_of_ours_is_a_500_and_is_logged(
    served: tuple[int, Any], row: bytes, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(protocol.logs, "fault", lambda message, error, request_id: told.append(str(error)))

    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Service, "answer", broken)
    assert Client(served[0]).predict(row).status == 500
    assert told == ["broken"]
    monkeypatch.undo()
    assert Client(served[0]).predict(row).status == 200


def test_all_connections_end_when_the_server_does(titanic: Release, row: bytes) -> None:
    with threaded(create_app(titanic, Settings(stop_timeout=0.5))) as (port, server):
        idle, stalled = Client(port), Client(port)
        assert idle.predict(row).status == 200
        stalled.send(f"POST {PREDICT} HTTP/1.1\r\nContent-Length: 50\r\n\r\n{{".encode())
        assert Client(port).predict(row).status == 200
        began = time.perf_counter()
        server.should_exit = True
        assert idle.closed()
        assert stalled.closed()
        assert time.perf_counter() - began < 2
