"""A server has its log delivered: while it runs, when it stops, after a kill; and says at its start what is missing."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from tests.serve.clients import Client, Process, process, until
from tests.serve.small_releases import EXAMPLE

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.log_settings import PYTHON_VARIABLE
from seatrial.serve.server_settings import Settings
from seatrial.serve.shipping import shipping

BODY = json.dumps(EXAMPLE).encode()


def delivered(folder: Path) -> list[str]:
    """The IDs of all requests in a folder."""
    tables = [pq.ParquetFile(path).read(["request_id"]) for path in folder.glob("predictions/*/*/*/*.parquet")]
    return sorted(each for table in tables for each in table["request_id"].to_pylist())


def ask(port: int, *names: str) -> None:
    client = Client(port)
    for name in names:
        assert client.predict(BODY, f"X-Request-ID: {name}").status == 200


def shippers(server: Process) -> list[psutil.Process]:
    """The shipper of a server, while it runs."""
    found = []
    for child in psutil.Process(server.pid).children():
        with suppress(psutil.NoSuchProcess):
            found += [child] if "seatrial.prediction_log" in child.cmdline() else []
    return found


@contextmanager
def served(root: Path, to: Any, *options: str, **variables: str) -> Iterator[tuple[Process, int]]:
    text = json.dumps({"segment_seconds": 0.2, **to}) if isinstance(to, dict) else str(to)
    arguments = ("--port", "0", *options)
    with process(root, *arguments, package="small_binary", SEATRIAL_LOG=text, **variables) as server:
        yield server, server.started()


@pytest.fixture
def root(binary: Any, small_root: Path) -> Path:
    return small_root


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_answered_is_delivered_when_the_server_stops(root: Path, tmp_path: Path, workers: str) -> None:
    with served(root, tmp_path / "log", "--workers", workers) as (server, port):
        ask(port, "a", "b", "c")
        assert delivered(tmp_path / "log") == []  # the segment is young
        (shipper,) = until(lambda: shippers(server))
        assert server.stop() == 0
        assert not shipper.is_running()
    assert delivered(tmp_path / "log") == ["a", "b", "c"]
    assert not list((tmp_path / "log" / ".spool").glob("*-*"))


def test_it_is_delivered_while_the_server_runs(root: Path, tmp_path: Path) -> None:
    with served(root, {"to": str(tmp_path / "log")}) as (_, port):
        ask(port, "a")
        until(lambda: delivered(tmp_path / "log") == ["a"])
        state = json.loads((tmp_path / "log" / ".spool" / "shipper.json").read_text())
        assert state["down"] is None


def test_a_shipper_that_dies_is_started_again(root: Path, tmp_path: Path) -> None:
    with served(root, {"to": str(tmp_path / "log")}) as (server, port):
        (first,) = until(lambda: shippers(server))
        first.kill()
        ask(port, "a")
        until(lambda: delivered(tmp_path / "log") == ["a"], 20)
        (second,) = shippers(server)
        assert second.pid != first.pid
        assert server.stop() == 0
        assert "the shipper of the prediction log ended with -9" in json.dumps(server.documents())


def test_after_a_kill_of_the_server_its_shipper_delivers_the_rest_and_ends(root: Path, tmp_path: Path) -> None:
    with served(root, tmp_path / "log") as (server, port):
        (shipper,) = until(lambda: shippers(server))
        ask(port, "a", "b")
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: delivered(tmp_path / "log") == ["a", "b"])
        until(lambda: not shipper.is_running())


def test_signals_to_all_processes_stop_the_server_first(root: Path, tmp_path: Path) -> None:
    with served(root, tmp_path / "log") as (server, port):
        (shipper,) = until(lambda: shippers(server))
        for number in (signal.SIGINT, signal.SIGTERM):  # as a terminal or a service manager sends them
            shipper.send_signal(number)
        ask(port, "a")
        assert shipper.is_running()
        assert server.stop() == 0
    assert delivered(tmp_path / "log") == ["a"]


def test_a_shipper_that_dies_as_the_server_stops_is_followed_by_a_last_one(root: Path, tmp_path: Path) -> None:
    with served(root, tmp_path / "log") as (server, port):
        (shipper,) = until(lambda: shippers(server))
        ask(port, "a")
        shipper.kill()
        assert server.stop() == 0
    assert delivered(tmp_path / "log") == ["a"]


def test_two_servers_with_one_spool_take_turns(root: Path, tmp_path: Path) -> None:
    settings = {"to": str(tmp_path / "log")}
    with served(root, settings) as (first, port), served(root, settings) as (_, other):
        ask(port, "a")
        ask(other, "b")
        until(lambda: delivered(tmp_path / "log") == ["a", "b"])
        assert first.stop() == 0
        ask(other, "c")
        until(lambda: delivered(tmp_path / "log") == ["a", "b", "c"])


def test_a_destination_that_is_down_is_said_once_without_its_password(root: Path, tmp_path: Path) -> None:
    to = {"to": "postgresql://me:secret-word@127.0.0.1:1/x", "spool": str(tmp_path / "spool")}
    with served(root, to) as (server, port):
        ask(port, "a")
        (shipper,) = shippers(server)
        assert "secret-word" not in " ".join(shipper.cmdline())
        until(lambda: "cannot be delivered" in json.dumps(server.documents()), 20)
        ask(port, "b")
        assert server.stop() == 0
        text = json.dumps(server.documents())
    assert text.count("The prediction log cannot be delivered to postgresql://127.0.0.1:1/x") == 1
    assert "has more to deliver" in text
    assert "secret-word" not in text
    assert "secret-word" not in (tmp_path / "spool" / "shipper.json").read_text()
    folder = str(tmp_path / "log")
    with served(root, {"to": folder, "spool": str(tmp_path / "spool")}) as (server, _):  # elsewhere, the next time
        until(lambda: delivered(tmp_path / "log") == ["a", "b"])


def test_a_missing_library_is_an_error_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    settings = Settings(prediction_log=str(tmp_path))
    with pytest.raises(SeatrialError, match="needs pyarrow"), shipping(settings, "small"):
        pass


def test_another_interpreter_is_asked_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\necho "error The prediction log needs pyarrow. Install it."\nexit 2\n')
    other.chmod(0o755)
    monkeypatch.setenv(PYTHON_VARIABLE, str(other))
    with pytest.raises(SeatrialError) as caught, shipping(Settings(prediction_log=str(tmp_path / "log")), "small"):
        pass
    assert caught.value.message == "The prediction log needs pyarrow. Install it."


def test_another_interpreter_runs_the_shipper(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\necho ran >> {tmp_path}/runs\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    with served(root, tmp_path / "log", **{PYTHON_VARIABLE: str(other)}) as (server, port):
        ask(port, "a")
        assert server.stop() == 0
    assert delivered(tmp_path / "log") == ["a"]
    assert (tmp_path / "runs").read_text() == "ran\nran\n"  # to check, and to ship


def test_access_keys_are_not_for_the_shipper(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_KEYS", "the-keys")
    with shipping(Settings(prediction_log=str(tmp_path / "log"), stop_timeout=5.0), "small"):
        me = psutil.Process()
        (child,) = until(lambda: [each for each in me.children() if "seatrial.prediction_log" in each.cmdline()])
        environment = child.environ()
    assert "SEATRIAL_KEYS" not in environment
    assert json.loads(environment["SEATRIAL_LOG"]) == {"to": str(tmp_path / "log")}


def test_without_a_log_nothing_is_started() -> None:
    before = threading.active_count()
    with shipping(Settings(), "small"):
        assert threading.active_count() == before


def test_a_shipper_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(
        f'#!/bin/sh\ncase "$*" in *--check*) exit 0;; esac\nexec {sys.executable} -c "import time; time.sleep(600)"\n'
    )
    other.chmod(0o755)
    monkeypatch.setenv(PYTHON_VARIABLE, str(other))
    monkeypatch.setattr("seatrial.serve.shipping.MARGIN", 0.3)
    began = time.monotonic()
    with shipping(Settings(prediction_log=str(tmp_path / "log"), stop_timeout=0.1), "small"):
        (child,) = until(
            lambda: [each for each in psutil.Process().children() if "time.sleep(600)" in str(each.cmdline())]
        )
    assert not child.is_running()
    assert time.monotonic() - began < 30
