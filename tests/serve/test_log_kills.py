"""Servers, workers and shippers are killed under load: what was answered is in the destination, and once.

`make soak` kills 100 times for each destination; SEATRIAL_SEED repeats a run.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.postgres_cluster import Cluster, running_cluster
from tests.s3_server import BUCKET, running_store
from tests.serve.clients import Client, process, until
from tests.serve.small_releases import EXAMPLE
from tests.soak import SOAK, few_of, turns

KILLS = turns(100, 3)
DOWN_SECONDS = turns(60, 4)
CLIENTS = 4
Ids = Counter[str]


class Destination:
    """A place for the log, what is in it, and how to take it down and bring it back."""

    def __init__(self, to: str, read: Callable[[], Ids], down: Callable[[], Any], up: Callable[[], Any]) -> None:
        self.to, self.read, self.down, self.up = to, read, down, up


@contextmanager
def folder(tmp_path: Path) -> Iterator[Destination]:
    import pyarrow.parquet as pq

    log, away = tmp_path / "log", tmp_path / "away"

    def down() -> None:
        log.rename(away)
        log.touch()  # a file is in its place

    def up() -> None:
        log.unlink()
        away.rename(log)

    def read() -> Ids:
        files = log.glob("predictions/*/*/*/*.parquet")
        return Counter(each for file in files for each in pq.ParquetFile(file).read()["request_id"].to_pylist())

    log.mkdir()
    yield Destination(str(log), read, down, up)


@contextmanager
def store(tmp_path: Path) -> Iterator[Destination]:
    import pyarrow.parquet as pq

    with running_store() as running:

        def read() -> Ids:
            files = running.files()
            names = [name for name in running.names() if "/predictions/" in name]
            opened = [pq.ParquetFile(files.open_input_file(f"{BUCKET}/{name}")) for name in names]
            return Counter(each for file in opened for each in file.read()["request_id"].to_pylist())

        down = lambda: running.process.send_signal(signal.SIGSTOP)  # noqa: E731 # it does not even refuse
        yield Destination(running.url(), read, down, lambda: running.process.send_signal(signal.SIGCONT))


@contextmanager
def database(tmp_path: Path) -> Iterator[Destination]:
    with running_cluster() as cluster:
        yield Destination(cluster.url, lambda: in_database(cluster), cluster.stop, cluster.start)


def in_database(cluster: Cluster) -> Ids:
    import psycopg

    with psycopg.connect(cluster.url) as connection:
        rows = connection.execute("SELECT request_id FROM seatrial_log.predictions_small_binary").fetchall()
    return Counter(row[0] for row in rows)


DESTINATIONS = {"folder": folder, "s3": store, "postgresql": database}


class Load:
    """Clients that ask without end, and remember which requests were answered."""

    def __init__(self, port: int) -> None:
        self.answered: list[str] = []
        self._port = port
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        body = json.dumps(EXAMPLE).encode()
        count = 0
        while not self._stopped.is_set():
            try:
                client = Client(self._port)
                while not self._stopped.is_set():
                    count += 1
                    name = f"{number}-{count}"
                    if client.predict(body, f"X-Request-ID: {name}").status == 200:
                        self.answered.append(name)
                    time.sleep(0.001)
            except (OSError, EOFError, ValueError, AssertionError):  # the server was killed
                time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def victims(pid: int) -> dict[str, list[psutil.Process]]:
    """The processes of a server: itself, its workers, its shipper."""
    found: dict[str, list[psutil.Process]] = {"server": [psutil.Process(pid)], "worker": [], "shipper": []}
    for child in psutil.Process(pid).children():
        with suppress(psutil.Error):
            words = " ".join(child.cmdline())
            found["shipper" if "seatrial.prediction_log" in words else "worker"] += (
                [child] if "seatrial.prediction_log" in words or "spawn_main" in words else []
            )
    return found


def deliver_the_rest(spool: Path, settings: str) -> None:
    command = [sys.executable, "-m", "seatrial.prediction_log", "--child", "--drain", "60", str(spool)]
    subprocess.run(command, env={**os.environ, "SEATRIAL_LOG": settings}, stdin=subprocess.DEVNULL, check=True)


def settings_for(destination: Destination, spool: Path) -> str:
    return json.dumps({"to": destination.to, "spool": str(spool), "segment_seconds": 0.3, "segment_megabytes": 1})


def compare(found: Ids, load: Load) -> tuple[int, int]:
    """How many answered requests are missing, and how many requests are there more than once."""
    assert len(load.answered) == len(set(load.answered))
    return len(set(load.answered) - found.keys()), sum(count > 1 for count in found.values())


@pytest.mark.parametrize("kind", few_of(DESTINATIONS, ("folder", "postgresql")))
def test_kills_lose_and_double_nothing(kind: str, binary: Any, small_root: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEATRIAL_SEED") or random.randrange(10**6))
    print(f"SEATRIAL_SEED={seed}")  # noqa: T201
    rng = random.Random(seed)
    spool, port = tmp_path / "spool", free_port()
    killed: Counter[str] = Counter()
    with DESTINATIONS[kind](tmp_path) as destination:
        settings = settings_for(destination, spool)
        load = Load(port)
        try:
            while killed.total() < KILLS:
                options = ("--port", str(port), "--workers", rng.choice("12"))
                with process(small_root, *options, package="small_binary", SEATRIAL_LOG=settings) as server:
                    server.started()
                    while killed.total() < KILLS and server.popen.poll() is None:
                        time.sleep(rng.uniform(0, 1.5))
                        there = victims(server.pid)
                        role = rng.choice([role for role in ("shipper", "shipper", "worker", "server") if there[role]])
                        with suppress(psutil.NoSuchProcess):
                            rng.choice(there[role]).kill()
                            killed[role] += 1
                        if role == "server":
                            server.popen.wait()
                            until(lambda: not writers(spool) and is_free(port), 30)  # workers and shipper end as well
        finally:
            load.stop()
        until(lambda: not writers(spool), 30)
        deliver_the_rest(spool, settings)
        found = destination.read()
    print(f"{kind}: kills {dict(killed)}, answered {len(load.answered)}, delivered {found.total()}")  # noqa: T201
    assert compare(found, load) == (0, 0)
    assert len(load.answered) > 100
    assert not list(spool.glob("*-*.*"))


def is_free(port: int) -> bool:
    """Whether a server can begin: a worker that was just started holds the port, and has no segment yet."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def writers(spool: Path) -> list[int]:
    """The processes that still have a segment of this spool open."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            found += [each.pid] if any(file.path.startswith(str(spool)) for file in each.open_files()) else []
    return found


@pytest.mark.parametrize("kind", DESTINATIONS if SOAK else ["folder"])
def test_a_destination_that_is_down_for_a_while(kind: str, binary: Any, small_root: Path, tmp_path: Path) -> None:
    spool, port = tmp_path / "spool", free_port()
    with DESTINATIONS[kind](tmp_path) as destination:
        settings = settings_for(destination, spool)
        options = ("--port", str(port))
        with process(small_root, *options, package="small_binary", SEATRIAL_LOG=settings) as server:
            server.started()
            load = Load(port)
            try:
                until((spool / "shipper.json").exists, 20)
                time.sleep(2)
                destination.down()
                before = len(load.answered)
                time.sleep(DOWN_SECONDS)
                during = len(load.answered) - before
                destination.up()
                until(lambda: state(spool)["down"] is None and state(spool)["segments"] <= 2, 120)
            finally:
                load.stop()
            assert server.stop() == 0
            text = json.dumps(server.documents())
        deliver_the_rest(spool, settings)
        found = destination.read()
    print(f"{kind}: {during} answered while it was down, {len(load.answered)} in all, delivered {found.total()}")  # noqa: T201
    assert compare(found, load) == (0, 0)
    assert during > 100
    assert text.count("cannot be delivered") == text.count("is delivered to") <= 1
    assert "secret-word" not in text


def state(spool: Path) -> dict[str, Any]:
    return json.loads((spool / "shipper.json").read_text())  # type: ignore[no-any-return]
