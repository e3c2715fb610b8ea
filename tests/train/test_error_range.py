"""The range of a regression's errors: its share holds for new rows, and it is wider where errors are larger."""

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array
from seatrial.train.error_range import FEWEST_ROWS, error_range
from seatrial.train.evaluation import Evaluation, evaluate


def evaluated(truth: Array, predicted: Array) -> Evaluation:
    return evaluate(DecisionRule("regression"), y_true=truth, scores=predicted, y_train=truth, seed=1)


def drawn(rows: int, seed: int) -> tuple[Array, Array]:
    """Predictions, and true values whose errors grow with them."""
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(10, 1_000, rows)
    return predicted + predicted * generator.normal(0, 0.1, rows), predicted


def test_the_range_holds_the_share_of_new_rows_in_each_group() -> None:
    found = error_range(evaluated(*drawn(2_000, 3)))
    truth, predicted = drawn(20_000, 4)
    groups = found["groups"]
    place = np.searchsorted([group["above"] for group in groups[1:]], predicted, side="right")
    for number, group in enumerate(groups):
        new, old = truth[place == number], predicted[place == number]
        assert abs(np.mean((new >= old + group["low"]) & (new <= old + group["high"])) - 0.8) < 0.05
    widths = [group["high"] - group["low"] for group in groups]
    assert len(widths) == 4
    assert widths == sorted(widths)
    assert widths[3] > 2 * widths[0]
    assert (found["share"], found["rows"], groups[0]["above"]) == (0.8, 2_000, None)


def test_few_rows_have_one_group_and_too_few_have_none() -> None:
    assert len(error_range(evaluated(*drawn(2 * FEWEST_ROWS - 1, 3)))["groups"]) == 1
    assert error_range(evaluated(*drawn(FEWEST_ROWS - 1, 3))) == {}


def test_equal_predictions_have_one_group() -> None:
    truth, _ = drawn(400, 5)
    (group,) = error_range(evaluated(truth, np.full(400, 500.0)))["groups"]
    assert group["low"] < 0 < group["high"]
