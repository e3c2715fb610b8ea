"""Metrics with labels: quiet streams stay quiet, losses are found with their group and time, and delay is respected."""

import warnings
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tests.watch.labelled_streams import Drawn, counted, draw, every, known, look

from seatrial.watch.acceptances_due import AcceptedDifference, due_acceptances, in_group
from seatrial.watch.performance import known_rows, performance, performance_tallies
from seatrial.watch.watch_records import Finding


def names(findings: list[Finding], level: str = "alarm") -> set[str]:
    return {each.name for each in findings if each.level == level}


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_quiet_stream_with_weekdays_does_not_alarm(task: str) -> None:
    days = {day: draw(task, 200 + 100 * (day % 7 < 5), day) for day in range(28)}
    findings, series, notes = performance(counted(task, days), look(28))
    assert names(findings) == set()
    assert any(note.startswith("Labels of") for note in notes)
    measured = next(each for each in series if each.part == "measured")
    assert all(point.low < point.value < point.high for point in measured.points)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_relation_that_moved_alarms(task: str) -> None:
    days = {day: draw(task, 300, day, relation=1.0 if day < 20 else 0.2) for day in range(28)}
    findings, _, _ = performance(counted(task, days), look(28))
    found = names(findings)
    assert "measured.relation" in found
    assert {"measured.accuracy", "measured.rmse", "measured.roc_auc"} & found
    headline = next(each for each in findings if each.name.startswith("measured.") and each.since)
    assert headline.since
    assert 23 <= headline.since.day <= 26


def test_a_version_that_does_not_serve_any_more_raises_no_alarm() -> None:
    days = {day: draw("binary", 300, day, relation=0.2) for day in range(4)}
    tallies = counted("binary", days)
    assert "measured.relation" in names(performance(tallies, look(4))[0])
    later, _, _ = performance(tallies, look(12))
    assert names(later) == set()
    relation = next(each for each in later if each.name == "measured.relation")
    assert relation.summary.endswith("1 does not serve any more.")


@pytest.mark.filterwarnings("error")
def test_a_second_look_at_the_same_moment_may_spend_nothing() -> None:
    days = {day: draw("binary", 300, day, relation=0.2) for day in range(4)}
    findings, _, _ = performance(counted("binary", days), look(4, alpha=0.0))
    assert names(findings) == set()


def test_a_group_that_got_worse_is_named() -> None:
    days = {day: draw("binary", 400, day, wrong_for="f") for day in range(10)}
    findings, _, _ = performance(counted("binary", days), look(10))
    groups = [each for each in findings if each.name == "measured.group"]
    assert groups[0].subject == "sex = f"
    assert "Where `sex` = f, accuracy is" in groups[0].summary
    assert "sex = m" not in {each.subject for each in groups}


def test_rows_younger_than_the_label_delay_are_not_judged() -> None:
    days = {day: draw("binary", 300, day, relation=1.0 if day < 20 else -1.0) for day in range(28)}
    at_once, _, _ = performance(counted("binary", days), look(28))
    later, _, _ = performance(counted("binary", days), look(28, label_delay=timedelta(days=9)))
    assert "measured.accuracy" in names(at_once)
    assert names(later) == set()


def test_labels_that_depend_on_the_decision_are_said() -> None:
    def refused_have_none(_: int, drawn: Drawn) -> Any:
        g = np.random.default_rng(5)
        return g.random(len(drawn.x)) < np.where(drawn.scores[:, 1] >= 0.5, 0.9, 0.3)

    findings, _, _ = performance(
        counted("binary", {day: draw("binary", 300, day) for day in range(5)}, refused_have_none), look(5)
    )
    (selective,) = [each for each in findings if each.name == "measured.selective"]
    assert selective.level == "noted"
    assert "of the rows that were answered '0' have a label, and" in selective.summary


