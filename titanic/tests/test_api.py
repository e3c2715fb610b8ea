"""The service as its callers meet it: a real server on a free port, asked over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import titanic_model as package

EXAMPLE = package.release.metadata.example
PATIENCE = 60  # seconds for the server to start


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = Path(package.__file__).parent.parent
    command = [sys.executable, "-m", "seatrial.serve", package.__name__, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([*command, "--log-level", "error"], env={**os.environ, "PYTHONPATH": str(source)})
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(server, address)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def wait_until_ready(server: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            if ask(f"{address}/ready")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


def ask(address: str, document: Any = None) -> tuple[int, Any]:
    """Ask by GET, or by POST where there is something to send; gives the status and the answer."""
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_it_answers_over_http_what_the_package_answers(url: str) -> None:
    status, answer = ask(f"{url}/api/v1/predict", [EXAMPLE, EXAMPLE])
    assert status == 200
    assert answer["predictions"] == [row["prediction"] for row in package.predict([EXAMPLE, EXAMPLE])]


def test_it_says_which_column_is_wrong(url: str) -> None:
    status, answer = ask(f"{url}/api/v1/predict", {**EXAMPLE, "no_such_column": 1})
    assert status == 422
    assert "no_such_column" in json.dumps(answer)


def test_it_says_which_model_it_is(url: str) -> None:
    status, model = ask(f"{url}/api/v1/model")
    assert status == 200
    assert model["version"] == package.__version__
