"""The log in a real PostgreSQL: reading, labels and forgetting, as in a folder."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.postgres_cluster import Cluster, running_cluster
from tests.prediction_log.log_lines import FACTS, NOON, line, make_spool, refusal, write_segment

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import parse_conditions
from seatrial.prediction_log.destinations import open_destination
from seatrial.prediction_log.forgetting import Forgotten, forget
from seatrial.prediction_log.labels import GivenLabel, add_labels, newest_labels
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.log_summary import LogDay, summarize
from seatrial.prediction_log.reading import PredictionLog
from seatrial.prediction_log.segments import Schemas, read_segment
from seatrial.prediction_log.tables import log_tables

DAY = 86_400_000_000
BEGIN = datetime.fromtimestamp(NOON / 1e6, UTC)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture
def log(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> PredictionLog:
    """Two segments, of which one is delivered and still in the spool; a third that is not delivered."""
    schema = "".join(letter for letter in request.node.name if letter.isalnum())[:60].lower() + "%"
    settings = LogSettings(to=f"{cluster.url}&schema={schema.replace('%', '%25')}", spool=str(tmp_path / "spool"))
    spool = make_spool(
        tmp_path / "spool", FACTS, {**FACTS, "wheel": "w2", "version": "2.0", "columns": FACTS["columns"][:1]}
    )
    first = write_segment(
        spool, 1, [line(1), line(2, [(9.5, 3, "it's %s")]), refusal(3), line(4 + DAY, [(4.0,)], w="w2")]
    )
    second = write_segment(spool, 2, [line(5, [(7.0, None, None), (8.0, 1, "Ann")])])
    destination = open_destination(settings.to)
    for segment in (first, second):
        destination.deliver(segment.stem, log_tables(Schemas(spool), (records for records, _ in read_segment(segment))))
    destination.close()
    second.unlink()
    write_segment(spool, 3, [line(6, [(1.0, 1, "Ann")])])
    return PredictionLog(settings, "shop")


def ids(log: PredictionLog, *where: str, **window: datetime) -> list[tuple[str, int]]:
    query = LogQuery("shop", conditions=parse_conditions(where), **window)  # type: ignore[arg-type]
    table = log.table(query, ["request_id", "row"])
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_reading(log: PredictionLog) -> None:
    assert ids(log) == sorted([("r1", 0), ("r2", 0), (f"r{4 + DAY}", 0), ("r5", 0), ("r5", 1), ("r6", 0)])
    assert ids(log, "kind = it's %s") == [("r2", 0)]
    assert ids(log, "kind = Ann") == [("r5", 1), ("r6", 0)]
    assert ids(log, "kind = Ann and spooled = true") == [("r6", 0)]
    assert ids(log, "kind = null and version = 1.0") == [("r5", 0)]
    assert ids(log, "kind != Ann and size > 2") == [("r2", 0)]
    assert ids(log, "size >= 8 and count < 3 and release = shop") == [("r5", 1)]
    assert ids(log, "release = other") == []
    assert ids(log, since=BEGIN + timedelta(hours=1)) == [(f"r{4 + DAY}", 0)]
    assert ids(log, until=BEGIN + timedelta(microseconds=2)) == [("r1", 0)]
    with pytest.raises(SeatrialError, match="no column `kin`"):
        ids(log, "kin = Ann")


def test_the_newest_rows_and_their_types(log: PredictionLog) -> None:
    table = log.newest(LogQuery("shop"), 2)
    assert table["request_id"].to_pylist() == [f"r{4 + DAY}", "r6"]
    assert table["version"].to_pylist() == ["2.0", "1.0"]
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    refused = log.newest(LogQuery("shop", refused=True), 5, ["release", "column", "rule"])
    assert refused.to_pylist() == [{"release": "shop", "column": "size", "rule": "float_type"}]


def test_labels(log: PredictionLog) -> None:
    rows = [GivenLabel("line 2", "r1", "yes"), GivenLabel("line 3", "r5", "no"), GivenLabel("line 4", "r6", "no")]
    result = add_labels(log, LogQuery("shop"), rows, "x.csv")
    assert (result.new, result.ambiguous) == (2, 1)
    assert add_labels(log, LogQuery("shop"), rows, "x.csv").known == 2
    assert add_labels(log, LogQuery("shop"), [GivenLabel("line 2", "r1", "no")], "y.csv").corrected == 1
    newest = newest_labels(log.store.read_labels())
    assert newest["label"].to_pylist() == ['"no"', '"no"']
    by_key = [GivenLabel("line 2", "Ann", "yes", time=BEGIN + timedelta(hours=1))]
    assert add_labels(log, LogQuery("shop"), by_key, "z.csv", key="kind").corrected == 1


def test_forgetting(log: PredictionLog) -> None:
    add_labels(log, LogQuery("shop"), [GivenLabel("line 2", "r6", "yes"), GivenLabel("line 3", "r1", "yes")], "x.csv")
    query = LogQuery("shop", conditions=parse_conditions(["kind = Ann"]))
    assert forget(log, query, dry_run=True) == Forgotten(predictions=2, labels=1, spooled=1)
    done = forget(log, query)
    assert (done.predictions, done.labels, done.files) == (2, 1, 1)
    assert ids(log, "kind = Ann") == []
    assert len(ids(log)) == 4
    assert forget(log, LogQuery("shop", conditions=parse_conditions(["request_id = r3"]))).refused == 2  # spool, table
    assert log.table(LogQuery("shop", refused=True)).num_rows == 0


def test_a_summary(log: PredictionLog) -> None:
    days = summarize(log, LogQuery("shop"))
    assert days == [
        LogDay((BEGIN + timedelta(days=1)).date(), "shop", "2.0", predictions=1),
        LogDay(BEGIN.date(), "shop", "1.0", predictions=5, refused=1, spooled=1),
    ]


def test_a_database_without_a_log_is_empty_and_one_that_is_down_shows_no_password(
    cluster: Cluster, tmp_path: Path
) -> None:
    empty = PredictionLog(LogSettings(to=f"{cluster.url}&schema=nothing", spool=str(tmp_path)))
    assert empty.newest(LogQuery(), 3).num_rows == 0
    assert empty.store.read_labels().num_rows == 0
    down = PredictionLog(LogSettings(to="postgresql://me:secret-word@127.0.0.1:9/x", spool=str(tmp_path)))
    with pytest.raises(SeatrialError) as caught:
        down.newest(LogQuery(), 3)
    assert "secret-word" not in f"{caught.value.message} {caught.value.hint}"
    assert "127.0.0.1:9/x" in caught.value.message
