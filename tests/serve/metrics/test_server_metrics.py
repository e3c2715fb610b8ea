"""A real server's /metrics, read by prometheus-client's own parsers: one process, several, and killed ones."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.serve.clients import Client, Process, ask, mounted, process, run, until
from tests.serve.small_releases import EXAMPLE

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release
from seatrial.serve import create_app
from seatrial.serve.app import create_fastapi
from seatrial.serve.metrics.families import FAMILIES
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

ROW = json.dumps(EXAMPLE).encode()
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str, parse: Any = parse_text) -> Samples:
    return {(s.name, frozenset(s.labels.items())): s.value for family in parse(text) for s in family.samples}


def value(found: Samples, name: str, /, **labels: str) -> float:
    """The sum of all series of a name that have these labels."""
    return sum(v for (n, own), v in found.items() if n == name and own >= set(labels.items()))


def scrape(port: int, *headers: str) -> Samples:
    reply = Client(port).ask("GET", "/metrics", b"", *headers)
    assert reply.status == 200, reply.body
    return samples(reply.body.decode())


def test_every_family_is_there_in_both_formats(binary: Release, small_root: Path) -> None:
    with process(small_root, "--port", "0", package="small_binary") as server:
        client = Client(server.started())
        for _ in range(3):
            assert client.predict(ROW).status == 200
        assert client.predict(b"{}").status == 422
        assert client.ask("GET", "/" + "x" * 50).status == 404
        time.sleep(0.2)
        text = client.ask("GET", "/metrics")
        assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = samples(text.body.decode())
        own = client.ask("GET", "/metrics", b"", "Accept: application/openmetrics-text", "Accept-Encoding: gzip")
        assert own.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert own.headers["content-encoding"] == "gzip"
        assert own.headers["vary"] == "accept, accept-encoding"
        open_metrics = samples(gzip.decompress(own.body).decode(), parse_openmetrics)
        assert client.ask("HEAD", "/metrics").body == b""
    documented = {f"# HELP {family.name} " for family in FAMILIES}
    assert {line for line in documented if line not in text.body.decode()} == set()
    for each in (found, open_metrics):
        assert value(each, "seatrial_requests_total", route="/api/v1/predict", method="POST", status="200") == 3
        assert value(each, "seatrial_requests_total", route="other", status="404") == 1
        assert value(each, "seatrial_request_duration_seconds_count", route="/api/v1/predict") == 4
        assert value(each, "seatrial_rows_total") == value(each, "seatrial_predictions_total") == 3
        assert value(each, "seatrial_batch_rows_count") == 3
        assert value(each, "seatrial_refusals_total", column="size", rule="missing") == 1
        assert value(each, "seatrial_release_info", name="small-binary", version="1.2.3", engine="onnx") == 1
        assert value(each, "seatrial_workers") == 1
        assert value(each, "seatrial_requests_waiting") == 0
        assert value(each, "seatrial_memory_bytes") > 10e6
        assert abs(value(each, "seatrial_process_start_time_seconds") - time.time()) < 60


def test_odd_labels_survive(multiclass: Release) -> None:
    async def main() -> str:
        app = create_app(multiclass)
        app.service.load()
        await ask(app, body=ROW)
        app.exchanges.flush()
        return (await ask(app, "GET", "/metrics")).body.decode()

    text = run(main())
    labels = {dict(key)["label"] for name, key in samples(text) if name == "seatrial_predictions_total"}
    assert labels == set(multiclass.metadata.classes)


def test_fastapi_mounted_alone_counts_too(binary: Release) -> None:
    with mounted(create_fastapi(Service(binary, Settings()))) as client:
        assert client.post("/api/v1/predict", json=EXAMPLE).status_code == 200
        assert client.post("/api/v1/predict", json={}).status_code == 422
        assert client.get("/nowhere").status_code == 404
        found = samples(client.get("/metrics").text)
    assert value(found, "seatrial_requests_total", route="/api/v1/predict", status="200") == 1
    assert value(found, "seatrial_refusals_total", column="size", rule="missing") == 1
    assert value(found, "seatrial_requests_total", route="other", status="404") == 1
    assert value(found, "seatrial_requests_total") == 3


def test_prometheus_client_is_loaded_at_the_first_scrape() -> None:
    script = """
import asyncio, sys
from seatrial.serve.metrics.server_metrics import ServerMetrics
import seatrial.serve.server
metrics = ServerMetrics()
assert "prometheus_client" not in sys.modules
async def main():
    return await metrics.answer(())
