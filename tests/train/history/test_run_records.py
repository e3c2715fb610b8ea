"""Runs are read from their folders, and found by the beginnings of their ids."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.train.history.past import two_runs

from seatrial.core.errors import SeatrialError
from seatrial.train.history.run_records import RUN_FILE, differing, find_run, read_runs


def test_runs_are_listed_the_newest_first_with_what_differs(tmp_path: Path) -> None:
    project, one, other = two_runs(tmp_path)
    os.utime(one.folder / RUN_FILE, (1_000_000_000, 1_000_000_000))
    runs = read_runs(project.runs)
    assert [run.id for run in runs] == [other.id, one.id]
    assert differing(runs)[0]["logisticregression__C"] == "1e-06"
    assert differing(runs)[1]["logisticregression__C"] == "1.0"
    assert "logisticregression__max_iter" not in differing(runs)[0]
    assert runs[0].commit == ""
    assert runs[1].when.year == 2001


def test_a_run_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    project, one, other = two_runs(tmp_path)
    (one.folder / RUN_FILE).write_text("{")
    assert [run.id for run in read_runs(project.runs)] == [other.id]


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    _, one, other = two_runs(tmp_path)
    runs = [replace(one, id="abcd1"), replace(other, id="abcd2")]
    assert find_run(runs, "abcd2") is runs[1]
    with pytest.raises(SeatrialError, match="2 runs begin with abcd") as raised:
        find_run(runs, "abcd")
    assert "abcd1, abcd2" in raised.value.hint
    with pytest.raises(SeatrialError, match="There is no run abc") as raised:
        find_run(runs, "abc")
    assert "abcd" in raised.value.hint
    with pytest.raises(SeatrialError, match="no run yet"):
        find_run([], "abcd")
