"""Forgetting: a person's rows leave segments, files and labels, and nothing else does."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.prediction_log.log_lines import FACTS, encoded, line, make_spool, refusal, write_segment
from tests.prediction_log.test_spooled_rows import deliver, ids

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.prediction_log import forgetting
from seatrial.prediction_log.conditions import parse_conditions
from seatrial.prediction_log.forgetting import Forgotten, forget
from seatrial.prediction_log.hashed_values import hashes_of
from seatrial.prediction_log.labels import GivenLabel, add_labels, newest_labels
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_records import keyed_hash
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.prediction_log.segments import SpoolLock

ANN, BOB = (1.5, 2, "Ann"), (2.5, 3, "Bob")


def where(*conditions: str) -> LogQuery:
    return LogQuery(conditions=parse_conditions(conditions))


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    """Three segments: one in files, one of those in the spool too, one that is open and whose writer is dead."""
    spool = make_spool(tmp_path / ".spool")
    log = PredictionLog(LogSettings(to=str(tmp_path)))
    first = write_segment(spool, 1, [line(1, [ANN]), line(2, [BOB]), line(3, [ANN, BOB, ANN, BOB])])
    deliver(log, first)
    first.unlink()
    deliver(log, write_segment(spool, 2, [line(4, [ANN]), line(5, [BOB])]))
    write_segment(spool, 3, [line(6, [BOB, ANN, BOB], unseen=[[0, "kind"], [2, "size"]]), refusal(7)], ".open")
    return log


def all_bytes(folder: Path) -> bytes:
    texts = [file.read_bytes() for file in folder.rglob("*.jsonl")]
    texts += [str(pq.read_table(file, partitioning=None).to_pylist()).encode() for file in folder.rglob("*.parquet")]
    return b"".join(texts)


def test_a_person_is_taken_out_everywhere(log: PredictionLog) -> None:
    add_labels(log, LogQuery(), [GivenLabel("line 2", "r1", "yes"), GivenLabel("line 3", "r2", "no")], "x.csv")
    query = where("kind = Ann")
    expected = Forgotten(predictions=5, labels=1, files=0, spooled=1)
    assert forget(log, query, dry_run=True) == expected
    assert b"Ann" in all_bytes(Path(log.settings.to))
    done = forget(log, query)
    assert (done.labels, done.files) == (1, 4)  # two files, and two segments
    assert b"Ann" not in all_bytes(Path(log.settings.to))
    assert sorted(set(ids(log))) == [("r2", False), ("r3", False), ("r5", False), ("r6", True)]
    rows = log.table(where("request_id = r3"), ["row"])["row"].to_pylist()
    assert rows == [1, 3]
    assert newest_labels(log.store.read_labels())["request_id"].to_pylist() == ["r2"]
    assert forget(log, query) == Forgotten()


def test_rows_of_a_segment_keep_their_numbers_and_notes(log: PredictionLog) -> None:
    forget(log, where("kind = Ann"))
    table = log.table(where("request_id = r6"), ["row", "kind", "unseen"]).to_pylist()
    assert table == [
        {"row": 0, "input_kind": "Bob", "unseen": "kind"},
        {"row": 2, "input_kind": "Bob", "unseen": "size"},
    ]
    (sealed,) = [file for file in log.spool.folder.glob("*.jsonl") if b"r6" in file.read_bytes()]
    assert [json.loads(text).get("first") for text in sealed.read_text().splitlines()] == [0, 2, None]


def test_a_request_takes_its_refusals_with_it(log: PredictionLog) -> None:
    assert forget(log, where("request_id = r7")).refused == 1
    assert log.table(LogQuery(refused=True)).num_rows == 0
    assert forget(log, where("request_id = r2")).predictions == 1


def test_a_file_without_any_row_left_is_removed(log: PredictionLog) -> None:
    forget(log, where("size > 0"))
    assert list(Path(log.settings.to).rglob("*.parquet")) == []
    assert ids(log) == []


def test_missing_values_stay(tmp_path: Path) -> None:
    spool = make_spool(tmp_path / ".spool")
    log = PredictionLog(LogSettings(to=str(tmp_path)))
    deliver(log, write_segment(spool, 1, [line(1, [(None, 1, None)]), line(2, [ANN])]))
    for file in spool.glob("*.jsonl"):
        file.unlink()
    assert forget(log, where("kind = Ann")).predictions == 1
    assert ids(log) == [("r1", False)]


def test_what_is_asked_for_must_be_said_and_known(log: PredictionLog) -> None:
    with pytest.raises(UsageError, match="Which rows"):
        forget(log, LogQuery())
    with pytest.raises(SeatrialError, match="no column `kin`"):
        forget(log, where("kin = Ann"))
    assert b"Ann" in all_bytes(Path(log.settings.to))


def test_a_hashed_value_is_found_by_the_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEATRIAL_LOG_KEY", raising=False)
    spool = make_spool(
        tmp_path / ".spool", {**FACTS, "columns": [*FACTS["columns"][:2], {**FACTS["columns"][2], "hashed": True}]}
    )
    settings = LogSettings(to=str(tmp_path), hashed=["kind"])
    log = PredictionLog(settings)
    hashed = keyed_hash("Ann", b"secret of the servers")
    write_segment(spool, 1, [line(1, [(1.5, 2, hashed)]), line(2, [BOB])])
    with pytest.raises(SeatrialError, match="its key is not here"):
        forget(log, where("kind = Ann"))
    (spool / "key").write_text("secret of the servers")
    query = LogQuery(conditions=parse_conditions(["kind = Ann"]), hashes=hashes_of(settings, ""))
    assert forget(log, query).predictions == 1
    assert ids(log) == [("r2", True)]


WRITER = """
import fcntl, os, sys, time
from pathlib import Path
folder, data = Path(sys.argv[1]), sys.stdin.buffer.read()
path = folder / "20251130T130000000000-00000000000000aa.open"
handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
os.write(handle, data)
print("written", flush=True)
while sys.argv[2] == "answers" and not (folder / "seal").exists():
    time.sleep(0.02)
