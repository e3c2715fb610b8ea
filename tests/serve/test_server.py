"""The server as a process: startup, load, hostile clients, and shutdown."""

import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.serve.clients import PREDICT, Client, Process, process, request, until

from seatrial.core.access_keys import make_key, render_keys
from seatrial.model import Release

QUICK = 2.5  # seconds within which a server must stop, even with stalled clients


@pytest.fixture(scope="module")
def source(titanic_project: Path) -> Path:
    return titanic_project / "src"


@pytest.fixture(scope="module")
def row(titanic: Release) -> bytes:
    return json.dumps(titanic.metadata.example).encode()


@pytest.fixture(scope="module")
def served(source: Path) -> Iterator[tuple[Process, int]]:
    """One server for all tests that do not change its state."""
    with process(source, "--port", "0") as server:
        yield server, server.started()


def test_it_serves_registers_itself_and_stops_cleanly(source: Path, row: bytes, tmp_path: Path) -> None:
    """On the host and port from the environment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    variables = {"PORT": str(port), "HOST": "127.0.0.1", "SEATRIAL_SERVED_DIR": str(tmp_path / "served")}
    with process(source, **variables) as server:
        assert server.started() == port
        (note,) = (tmp_path / "served").glob("*.json")
        assert json.loads(note.read_bytes()) == {
            "pid": server.pid,
            "url": f"http://127.0.0.1:{port}",
            "release": "titanic-model",
            "version": "0.1.0",
        }
        reply = Client(port).predict(row, "X-Request-ID: mine")
        assert (reply.status, reply.json()["request_id"]) == (200, "mine")
        assert "server" not in reply.headers
        assert server.stop() == 0
        assert list((tmp_path / "served").iterdir()) == []
    first, second = server.documents()
    assert (
        first["message"] == f"serving titanic-model 0.1.0 on http://127.0.0.1:{port}, open to anyone who can reach it"
    )
    assert (second["path"], second["status"], second["request_id"]) == (PREDICT, 200, "mine")
    assert second["release"] == "titanic-model==0.1.0"


def test_ctrl_c_stops_it(source: Path) -> None:
    with process(source, "--port", "0") as server:
        server.started()
        began = time.monotonic()
        assert server.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < QUICK
        assert "Traceback" not in "".join(server.lines)


def test_it_can_be_stopped_while_it_loads(source: Path) -> None:
    with process(source, "--port", "0") as server:
        time.sleep(0.15)
        assert server.stop() in (0, -signal.SIGTERM)
        assert "Traceback" not in "".join(server.lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_a_one_line_error(source: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process(source, "--port", str(port), "--workers", workers) as server:
            assert server.wait() == 1
    problem = f"error: Port {port} on 127.0.0.1 cannot be used: Address already in use."
    assert server.lines == [f"{problem} Choose another port with --port or PORT."]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_damaged_model_file_fails_the_startup(titanic_project: Path, tmp_path: Path, workers: str) -> None:
    import shutil

    shutil.copytree(titanic_project / "src", tmp_path / "src")
    (tmp_path / "src" / "titanic_model" / "artifacts" / "model.onnx").write_bytes(b"no graph")
    with process(tmp_path / "src", "--port", "0", "--workers", workers) as server:
        assert server.wait() == 1
    text = "\n".join(server.lines)
    assert "The compiled graph cannot be loaded" in text
    assert "Traceback" not in text


def test_workers_serve_are_replaced_and_stop(source: Path, row: bytes, tmp_path: Path) -> None:
    with process(source, "--port", "0", "--workers", "2", SEATRIAL_SERVED_DIR=str(tmp_path)) as server:
        port = server.started()
        assert "with 2 workers" in server.lines[0]
        assert Client(port).predict(row).status == 200  # callers wait until the first worker is ready
        assert [path.name for path in tmp_path.iterdir()] == [f"{server.pid}.json"]

        def workers() -> list[psutil.Process]:
            found = []
            for child in psutil.Process(server.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
                    if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline()):
                        found.append(child)
            return found

        until(lambda: any('"status":200' in line for line in server.lines))
        before = until(lambda: len(workers()) == 2 and workers())
        before[0].kill()
        until(lambda: len(workers()) == 2 and {w.pid for w in workers()} != {w.pid for w in before}, 15)
        until(lambda: any("in its place" in line for line in server.lines))
        assert Client(port).predict(row).status == 200
        last = workers()
        assert server.stop() == 0
        assert all(not worker.is_running() for worker in last)
        assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in "\n".join(server.lines)
    assert [d["status"] for d in server.documents() if "status" in d] == [200, 200]


def test_workers_end_with_the_process_that_started_them(source: Path, row: bytes) -> None:
    """Left alone they would keep the port, and serve the old release to whoever calls it."""
    with process(source, "--port", "0", "--workers", "2") as server:
        port = server.started()
        assert Client(port).predict(row).status == 200
        workers = psutil.Process(server.pid).children()
        server.stop(signal.SIGKILL)
        until(lambda: not any(worker.is_running() for worker in workers), 10)


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]], ids=["ctrl-c", "twice"])
def test_workers_stop_without_draining_at_ctrl_c_or_a_second_signal(
    source: Path, row: bytes, signals: list[signal.Signals]
) -> None:
    with process(source, "--port", "0", "--workers", "2", "--drain", "60") as server:
        port = server.started()
        idle = Client(port)
        assert idle.predict(row).status == 200
        for number in signals:
            server.popen.send_signal(number)
            until(lambda: _refused(port))
        assert server.wait() == 0
        assert idle.closed()
    assert "Traceback" not in "\n".join(server.lines)


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_ctrl_c_in_a_terminal_while_workers_load_prints_no_traceback(source: Path) -> None:
    """A terminal sends it to every process of its group."""
    with process(source, "--port", "0", "--workers", "2") as server:
        server.started()
        workers = until(lambda: (found := psutil.Process(server.pid).children()) and len(found) > 2 and found)
        for worker in [psutil.Process(server.pid), *workers]:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.send_signal(signal.SIGINT)
        assert server.wait() == 0
    assert "Traceback" not in "\n".join(server.lines)
    assert "KeyboardInterrupt" not in "\n".join(server.lines)


def test_stalled_clients_do_not_delay_the_shutdown(source: Path, row: bytes) -> None:
    with process(source, "--port", "0") as server:
        port = server.started()
        clients = [Client(port) for _ in range(6)]
        clients[1].send(b"POST ")
        clients[2].send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{{".encode())
        clients[3].send(
            f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n".encode()
        )
        clients[4].send(request("GET", "/redoc.js") * 20)  # and reads nothing
        assert clients[5].predict(row).status == 200
        time.sleep(0.2)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < QUICK + 2  # a client that does not read gets this time
        assert "Traceback" not in "\n".join(server.lines)


def test_huge_bodies_do_not_fill_the_memory(served: tuple[Process, int], row: bytes) -> None:
    server, port = served
    assert Client(port).predict(row).status == 200
    before = _memory(server)
    for declared in (True, False):
        client = Client(port)
        how = "Content-Length: 50000000" if declared else "Transfer-Encoding: chunked"
        client.send(f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\n{how}\r\n\r\n".encode())
        block = b"x" * 65_536 if declared else b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        try:
            for _ in range(700):
                client.send(block)
        except ConnectionError:
            pass
        assert client.read().status == 413
    assert _memory(server) - before < 20
    assert Client(port).predict(row).status == 200


def test_httpx_receives_the_413_for_a_large_upload(served: tuple[Process, int]) -> None:
    import httpx

    for size in (2**20 + 1, 5 * 2**20, 40 * 2**20):
        reply = httpx.post(f"http://127.0.0.1:{served[1]}{PREDICT}", content=b" " * size)
        assert (reply.status_code, reply.json()["detail"]) == (413, "The body is larger than 1,048,576 bytes.")


def test_memory_stays_small_with_everything_loaded(served: tuple[Process, int], row: bytes) -> None:
    server, port = served
    client = Client(port)
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/api/v1/model"):
        assert client.ask("GET", path, b"", "Accept: text/html").status == 200
    for _ in range(200):
        assert client.predict(row).status == 200
    assert client.ask("POST", "/api/v1/explain", row).status == 200
    assert _memory(server) <= 120


def _memory(server: Process) -> float:
    return psutil.Process(server.pid).memory_info().rss / 2**20


def test_it_loads_neither_pandas_nor_the_command_line(source: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, titanic_model, seatrial.serve.server, seatrial.serve.app;"
        "titanic_model.release.load();"
        "print([m for m in ('pandas', 'pyarrow', 'sklearn', 'typer', 'rich') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_health_does_not_wait_behind_slow_calls(served: tuple[Process, int], row: bytes) -> None:
    port = served[1]
    many = b"[" + b",".join([row] * 5000) + b"]"
    stop = threading.Event()

    def busy(path: str, body: bytes) -> None:
        client = Client(port)
        while not stop.is_set():
            assert client.ask("POST", path, body).status in (200, 503)

    calls = [("/api/v1/predict", many)] * 4 + [("/api/v1/explain", row)] * 2
    threads = [threading.Thread(target=busy, args=call, daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    client, took = Client(port), []
    for _ in range(40):
        began = time.perf_counter()
        assert client.ask("GET", "/health").status == 200
        took.append(time.perf_counter() - began)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert statistics.median(took) < 0.1
    assert max(took) < 1.0


def test_many_concurrent_callers_are_all_answered(served: tuple[Process, int], titanic: Release) -> None:
    port = served[1]
    expected = {age: titanic.predict({**titanic.metadata.example, "age": float(age)})[0] for age in range(60)}
    wrong: list[Any] = []

    def caller(offset: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for i in range(60):
            age = (i + offset) % 60
            connection.request("POST", PREDICT, json.dumps({**titanic.metadata.example, "age": float(age)}))
            reply = connection.getresponse()
            document = json.loads(reply.read())
            probability = document["probabilities"][0]["1"]
            if reply.status != 200 or probability != pytest.approx(expected[age]["probabilities"]["1"], abs=1e-12):
                wrong.append((age, document))

    threads = [threading.Thread(target=caller, args=(i * 7,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_logs_have_one_json_line_per_request(served: tuple[Process, int], row: bytes) -> None:
    server, port = served
    client = Client(port)
    client.predict(row, "X-Request-ID: log-1")
    client.ask("GET", "/nowhere%0a2026%20INFO%20forged?name=Mrs+Secret", b"", "X-Request-ID: log-2")
    client.predict(b'{"name": "Mrs Secret"}', "X-Request-ID: log-3")

    def logged() -> list[Any]:
        return [d for d in server.documents() if str(d.get("request_id")).startswith("log-")]

    until(lambda: len(logged()) == 3)
    assert [(d["path"], d["status"]) for d in logged()] == [
        (PREDICT, 200),
        ("/nowhere\n2026 INFO forged", 404),
        (PREDICT, 422),
    ]
    assert all(0 < d["duration_ms"] < 5000 for d in logged())
    assert not any("Secret" in line for line in server.lines)


def test_keys_open_it_to_other_machines_and_hold_in_each_worker(source: Path, row: bytes, tmp_path: Path) -> None:
    key, secret = make_key("web", ["predict"])
    (tmp_path / "keys.json").write_text(render_keys([key]))
    options = ("--host", "0.0.0.0", "--workers", "2", "--keys", str(tmp_path / "keys.json"), "--root-path", "/m")
    with process(source, "--port", "0", *options, "--cors-origins", "https://a.example") as server:
        line = until(lambda: next((line for line in server.lines if "serving" in line), None), 30)
        assert "2 workers, for callers with a key" in line
        port = int(line.split("http://0.0.0.0:")[1].split(",")[0])
        for _ in range(8):
            assert Client(port).predict(row).status == 401
            reply = Client(port).predict(row, f"X-API-Key: {secret}", "Origin: https://a.example")
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "https://a.example")
        assert Client(port).ask("GET", "/m/docs").status == 200
        assert server.stop() == 0


@pytest.mark.parametrize("how", ["--open", "SEATRIAL_OPEN"])
def test_it_says_that_it_is_open(source: Path, row: bytes, how: str) -> None:
    options, variables = ([how], {}) if how.startswith("-") else ([], {how: "1"})
    with process(source, "--port", "0", "--host", "0.0.0.0", *options, **variables) as server:
        line = until(lambda: next((line for line in server.lines if "serving" in line), None), 30)
        assert "open to anyone who can reach it" in line
        port = int(line.split("http://0.0.0.0:")[1].split(",")[0])
        assert Client(port).predict(row).status == 200
