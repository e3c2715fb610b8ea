"""A server is held to the golden rows of the wheel that it should be: probabilities and large numbers, each in its measure."""

import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.deploy.release_health import prove


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, object]]]:
    """A server that answers each prediction with the dictionary."""
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
    threading.Thread(target=server.serve_forever, daemon=True).start()
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


def test_a_large_number_is_held_to_its_own_size(server: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    url, answer = server
    made = wheel(tmp_path, [2e8], [])
    answer["predictions"] = [2e8 + 1e-3]  # the last digits of a double
    prove(url, made, "0.1.0")
    answer["predictions"] = [2e8 + 1]
    with pytest.raises(SeatrialError, match="answered otherwise than at training, by up to 5e-09"):
        prove(url, made, "0.1.0")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"probabilities": [{"0": 0.25, "1": 0.75}]}, None),
        ({"probabilities": [{"0": 0.25, "1": 0.750001}]}, "by up to 1e-06"),
        ({"probabilities": []}, "it gives 0 answers to 1 golden rows"),
        ({"probabilities": [{"0": 0.25, "1": 0.75}], "version": "0.2.0"}, "says that it is version 0.2.0, not 0.1.0"),
    ],
)
def test_probabilities_are_held_to_the_ninth_digit(
    server: tuple[str, dict[str, object]], tmp_path: Path, told: dict[str, object], message: str | None
) -> None:
    url, answer = server
    answer.update(told)
    made = wheel(tmp_path, [[0.25, 0.75]], [0, 1])
    if message is None:
        prove(url, made, "0.1.0")
        return
    with pytest.raises(SeatrialError, match=message):
        prove(url, made, "0.1.0")


def test_a_wheel_without_golden_rows_proves_nothing(server: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="no golden rows"):
        prove(server[0], wheel(tmp_path, [], [0, 1]), "0.1.0")
