"""The log's answers against the wheel's: equal, or what differs, since when, and by which build."""

from typing import Any

import numpy as np
from tests.trial.logged_traffic import SCORING, logged_rows, sigmoid

from seatrial.trial.compare.answers_in_log import AnswersInLog, compare_logged
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

XS = np.linspace(-2, 2, 21)


def compared(now: Any, scoring: Scoring = SCORING, **changes: Any) -> Check:
    rows = logged_rows(XS, **changes)
    logged = AnswersInLog(rows.scores, rows.answers, rows.times, rows.requests, rows.wheels)
    (check,) = compare_logged(scoring, logged, now, "0.1.0", Policy())
    return check


def test_equal_answers_pass():
    check = compared(sigmoid(XS) + 1e-12)
    assert check.outcome is Outcome.passed
    assert "all 21 answers" in check.summary


def test_a_difference_waits_with_the_first_rows_and_since_when():
    now = sigmoid(XS)
    now[15:] = now[15:, ::-1]
    check = compared(now)
    assert check.outcome is Outcome.waiting
    assert "answered 6 of 21 rows differently" in check.summary
    assert "since 2026-11-01 00:15 UTC" in check.summary
    assert [each["request_id"] for each in check.evidence["requests"]] == ["r15", "r16", "r17", "r18", "r19"]


def test_differences_that_ended_have_an_end():
    now = sigmoid(XS)
    now[3] = now[5] = 0.5
    check = compared(now)
    assert "from 2026-11-01 00:03 to 2026-11-01 00:05 UTC, with 1 equal ones in that time" in check.summary


def test_another_build_of_the_version_is_named():
    now = sigmoid(XS)
    now[:4] = 0.5
    wheels = ["v"] * 4 + ["w"] * 17
    assert "all by another build of that version" in compared(now, wheels=wheels).summary
    assert "build" not in compared(now).summary.partition("first")[0]


def test_a_row_that_the_wheel_rejects_now_differs():
    now = sigmoid(XS)
    now[2] = np.nan
    check = compared(now)
    assert "its wheel rejects the row" in check.summary
    assert check.evidence["requests"][0]["now"] == [None, None]


def test_another_decision_with_equal_scores_differs():
    check = compared(sigmoid(XS), Scoring("binary", ("no", "yes"), 1, 0.7))
    assert "with equal scores" in check.summary


def test_without_rows_of_the_version_it_is_noted():
    logged = AnswersInLog(np.empty((0, 2)), [], [], [], [])
    (check,) = compare_logged(SCORING, logged, np.empty((0, 2)), "0.1.0", Policy())
    assert check.outcome is Outcome.noted
