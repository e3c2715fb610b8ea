"""The suite `gate`: rows that were given, golden rows that were cut, checks that were removed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.trial.samples import COMPLETE, verdict_of

from seatrial.core.files import sha256
from seatrial.trial.first_line import remarks
from seatrial.trial.gate_checks import check_given, check_golden_count, check_kind, check_policy, missing_checks
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.rows.answer_collection import GoldenRows

POLICY = Policy()  # type: ignore[call-arg]


def golden(count: int, missing: str = "") -> GoldenRows:
    rows = [{"x": 1.0, "y": None if missing else 2.0} for _ in range(count)]
    return GoldenRows(tuple(rows), np.zeros(count))


@pytest.mark.parametrize(
    ("given", "labelled", "outcome"),
    [(400, True, Outcome.waiting), (50, True, Outcome.noted), (400, False, Outcome.noted)],
)
def test_rows_that_were_given_are_shown_and_may_not_outnumber_the_standard_ones(
    tmp_path: Path, given: int, labelled: bool, outcome: Outcome
) -> None:
    data = tmp_path / "good.csv"
    data.write_text("x,y\n1,1\n")
    (check,) = check_given(data, {"given": given, "reference": 300}, labelled=labelled)
    assert check.outcome is outcome
    assert check.summary.startswith(f"further rows: good.csv, {given} rows, sha256 {sha256(data)[:12]}")
    assert check_given(None, {}, labelled=True) == []


def test_golden_rows_that_were_cut_down_wait() -> None:
    (few,) = check_golden_count(golden(1), None, POLICY)
    assert few.outcome is Outcome.waiting
    assert few.summary == "the release carries 1 golden rows, and the policy asks for 16"
    (halved,) = check_golden_count(golden(20), golden(64), POLICY)
    assert (halved.old, halved.new) == (64.0, 20.0)
    (tame,) = check_golden_count(golden(64), golden(64, missing="y"), POLICY)
    assert "columns missing in golden rows" in tame.summary
    assert check_golden_count(golden(64, missing="y"), golden(64), POLICY) == []


def test_a_first_policy_is_compared_with_the_defaults_and_an_unknown_one_is_noted() -> None:
    (first,) = check_policy({}, POLICY.model_copy(update={"margin": 0.5}), "")
    assert (first.outcome, first.summary) == (Outcome.noted, "policy looser than the default: margin 0.01 -> 0.5")
    (unknown,) = check_policy(None, POLICY, "0.1.0")
    assert unknown.outcome is Outcome.noted
    assert "the policy of 0.1.0 is unknown" in unknown.summary
    (same,) = check_policy({"margin": 0.5}, POLICY, "0.1.0")
    assert same.outcome is Outcome.passed
    (kind,) = check_kind(POLICY.model_copy(update={"kind": "redesign"}), {}, "0.1.0")
    assert kind.summary == "declared as a redesign, 0.1.0 was a retrain"


@pytest.mark.parametrize("name", [check.name for check in COMPLETE])
def test_a_removed_check_is_missed(name: str) -> None:
    verdict = verdict_of(tuple(check for check in COMPLETE if check.name != name))
    assert missing_checks(verdict_of(COMPLETE)) == []
    (missing,) = missing_checks(verdict)
    assert name.startswith(missing)


def test_the_first_line_names_what_did_not_run_and_who_accepted() -> None:
    open_check = Check("total.noise", "total", Outcome.inconclusive, "unknown", evidence={"not_run": True})
    accepted = {"accepted": {"by": "Ada", "until": "2027-03-31", "summary": "worse"}}
    given = Check("metrics.worse", "total", Outcome.accepted, "worse. Accepted", evidence=accepted)
    shown = remarks([given, replace(given, subject="auc"), open_check])
    assert shown == ["Accepted by Ada until 2027-03-31: 2 checks.", "Not run: total.noise."]
    assert remarks(COMPLETE) == []


def test_the_first_line_names_a_break_that_the_version_announces() -> None:
    broken = [Check("contract.break", "contract", Outcome.noted, "was", subject=name) for name in "abcde"]
    assert remarks(broken) == ["The version announces a break of the contract: a, b, c, d and 1 more."]
    waiting = [replace(check, outcome=Outcome.waiting) for check in broken]
    assert remarks(waiting) == []
