"""A server lends its listening socket to another one: both answer on one port, and none that has connected is lost."""

import json
import secrets
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.clients import Client, process, until

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.serve import lent_socket
from seatrial.serve.lent_socket import borrow_socket

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract Unix sockets")
PACKAGE = "small_binary"
ROW = json.dumps({"size": 1, "kind": "a"}).encode()


@pytest.fixture
def name() -> str:
    return f"seatrial-test-{secrets.token_hex(4)}"


@pytest.fixture
def lent(name: str) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener, lent_socket.lent_socket(listener, name):
        yield listener


def test_a_borrower_answers_beside_the_lender_from_its_signal_on_and_no_request_is_lost_when_it_stops(
    binary: Release, small_root: Path, name: str
) -> None:
    with process(small_root, "--port", "0", package=PACKAGE, SEATRIAL_LEND_SOCKET=name) as lender:
        port, private = lender.started(), _free_port()
        with process(small_root, "--port", str(private), "--borrow-socket", name, package=PACKAGE) as borrower:
            until(lambda: _answers(private), 30)
            assert _pids(port, 20) == {lender.pid}
            borrower.popen.send_signal(signal.SIGUSR1)
            until(lambda: borrower.pid in _pids(port, 10))
            with _Load(port) as load:
                until(lambda: load.answered > 200)
                assert borrower.stop() == 0
                before = load.answered
                until(lambda: load.answered > before + 100)
            assert load.lost == Counter()
            assert _pids(port, 20) == {lender.pid}
        with process(small_root, "--port", str(private), "--borrow-socket", name, package=PACKAGE) as left:
            until(lambda: _answers(private), 30)
            lender.popen.kill()
            assert left.wait() == 0
            assert any("is gone; this one stops" in line for line in left.lines)


def test_without_a_lender_a_server_does_not_start(binary: Release, small_root: Path, name: str) -> None:
    with process(small_root, "--borrow-socket", name, package=PACKAGE) as server:
        assert server.wait() == 1
        assert f"error: No server lends its socket as '{name}'" in server.lines[-1]


def test_another_user_gets_no_socket(lent: socket.socket, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert borrow_socket(name).listener.getsockname() == lent.getsockname()
    monkeypatch.setattr(lent_socket, "_user", lambda borrower: 4711)
    with pytest.raises(SeatrialError, match="does not lend it to this one"):
        borrow_socket(name)


def test_only_so_many_may_borrow_and_those_that_have_gone_do_not_count(
    lent: socket.socket, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent_socket, "MOST_BORROWERS", 1)
    first = borrow_socket(name)
    with pytest.raises(SeatrialError, match="does not lend it to this one"):
        borrow_socket(name)
    first.lender.close()
    assert borrow_socket(name).listener.getsockname() == lent.getsockname()


def test_a_name_that_is_taken_is_a_warning(lent: socket.socket, name: str, binary: Release, small_root: Path) -> None:
    with process(small_root, "--port", "0", package=PACKAGE, SEATRIAL_LEND_SOCKET=name) as server:
        server.started()
        assert any(f"the socket {name} cannot be lent: Address already in use" in line for line in server.lines)


class _Load:
    """Eight clients that connect anew for each request; `lost` counts what failed."""

    def __init__(self, port: int) -> None:
        self._port, self._stop = port, threading.Event()
        self.answered, self.lost = 0, Counter[str]()
        self._threads = [threading.Thread(target=self._run) for _ in range(8)]

    def __enter__(self) -> "_Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                client = Client(self._port)
                status = client.predict(ROW).status
                client.socket.close()
            except Exception as error:  # each counts
                self.lost[repr(error)] += 1
            else:
                self.answered += 1
                self.lost += Counter({str(status): int(status != 200)})


def _pids(port: int, asked: int) -> set[int]:
    """The processes that answered so many requests, by where each connection ends."""
    import psutil

    found = set()
    for _ in range(asked):
        client = Client(port)
        assert client.predict(ROW).status == 200
        here = client.socket.getsockname()[1]
        found |= {
            each.pid
            for each in psutil.net_connections("tcp")
            if each.raddr and each.raddr.port == here and each.laddr.port == port
        }
        client.socket.close()
    return {pid for pid in found if pid}


def _answers(port: int) -> bool:
    try:
        client = Client(port)
    except OSError:
        return False
    try:
        return client.ask("GET", "/ready").status == 200
    finally:
        client.socket.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
