"""Connections of the model server on real sockets: order, limits and deadlines."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.clients import PREDICT, Client, request, threaded, until

from seatrial.http import deadlines
from seatrial.model import Release
from seatrial.serve import create_app, logs
from seatrial.serve.exchanges import Exchange
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import LARGE_BODY, Service

TIMEOUT = 0.4


class RequestLog:
    """Keeps a line of each exchange, as soon as it has ended."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, int]] = []

    def add(self, exchange: Exchange, status: int) -> None:
        assert 0 <= time.perf_counter() - exchange.began < 60
        assert exchange.request_id
        self.lines.append((exchange.method, exchange.path, status))

    def flush(self) -> None:
        """Do nothing: lines are not collected."""


@pytest.fixture(scope="module")
def request_log() -> RequestLog:
    return RequestLog()


@pytest.fixture(autouse=True)
def _cleared(request_log: RequestLog) -> None:
    request_log.lines.clear()


@pytest.fixture(scope="module")
def served(titanic: Release, request_log: RequestLog) -> Iterator[tuple[int, Any]]:
    settings = Settings(receive_timeout=TIMEOUT, keep_alive=3 * TIMEOUT, body_limit=100_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deadlines, "SWEEP_SECONDS", 0.05)
        app = create_app(titanic, settings)
        app.exchanges = request_log  # type: ignore[assignment]
        with threaded(app) as server:
            yield server


@pytest.fixture
def client(served: tuple[int, Any]) -> Iterator[Client]:
    client = Client(served[0])
    yield client
    client.socket.close()


@pytest.fixture(scope="module")
def row(titanic: Release) -> bytes:
    return json.dumps(titanic.metadata.example).encode()


def send_until_closed(client: Client, data: bytes, limit: int) -> None:
    """Send data until the server closes the connection; it must not accept more than `limit` bytes."""
    for _ in range(limit // len(data)):
        try:
            client.send(data)
        except ConnectionError:
            return
    raise AssertionError("the server accepted everything")


def test_a_connection_serves_many_requests(client: Client, row: bytes) -> None:
    for _ in range(20):
        assert client.predict(row).status == 200
        assert client.ask("GET", "/health").json() == {"status": "alive"}
    assert client.ask("HEAD", "/health").body == b""
    assert client.predict(row).status == 200


def test_pipelined_requests_are_answered_in_order(client: Client, row: bytes, request_log: RequestLog) -> None:
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
    assert [status for _, _, status in request_log.lines] == [200, 200, 422, 200, 200, 200] * 2


@pytest.mark.parametrize("step", [1, 7, 100])
def test_a_request_may_arrive_in_pieces(client: Client, row: bytes, step: int) -> None:
    data = request("POST", PREDICT, row)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(data), step):
        client.send(data[start : start + step])
    assert client.read().status == 200


def test_chunked_bodies_and_expect_headers_take_the_asgi_path(client: Client, row: bytes) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n".encode()
    client.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(row), row))
    assert client.read().status == 200
    client.send(head + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(row))
    assert client.read().status == 100
    client.send(row)
    assert client.read().status == 200
    client.send(head + b"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: %d\r\n\r\n%b" % (len(row), row))
    assert client.read().status in (200, 422)


def test_bodies_of_any_size_up_to_the_limit_are_accepted(client: Client, row: bytes) -> None:
    for size in (len(row), LARGE_BODY - 1, LARGE_BODY, LARGE_BODY + 1, 99_999, 100_000):
        assert client.predict(row + b" " * (size - len(row))).status == 200, size
    assert client.predict(b" " * 100_001).status == 413
    assert client.predict(row).status == 200  # the connection still works


def test_an_http_1_0_client_is_answered_and_disconnected(client: Client, row: bytes) -> None:
    client.send(f"POST {PREDICT} HTTP/1.0\r\nContent-Length: {len(row)}\r\n\r\n".encode() + row)
    assert client.read().status == 200
    assert client.closed()


def test_a_connection_is_closed_on_request(client: Client, row: bytes) -> None:
    reply = client.predict(row, "Connection: close")
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert client.closed()


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /h\xc3\xa9alth HTTP/1.1\r\nHost: localhost\r\n\r\n",
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
def test_invalid_http_is_rejected_once(client: Client, request_log: RequestLog, data: bytes, row: bytes) -> None:
    client.send(data)
    reply = client.read()
    assert reply.status == 400
    assert reply.json() == {"detail": "The request is not valid HTTP."}
    assert client.closed()
    until(lambda: request_log.lines)
    assert [status for _, _, status in request_log.lines] == [400]


