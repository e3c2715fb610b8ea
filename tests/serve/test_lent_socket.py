"""A server lends its listening socket to another one: both answer on one port, and none that has connected is lost."""

import errno
import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest
from loguru import logger
from tests.serve.clients import Client, process, until

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import free_port
from seatrial.model import Release
from seatrial.serve import lent_socket
from seatrial.serve.lent_socket import borrow_socket

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract Unix sockets")
ROW = json.dumps({"size": 1, "kind": "a"}).encode()


@pytest.fixture
def name() -> str:
    return f"seatrial-test-{secrets.token_hex(4)}"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def lent(name: str, listener: socket.socket) -> Iterator[socket.socket]:
    with lent_socket.lent_socket(listener, name):
        yield listener


def test_a_borrower_answers_beside_the_lender_from_its_signal_on_and_no_request_is_lost_when_it_stops(
    binary: Release, multiclass: Release, small_root: Path, name: str
) -> None:
    with process(small_root, "--port", "0", package="small_binary", SEATRIAL_LEND_SOCKET=name) as lender:
        port, private = lender.started(), free_port("127.0.0.1")
        options = ("--port", str(private), "--borrow-socket", name, "--workers", "2", "--drain", "5")  # as a canary
        with process(small_root, *options, package="small_multiclass") as borrower:
            until(lambda: _answers(private), 30)
            with _Load(port) as load:
                until(lambda: load.answered["small-binary"] > 50)
                assert set(load.answered) == {"small-binary"}
                borrower.popen.send_signal(signal.SIGUSR1)
                until(lambda: load.answered["small-multiclass"] > 50)
                assert borrower.stop() == 0
                before = load.answered.total()
                until(lambda: load.answered.total() > before + 100)
            assert load.lost == Counter()


def test_a_borrower_stops_with_its_lender(
    binary: Release, small_root: Path, name: str, listener: socket.socket
) -> None:
    with ExitStack() as lender:
        lender.enter_context(lent_socket.lent_socket(listener, name))
        options = ("--port", str(private := free_port("127.0.0.1")), "--borrow-socket", name)
        with process(small_root, *options, package="small_binary") as borrower:
            until(lambda: _answers(private), 30)
            lender.close()
            assert borrower.wait() == 0
            assert any("is gone; this one stops" in line for line in borrower.lines)


def test_a_server_that_is_out_of_handles_for_a_moment_goes_on_lending(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent_socket, "PAUSE", 0.0)
    ours, theirs = socket.socketpair()
    happens = iter((OSError(errno.EMFILE, ""), (theirs, ""), OSError(errno.EINVAL, "")))

    class Offer:
        def accept(self) -> tuple[socket.socket, str]:
            happened = next(happens)
            if isinstance(happened, OSError):
                raise happened
            return happened

    with ours, theirs:
        lent_socket._lend(cast("socket.socket", Offer()), listener, borrowers := [])
        assert borrowers == [theirs]
        message, handles, _, _ = socket.recv_fds(ours, 100, 1)
        os.close(handles[0])
        assert (message, len(handles)) == (lent_socket.LENT, 1)


def test_without_a_lender_nothing_is_borrowed(name: str) -> None:
    with pytest.raises(SeatrialError, match=f"No server lends its socket as '{name}': Connection refused"):
        borrow_socket(name)


def test_another_user_gets_no_socket(lent: socket.socket, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert borrow_socket(name).listener.getsockname() == lent.getsockname()
    here = threading.current_thread()  # the borrower, who sees the lender's user
    monkeypatch.setattr(lent_socket, "_user", lambda _: os.geteuid() if threading.current_thread() is here else 4711)
    with pytest.raises(SeatrialError, match="does not lend it to this one"):
        borrow_socket(name)


def test_what_another_user_lends_by_the_name_is_not_borrowed(
    lent: socket.socket, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent_socket, "_user", lambda lender: 4711)
    with pytest.raises(SeatrialError, match="another user has taken that name"):
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


def test_a_name_that_is_taken_is_a_warning(lent: socket.socket, name: str) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    with lent_socket.lent_socket(lent, name):
        assert lines == [f"the socket {name} cannot be lent: Address already in use\n"]
    logger.remove(sink)
    assert borrow_socket(name).listener.getsockname() == lent.getsockname()  # from the first one


class _Load:
    """Eight clients that connect anew for each request: what was answered by which release, and what was not."""

    def __init__(self, port: int) -> None:
        self._port, self._stop = port, threading.Event()
        self.answered, self.lost = Counter[str](), Counter[str]()
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
                answer = client.predict(ROW)
                client.socket.close()
                assert answer.status == 200
            except Exception as error:  # each counts
                self.lost[repr(error)] += 1
            else:
                self.answered[answer.headers["x-release"].partition("==")[0]] += 1


def _answers(port: int) -> bool:
    try:
        client = Client(port)
    except OSError:
        return False
    try:
        return client.ask("GET", "/ready").status == 200
    finally:
        client.socket.close()
