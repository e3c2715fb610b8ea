"""The suite "traffic": decisions that turn on logged rows, against replicas and against labels."""

from typing import Any

import numpy as np
import pytest
from tests.trial.logged_traffic import SCORING, logged_rows, sigmoid

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.replay import Replay
from seatrial.trial.rows.logged_rows import LoggedRows
from seatrial.trial.traffic_checks import check_traffic, traffic_pictures

XS = np.random.default_rng(0).normal(size=600)
QUIET = [
    sigmoid(XS, 1 + 0.02 * np.random.default_rng(k).normal(), 0.02 * np.random.default_rng(k).normal())
    for k in range(8)
]


def replayed(new: Any, *, replicas: list[Any] = QUIET, rows: LoggedRows | None = None, old: Any = None) -> Replay:
    rows = rows or logged_rows(XS)
    old = sigmoid(XS) if old is None else old
    return Replay(rows, old, new, np.isnan(new[:, 0]), np.arange(len(XS)), [*replicas])


def checks(found: Replay, policy: Policy | None = None, missing: str = "") -> dict[str, Check]:
    return {check.id: check for check in check_traffic(found, SCORING, "0.1.0", policy or Policy(), missing)}


def failed(found: dict[str, Check]) -> set[str]:
    good = (Outcome.passed, Outcome.noted)
    return {name.partition("[")[0] for name, check in found.items() if check.outcome not in good}


def test_a_harmless_retrain_passes():
    found = checks(replayed(sigmoid(XS, 1.02, 0.01)))
    assert failed(found) == set()
    assert {"traffic.rows", "traffic.logged", "traffic.flips", "traffic.slices", "traffic.turned"} <= set(found)


def test_decisions_that_turn_more_than_retraining_turns_them_block_with_the_group():
    new = sigmoid(XS)
    women = np.arange(len(XS)) % 2 == 0
    new[women] = sigmoid(XS[women], 1.0, 1.0)
    found = checks(replayed(new))
    assert {"traffic.flips", "traffic.slices"} <= failed(found)
    turned = found["traffic.turned"]
    assert "from no to yes" in turned.summary
    assert "sex = f" in {group["name"] for group in turned.evidence["groups"]}
    assert turned.new == pytest.approx(np.mean((new[:, 1] >= 0.5) != (XS >= 0)))
    blocked = next(check for check in found.values() if check.name == "traffic.slices")
    assert blocked.outcome is Outcome.blocked
    assert blocked.suite == "traffic"


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_labels_say_whether_it_is_for_the_better(shift: float):
    truth = ["yes" if x + 1.0 > 0 else "no" for x in XS]
    found = checks(replayed(sigmoid(XS, 1.0, shift), rows=logged_rows(XS, truth)))
    worse = {"traffic.right", "traffic.worse"} & failed(found)
    assert worse == ({"traffic.right", "traffic.worse"} if shift < 0 else set())
    assert "McNemar" in found["traffic.right"].summary


def test_too_few_labels_are_said():
    rows = logged_rows(XS, ["yes"] * 5 + [None] * 595)
    assert checks(replayed(sigmoid(XS), rows=rows))["traffic.labels"].summary.startswith("5 of the replayed rows")


def test_rows_that_the_candidate_does_not_answer_block():
    new = sigmoid(XS)
    new[:7] = np.nan
    found = checks(replayed(new))
    assert found["traffic.answered"].outcome is Outcome.blocked
    assert "its schema rejects 7" in found["traffic.answered"].summary
    without = checks(replayed(new, replicas=[]), missing="No recipe.")
    assert without["traffic.answered"].outcome is Outcome.blocked


def test_without_replicas_it_is_inconclusive():
    found = checks(replayed(sigmoid(XS), replicas=[]), missing="No sdist.")
    assert found["traffic.noise"].outcome is Outcome.inconclusive
    assert "No sdist." in found["traffic.noise"].summary
    noted = checks(replayed(sigmoid(XS), replicas=[]), Policy(inconclusive="note"))
    assert noted["traffic.noise"].outcome is Outcome.noted


@pytest.mark.parametrize(("missing", "words"), [("", "no rows of production"), ("It is hashed.", "It is hashed.")])
def test_without_rows_it_is_inconclusive(missing: str, words: str):
    rows = LoggedRows({}, missing=missing)
    found = checks(Replay(rows, np.empty(0), np.empty(0), np.empty(0, bool), np.empty(0, int)))
    assert found["traffic.rows"].outcome is Outcome.inconclusive
    assert words in found["traffic.rows"].summary


def test_what_another_version_answered_is_not_compared_with_the_baseline():
    rows = logged_rows(XS, versions=np.array(["0.0.9"] * len(XS), dtype=object))
    found = checks(replayed(sigmoid(XS), rows=rows, old=sigmoid(XS, 0.9)))
    assert found["traffic.logged"].outcome is Outcome.noted


def test_the_page_shows_the_answers_of_groups():
    pairs = traffic_pictures(replayed(sigmoid(XS, 1.0, 0.5)), SCORING, Policy())
    assert {"sex = f", "sex = m"} <= {pair["name"] for pair in pairs}
    assert all(pair["new"] >= pair["old"] for pair in pairs)
