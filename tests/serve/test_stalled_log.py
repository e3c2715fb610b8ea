"""A server goes on, and stops when it is told to, while nobody reads what it logs and what the project prints."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.clients import Client

from seatrial.model import Release


@pytest.fixture
def chatty(titanic_project: Path, tmp_path: Path) -> Path:
    """A project whose code prints for every row, as people do while they look for a fault."""
    source = Path(shutil.copytree(titanic_project / "src", tmp_path / "src"))
    features = source / "titanic_model" / "features.py"
    features.write_text(
        features.read_text("utf-8")
        .replace("import re\n", "import re\nimport sys\n")
        .replace("    match =", '    print("row of", name)\n    print("x" * 5000, file=sys.stderr)\n    match =')
    )
    return source


@pytest.fixture(params=["1", "2"])
def unread(chatty: Path, request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """A server, its port, and the pipe of its log, of which nothing has been read since it serves."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "seatrial.serve", "titanic_model", "--port", "0", "--workers", request.param]
    server = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(chatty)}, stdout=writing, stderr=writing)
    os.close(writing)
    try:
        line = b""
        while not (line.endswith(b"\n") and b"serving" in line):  # the project has printed by then
            line = (b"" if line.endswith(b"\n") else line) + os.read(reading, 1)
        port = int(json.loads(line)["message"].split("127.0.0.1:")[1].split(",")[0])
        yield server, port, reading
    finally:
        server.kill()
        server.wait()
        os.close(reading)


def test_an_unread_log_stops_nothing(unread: tuple[subprocess.Popen[bytes], int, int], titanic: Release) -> None:
    server, port, reading = unread
    row = json.dumps(titanic.metadata.example).encode()
    client = Client(port)
    for _ in range(300):
        assert client.predict(row).status == 200
        assert client.ask("GET", "/health").status == 200
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert server.wait(10) == 0
    assert time.monotonic() - began < 5
    os.set_blocking(reading, False)
    held = os.read(reading, 1 << 20)
    assert 0 < len(held) < 1 << 18  # what a pipe holds: the rest was dropped, since nobody was there to read it


def test_dropped_lines_are_counted_once_somebody_reads(
    unread: tuple[subprocess.Popen[bytes], int, int], titanic: Release
) -> None:
    server, port, reading = unread
    row = json.dumps(titanic.metadata.example).encode()
    client = Client(port)
    for _ in range(300):
        assert client.predict(row).status == 200
    os.set_blocking(reading, False)
    log, until = b"", time.monotonic() + 10
    # A read may end within a line.
    while (b"were dropped" not in log or not log.endswith(b"\n")) and time.monotonic() < until:
        try:
            log += os.read(reading, 1 << 16)
        except BlockingIOError:
            time.sleep(0.01)
            client.ask("GET", "/health")
    documents = [json.loads(line) for line in log.decode().splitlines()]  # whole lines, none torn or mixed
    (report,) = [d for d in documents if "were dropped" in d["message"]]
    assert report["level"] == "WARNING"
    assert int(report["message"].split()[0]) > 100
    printed = [d["message"] for d in documents if d["message"].startswith(("row of", "xxx"))]
    assert len(printed) > 100
    server.terminate()
    assert server.wait(10) == 0
