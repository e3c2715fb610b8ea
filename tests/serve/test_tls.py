"""HTTPS by certificate files, with clients that verify a made authority, in threads and as processes."""

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.http.certificates import Authority
from tests.serve.clients import PREDICT, Process, process, running, until

from seatrial.core.access_keys import make_key, render_keys
from seatrial.http.server import GuardedServer
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.command import main
from seatrial.serve.server import server_config
from seatrial.serve.server_settings import Settings

KEY, SECRET = make_key("web", ["predict"])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def row(titanic: Release) -> bytes:
    return json.dumps(titanic.metadata.example).encode()


def started(server: Process) -> str:
    """Wait until it serves, and return its URL."""
    line = until(lambda: next((line for line in server.lines if "serving" in line), None), 30)
    found = re.search(r"https://[0-9.]+:[0-9]+", line)
    assert found, server.lines
    return found[0]


def client_of(url: str, authority: Authority, **more: Any) -> httpx.Client:
    return httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(authority.file)), **more)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_pages_and_predictions_are_served_over_https(
    titanic_project: Path, authority: Authority, row: bytes, tmp_path: Path, workers: str
) -> None:
    files = authority.sign()
    options = ["--tls-certificate", str(files.certificate), "--tls-key", str(files.key), "--workers", workers]
    variables = {"SEATRIAL_KEYS": render_keys([KEY]), "SEATRIAL_SERVED_DIR": str(tmp_path / "served")}
    with process(titanic_project / "src", "--port", "0", *options, **variables) as server:
        url = started(server)
        (note,) = (tmp_path / "served").glob("*.json")
        assert json.loads(note.read_bytes())["url"] == url
        with client_of(url, authority) as client:
            page = client.get("/", headers={"accept": "text/html"})
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert "content-security-policy" in page.headers
            for path in ("/docs", "/openapi.json", "/health", "/ready"):
                assert client.get(path).status_code == 200, path
            for _ in range(3):
                assert client.post(PREDICT, content=row).status_code == 401
                answer = client.post(PREDICT, content=row, headers={"Authorization": f"Bearer {SECRET}"})
                assert (answer.status_code, len(answer.json()["predictions"])) == (200, 1)
        with httpx.Client(base_url=url) as stranger, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY"):
            stranger.get("/health")
        assert server.stop() == 0
    assert not any("Traceback" in line for line in server.lines)


def test_the_variables_name_the_files_too(titanic_project: Path, authority: Authority) -> None:
    files = authority.sign()
    variables = {"SEATRIAL_TLS_CERTIFICATE": str(files.certificate), "SEATRIAL_TLS_KEY": str(files.key)}
    with process(titanic_project / "src", "--port", "0", **variables) as server:
        with client_of(started(server), authority) as client:
            assert client.get("/ready").json() == {"status": "ready"}
        assert server.stop() == 0


@contextmanager
def encrypted(titanic: Release, authority: Authority, **settings: Any) -> Iterator[int]:
    files = authority.sign()
    own = Settings(tls_certificate=str(files.certificate), tls_key=str(files.key), **settings)
    server = GuardedServer(server_config(create_app(titanic, own), own))
    with running(server) as port:
        yield port


def connected(port: int, authority: Authority, **versions: Any) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(authority.file))
    for name, value in versions.items():
        setattr(context, name, value)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")


def serial_of(port: int, authority: Authority) -> str:
    with connected(port, authority) as client:
        found = client.getpeercert()
    assert found
    return str(found["serialNumber"])


def test_old_versions_are_refused(titanic: Release, authority: Authority) -> None:
    with encrypted(titanic, authority) as port:
        with connected(port, authority) as client:
            assert client.version() == "TLSv1.3"
        newest = {"maximum_version": ssl.TLSVersion.TLSv1_2}
        with connected(port, authority, **newest) as client:
            assert client.version() == "TLSv1.2"
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with pytest.warns(DeprecationWarning, match="deprecated"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw, pytest.raises(ssl.SSLError):
            old.wrap_socket(raw, server_hostname="localhost")


def test_a_renewed_certificate_is_served_without_a_restart(titanic: Release, authority: Authority, row: bytes) -> None:
    with encrypted(titanic, authority) as port:
        first = serial_of(port, authority)
        with client_of(f"https://localhost:{port}", authority) as kept:
            assert kept.post(PREDICT, content=row).status_code == 200
            authority.sign()
            until(lambda: serial_of(port, authority) != first)
            assert kept.post(PREDICT, content=row).status_code == 200


def test_who_does_not_finish_a_handshake_or_a_request_is_closed(
    titanic: Release, authority: Authority, row: bytes
) -> None:
    with encrypted(titanic, authority, receive_timeout=1.0) as port:
        began = time.monotonic()
        silent, half = (socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2))
        half.sendall(b"\x16\x03\x01")  # the beginning of a handshake
        slow, quiet = connected(port, authority), connected(port, authority)
        slow.sendall(b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" not in plain.recv(100)
        with client_of(f"https://localhost:{port}", authority) as other:
            assert other.post(PREDICT, content=row).status_code == 200
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
        assert [each.recv(100) for each in (silent, half, quiet)] == [b"", b"", b""]
        assert time.monotonic() - began < 5
        for each in (silent, half, slow, quiet, plain):
            each.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "does not exist"),
        ("other.key", "does not belong to the certificate"),
        ("locked.key", "is encrypted with a password"),
    ],
)
def test_files_that_cannot_be_used_are_an_error_before_anything_listens(
    titanic: Release,
    authority: Authority,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    restored_logging: None,
    name: str,
    message: str,
) -> None:
    files = authority.sign()
    authority.sign("other")
    authority.sign("locked", b"secret")
    options = ["--tls-certificate", str(files.certificate), "--tls-key", str(tmp_path / name), "--port", "0"]
    assert main(["titanic_model", *options]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize("option", ["--tls-certificate", "--tls-key"])
def test_one_file_without_the_other_is_an_error(capfd: pytest.CaptureFixture[str], option: str) -> None:
    with pytest.raises(SystemExit):
        main(["titanic_model", option, "x.pem"])
    assert "must be used together" in capfd.readouterr().err
