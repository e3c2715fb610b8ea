"""Accepting connections: a TLS handshake that never ends is not a connection yet, so it has a limit of its own."""

import asyncio.sslproto
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from tests.http.apps import Application
from tests.serve.clients import running, until

from seatrial.http.server import GuardedServer
from seatrial.steps import index_service


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_handshakes_that_never_end_make_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2,300 silent clients took 512 MiB: asyncio has a buffer of 256 KiB for each, and had no limit for them."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost")
    subprocess.run(["openssl", *new, "-keyout", key, "-out", certificate], capture_output=True, check=True)
    monkeypatch.setattr("seatrial.http.limits.available_memory", lambda: 2**20)  # the least: 64 connections
    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", 256 * 2**10)
    server = GuardedServer(index_service.server_config(Application(), certificate=certificate, key=key))
    assert asyncio.sslproto.SSLProtocol.max_size <= 2**15
    with running(server) as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        until(lambda: sum(_closed(client) for client in silent) == 50 - 32, 5)
        assert all(_closed(client) for client in silent[:18])  # those that had the most time
        context = ssl.create_default_context(cafile=str(certificate))
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
        began = time.monotonic()
    assert time.monotonic() - began < 5  # stopping does not wait for them either
    for each in silent:
        each.close()


def _closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
