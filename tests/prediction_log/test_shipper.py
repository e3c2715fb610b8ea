"""Each segment is delivered once and then deleted, whatever fails; people see one line when that begins and ends."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.prediction_log.log_lines import FACTS, encoded, line, make_spool, refusal, write_segment
from tests.soak import turns

from seatrial.prediction_log.destinations import DeliveryError, open_destination
from seatrial.prediction_log.segments import SpoolLock, paused_shipper
from seatrial.prediction_log.shipper import MOST_FAILURES, Patience, Shipper

ROOT = Path(__file__).parent.parent.parent


class Memory:
    """A destination in memory, which may be down or refuse segments."""

    shown = "memory"

    def __init__(self) -> None:
        self.segments: dict[str, list[str]] = {}
        self.down = ""
        self.refused: set[str] = set()
        self.attempts: list[str] = []
        self.expired: list[date] = []
        self.on_deliver: Callable[[], Any] = lambda: None

    def deliver(self, segment: str, tables: Any) -> None:
        self.attempts.append(segment)
        self.on_deliver()
        if self.down or segment in self.refused:
            raise DeliveryError(self.down or "refused")
        self.segments[segment] = [each for table in tables for each in table.data["request_id"].to_pylist()]

    def expire(self, before: date) -> None:
        if self.down:
            raise DeliveryError(self.down)
        self.expired.append(before)

    def close(self) -> None:
        pass


class Desk:
    """A shipper with its spool, its destination and what it reported."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.spool = make_spool(folder)
        self.memory = Memory()
        self.said: list[tuple[str, str]] = []
        self.shipper = self.another(**options)

    def another(self, **options: Any) -> Shipper:
        report = lambda level, message: self.said.append((level, message))  # noqa: E731
        return Shipper(self.spool, self.memory, days=options.get("days"), report=report)

    def look(self) -> None:
        self.shipper._retry_at = 0.0
        self.shipper.look()

    def state(self) -> dict[str, Any]:
        self.shipper._state_at = -100.0
        self.shipper._write_state()
        return json.loads((self.spool / "shipper.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "spool")


def test_sealed_and_abandoned_segments_are_delivered_and_deleted(desk: Desk) -> None:
    first = write_segment(desk.spool, 1, [line(1), refusal(2)])
    second = write_segment(desk.spool, 2, [line(3)], ".open")
    desk.look()
    assert desk.memory.segments == {first.stem: ["r1", "r2"], second.stem: ["r3"]}
    assert not list(desk.spool.glob("*.jsonl"))
    assert desk.said == []
    state = desk.state()
    assert (state["bytes"], state["segments"], state["oldest"], state["down"]) == (0, 0, None, None)
    assert (state["delivered_rows"], state["pid"]) == (2, os.getpid())
    assert abs(state["time"] - datetime.now(UTC).timestamp()) < 60
    assert desk.another().delivered_rows == 2  # counted on by the next one


def test_a_destination_that_is_down_and_comes_back(desk: Desk) -> None:
    paths = [write_segment(desk.spool, number, [line(number)]) for number in range(10)]
    desk.memory.down = "no route"
    for _ in range(3):
        desk.look()
    assert desk.said == [("error", "The prediction log cannot be delivered to memory: no route")]
    assert len(desk.memory.attempts) == 3 * MOST_FAILURES
    state = desk.state()
    assert (state["down"], state["segments"]) == ("no route", 10)
    assert state["bytes"] == sum(path.stat().st_size for path in paths)
    assert state["oldest"] == 1764504000.0
    desk.memory.down = ""
    desk.look()
    assert desk.said[1:] == [("info", "The prediction log is delivered to memory again.")]
    assert len(desk.memory.segments) == 10
    assert desk.state()["down"] is None


def test_attempts_become_rarer_while_a_destination_is_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_segment(desk.spool, 1, [line(1)])
    desk.memory.down = "no route"
    now = [1000.0]
    monkeypatch.setattr("seatrial.prediction_log.shipper.time.monotonic", lambda: now[0])
    times = []
    while now[0] < 1300:
        before = len(desk.memory.attempts)
        desk.shipper.look()
        if len(desk.memory.attempts) > before:
            times.append(now[0])
        now[0] += 0.25
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert 0.5 <= gaps[0] <= 1.25
    assert all(15 <= gap <= 30.25 for gap in gaps[6:])
    assert len(gaps) > 10


def test_a_segment_that_is_refused_does_not_hold_the_others_up(desk: Desk) -> None:
    bad = [write_segment(desk.spool, number, [line(number)]) for number in range(5)]
    desk.memory.refused = {path.stem for path in bad}
    desk.look()
    good = [write_segment(desk.spool, number, [line(number)]) for number in range(10, 20)]
    for _ in range(2):
        desk.look()
    assert set(desk.memory.segments) == {path.stem for path in good}
    assert all(path.exists() for path in bad)
    assert [level for level, _ in desk.said] == ["error"]


def test_a_segment_of_an_unknown_release_is_kept(desk: Desk) -> None:
    path = write_segment(desk.spool, 1, [line(1, w="unknown")])
    other = write_segment(desk.spool, 2, [line(2)])
    desk.look()
    assert path.exists()
    assert list(desk.memory.segments) == [other.stem]
    assert "unknown.json does not exist" in desk.said[0][1]
    (desk.spool / "schemas" / "unknown.json").write_text(json.dumps({**FACTS, "wheel": "unknown"}))
    desk.look()
    assert list(desk.memory.segments) == [other.stem, path.stem]


def test_no_value_reaches_a_message(desk: Desk) -> None:
    write_segment(desk.spool, 1, [line(1, [["the-secret"]])])  # too short a row
    desk.look()
    ((level, message),) = desk.said
    assert level == "error"
    assert "a segment cannot be delivered (IndexError in line" in message
    assert "secret" not in json.dumps(desk.state())


def test_an_error_that_nobody_expected_does_not_end_the_shipper(desk: Desk) -> None:
    paths = [write_segment(desk.spool, number, [line(number)]) for number in range(3)]

    def fail() -> None:
        if desk.memory.attempts[-1] == paths[0].stem:
            raise RuntimeError("the-secret")

    desk.memory.on_deliver = fail
    desk.look()
    assert set(desk.memory.segments) == {path.stem for path in paths[1:]}
    assert "(RuntimeError in line" in desk.said[0][1]
    assert "secret" not in desk.said[0][1]


def test_a_spool_that_is_gone_is_said_once_and_used_again(desk: Desk) -> None:
    away = desk.spool.with_name("away")
    desk.spool.rename(away)
    for _ in range(3):
        desk.look()
    assert [level for level, _ in desk.said] == ["error"]
    assert "No such file or directory" in desk.said[0][1]
    away.rename(desk.spool)
    path = write_segment(desk.spool, 1, [line(1)])
    desk.look()
    assert list(desk.memory.segments) == [path.stem]
    assert [level for level, _ in desk.said] == ["error", "info"]


def test_skipped_lines_are_counted_and_reported(desk: Desk) -> None:
    path = write_segment(desk.spool, 1, [])
    path.write_bytes(encoded([line(1)]) + b'{"t": 1, "half')
    desk.look()
    assert desk.memory.segments == {path.stem: ["r1"]}
    assert desk.said == [("warning", f"The prediction log skipped 1 half-written line of {path.name}.")]
    assert desk.state()["skipped_lines"] == 1
    path.write_bytes(b'{"t": 1, "half')  # nothing is left of it
    desk.look()
    assert not path.exists()


def test_one_shipper_at_a_time_and_the_next_one_takes_over(desk: Desk) -> None:
    lock = SpoolLock(desk.spool)
    assert lock.acquire()
    path = write_segment(desk.spool, 1, [line(1)])
    desk.look()
    assert path.exists()
    assert not (desk.spool / "shipper.json").exists()
    lock.release()
    desk.look()
    assert not path.exists()


def test_the_shipper_gives_the_lock_up_when_it_is_asked(desk: Desk) -> None:
    paths = [write_segment(desk.spool, number, [line(number)]) for number in range(3)]
    desk.memory.on_deliver = lambda: (desk.spool / "pause").write_text(str(os.getpid()))
    desk.look()
    assert len(desk.memory.segments) == 1  # it ends with the segment that it is at
    desk.look()
    with paused_shipper(desk.spool, 0.1):
        desk.look()
        assert len(desk.memory.segments) == 1
    desk.memory.on_deliver = lambda: None
    desk.look()
    assert set(desk.memory.segments) == {path.stem for path in paths}


def test_old_days_are_deleted_now_and_then(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "spool", days=30)
    desk.memory.down = "no route"
    desk.look()
    assert [level for level, _ in desk.said] == ["error"]
    desk.memory.down = ""
    for _ in range(3):
        desk.look()
    (before,) = desk.memory.expired
    assert (datetime.now(UTC).date() - before).days == 30
    assert desk.shipper.down is None


def test_it_ends_with_an_empty_spool_or_after_its_time(desk: Desk) -> None:
    stopped = threading.Event()
    stopped.set()
    path = write_segment(desk.spool, 1, [line(1)])
    desk.memory.down = "no route"
    assert not desk.another().run(Patience(stopped, 0.3))
    assert path.exists()
    desk.memory.down = ""
    assert desk.another().run(Patience(stopped, 30))
    assert not path.exists()
    assert SpoolLock(desk.spool).acquire()


KILLED = """\
import os, signal, sys
from pathlib import Path
import seatrial.prediction_log.__main__ as shipper

count = {count}
calls = 0
def counted(name, function):
    def call(*arguments, **options):
        global calls
        if "{inside}" not in str(arguments):
            return function(*arguments, **options)
        calls += 1
        if calls == count:
            print(name, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
for holder, name in [(os, "open"), (os, "fsync"), (os, "rename"), (os, "replace"), (os, "unlink")]:
    setattr(holder, name, counted(name, getattr(holder, name)))
{more}
sys.exit(shipper.main([{spool!r}, "--child", "--drain", "20"]))
"""


def test_a_kill_before_any_change_of_a_file_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Each call that changes a file, in turn, is the last one: the next shipper finishes the work.

    `make test` takes every third of them, from the second on.
    """
    ended: list[str] = []
    for count in range(turns(1, 2), 100, turns(1, 3)):
        folder = tmp_path / str(count)
        spool = make_spool(folder / "spool")
        write_segment(spool, 1, [line(1), refusal(2)])
        write_segment(spool, 2, [line(3)], ".open")
        program = KILLED.format(count=count, inside=folder, more="", spool=str(spool))
        done = shipper_process(program, folder / "log")
        ended.append(done.stdout.strip() or "end")
        if done.returncode:
            assert done.returncode == -9, done.stderr
            done = shipper_process(KILLED.format(count=-1, inside=folder, more="", spool=str(spool)), folder / "log")
        assert done.returncode == 0, done.stdout + done.stderr
        files = sorted((folder / "log").rglob("*.parquet"))
        assert [pq.ParquetFile(file).read()["request_id"].to_pylist() for file in files] == [["r1"], ["r3"], ["r2"]]
        assert not list((folder / "log").rglob(".*.parquet*"))
        assert not list(spool.glob("*-*"))
        if ended[-1] == "end":
            break
    assert ended[-1] == "end"
    assert {"rename", "unlink"} <= set(ended)
    assert len(ended) > turns(15, 5)


def shipper_process(program: str, to: Path | str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "SEATRIAL_LOG": str(to), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_destination_for_each_kind_of_url(tmp_path: Path) -> None:
    kinds = [type(open_destination(to)).__name__ for to in (str(tmp_path), "s3://b/p", "gs://b/p", "postgresql://h/d")]
    assert kinds == ["FolderDestination", "ObjectDestination", "ObjectDestination", "PostgresDestination"]


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux have threads a priority of their own")
@pytest.mark.parametrize(("limit", "niceness"), [(1 << 30, 19), (4, os.getpriority(os.PRIO_PROCESS, 0))])
def test_it_gives_way_unless_the_spool_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, niceness: int
) -> None:
    found: list[int] = []
    stopped = threading.Event()

    def look(_: Shipper, deadline: float | None = None) -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        stopped.set()

    (tmp_path / "20261130T120000000000-0.jsonl").write_text("{}\n")
    monkeypatch.setattr(Shipper, "look", look)
    shipper = Shipper(tmp_path, open_destination(str(tmp_path / "to")), days=None, report=lambda *_: None, limit=limit)
    shipper.run(Patience(stopped, 0.0))
    assert found[0] == niceness
