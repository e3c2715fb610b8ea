"""Windows of the log, and which columns can be replayed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.prediction_log.made_up_log import write
from tests.trial.logged_traffic import COLUMNS, START, logged_table

from seatrial.core.errors import SeatrialError
from seatrial.model.schema import Column
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.steps.traffic import open_rows, parse_window, traffic_of
from seatrial.trial.policy import Policy

NOW = datetime(2026, 11, 8, tzinfo=UTC)


def test_windows_are_lengths_or_spans():
    assert parse_window("7d", now=NOW).since == START
    window = parse_window("2026-11-01..2026-11-03", now=NOW)
    assert (window.since, window.until) == (START, START + timedelta(days=2))
    assert str(window) == "since 2026-11-01 00:00 until 2026-11-03 00:00 (UTC)"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "7", "2026-11-01..", "..2026-11-01", "2026-11-03..2026-11-01", "-3d"]
)
def test_what_is_not_a_window_is_refused_with_examples(text: str):
    with pytest.raises(SeatrialError) as error:
        parse_window(text, now=NOW)
    assert "Examples: 7d" in error.value.hint


def test_without_a_window_there_is_no_traffic_and_without_a_project_no_log():
    assert traffic_of(None, Policy(), "") is None
    with pytest.raises(SeatrialError, match="no project"):
        traffic_of(None, Policy(traffic="7d"), "")


def opened(root: Path, wanted: Any, **settings: Any) -> Any:
    write(root, logged_table([1.0], ["f"]).drop_columns(["version"]))
    kept = LogSettings(to=str(root), **settings)
    return open_rows(PredictionLog(kept, "tiny-model"), kept, LogQuery("tiny-model"), wanted, ("no", "yes"))


@pytest.mark.parametrize(
    ("columns", "settings", "words"),
    [
        (COLUMNS, {"hashed": ["sex"]}, "only a hash of `sex`"),
        (COLUMNS, {"columns": ["x"]}, "leaves out `sex`"),
        ((*COLUMNS, Column("deck", "text", False, True)), {}, "No row of the log has `deck`"),
    ],
)
def test_columns_that_cannot_be_asked_again_are_named(tmp_path: Path, columns: Any, settings: Any, words: str):
    assert words in opened(tmp_path, columns, **settings)


def test_a_column_that_came_later_has_its_default(tmp_path: Path):
    _, notes = opened(tmp_path, (*COLUMNS, Column("deck", "text", True, False, "none")))
    assert notes == ["`deck` is in no logged row, and has its default there"]


def test_an_empty_log_says_so(tmp_path: Path):
    kept = LogSettings(to=str(tmp_path / "none"))
    found = open_rows(PredictionLog(kept, "tiny-model"), kept, LogQuery("tiny-model", since=START), COLUMNS, ())
    assert found == "The log has no rows since 2026-11-01 00:00 (UTC)."
