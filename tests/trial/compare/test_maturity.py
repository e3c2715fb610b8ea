"""Labels that are not final: too young by the policy, or as if the outcome was not known yet."""

from datetime import date, timedelta

import numpy as np
import pytest

from seatrial.trial.compare.maturity import after_maturity, check_declared, check_maturity, mature_rows
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, PolicyError
from seatrial.trial.verdict import judge

OLD, NEW = 800, 200
ROWS = np.arange(OLD, OLD + NEW)
DATED = TimeOrder("seen", np.arange(OLD), np.arange(NEW))


def table(seed: int = 0, unknown: int = 0) -> Table:
    """Three of ten outcomes are "paid"; of the newest `unknown` rows, none is known yet."""
    labels = np.where(np.random.default_rng(seed).random(OLD + NEW) < 0.3, "paid", "open").astype(object)
    labels[OLD + NEW - unknown :] = "open"
    dates = np.array([date(2020, 1, 1) + timedelta(days=k) for k in range(OLD + NEW)], dtype=object)
    return Table({"seen": dates}, labels, "state")


def before() -> Table:
    """The old rows, of which all outcomes are known."""
    new = table(seed=99)
    return Table({"seen": new.columns["seen"][:OLD]}, new.target[:OLD], "state")


def test_rows_younger_than_the_policy_says_are_not_mature() -> None:
    policy = Policy(labels_mature_after=49.5)
    new = table()
    old = Table({"seen": new.columns["seen"][:OLD]}, new.target[:OLD], "state")
    mature = mature_rows(old, new, ROWS, policy)
    assert mature.sum() == 145  # of the newest day, half a per cent of the rows does not decide
    assert mature_rows(old, new, ROWS, Policy()).all()
    undated = Table({"x": np.zeros(OLD + NEW)}, new.target, "state")
    with pytest.raises(PolicyError, match="needs a column of dates"):
        mature_rows(undated, undated, ROWS, policy)
    (check,) = check_maturity(before(), table(), ROWS, DATED, mature, policy)
    assert check.outcome is Outcome.noted
    assert "55 of the 200 new rows are younger than 49.5 days" in check.summary


def test_newest_rows_without_a_label_of_the_others_wait() -> None:
    everything = np.ones(NEW, dtype=bool)
    (check,) = check_maturity(before(), table(unknown=110), ROWS, DATED, everything, Policy())
    assert check.outcome is Outcome.waiting
    assert "`state` = paid in 0.0% of the 100 newest rows" in check.summary
    assert not check_maturity(before(), table(unknown=110), ROWS, None, everything, Policy())


def test_a_label_that_was_as_rare_in_an_earlier_window_is_known() -> None:
    old = before()
    old.target[300:400] = "open"
    assert not check_maturity(old, table(unknown=110), ROWS, DATED, np.ones(NEW, dtype=bool), Policy())


@pytest.mark.parametrize("seed", range(20))
def test_known_labels_are_no_alarm(seed: int) -> None:
    assert not check_maturity(before(), table(seed), ROWS, DATED, np.ones(NEW, dtype=bool), Policy())


def test_what_labels_that_became_known_may_explain_waits_and_the_rest_stays_blocked() -> None:
    checks = [
        Check("data.matured", "data", Outcome.noted, "200 labels became known"),
        Check("total.slices", "total", Outcome.blocked, "a group changed"),
        Check("golden.scores", "golden", Outcome.blocked, "it differs"),
    ]
    outcomes = [check.outcome for check in after_maturity(checks)]
    assert outcomes == [Outcome.noted, Outcome.waiting, Outcome.blocked]
    assert "labels became known" in after_maturity(checks)[1].summary
    assert after_maturity(checks[1:]) == checks[1:]


PASSED = Check("golden.scores", "golden", Outcome.passed, "equal")


def declared(policy: Policy, held_out: np.ndarray) -> list[Check]:
    new = table()
    old = Table({"seen": new.columns["seen"][:OLD]}, new.target[:OLD], "state")
    return check_declared(old, new, ROWS, ({"seen": new.columns["seen"][held_out]}, new.target[held_out]), policy)


def test_the_share_of_labels_declared_not_final_is_in_the_first_line_if_it_is_large_or_raised() -> None:
    mixed = np.arange(0, OLD, 5)
    (few,) = declared(Policy(labels_mature_after=20), mixed)
    assert (few.new, few.outcome) == (0.125, Outcome.noted)
    assert judge([PASSED, few], Policy())[1] == "Passed: all 1 checks passed."
    relaxed = Check(
        "gate.policy",
        "gate",
        Outcome.accepted,
        "policy relaxed",
        evidence={"changes": {"labels_mature_after": [0, 20]}},
    )
    assert (
        "2% of the labels are declared not final (labels_mature_after), 12% of those of the 200 new rows"
        in (judge([PASSED, few, relaxed], Policy())[1])
    )
    (many,) = declared(Policy(labels_mature_after=150), mixed)
    assert (
        "16% of the labels are declared not final (labels_mature_after), 78% of those of the 200 new rows"
        in (judge([PASSED, many], Policy())[1])
    )
    assert declared(Policy(), mixed) == []


def test_a_hold_out_without_final_labels_is_refused() -> None:
    open_and_paid = Policy(pending=["open", "paid"])
    shown, refused = declared(open_and_paid, np.arange(0, OLD, 5))
    assert "100% of the labels are declared not final (pending)" in shown.summary
    assert refused.outcome is Outcome.blocked
    assert "none of the 160 held-out rows has a final label by the policy" in refused.summary
    is_open = table().target == "open"
    mostly_open = np.concatenate([np.flatnonzero(is_open)[:100], np.flatnonzero(~is_open)[:8]])
    (_, noted) = declared(Policy(pending=["open"]), mostly_open)
    assert noted.outcome is Outcome.noted  # of an age that is not known, many of them are final
    (_, waits) = declared(Policy(labels_mature_after=150), np.arange(830, 1_000, 2))
    assert waits.outcome is Outcome.waiting
    assert "only 8 of the 85 held-out rows have a final label by the policy, fewer than min_rows (30)" in waits.summary
