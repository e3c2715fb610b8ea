"""Which segments are complete, what is in them, and who may change them."""

import fcntl
import json
import os
import threading
import time
from pathlib import Path

import pytest
from tests.prediction_log.log_lines import FACTS, encoded, line, make_spool, write_segment

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log import segments
from seatrial.prediction_log.segments import (
    Schemas,
    SpoolLock,
    backlog,
    is_pause_asked,
    parse_lines,
    paused_shipper,
    read_segment,
    seal_abandoned,
    sealed_segments,
    segment_time,
)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return make_spool(tmp_path / "spool")


def read(path: Path) -> tuple[list[str], int]:
    chunks = list(read_segment(path))
    return [record["id"] for records, _ in chunks for record in records], sum(bad for _, bad in chunks)


def test_sealed_segments_come_oldest_first(spool: Path) -> None:
    written = [write_segment(spool, number, [line(number)]) for number in (3, 1, 2)]
    write_segment(spool, 4, [line(4)], ".open")
    assert sealed_segments(spool) == sorted(written)


def test_a_half_written_last_line_is_skipped_and_counted(spool: Path) -> None:
    path = write_segment(spool, 1, [line(1), line(2)])
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        complete = whole[:cut].count(b"\n")
        assert read(path) == (["r1", "r2"][:complete], 0 if whole[:cut].endswith(b"\n") else 1)


@pytest.mark.parametrize(
    "damage", [b"\0" * 40 + b"\n", b"{\n", b"[1]\n", b'{"t": 1}\n', b'{"t": "1"}\n', b"\xff\n", b"\n"]
)
def test_damaged_lines_are_skipped_and_the_others_read(spool: Path, damage: bytes) -> None:
    path = write_segment(spool, 1, [])
    path.write_bytes(encoded([line(1)]) + damage + encoded([line(2)]))
    assert read(path) == (["r1", "r2"], 1)


def test_lines_that_are_valid_only_together_are_not_records() -> None:
    first, second = b'{"t": 1, "id": "a", "w": "w", "rows": [[1\n', b"2]]}\n"
    assert parse_lines([first, second]) == ([], 2)


def test_a_long_segment_is_read_in_chunks(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "CHUNK_BYTES", 1000)
    path = write_segment(spool, 1, map(line, range(100)))
    assert len(list(read_segment(path))) > 10
    assert read(path) == ([f"r{number}" for number in range(100)], 0)


def test_only_segments_of_dead_writers_are_sealed(spool: Path) -> None:
    dead = write_segment(spool, 1, [line(1)], ".open")
    empty = write_segment(spool, 2, [], ".open")
    living = write_segment(spool, 3, [line(3)], ".open")
    with living.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert seal_abandoned(spool) == 1
        assert living.exists()
        assert not empty.exists()
        assert sealed_segments(spool) == [dead.with_suffix(".jsonl")]
    assert seal_abandoned(spool) == 1


def test_a_segment_that_was_never_begun_is_removed_when_it_is_old(spool: Path) -> None:
    young, old = spool / ".20251130T120000000000-00", spool / ".20251130T120000000001-00"
    for path in (young, old):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    seal_abandoned(spool)
    assert young.exists()
    assert not old.exists()


def test_the_backlog_counts_what_is_written_and_sealed(spool: Path) -> None:
    assert backlog(spool) == segments.Backlog(0, 0, None)
    paths = [write_segment(spool, 2, [line(1)]), write_segment(spool, 1, [line(2)], ".open")]
    write_segment(spool, 0, [], ".open")
    (spool / "shipper.json").write_text("{}")
    found = backlog(spool)
    assert (found.size, found.segments) == (sum(path.stat().st_size for path in paths), 2)
    assert found.oldest == segment_time(paths[1].name) == 1764504001.0
    assert backlog(spool / "none").size == 0


def test_the_schemas_of_a_spool(spool: Path) -> None:
    schemas = Schemas(spool)
    assert schemas["w1"] == json.loads(json.dumps(FACTS))
    assert list(schemas) == ["w1"]
    (spool / "schemas" / "broken.json").write_text("{")
    for wheel in ("unknown", "broken", "../w1"):
        with pytest.raises(SeatrialError, match="does not exist or is damaged"):
            schemas[wheel]


def test_one_holder_of_the_lock_at_a_time(spool: Path) -> None:
    first, second = SpoolLock(spool), SpoolLock(spool)
    assert first.acquire()
    assert first.acquire()
    assert not second.acquire(0.1)
    threading.Timer(0.2, first.release).start()
    assert second.acquire(5)
    second.release()


def test_a_pause_counts_while_its_process_lives(spool: Path) -> None:
    assert not is_pause_asked(spool)
    with paused_shipper(spool):
        assert is_pause_asked(spool)
        assert not SpoolLock(spool).acquire()
        with pytest.raises(SeatrialError, match="Another process is delivering"), paused_shipper(spool, 0.1):
            pass
    assert not is_pause_asked(spool)
    assert SpoolLock(spool).acquire()
    for stale in ("999999999", "", "x"):
        (spool / "pause").write_text(stale)
        assert not is_pause_asked(spool)
