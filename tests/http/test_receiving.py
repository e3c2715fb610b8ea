"""The system receives little from a client until the server has let it in."""

import socket
import sys
import time

import pytest

from seatrial.http.receiving import RECEIVED, SO_BUF_LOCK, receive_freely, receive_little

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other buffers")
MIB = 2**20


class Transport:
    """As much of a transport as is asked for."""

    def __init__(self, accepted: socket.socket) -> None:
        self.accepted = accepted

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self.accepted


def received(listener: socket.socket) -> tuple[int, socket.socket]:
    """How many bytes of a client that sends as much as it can are received before anything is read."""
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    client.setblocking(False)
    for _ in range(20):
        try:
            client.send(bytes(MIB))
        except BlockingIOError:
            time.sleep(0.005)
    size = len(accepted.recv(4 * MIB, socket.MSG_PEEK))
    client.close()
    return size, accepted


def test_little_is_received_before_it_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        usual, _ = received(listener)
        receive_little(listener)
        little, _ = received(listener)
    assert 16 * 2**10 < little <= 2 * RECEIVED < usual


def test_a_large_body_that_is_welcome_is_received_as_usual() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        receive_little(listener)
        _, accepted = received(listener)
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK) != 0
            receive_freely(Transport(accepted))  # type: ignore[arg-type]
            assert accepted.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK) == 0
