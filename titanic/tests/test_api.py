"""Tests of the service as its callers use it: a real server on a free port, over HTTP."""

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
START_TIMEOUT = 60  # seconds


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = Path(package.__file__).parent.parent
    command = [sys.executable, "-m", "seatrial.serve", package.__name__, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([*command, "--log-level", "error"], env={**os.environ, "PYTHONPATH": str(source)})
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until_ready(server, base)
        yield base
    finally:
        server.terminate()
        server.wait(10)


def wait_until_ready(server: subprocess.Popen[bytes], base: str) -> None:
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end and server.poll() is None:
        try:
            if call(f"{base}/ready")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


def call(url: str, body: Any = None) -> tuple[int, Any]:
    """Send a GET request, or a POST request if there is a body; returns the status and the parsed response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_service_gives_the_predictions_of_the_package(url: str) -> None:
    status, answer = call(f"{url}/api/v1/predict", [EXAMPLE, EXAMPLE])
    assert status == 200
    assert answer["predictions"] == [row["prediction"] for row in package.predict([EXAMPLE, EXAMPLE])]


def test_error_names_the_wrong_column(url: str) -> None:
    status, answer = call(f"{url}/api/v1/predict", {**EXAMPLE, "no_such_column": 1})
    assert status == 422
    assert "no_such_column" in json.dumps(answer)


def test_service_reports_its_version(url: str) -> None:
    status, model = call(f"{url}/api/v1/model")
    assert status == 200
    assert model["version"] == package.__version__
