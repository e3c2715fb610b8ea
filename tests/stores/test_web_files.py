"""Tables over https, from a server of our own: whole, encrypted, within limits."""

import gzip
import logging
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.https_server import Answer, running_https
from tests.stores.test_remote_tables import TABLE, content, refusal

from seatrial.stores import remote_tables, web_files
from seatrial.stores.remote_tables import fetch

SIGNED = "?X-Amz-Signature=secret-word&X-Amz-Credential=secret-word"


def answer(body: str = TABLE, code: int = 200, **headers: str) -> Answer:
    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body.encode())

    return send


def compressed(request: BaseHTTPRequestHandler) -> None:
    """A file that is stored compressed, whatever was asked for: as S3 serves one with this header."""
    body = gzip.compress(TABLE.encode())
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def without_length(request: BaseHTTPRequestHandler) -> None:
    """The end of the connection is the end of the file, so nobody can see that it broke off."""
    request.send_response(200)
    request.end_headers()
    request.wfile.write(TABLE.encode())


def trickling(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100")
    request.end_headers()
    with suppress(OSError):  # the caller leaves
        for _ in range(20):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.1)


def for_somebody(request: BaseHTTPRequestHandler) -> None:
    known = f"Basic {b64encode(b'me:pass-word').decode()}"
    answer(code=200 if request.headers["Authorization"] == known else 401)(request)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("https")
    answers = {
        "/t.csv": answer(ETag='"v1"'),
        "/moved.csv": answer("", 302, Location="/t.csv"),
        "/unencrypted.csv": answer("", 302, Location="http://127.0.0.1:9/t.csv"),
        "/circle.csv": answer("", 302, Location="/circle.csv"),
        "/half.csv": answer(Content_Length="1000"),
        "/denied.csv": answer("no", 403),
        "/broken.csv": answer("no", 503),
        "/compressed.csv": compressed,
        "/endless.csv": without_length,
        "/slow.csv": trickling,
        "/private.csv": for_somebody,
        "/o/exports%2Ft.csv": answer(),
        "/o/..%2Ft.csv": answer(),
        f"/{'x' * 300}.csv": answer(),
    }
    with running_https(folder, answers) as url:
        yield url, folder / "server.pem"


@pytest.fixture
def at(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    monkeypatch.setenv("SSL_CERT_FILE", str(server[1]))
    return lambda name: f"{server[0]}/{name}{SIGNED}"


def test_a_table_is_downloaded_and_its_redirects_are_followed(at: Callable[[str], str]) -> None:
    assert content(at("t.csv")) == content(at("moved.csv")) == TABLE.encode()
    copy = fetch(at("t.csv"))
    assert (copy.path.name, copy.etag) == ("t.csv", '"v1"')
    assert "secret-word" not in copy.url


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unencrypted.csv", "redirects to http://, which is not encrypted"),
        ("circle.csv", "redirects more than 5 times"),
        ("half.csv", "cannot be downloaded"),
        ("denied.csv", "answered 403. Its server denies access: a signed URL may have expired"),
        ("broken.csv", "answered 503. Try again later"),
        ("none.csv", "answered 404. There is no such file"),
        ("endless.csv", "does not say how long it is"),
    ],
)
def test_what_a_server_refuses(at: Callable[[str], str], name: str, said: str) -> None:
    assert said in refusal(fetch, at(name))


def test_limits_of_size_and_time(at: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(web_files, "MOST_BYTES", 5)
        assert "has more than" in refusal(fetch, at("t.csv"))
    monkeypatch.setattr(web_files, "TOTAL_SECONDS", -60.0)
    assert "took more than" in refusal(fetch, at("t.csv"))


def test_a_certificate_that_is_not_trusted(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert "set SSL_CERT_FILE" in refusal(fetch, f"{server[0]}/t.csv{SIGNED}")


def test_the_limit_of_time_holds_for_a_server_that_sends_byte_by_byte(
    at: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_files, "TOTAL_SECONDS", 0.3)
    assert "took more than" in refusal(fetch, at("slow.csv"))


def test_a_file_that_is_stored_compressed_is_whole(at: Callable[[str], str]) -> None:
    assert content(at("compressed.csv")) == TABLE.encode()


@pytest.mark.parametrize(
    ("path", "name"), [("o/exports%2Ft.csv", "t.csv"), ("o/..%2Ft.csv", "t.csv"), (f"{'x' * 300}.csv", None)]
)
def test_a_name_leads_nowhere_but_into_the_downloads_own_folder(
    at: Callable[[str], str], path: str, name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_tables.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "precious").touch()
    copy = fetch(at(path))
    assert (copy.path.resolve().parent.parent, copy.path.suffix) == (tmp_path, ".csv")
    assert name in (copy.path.name, None)
    del copy
    assert [each.name for each in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize(
    "url", ["https://h/..", "https://h/%2e%2e", "https://h/%00", "https://me:secret-word@[h/t.csv"]
)
def test_urls_that_name_no_file(url: str) -> None:
    assert "names no file" in (said := refusal(content, url)) or "is not valid" in said


def test_credentials_are_those_of_netrc(
    at: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "answered 401" in refusal(fetch, at("private.csv"))
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login me password pass-word\n")
    file.chmod(0o600)
    assert content(at("private.csv")) == TABLE.encode()
    file.write_text("machine 127.0.0.1 nonsense")
    file.chmod(0o600)
    assert ".netrc cannot be read" in refusal(fetch, at("private.csv"))


def test_the_log_of_the_http_library_has_no_signature(
    at: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        fetch(at("moved.csv"))
    assert "GET https://127.0.0.1" in caplog.text
    assert "secret-word" not in caplog.text
