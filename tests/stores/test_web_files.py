"""Tables over https, from a server of our own: whole, encrypted, within limits."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.https_server import Answer, running_https
from tests.stores.test_remote_tables import TABLE, content, refusal

from seatrial.stores import web_files
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