@pytest.mark.parametrize("count", [1, 2000])
@pytest.mark.parametrize("path", ["/health", PREDICT])
def test_a_header_over_the_limit_is_rejected(client: Client, request_log: RequestLog, count: int, path: str) -> None:
    headers = [f"X-{i}: {'x' * (16_500 // count)}" for i in range(count)]
    client.send(request("POST", path, b"{}", *headers))
    reply = client.read()
    reason = (
        "The request header is larger than 16,384 bytes."
        if count == 1
        else "The request has more than 128 header lines."
    )
    assert (reply.status, reply.json()["detail"]) == (431, reason)
    assert client.closed()
    assert [status for _, _, status in request_log.lines] == [431]


def test_an_unfinished_header_over_the_limit_is_rejected(client: Client) -> None:
    client.send(b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000)
    assert client.read().status == 431
    assert client.closed()


def test_a_long_url_counts_towards_the_header_limit(client: Client) -> None:
    client.send(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n")
    assert client.read().status == 431


def test_a_large_header_after_a_small_request_is_rejected(client: Client, request_log: RequestLog) -> None:
    client.send(request("GET", "/health") + request("GET", "/health", b"", "X: " + "x" * 17_000))
    assert client.closed()
    until(lambda: 431 in [status for _, _, status in request_log.lines])


def test_a_header_just_under_the_limit_is_accepted(client: Client, row: bytes) -> None:
    assert client.predict(row, "X: " + "x" * 16_000).status == 200


def test_a_slow_header_times_out(client: Client, request_log: RequestLog) -> None:
    began = time.perf_counter()
    client.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5".encode())
    reply = client.read()
    assert (reply.status, reply.json()["detail"]) == (408, "The request did not arrive within 0.4 s.")
    assert TIMEOUT <= time.perf_counter() - began < TIMEOUT + 2
    assert client.closed()
    assert [status for _, _, status in request_log.lines] == [408]


@pytest.mark.parametrize("length", [100, 90_000])
def test_a_slow_body_times_out(client: Client, request_log: RequestLog, length: int) -> None:
    client.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{{".encode())
    for _ in range(3):  # a byte now and then does not extend the deadline
        time.sleep(TIMEOUT / 5)
        client.send(b" ")
    assert client.read().status == 408
    assert client.closed()
    assert request_log.lines == [("POST", PREDICT, 408)]


def test_a_silent_connection_is_closed(client: Client, request_log: RequestLog) -> None:
    began = time.perf_counter()
    assert client.closed()
    assert TIMEOUT / 2 < time.perf_counter() - began < TIMEOUT + 2
    assert request_log.lines == []


def test_an_idle_connection_is_closed_after_keep_alive(client: Client) -> None:
    assert client.ask("GET", "/health").status == 200
    began = time.perf_counter()
    assert client.closed()
    assert 2 * TIMEOUT < time.perf_counter() - began < 3 * TIMEOUT + 2


def test_blank_lines_do_not_keep_a_connection_open(client: Client) -> None:
    assert client.ask("GET", "/health").status == 200
    client.send(b"\r\n")
    began = time.perf_counter()
    assert client.closed()
    assert time.perf_counter() - began < TIMEOUT + 2


def test_a_client_that_reads_nothing_is_disconnected(
    served: tuple[int, Any], row: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[str] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: faults.append(str(error)))
    client = Client(served[0])
    client.send(request("GET", "/redoc.js") * 20 + request("POST", PREDICT, row))  # 20 MB
    until(lambda: served[1].server_state.connections)
    until(lambda: not served[1].server_state.connections, TIMEOUT + 4)
    assert faults == []
    client.socket.close()


def test_a_thousand_pipelined_requests_are_answered(served: tuple[int, Any], row: bytes) -> None:
    client = Client(served[0])
    client.send(request("POST", PREDICT, row) * 1000)
    assert [client.read().status for _ in range(1000)] == [200] * 1000


def test_a_client_that_only_sends_requests_is_disconnected(served: tuple[int, Any], request_log: RequestLog) -> None:
    send_until_closed(Client(served[0]), request("GET", "/health") * 1000, 10**8)
    assert {status for _, _, status in request_log.lines} <= {200, 499}


def test_a_refusal_is_never_sent_as_the_response_to_another_request(client: Client, row: bytes) -> None:
    client.send(request("GET", "/api/v1/model") + b"nonsense\r\n\r\n")
    try:
        assert client.read().status == 200
    except EOFError:
        return
    assert client.closed()


def test_stalled_clients_do_not_delay_others(served: tuple[int, Any], row: bytes) -> None:
    stalled = [Client(served[0]) for _ in range(50)]
    for other in stalled:
        other.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{{".encode())
    began = time.perf_counter()
    assert Client(served[0]).predict(row).status == 200
    assert Client(served[0]).ask("GET", "/health").status == 200
    assert time.perf_counter() - began < TIMEOUT
    assert [other.read().status for other in stalled] == [408] * 50


def test_an_endless_body_is_cut_off(client: Client) -> None:
    client.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    send_until_closed(client, b"1\r\nx\r\n" * 10_000, 5 * 10**7)


def test_a_large_body_is_rejected_before_it_is_sent(client: Client, request_log: RequestLog) -> None:
    client.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n\r\n".encode())
    assert client.read().status == 413
    assert request_log.lines == [("POST", PREDICT, 413)]
    client.socket.close()


def test_an_internal_error_is_a_500_and_is_logged(
    served: tuple[int, Any], row: bytes, request_log: RequestLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(logs, "fault", lambda message, error, request_id: logged.append(str(error)))

    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Service, "answer", broken)
    assert Client(served[0]).predict(row).status == 500
    assert logged == ["broken"]
    monkeypatch.undo()
    assert Client(served[0]).predict(row).status == 200


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/", "/docs", "/openapi.json", "/api/v1/model", PREDICT, "/none"]
)
def test_a_server_on_this_machine_answers_to_its_own_names_only(titanic: Release, row: bytes, path: str) -> None:
    method, body = ("POST", row) if path == PREDICT else ("GET", b"")
    expected = {"/none": 404}.get(path, 200)
    with threaded(create_app(titanic, Settings(bound="127.0.0.1"))) as (port, _):
        client = Client(port)
        for host, status in [("localhost", expected), ("127.0.0.1:80", expected), ("evil.example", 421)]:
            client.send(request(method, path, body).replace(b"localhost", host.encode()))
            assert client.read().status == status, host
        for hosts in ("evil.example\r\nHost: localhost", "x/health?", "localhost\r\nHost: localhost", "a b"):
            client = Client(port)
            client.send(request(method, path, body).replace(b"localhost", hosts.encode()))
            assert client.read().status == 400, hosts
        client = Client(port)
        client.send(request(method, path, body).replace(b"Host: localhost\r\n", b""))
        assert client.read().status == 400


def test_probes_may_use_any_host_where_the_hosts_are_listed(titanic: Release, row: bytes) -> None:
    with threaded(create_app(titanic, Settings(bound="0.0.0.0", allowed_hosts=("model.example",)))) as (port, _):
        client = Client(port)
        for method, path, host, status in [
            *(("GET", "/health", "10.0.0.7:8001", 200), ("GET", "/ready", "healthcheck.example", 200)),
            *(("GET", "/ping", "10.0.0.7:8080", 200), ("GET", "/v2/health/ready", "10.0.0.7", 200)),
            *(("GET", "/v2", "10.0.0.7", 421), ("POST", "/invocations", "10.0.0.7", 421)),
            *(("POST", PREDICT, "model.example", 200), ("POST", PREDICT, "10.0.0.7:8001", 421)),
            *(("GET", "/", "localhost", 421), ("GET", "/", "model.example:443", 200)),
        ]:
            client.send(request(method, path, row if method == "POST" else b"").replace(b"localhost", host.encode()))
            assert client.read().status == status, (path, host)


def test_all_connections_close_when_the_server_stops(titanic: Release, row: bytes) -> None:
    with threaded(create_app(titanic, Settings(stop_timeout=0.5))) as (port, server):
        idle, stalled = Client(port), Client(port)
        assert idle.predict(row).status == 200
        stalled.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{{".encode())
        assert Client(port).predict(row).status == 200
        began = time.perf_counter()
        server.should_exit = True
        assert idle.closed()
        assert stalled.closed()
        assert time.perf_counter() - began < 2
