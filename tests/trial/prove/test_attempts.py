"""What a trial concludes from some checks."""

import numpy as np

from seatrial.trial.policy import Policy
from seatrial.trial.prove.attempts import diagnose, differing, failed_names
from seatrial.trial.records import Check, Outcome


def check(name: str, outcome: Outcome) -> Check:
    return Check(name, "golden", outcome, f"{name} says so")


def test_what_fails_without_a_fault_does_not_catch_it() -> None:
    bad, good = check("golden.scores", Outcome.blocked), check("invariants.order", Outcome.passed)
    assert diagnose([bad, good], Policy()).check == "golden.scores"
    assert not diagnose([bad, good], Policy(), failed_names([bad])).stopped
    assert not diagnose([], Policy()).stopped


def test_a_diagnosis_names_every_failed_check_and_the_cause() -> None:
    blocked, waiting = check("golden.scores", Outcome.blocked), check("rebuild.scores", Outcome.waiting)
    diagnosis = diagnose([waiting, blocked, check("cost.size", Outcome.passed)], Policy())
    assert (diagnosis.stopped, diagnosis.check) == (True, "golden.scores")
    assert diagnosis.failed == ("rebuild.scores", "golden.scores")
    assert "golden.scores says so" in diagnosis.cause
    passed = diagnose([check("cost.size", Outcome.passed)], Policy())
    assert (passed.stopped, passed.check, passed.cause, passed.failed) == (False, "", "", ())


def test_scores_are_compared_with_noise_and_missing_ones_apart() -> None:
    before = np.array([[0.1, 0.9], [np.nan, np.nan], [0.5, 0.5]])
    after = before + np.array([[1e-13, 0], [0, 0], [0.01, 0]])
    assert differing(before, after).tolist() == [False, False, True]
