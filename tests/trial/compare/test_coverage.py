"""The candidate's intervals and sets: as often right as they say, and named where they are not."""

import numpy as np
import pytest
from tests.trial.compare.formula_models import BINARY, NUMBER, passengers, survival

from seatrial.model.features import Array
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata, Task
from seatrial.train.interval_calibration import found_numbers
from seatrial.trial.compare.coverage import check_coverage
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.records import Check, Outcome

ALPHA = 0.01


def drawn(scoring: Scoring, rows: int, seed: int) -> tuple[Array, Array]:
    """Scores and what is true."""
    generator = np.random.default_rng(seed)
    if scoring.classifies:
        scores = survival(passengers(rows, seed))
        return scores, (generator.random(rows) < scores[:, 1]).astype(int)
    scores = generator.normal(0, 5, rows)
    return scores, scores + generator.normal(0, 1, rows)


def released(scoring: Scoring, numbers: dict[str, object]) -> Metadata:
    task: Task = scoring.task
    return Metadata("m", task, "y", "onnx", Inputs((), ()), {}, {}, classes=scoring.classes, intervals=numbers)


def checked(scoring: Scoring, calibration: tuple[Array, Array], new: tuple[Array, Array]) -> list[Check]:
    metadata = released(scoring, found_numbers(scoring, calibration[1], calibration[0]))
    return check_coverage(metadata, scoring, *new, alpha=ALPHA, fewest=30)


@pytest.mark.parametrize("scoring", [BINARY, NUMBER])
def test_rows_that_gave_the_numbers_are_always_covered(scoring: Scoring) -> None:
    for seed in range(50):
        known = drawn(scoring, 60 + seed, seed)
        (check,) = checked(scoring, known, known)
        assert (check.name, check.outcome) == ("metrics.coverage", Outcome.passed)
        assert check.new >= 0.9


@pytest.mark.parametrize("scoring", [BINARY, NUMBER])
def test_new_rows_like_them_fail_as_rarely_as_the_budget_says(scoring: Scoring) -> None:
    trials = 400
    results = [checked(scoring, drawn(scoring, 101, s), drawn(scoring, 90, s + trials))[0] for s in range(trials)]
    failed = sum(check.outcome is Outcome.waiting for check in results)
    assert failed <= 3 * ALPHA * trials  # 4 are expected; 13 or more have a probability of 0.0003


def test_numbers_of_errors_in_training_are_found_too_small() -> None:
    scores, truth = drawn(NUMBER, 300, 1)
    fitted = scores, scores + (truth - scores) / 3  # as a model that has learned its rows by heart
    (check,) = checked(NUMBER, fitted, (scores, truth))
    assert check.outcome is Outcome.waiting
    assert check.summary.startswith("the candidate's intervals are wrong too often: the true value is in ")
    sure = np.where(survival(passengers(300, 2)) > 0.5, 0.99, 0.01)
    (check,) = checked(BINARY, (sure, sure.argmax(axis=1)), (sure, drawn(BINARY, 300, 2)[1]))
    assert (check.outcome, check.limit) == (Outcome.waiting, 0.9)
    assert "sets of 90%" in check.summary


def test_without_numbers_or_rows_there_is_nothing_to_check() -> None:
    scores, truth = drawn(NUMBER, 300, 1)
    assert check_coverage(released(NUMBER, {}), NUMBER, scores, truth, alpha=ALPHA, fewest=30) == []
    assert checked(NUMBER, (scores, truth), (scores[:29], truth[:29])) == []