assert asyncio.run(main()).status == 200
assert "prometheus_client" in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=60).returncode == 0


def test_metrics_need_their_scope(binary: Release, small_root: Path, tmp_path: Path) -> None:
    (reader, may_read), (caller, may_predict) = (make_key(name, [name]) for name in ("metrics", "predict"))
    keys = tmp_path / "keys.json"
    keys.write_text(render_keys([reader, caller]))
    with process(small_root, "--port", "0", "--keys", str(keys), package="small_binary") as server:
        client = Client(server.started())
        assert client.ask("GET", "/metrics").status == 401
        assert client.ask("GET", "/metrics", b"", f"Authorization: Bearer {may_predict}").status == 403
        assert client.ask("GET", "/metrics", b"", f"Authorization: Bearer {may_read}").status == 200


@pytest.fixture
def three(binary: Release, small_root: Path) -> Iterator[tuple[Process, int]]:
    with process(small_root, "--port", "0", "--workers", "3", package="small_binary") as server:
        port = server.started()
        until(lambda: value(scrape(port), "seatrial_workers") == 3, 30)
        yield server, port


def test_workers_answer_as_one(three: tuple[Process, int]) -> None:
    _, port = three
    for _ in range(60):  # each on a connection of its own, so that all workers have some
        assert Client(port).predict(ROW).status == 200
    until(lambda: value(scrape(port), "seatrial_rows_total") == 60)
    for _ in range(10):  # whichever worker answers
        found = scrape(port)
        assert value(found, "seatrial_rows_total") == value(found, "seatrial_batch_rows_sum") == 60
        assert value(found, "seatrial_worker_deaths_total") == 0
        assert value(found, "seatrial_release_info") == 1


def workers_of(server: Process) -> list[int]:
    """The process IDs of a server's workers."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    found = []
    for pid in map(int, children):
        with suppress(FileNotFoundError):  # it has ended meanwhile
            found += [pid] if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes() else []
    return found


def test_no_counter_falls_while_workers_are_killed_and_replaced(three: tuple[Process, int]) -> None:
    server, port = three
    stopped = threading.Event()

    def call() -> None:
        while not stopped.is_set():
            with suppress(OSError, EOFError):
                client = Client(port)
                for _ in range(20):
                    client.predict(ROW)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        highest: Samples = {}
        killed: set[int] = set()
        scrapes, deadline = 0, time.monotonic() + 6
        while time.monotonic() < deadline:
            if scrapes % 20 == 10 and len(running := workers_of(server)) == 3:
                chosen = random.choice(running)
                os.kill(chosen, signal.SIGKILL)
                killed.add(chosen)
            with suppress(OSError, EOFError):
                found = scrape(port)
                totals = {k: v for k, v in found.items() if k[0].endswith(("_total", "_bucket", "_count", "_sum"))}
                fallen = {k: (v, totals.get(k)) for k, v in highest.items() if totals.get(k, 0) < v}
                assert not fallen
                highest, scrapes = totals, scrapes + 1
    finally:
        stopped.set()
        thread.join()
    assert scrapes > 40
    until(lambda: value(scrape(port), "seatrial_workers") == 3, 30)  # the gauges of the dead are gone
    until(lambda: value(scrape(port), "seatrial_worker_deaths_total") == len(killed))


def test_what_a_worker_has_counted_stays_when_it_is_replaced(three: tuple[Process, int]) -> None:
    server, port = three
    for _ in range(30):
        assert Client(port).predict(ROW).status == 200
    until(lambda: value(scrape(port), "seatrial_rows_total") == 30)
    before = set(workers_of(server))
    server.popen.send_signal(signal.SIGHUP)  # which replaces all of them
    until(lambda: not before & set(workers_of(server)), 30)
    until(lambda: value(scrape(port), "seatrial_workers") == 3, 30)
    found = scrape(port)
    assert value(found, "seatrial_rows_total") == value(found, "seatrial_batch_rows_sum") == 30
    assert value(found, "seatrial_worker_deaths_total") == 0  # they were told to end


def test_the_folder_of_the_workers_is_removed(binary: Release, small_root: Path, tmp_path: Path) -> None:
    with process(small_root, "--port", "0", "--workers", "2", package="small_binary", TMPDIR=str(tmp_path)) as server:
        port = server.started()
        until(lambda: value(scrape(port), "seatrial_workers") == 2, 30)
        assert list(tmp_path.glob("seatrial-metrics-*"))
        assert server.stop() == 0
    assert not list(tmp_path.glob("seatrial-metrics-*"))
