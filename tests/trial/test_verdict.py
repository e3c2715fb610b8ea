"""One outcome from all checks, and the sentence that names the cause."""

import pytest

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.verdict import RANKS, judge

GOOD = Check("golden.scores", "golden", Outcome.passed, "all equal")
POLICY = Policy()


def failing(name, summary, outcome=Outcome.blocked, severity=1.0, **more):
    return Check(name, "total", outcome, summary, severity=severity, **more)


def test_all_good_checks_pass():
    assert judge([GOOD, GOOD], POLICY) == (Outcome.passed, "Passed: all 2 checks passed.")


def test_no_check_is_inconclusive_and_notes_do_not_count():
    assert judge([], POLICY)[0] is Outcome.inconclusive
    assert judge([failing("a", "x", Outcome.noted)], POLICY)[0] is Outcome.inconclusive
    assert judge([failing("a", "x", Outcome.accepted)], POLICY)[0] is Outcome.inconclusive


@pytest.mark.parametrize(
    ("others", "outcome"),
    [
        ([Outcome.noted], Outcome.passed),
        ([Outcome.accepted], Outcome.passed),
        ([Outcome.waiting], Outcome.waiting),
        ([Outcome.waiting, Outcome.inconclusive], Outcome.inconclusive),
        ([Outcome.waiting, Outcome.inconclusive, Outcome.blocked], Outcome.blocked),
    ],
)
def test_the_worst_outcome_decides(others, outcome):
    assert judge([GOOD, *(failing("total.x", "y", o) for o in others)], POLICY)[0] is outcome


def test_a_policy_may_ignore_inconclusive_checks():
    checks = [GOOD, failing("reproduce.baseline", "no data", Outcome.inconclusive)]
    assert judge(checks, POLICY)[0] is Outcome.inconclusive
    assert judge(checks, Policy(inconclusive="note"))[0] is Outcome.passed


def test_the_cause_is_the_check_that_explains_best_and_the_rest_is_counted():
    checks = [
        failing("total.flips", "labels flipped", severity=99.0),
        failing("total.sensitivity", "the candidate ignores `sex` (0.21 before, 0.00 now)"),
        GOOD,
    ]
    _, cause = judge(checks, POLICY)
    assert cause == "Blocked: the candidate ignores `sex` (0.21 before, 0.00 now). And 1 more check failed."


def test_the_cause_of_a_blocked_trial_is_one_that_blocked():
    checks = [failing("golden.scores", "wait for me", Outcome.waiting), failing("total.flips", "labels flipped")]
    assert judge(checks, POLICY)[1].startswith("Blocked: labels flipped")


def test_among_equal_ranks_severity_and_then_strength_decide():
    near, far = failing("total.slices", "near", severity=2.0), failing("total.slices", "far", severity=5.0)
    assert "far" in judge([near, far], POLICY)[1]
    inf = float("inf")
    vague = failing("golden.scores", "vague", severity=inf, evidence={"strength": 0.2})
    sharp = failing("reproduce.candidate", "sharp", severity=inf, evidence={"strength": 0.9})
    assert "sharp" in judge([vague, sharp], POLICY)[1]


def test_ranks_end_with_consequences_of_other_failures():
    assert (
        RANKS.index("golden.")
        < RANKS.index("data.rewritten")
        < RANKS.index("total.sensitivity")
        < RANKS.index("total.")
    )
