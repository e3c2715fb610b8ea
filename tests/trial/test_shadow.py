"""What a shadow's counts decide."""

import numpy as np
import pytest
from tests.trial.logged_traffic import SCORING, sigmoid

from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.shadow import ShadowCounts, ShadowLimits, ShadowState, decide, moved, worsened

LIMITS = ShadowLimits(change=0.05, margin=0.01, alpha=0.01)


def counts(turned: int, rows: int, *, lost: int = 0) -> ShadowCounts:
    values = np.zeros(rows)
    values[:turned] = 1.0
    values[turned : turned + lost] = np.nan
    return ShadowCounts().with_rows(values)


def told(*worse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate(worse), np.abs(np.concatenate(worse))


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (counts(2, 1_000), ShadowState.promote),
        (counts(150, 1_000), ShadowState.take_back),
        (counts(45, 1_000), ShadowState.undecided),
        (counts(0, 1_000, lost=150), ShadowState.take_back),
        (ShadowCounts(), ShadowState.undecided),
    ],
)
def test_turned_decisions_decide(found: ShadowCounts, state: ShadowState):
    assert decide(found, LIMITS).state is state


def test_more_than_a_person_accepts_is_not_promoted_although_retrains_turn_as_much():
    between = ShadowLimits(change=0.05, margin=0.01, alpha=0.01, most=0.2)
    decision = decide(counts(100, 1_000), between)
    assert decision.state is ShadowState.undecided
    assert "only labels can decide" in decision.why
    assert decide(counts(300, 1_000), between).state is ShadowState.take_back
    assert decide(counts(2, 1_000), between).state is ShadowState.promote


def test_numbers_are_said_to_move_and_not_to_turn():
    numbers = ShadowLimits(change=0.05, margin=0.01, alpha=0.01, classifies=False)
    why = decide(counts(150, 1_000), numbers).why
    assert why.startswith("The answers change too much: answers to 1,000 rows move by 15.00% of their spread")


def test_labels_count_for_more_than_turned_decisions():
    better = counts(150, 1_000).with_labels(*told(-np.ones(100), np.ones(10), np.zeros(300)))
    assert decide(better, LIMITS).state is ShadowState.promote
    worse = counts(2, 1_000).with_labels(*told(np.ones(100), -np.ones(10), np.zeros(300)))
    assert decide(worse, LIMITS).state is ShadowState.take_back
    assert "worse by +21.95%" in decide(worse, LIMITS).why


def test_labels_of_rows_that_do_not_turn_say_nothing_of_those_that_do():
    limits = ShadowLimits(change=0.05, margin=0.01, alpha=0.01, most=0.2)
    refused_before = counts(150, 1_000).with_labels(*told(np.zeros(2_000)))  # only accepted loans have an outcome
    decision = decide(refused_before, limits)
    assert decision.state is ShadowState.undecided
    assert "labels cannot decide" in decision.why
    assert decide(counts(20, 1_000).with_labels(*told(np.zeros(2_000))), limits).state is ShadowState.promote


def test_a_candidate_that_leaves_rows_unanswered_is_not_promoted_by_labels():
    found = counts(0, 100, lost=3).with_labels(*told(-np.ones(400)))
    assert decide(found, LIMITS).state is ShadowState.undecided


def test_an_open_decision_says_how_many_rows_are_needed():
    decision = decide(counts(1, 60), LIMITS)
    assert decision.more_rows
    enough = round(61 * (1 + decision.more_rows / 60)), 60 + decision.more_rows
    assert decide(counts(round(enough[1] / 60), enough[1] + 60), LIMITS).state is ShadowState.promote
    assert "unknown" in decide(ShadowCounts(), LIMITS).why


def test_moves_and_losses_of_classes_and_numbers():
    new = sigmoid([-3.0, 3.0, np.nan])
    assert moved(SCORING, np.array([0, 0, 0]), new)[:2].tolist() == [0, 1]
    assert np.isnan(moved(SCORING, np.array([0, 0, 0]), new)[2])
    assert worsened(SCORING, np.array([0, 0, 0]), new, ["no", "no", "no"]).tolist() == [0, 1, 1]
    numbers = Scoring("regression", scale=10.0)
    assert moved(numbers, np.array([1.0, 1.0]), np.array([2.0, 99.0])).tolist() == [0.1, 1.0]
    assert worsened(numbers, np.array([1.0]), np.array([2.0]), [2.0]).tolist() == [-0.1]
