"""Golden rows that a spoiled prediction made differ from what the recipe gives when it is trained again."""

from types import SimpleNamespace

import numpy as np
import pytest

from seatrial.model.features import Columns
from seatrial.model.schema import Column
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.golden_training import check_golden_trained
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import Recipes
from seatrial.trial.records import Outcome
from seatrial.trial.rows.answer_collection import GoldenRows

COLUMNS = (Column("x", "number", nullable=True, required=True),)
ROWS = tuple({"x": x} for x in (0.1, 0.5, None, 0.9))
SCORING = Scoring(task="regression", scale=1.0)


def trained(columns: Columns) -> np.ndarray:
    return np.nan_to_num(columns["x"], nan=-1.0)


@pytest.mark.parametrize(
    ("stored", "outcome"),
    [([0.1, 0.5, -1.0, 0.9], Outcome.passed), ([0.1, 0.5, 0.0, 0.9], Outcome.blocked)],
)
def test_golden_scores_are_those_of_the_recipe(stored: list[float], outcome: Outcome) -> None:
    recipes = Recipes(candidate=SimpleNamespace(score=trained))  # type: ignore[arg-type]
    golden = GoldenRows(ROWS, np.array(stored))
    (check,) = check_golden_trained(recipes, golden, COLUMNS, SCORING, Policy())  # type: ignore[call-arg]
    assert (check.name, check.suite, check.outcome) == ("golden.trained", "golden", outcome)


def test_without_the_recipe_there_is_nothing_to_compare() -> None:
    golden = GoldenRows(ROWS, np.zeros(4))
    assert check_golden_trained(Recipes(), golden, COLUMNS, SCORING, Policy()) == []  # type: ignore[call-arg]