if sys.argv[2] == "answers":
    path.rename(path.with_suffix(".jsonl"))
time.sleep(60)
"""


@pytest.fixture
def writer(log: PredictionLog) -> Any:
    running = []

    def start(how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WRITER, str(log.spool.folder), how]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdin
        assert process.stdout
        process.stdin.write(encoded([line(8, [ANN])]))
        process.stdin.close()
        process.stdout.readline()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_server_hands_over_its_segment(log: PredictionLog, writer: Any) -> None:
    writer("answers")
    assert forget(log, where("kind = Ann")).predictions
    assert b"Ann" not in all_bytes(Path(log.settings.to))
    assert not (log.spool.folder / "seal").exists()
    assert not (log.spool.folder / "pause").exists()


def test_a_server_that_is_killed_meanwhile(log: PredictionLog, writer: Any) -> None:
    process = writer("hangs")
    threading.Timer(0.3, process.kill).start()
    forget(log, where("kind = Ann"))
    assert b"Ann" not in all_bytes(Path(log.settings.to))


def test_a_server_that_does_not_answer_is_an_error(
    log: PredictionLog, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "SEAL_SECONDS", 0.2)
    writer("hangs")
    with pytest.raises(SeatrialError, match="has not handed over"):
        forget(log, where("kind = Ann"))
    assert b"Ann" in all_bytes(Path(log.settings.to))
    assert not (log.spool.folder / "seal").exists()


def test_the_shipper_is_waited_for(log: PredictionLog) -> None:
    lock = SpoolLock(log.spool.folder)
    assert lock.acquire()
    done: list[Forgotten] = []
    thread = threading.Thread(target=lambda: done.append(forget(log, where("kind = Ann"))))
    thread.start()
    deadline = time.monotonic() + 10
    while not (log.spool.folder / "pause").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (log.spool.folder / "pause").read_text() == str(os.getpid())
    assert b"Ann" in all_bytes(Path(log.settings.to))
    assert not done
    lock.release()
    thread.join(10)
    assert done[0].predictions
    assert b"Ann" not in all_bytes(Path(log.settings.to))


@pytest.mark.parametrize("killed_at", range(1, 5))
def test_what_was_killed_is_finished_by_the_next_one(
    log: PredictionLog, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """Every rewriting of a segment or file fails in turn, before it appears."""
    from seatrial.core import files

    calls = 0
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == killed_at:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(files.Path, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        forget(log, where("kind = Ann"))
    monkeypatch.setattr(files.Path, "replace", replace)
    assert {request for request, _ in ids(log)} >= {"r2", "r5", "r6"}
    forget(log, where("kind = Ann"))
    assert b"Ann" not in all_bytes(Path(log.settings.to))
    assert sorted(set(ids(log))) == [("r2", False), ("r3", False), ("r5", False), ("r6", True)]


def test_the_lock_is_free_afterwards(log: PredictionLog) -> None:
    forget(log, where("kind = Ann"))
    with (log.spool.folder / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
