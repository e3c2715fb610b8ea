"""A client or a server killed at a random moment: the release is there, whole, or not; and the next command works."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.release.indexes import TOKEN, Private, private_index
from tests.soak import turns

from seatrial.core.errors import SeatrialError
from seatrial.release import FolderIndex, HttpIndex

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed here by fork and SIGKILL")
SEED = 1912
MOMENTS = turns(20, 6)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Private]:
    with private_index(tmp_path / "index") as running:
        yield running


def files(folder: Path, number: int) -> list[Path]:
    version = f"0.{number}.0"
    graph = {"tiny_model/artifacts/model.bin": bytes(200_000)}
    return [make_wheel(folder, version=version, more=graph), make_sdist(folder, version=version)]


def assert_whole(folder: Path, paths: list[Path]) -> bool:
    """Whether the release is there; then its wheel is, and an sdist only if it is the right one."""
    index = FolderIndex(folder)
    version = paths[0].name.split("-")[1]
    published = [release for release in index.releases("tiny-model") if release.version == version]
    for file in index.files("tiny-model"):
        index.local("tiny-model", file)
    if published:
        assert index.fetch(published[0]).read_bytes() == paths[0].read_bytes()
    return bool(published)


def test_a_killed_client_leaves_the_release_whole_or_absent(private: Private, tmp_path: Path) -> None:
    drawn = random.Random(SEED)
    place = private.settings()
    HttpIndex(place, cache=tmp_path / "c").publish(files(tmp_path, 0))
    began = time.monotonic()
    HttpIndex(place, cache=tmp_path / "c").publish(files(tmp_path, 1))
    took = time.monotonic() - began
    states = []
    for number in range(2, 2 + MOMENTS):
        paths = files(tmp_path, number)
        child = os.fork()
        if child == 0:
            try:
                HttpIndex(place, cache=tmp_path / "c").publish(paths)
            finally:
                os._exit(0)
        time.sleep(drawn.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        states.append(assert_whole(private.folder, paths))
        published = HttpIndex(place, cache=tmp_path / "c").publish(paths)
        assert published.version == f"0.{number}.0"
        assert assert_whole(private.folder, paths)
    assert False in states, f"seed {SEED}: no kill came before the end"


@pytest.mark.slow
def test_a_killed_server_leaves_the_release_whole_or_absent(tmp_path: Path) -> None:
    drawn = random.Random(SEED)
    code = """
import sys, socket
from pathlib import Path
import uvicorn
from seatrial.release import FolderIndex
from seatrial.release.index_server import Access, make_app
listening = socket.create_server(("127.0.0.1", 0))
app = make_app(FolderIndex(Path(sys.argv[1])), Access("__token__", sys.argv[2]))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
"""
    folder = tmp_path / "index"
    command = [sys.executable, "-c", code, str(folder), TOKEN]
    states, took = [], 0.3
    for number in range(MOMENTS):
        paths = files(tmp_path, number)
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        place = Private(server, f"http://127.0.0.1:{server.stdout.readline().strip()}", folder).settings()
        index = HttpIndex(place, cache=tmp_path / "c", sleep=lambda _: None, read_back=0.1)
        assert len(index.names()) == (number > 0)  # it answers: from here on time counts
        if number:
            threading.Timer(drawn.uniform(0, took), server.kill).start()
        began = time.monotonic()
        try:
            index.publish(paths)
            took = took if number else time.monotonic() - began
            confirmed = True
        except SeatrialError:
            confirmed = False
        server.kill()
        server.wait()
        server.stdout.close()
        there = assert_whole(folder, paths)
        assert there or not confirmed
        states.append(there)
        FolderIndex(folder).publish(paths)
        assert assert_whole(folder, paths)
    assert False in states, f"seed {SEED}: no kill came before the end"
    with private_index(folder) as again:
        assert list((folder / ".uploads").glob("*")) == []
        assert HttpIndex(again.settings(), cache=tmp_path / "c").publish(files(tmp_path, 99)).version == "0.99.0"
