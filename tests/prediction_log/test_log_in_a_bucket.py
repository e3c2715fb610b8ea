"""The log in a real S3 server: reading, labels and forgetting, as in a folder."""

from pathlib import Path

import pytest
from tests.prediction_log.log_lines import line, make_spool, write_segment
from tests.prediction_log.test_spooled_rows import deliver, ids
from tests.s3_server import Store

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import parse_conditions
from seatrial.prediction_log.forgetting import Forgotten, forget
from seatrial.prediction_log.labels import GivenLabel, add_labels, newest_labels
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog


def test_read_label_and_forget(store: Store, tmp_path: Path) -> None:
    spool = make_spool(tmp_path / "spool")
    log = PredictionLog(LogSettings(to=store.url("shop"), spool=str(spool)))
    assert ids(log) == []
    first = write_segment(spool, 1, [line(1), line(2, [(9.5, 3, "Ann")])])
    write_segment(spool, 2, [line(3, [(1.0, 1, "Ann")])])
    deliver(log, first)
    assert ids(log) == [("r1", False), ("r2", False), ("r3", True)]
    assert log.newest(LogQuery(), 1)["request_id"].to_pylist() == ["r3"]
    assert ids(log, "size > 5") == [("r2", False)]
    assert add_labels(log, LogQuery(), [GivenLabel("a", "r1", "no"), GivenLabel("b", "r2", "yes")], "x").new == 2
    query = LogQuery(conditions=parse_conditions(["kind = Ann"]))
    assert forget(log, query, dry_run=True) == Forgotten(predictions=2, labels=1, spooled=1)
    forget(log, query)
    assert ids(log) == [("r1", False)]
    assert newest_labels(log.store.read_labels())["label"].to_pylist() == ['"no"']
    assert [name.split("/")[1] for name in store.names("shop")] == ["labels", "predictions"]


def test_a_bucket_that_cannot_be_reached_shows_no_secret(store: Store, tmp_path: Path) -> None:
    log = PredictionLog(LogSettings(to=store.url("shop", port=9), spool=str(tmp_path)))
    with pytest.raises(SeatrialError) as caught:
        log.newest(LogQuery(), 1)
    assert "secret-word" not in f"{caught.value.message}{caught.value.hint}"
    assert "s3://logs/shop" in caught.value.message
