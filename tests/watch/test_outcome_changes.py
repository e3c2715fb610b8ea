"""Outcomes that change although answers do not are found by ranges of scores, with their hour; other rows are nothing."""

from typing import Any

import numpy as np
import pytest
from tests.watch.labelled_streams import Drawn, counted, draw, known, look

from seatrial.watch.expectation import expectation
from seatrial.watch.outcome_changes import RANGES, changed_outcomes, outcome_ranges
from seatrial.watch.performance import PerformanceTallies, performance
from seatrial.watch.score_cells import score_cells
from seatrial.watch.watch_records import Finding

ALPHA = 5e-5
DAYS, CHANGED = 34, 30


def with_noise(drawn: Drawn, share: float, seed: int) -> Drawn:
    """The same with another label in a share of the rows."""
    g = np.random.default_rng(seed)
    classes = drawn.scores.shape[1]
    wrong = g.random(len(drawn.truth)) < share
    other = (drawn.truth + 1 + g.integers(0, classes - 1, len(drawn.truth))) % classes
    return Drawn(drawn.x, drawn.sex, drawn.scores, np.where(wrong, other, drawn.truth))


def days_of(task: str, noise: float = 0.0, **later: float) -> dict[int, Drawn]:
    days = {day: draw(task, 700, day, **(later if day >= CHANGED else {})) for day in range(DAYS)}
    return {day: with_noise(each, noise, day) if noise and day >= CHANGED else each for day, each in days.items()}


def changed(tallies: PerformanceTallies) -> list[Finding]:
    return changed_outcomes(tallies.measured.tables["1"], "1", tallies.known["1"], look(DAYS), ALPHA)


@pytest.mark.parametrize(
    ("task", "words"),
    [("binary", "where the probability of 1 is "), ("multiclass", "of the answers should be right, ")],
)
def test_wrong_labels_are_found_in_a_twelfth_of_the_rows(task: str, words: str) -> None:
    (found,) = changed(counted(task, days_of(task, noise=0.08)))
    assert (found.name, found.level, found.subject) == ("measured.relation", "alarm", "")
    assert words in found.summary
    assert "Labels are wrong, or the relation between inputs and outcomes moved." in found.summary
    assert found.since
    assert (found.since.month, found.since.day) in ((2, 3), (2, 4))  # 30 days after 5 January


def test_errors_that_grow_are_found() -> None:
    (found,) = changed(counted("regression", days_of("regression", relation=0.7)))
    assert found.level == "alarm"
    assert "of the errors are among the larger ones" in found.summary


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_other_rows_with_the_same_relation_are_nothing(task: str) -> None:
    assert changed(counted(task, days_of(task, shift=0.25))) == []


def test_labels_that_agree_more_than_before_are_noted_only() -> None:
    days = {day: with_noise(draw("binary", 700, day), 0.1 if day < CHANGED else 0.0, day) for day in range(DAYS)}
    assert [each.level for each in changed(counted("binary", days))] == ["noted"]


def test_a_slow_change_is_found_by_the_first_weeks_and_is_one_finding() -> None:
    days = {day: draw("binary", 500, day, relation=1.0 - 0.35 * max(day - 30, 0) / 60) for day in range(90)}
    rows = known("binary", rows=150)  # held-out rows too few to say anything
    findings, _, notes = performance(counted("binary", days, rows=rows), look(90))
    (relation,) = [each for each in findings if each.name == "measured.relation"]
    assert relation.level == "alarm"
    assert "outcomes of such answers before" in relation.summary
    assert any("The estimates of 1 cannot be believed" in note for note in notes)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_ranges_have_about_as_many_held_out_rows(task: str) -> None:
    rows: Any = known(task)
    cells = score_cells(rows)
    table = cells.counts(rows.scores, rows.truth)
    ranges = outcome_ranges(expectation(cells, table))
    counts = ranges.counted(table.reshape(1, -1))[0]
    assert counts.shape == (RANGES, 4 if task == "regression" else 2)
    assert counts.sum() == rows.rows
    assert counts.sum(axis=1).min() > rows.rows / 2 / RANGES
