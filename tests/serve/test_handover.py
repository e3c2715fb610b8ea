"""A server takes over from another one on the same socket, and stops without losing a request."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.serve.clients import Client, process, request, until

from seatrial.model import Release

PACKAGE = "small_binary"
ROW = json.dumps({"size": 1, "kind": "a"}).encode()

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows cannot inherit sockets by file descriptor")


@contextmanager
def standby(root: Path, listener: socket.socket, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server for `listener`, in standby on a private socket; yields the process and the private port."""
    with socket.create_server(("127.0.0.1", 0)) as private:
        handles = (listener.fileno(), private.fileno())
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "seatrial.serve",
                PACKAGE,
                "--fd",
                str(handles[0]),
                "--standby-fd",
                str(handles[1]),
                *options,
            ],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=handles,
        )
        port = private.getsockname()[1]
        try:
            until(lambda: _ready(port), 30)
            yield server, port
        finally:
            server.kill()
            server.wait()


def _ready(port: int) -> bool:
    client = Client(port)
    try:
        return client.ask("GET", "/ready").status == 200
    finally:
        client.socket.close()


def accept(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.write(b"accept\n")
    server.stdin.flush()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_in_standby_it_serves_its_private_socket_only(
    binary: Release, small_root: Path, listener: socket.socket
) -> None:
    with standby(small_root, listener) as (server, private):
        waiting = Client(listener.getsockname()[1])
        waiting.send(request("POST", "/api/v1/predict", ROW))
        assert Client(private).predict(ROW).status == 200
        waiting.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.read()
        waiting.socket.settimeout(10)
        accept(server)
        answer = waiting.read()
        assert answer.status == 200
        assert answer.headers["x-release"] == "small-binary==1.2.3"


def test_while_draining_it_answers_requests_on_open_connections(
    binary: Release, small_root: Path, listener: socket.socket
) -> None:
    with standby(small_root, listener, "--drain", "20") as (server, _):
        accept(server)
        port = listener.getsockname()[1]
        idle, new, half = Client(port), Client(port), Client(port)
        assert "connection" not in idle.predict(ROW).headers
        whole = request("POST", "/api/v1/predict", ROW)
        half.send(whole[:20])
        until(lambda: _connections(server.pid) >= 3)
        server.send_signal(signal.SIGTERM)
        until(lambda: not _listens(server.pid, port))
        for client in (idle, new):
            answer = client.predict(ROW)
            assert answer.status == 200
            assert answer.headers["connection"] == "close"
            assert client.closed()
        half.send(whole[20:])
        assert half.read().headers["connection"] == "close"
        server.wait(5)


def test_new_connections_go_to_the_next_server(binary: Release, small_root: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with standby(small_root, listener, "--drain", "20") as (old, _), standby(small_root, listener) as (new, _):
        accept(old)
        idle = Client(port)
        assert idle.predict(ROW).status == 200
        accept(new)
        old.send_signal(signal.SIGTERM)
        until(lambda: not _listens(old.pid, port))
        for _ in range(20):
            assert "connection" not in Client(port).predict(ROW).headers
        assert idle.predict(ROW).headers["connection"] == "close"
        assert old.wait(5) == 0


def test_pipelined_requests_are_all_answered_while_draining(
    binary: Release, small_root: Path, listener: socket.socket
) -> None:
    with standby(small_root, listener, "--drain", "20") as (server, _):
        accept(server)
        port = listener.getsockname()[1]
        client = Client(port)
        assert client.predict(ROW).status == 200
        server.send_signal(signal.SIGTERM)
        until(lambda: not _listens(server.pid, port))
        client.send(request("POST", "/api/v1/explain", ROW) + request("GET", "/health"))
        first, second = client.read(), client.read()
        assert (first.status, second.status) == (200, 200)
        assert "connection" not in first.headers
        assert second.headers["connection"] == "close"


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]], ids=["ctrl-c", "twice"])
def test_ctrl_c_or_a_second_signal_stops_it_without_draining(
    binary: Release, small_root: Path, listener: socket.socket, signals: list[int]
) -> None:
    with standby(small_root, listener, "--drain", "20") as (server, _):
        accept(server)
        port = listener.getsockname()[1]
        idle = Client(port)
        assert idle.predict(ROW).status == 200
        for number in signals:
            server.send_signal(number)
            until(lambda: not _listens(server.pid, port))
        server.wait(3)
        assert idle.closed()


def test_it_exits_at_once_when_its_supervisor_is_gone(
    binary: Release, small_root: Path, listener: socket.socket
) -> None:
    with standby(small_root, listener) as (server, _):
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(3) == 0


def test_a_descriptor_that_is_not_a_socket_is_a_one_line_error(binary: Release, small_root: Path) -> None:
    with process(small_root, "--fd", "77", package=PACKAGE) as server:
        assert server.wait() == 1
        assert "error: --fd 77 is not a listening socket." in server.lines[-1]


def test_drain_works_without_a_supervisor(binary: Release, small_root: Path) -> None:
    with process(small_root, "--port", "0", "--log-format", "text", package=PACKAGE, SEATRIAL_DRAIN="20") as server:
        port = server.started()
        idle = Client(port)
        assert idle.predict(ROW).status == 200
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        until(lambda: not _listens(server.pid, port))
        assert idle.predict(ROW).headers["connection"] == "close"
        stopper.join(5)
        assert not stopper.is_alive()


def _connections(pid: int) -> int:
    import psutil

    return sum(c.status == "ESTABLISHED" for c in psutil.Process(pid).net_connections("tcp"))


def _listens(pid: int, port: int) -> Any:
    import psutil

    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(c.status == "LISTEN" and c.laddr.port == port for c in connections)
