"""Rows of the spool beside those of the destination: none is missing, none is there twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.prediction_log.log_lines import FACTS, NOON, encoded, line, make_spool, refusal, write_segment

from seatrial.prediction_log.conditions import parse_conditions
from seatrial.prediction_log.destinations import open_destination
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.prediction_log.segments import Schemas, read_segment
from seatrial.prediction_log.tables import log_tables

BEGIN = datetime.fromtimestamp(NOON / 1e6, UTC)


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    make_spool(tmp_path / ".spool")
    return PredictionLog(LogSettings(to=str(tmp_path)))


def deliver(log: PredictionLog, segment: Path) -> None:
    chunks = (records for records, _ in read_segment(segment))
    open_destination(log.settings.to).deliver(segment.stem, log_tables(Schemas(log.spool.folder), chunks))


def ids(log: PredictionLog, *where: str, **asked: Any) -> list[tuple[str, bool]]:
    table = log.table(LogQuery(conditions=parse_conditions(where), **asked), ["request_id", "spooled"])
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_rows_in_sealed_and_open_segments(log: PredictionLog) -> None:
    write_segment(log.spool.folder, 1, [line(1), line(2)])
    half = write_segment(log.spool.folder, 2, [line(3)], ".open")
    half.write_bytes(half.read_bytes() + encoded([line(4)])[:-9])
    (log.spool.folder / ".hidden").write_text("x")
    assert ids(log) == [("r1", True), ("r2", True), ("r3", True)]
    newest = log.newest(LogQuery(), 2)
    assert newest["request_id"].to_pylist() == ["r3", "r2"]
    assert newest.schema.field("input_count").type == "int64"


def test_a_segment_that_was_delivered_and_not_removed_yet_counts_once(log: PredictionLog) -> None:
    first = write_segment(log.spool.folder, 1, [line(1), refusal(2)])
    write_segment(log.spool.folder, 2, [line(3)])
    deliver(log, first)
    assert ids(log) == [("r1", False), ("r3", True)]
    refused = log.table(LogQuery(refused=True))
    assert refused.select(["request_id", "column", "rule", "spooled"]).to_pylist() == [
        {"request_id": "r2", "column": "size", "rule": "float_type", "spooled": False}
    ]


def test_a_segment_of_which_a_part_was_delivered(log: PredictionLog) -> None:
    day = 86_400_000_000
    segment = write_segment(log.spool.folder, 1, [line(1), line(1 + day)])
    deliver(log, segment)
    files = sorted(Path(log.settings.to).rglob("*.parquet"))
    assert len(files) == 2
    files[1].unlink()
    assert ids(log) == [("r1", False), (f"r{1 + day}", True)]


def test_a_segment_that_is_delivered_while_it_is_read(log: PredictionLog) -> None:
    segment = write_segment(log.spool.folder, 1, [line(1)])
    with log.spool.reading(LogQuery()) as spooled:
        deliver(log, segment)
        segment.unlink()
        parts = [*log.store.parts(LogQuery(), spooled.delivered), *spooled.parts()]
    assert [part.batches(["request_id"], LogQuery(), _seen()).__next__().num_rows for part in parts] == [1]


def _seen() -> Any:
    from seatrial.prediction_log.log_query import SeenNames

    return SeenNames()


def test_a_segment_that_is_removed_while_it_is_read_is_still_read(log: PredictionLog) -> None:
    segment = write_segment(log.spool.folder, 1, [line(1)])
    with log.spool.reading(LogQuery()) as spooled:
        spooled.delivered(())
        segment.unlink()
        assert len(spooled.parts()) == 1


def test_windows_releases_and_conditions(log: PredictionLog) -> None:
    write_segment(log.spool.folder, 1, [line(1), line(2, [(9.5, 3, "b")]), refusal(3)])
    assert ids(log, "size > 5") == [("r2", True)]
    assert ids(log, "spooled = true and count = 2") == [("r1", True)]
    assert ids(log, release="shop", version="1.0", since=BEGIN) == [("r1", True), ("r2", True)]
    assert ids(log, version="2.0") == ids(log, since=BEGIN + timedelta(hours=1)) == []
    assert ids(log, until=BEGIN) == []


def test_two_versions_with_other_columns(log: PredictionLog, tmp_path: Path) -> None:
    other = {**FACTS, "wheel": "w2", "version": "2.0", "columns": [{"name": "deck", "type": "string", "hashed": False}]}
    make_spool(tmp_path / "more", other)
    (tmp_path / "more/schemas/w2.json").rename(log.spool.folder / "schemas/w2.json")
    write_segment(log.spool.folder, 1, [line(1), line(2, [("A",)], w="w2")])
    assert ids(log, "deck = A") == [("r2", True)]
    assert log.newest(LogQuery(), 5, ["deck", "size"]).to_pylist() == [
        {"input_deck": "A", "input_size": None},
        {"input_deck": None, "input_size": 1.5},
    ]


def test_the_newest_rows_do_not_need_older_segments(log: PredictionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    import seatrial.prediction_log.spooled_rows as module

    for number in range(1, 6):  # a minute each; the third one was written last
        rows = [line(number * 60_000_000 + n) for n in range(3)]
        segment = write_segment(log.spool.folder, number, rows)
        written = BEGIN.timestamp() + 60 * number + (1000 if number == 3 else 1)
        os.utime(segment, (written, written))
    read: list[str] = []
    chunks_of = module.chunks_of
    monkeypatch.setattr(module, "chunks_of", lambda file: read.append(Path(file.name).name[11:13]) or chunks_of(file))
    newest = log.newest(LogQuery(), 4)["request_id"].to_pylist()
    assert newest == ["r300000002", "r300000001", "r300000000", "r240000002"]
    assert len(read) == 3
    read.clear()
    assert log.newest(LogQuery(conditions=parse_conditions(["size > 100"])), 4).num_rows == 0
    assert len(read) == 5