def test_labels_of_one_class_only_are_said_and_do_not_agree_with_anything() -> None:
    days = {day: draw("binary", 150, day) for day in range(22)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # they would be printed beside the result
        findings, _, notes = performance(counted("binary", days, lambda _, drawn: drawn.truth == 0), look(22))
    (absent,) = [each for each in findings if each.subject == "1"]
    assert (absent.name, absent.level) == ("measured.selective", "noted")
    assert "No label is 1, of 1," in absent.summary
    assert not any("agree with" in note for note in notes)


def test_few_labels_are_said_and_not_judged() -> None:
    days = {0: draw("binary", 300, 0)}
    findings, series, notes = performance(counted("binary", days, lambda _, drawn: np.arange(300) < 12), look(1))
    assert findings == []
    assert [each for each in series if each.part == "measured"] == []
    assert "Only 12 of the 300 rows of 1 have a label; 30 are needed." in notes


def test_unknown_labels_and_versions_count_for_nothing() -> None:
    import pyarrow as pa

    days = {0: draw("binary", 50, 0)}
    tallies = counted("binary", days)
    odd = pa.table({"request_id": ["0-1", "nobody"], "row": pa.array([0, 0], pa.int32()), "label": ['"maybe"', "1"]})
    odd_tallies = performance_tallies({"1": known("binary")}, odd)
    from tests.watch.labelled_streams import BEGIN, batch

    from seatrial.watch.tallies import slot_of

    for version in ("1", "9"):
        odd_tallies.measured.add(batch("binary", days[0], 0), version, np.full(50, slot_of(BEGIN)))
    assert odd_tallies.measured.tables["1"].by_slot("1")[1].sum() == 0
    assert odd_tallies.measured.shares["1"].by_slot("1")[1].sum() == 50
    assert tallies.measured.tables["1"].by_slot("1")[1].sum() == 50


def test_too_few_held_out_rows_are_said() -> None:
    tallies = performance_tallies({"1": known("binary", rows=12)}, _nothing())
    _, _, notes = performance(tallies, look(1))
    assert notes == ["1 has 12 held-out rows, too few to say what to expect of its metrics; 30 are needed."]


def _nothing() -> Any:
    from seatrial.prediction_log.labels import LABEL_SCHEMA

    return LABEL_SCHEMA.empty_table()


ACCEPTED = AcceptedDifference("1", "0", "total.slice", "sex = f", "differs", "Ada", "2026-01-02", "meant")


@pytest.mark.parametrize(
    ("wrong_for", "rows", "level", "words"),
    [
        ("", 400, "well", "so far nothing says that it was wrong: accuracy is"),
        ("f", 400, "alarm", "that was wrong: accuracy is"),
        ("f", 20, "noted", "whether that was right cannot be said yet:"),
    ],
)
def test_an_accepted_difference_comes_due(wrong_for: str, rows: int, level: str, words: str) -> None:
    days = {day: draw("binary", rows, day, wrong_for=wrong_for) for day in range(10)}
    tallies = counted("binary", days)
    tallies.measured.known["0"] = known("binary", seed=7)
    tallies.measured.rows["0"] = type(tallies.measured.rows["1"])()
    (found,) = due_acceptances([ACCEPTED], tallies.measured, look(10))
    assert (found.name, found.level, found.version) == ("due.acceptance", level, "1")
    assert "Ada accepted on 2026-01-02 that 1 differs where `sex` = f (total.slice)" in found.summary
    assert words in found.summary


def test_an_acceptance_without_an_earlier_release_is_unknown() -> None:
    tallies = counted("binary", {day: draw("binary", 400, day) for day in range(3)})
    (found,) = due_acceptances([ACCEPTED], tallies.measured, look(3))
    assert found.level == "unknown"
    assert "nothing of 0 to compare with" in found.summary


def test_groups_are_found_by_their_names() -> None:
    columns = {"age": np.array([1.0, 25.0, np.nan]), "sex": np.array(["f", "m", None], dtype=object)}

    def rows(name: str) -> list[bool] | None:
        found = in_group(name, columns)
        return None if found is None else found.tolist()

    assert rows("sex = f") == [True, False, False]
    assert rows("age: 20 to 30 and sex = m") == [False, True, False]
    assert rows("age is missing") == [False, False, True]
    assert rows("sex is missing") == [False, False, True]
    assert rows("age = 25") == [False, True, False]
    assert rows("roc_auc") is None
    assert rows("") is None
    assert rows("age: young") is None


def test_a_reference_without_scores_is_not_judged() -> None:
    from types import SimpleNamespace

    assert known_rows(SimpleNamespace(scores=None, rows=9)) is None  # type: ignore[arg-type]


def test_more_labelled_rows_than_are_kept_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.watch.measured_tally.MOST_ROWS", 500)
    tallies = counted("binary", {day: draw("binary", 300, day) for day in range(6)}, every)
    rows = tallies.measured.rows["1"]
    assert rows.rows <= 500
    assert rows.kept < 1
    assert tallies.measured.tables["1"].by_slot("1")[1].sum() == 1800
