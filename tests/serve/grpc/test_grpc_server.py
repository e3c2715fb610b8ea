"""The gRPC server in a server process: its port, several workers, a takeover, and shutdown under load."""

import contextlib
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from tests.serve.clients import Client, Process, process, until
from tests.serve.grpc.grpc_dialects import INFER, infer_raw
from tests.serve.small_releases import EXAMPLE
from tests.serve.test_handover import accept, standby

from seatrial.model import Release
from seatrial.serve.command import main


@pytest.fixture(scope="module")
def source(titanic_project: Path) -> Path:
    return titanic_project / "src"


@pytest.fixture(scope="module")
def body(titanic: Release) -> bytes:
    return infer_raw(titanic, [{**titanic.metadata.typical, **titanic.metadata.example}])[0]


def grpc_ports(server: Process) -> list[int]:
    """The ports in the log, one for each worker that listens."""
    return [int(found[1]) for line in server.lines if (found := re.search(r"is on 127\.0\.0\.1:(\d+) over gRPC", line))]


@contextlib.contextmanager
def called(port: int, body: bytes) -> Iterator[Any]:
    """A function that makes a call on a connection of its own; it returns the code."""

    def call() -> grpc.StatusCode:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            return channel.unary_unary(INFER).future(body, timeout=10, wait_for_ready=True).code()

    yield call


def test_both_ports_are_served_and_logged_alike(source: Path, body: bytes) -> None:
    with process(source, "--port", "0", "--grpc-port", "0") as server:
        port = server.started()
        [grpc_port] = grpc_ports(server)
        with called(grpc_port, body) as call:
            assert call() is grpc.StatusCode.OK
        assert Client(port).ask("GET", "/v2/models/titanic-model/ready").status == 200
        assert server.stop() == 0
    lines = [(each["path"], each["status"]) for each in server.documents() if "status" in each]
    assert lines == [(INFER, 200), ("/v2/models/titanic-model/ready", 200)]
    assert "Traceback" not in "\n".join(server.lines)


def test_all_workers_share_the_port(source: Path, body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with process(source, "--port", "0", "--workers", "2", SEATRIAL_GRPC_PORT=str(port)) as server:
        server.started()
        until(lambda: len(grpc_ports(server)) == 2, 20)
        assert set(grpc_ports(server)) == {port}
        with called(port, body) as call:
            assert [call() for _ in range(20)] == [grpc.StatusCode.OK] * 20
        assert server.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_in_use_fails_the_startup(source: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with process(source, "--port", "0", "--workers", workers, "--grpc-port", str(port)) as server:
            assert server.wait() == 1
    text = "\n".join(server.lines)
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use. Choose another with --grpc-port." in text
    assert "Traceback" not in text


def test_a_missing_extra_is_named(
    titanic: Release, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    for name in [name for name in sys.modules if name.startswith("seatrial.serve.grpc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc_health.v1", None)
    assert main(["titanic_model", "--port", "0", "--grpc-port", "0"]) == 1
    assert (
        'error: gRPC needs grpc_health.v1, which is not installed. pip install "seatrial[grpc]"'
        in capfd.readouterr().err
    )


def test_no_call_in_progress_is_lost_at_shutdown(source: Path, body: bytes) -> None:
    """A call ends with an answer, or was never taken: UNAVAILABLE is what clients send again."""
    codes: list[grpc.StatusCode] = []
    with process(source, "--port", "0", "--grpc-port", "0", "--log-level", "warning") as server:
        port = until(lambda: grpc_port_of(server), 20)
        stopped = threading.Event()

        def load() -> None:
            with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_retries", 0)]) as channel:
                while not stopped.is_set():
                    codes.append(channel.unary_unary(INFER).future(body, timeout=5).code())
                    if codes[-1] is not grpc.StatusCode.OK:
                        stopped.wait(0.2)  # as clients do

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: codes.count(grpc.StatusCode.OK) > 200)
        assert server.stop() == 0
        stopped.set()
        for thread in threads:
            thread.join()
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert "Traceback" not in "\n".join(server.lines)


def grpc_port_of(server: Process) -> int:
    """The port of a server that logs nothing: the one of its two that speaks HTTP/2."""
    ports = [each.laddr.port for each in listening(server.pid)]
    for port in ports if len(ports) == 2 else []:
        with socket.create_connection(("127.0.0.1", port), 5) as probe:
            probe.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
            if probe.recv(9)[3:4] == b"\4":
                return int(port)
    return 0


def test_a_server_that_takes_over_listens_when_it_is_told_to(binary: Release, small_root: Path) -> None:
    body = infer_raw(binary, [EXAMPLE])[0]
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        options = ("--grpc-port", str(port))
        with standby(small_root, listener, *options) as (old, _), called(port, body) as call:
            assert socket.socket().connect_ex(("127.0.0.1", port)) != 0
            accept(old)
            assert call() is grpc.StatusCode.OK
            with standby(small_root, listener, *options) as (new, _):
                accept(new)
                until(lambda: sum(each.laddr.port == port for each in listening(new.pid)))
                old.terminate()
                assert old.wait(10) == 0
                assert [call() for _ in range(5)] == [grpc.StatusCode.OK] * 5


def listening(pid: int) -> list[Any]:
    return [each for each in psutil.Process(pid).net_connections("tcp") if each.status == psutil.CONN_LISTEN]
