"""A server must predict the golden rows of its wheel as at training: probabilities and large numbers."""

import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.deploy.health import read_golden_rows, verify_release, version_at


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, object]]]:
    """A server that responds to every prediction with the dictionary."""
    answer: dict[str, object] = {"version": "0.1.0"}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answer
    server.shutdown()
    server.server_close()


def wheel(folder: Path, scores: list[object], classes: list[int]) -> Path:
    path = folder / "tiny_model-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        golden = {"rows": [{"x": 1.0}] * len(scores), "scores": scores}
        archive.writestr("tiny_model/artifacts/golden.json", json.dumps(golden))
        archive.writestr("tiny_model/artifacts/release.json", json.dumps({"classes": classes}))
    return path


def test_the_tolerance_for_large_numbers_is_relative(server: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    url, answer = server
    made = wheel(tmp_path, [2e8], [])
    answer["predictions"] = [2e8 + 1e-3]  # a difference in the last digits of a double
    verify_release(url, read_golden_rows(made), "0.1.0")
    answer["predictions"] = [2e8 + 1]
    with pytest.raises(SeatrialError, match="differ from those at training by up to 5e-09"):
        verify_release(url, read_golden_rows(made), "0.1.0")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"probabilities": [{"0": 0.25, "1": 0.75}]}, None),
        ({"probabilities": [{"0": 0.25, "1": 0.750001}]}, "by up to 1e-06"),
        ({"probabilities": []}, "it returned 0 predictions for 1 golden rows"),
        ({"probabilities": [{"0": 0.25, "1": 0.75}], "version": "0.2.0"}, "it reports version 0.2.0 instead of 0.1.0"),
    ],
)
def test_the_tolerance_for_probabilities_is_the_ninth_digit(
    server: tuple[str, dict[str, object]], tmp_path: Path, response: dict[str, object], message: str | None
) -> None:
    url, answer = server
    answer.update(response)
    made = wheel(tmp_path, [[0.25, 0.75]], [0, 1])
    if message is None:
        verify_release(url, read_golden_rows(made), "0.1.0")
        return
    with pytest.raises(SeatrialError, match=message):
        verify_release(url, read_golden_rows(made), "0.1.0")


def test_a_wheel_without_golden_rows_cannot_be_verified(server: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="no golden rows"):
        verify_release(server[0], read_golden_rows(wheel(tmp_path, [], [0, 1])), "0.1.0")


@pytest.mark.parametrize(
    ("release", "document", "version"),
    [
        ("tiny-model==1.2.3+local.1", {"version": "9"}, "1.2.3+local.1"),
        ("", {"version": "9"}, "9"),
        ("", {"version": 9}, None),
        ("", ["9"], None),
        ("", "no JSON", None),
    ],
)
def test_the_version_is_in_the_header_of_a_health_check_and_else_in_a_document(
    release: str, document: object, version: str | None
) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            if release:
                self.send_header("X-Release", release)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        assert version_at(f"http://127.0.0.1:{server.server_port}") == version
        server.shutdown()
        thread.join()
    assert asked == ["/health"] if release else ["/health", "/api/v1/model"]
    assert version_at(f"http://127.0.0.1:{server.server_port}") is None  # nobody listens there now
