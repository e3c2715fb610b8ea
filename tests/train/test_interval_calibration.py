"""Prediction intervals and sets: their level holds for new rows, and what the rows cannot support is refused."""

import json

import numpy as np
import pytest
from tests.train.mapie_numbers import CLASSIFIERS, PATH, REGRESSIONS, classifier_rows, regression_rows

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array
from seatrial.model.intervals import LEVELS, PredictionIntervals
from seatrial.train.evaluation import Evaluation, evaluate
from seatrial.train.interval_calibration import FEWEST_ROWS, SLACK, calibrate, found_numbers

REGRESSION = DecisionRule("regression")
CLASSES = DecisionRule("multiclass", ("ant", "bee", "cow"))


def numbers(rows: int, seed: int) -> tuple[Array, Array]:
    """True values, and predictions with which their errors grow."""
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(10, 1_000, rows)
    return predicted + predicted * generator.normal(0, 0.1, rows), predicted


def classes(rows: int, seed: int) -> tuple[Array, Array]:
    """True positions, and probabilities that are too sure of themselves."""
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet(np.full(3, 0.5), rows)
    truth = np.array([generator.choice(3, p=0.7 * row + 0.1) for row in scores])
    return truth, scores


def evaluated(rule: DecisionRule, truth: Array, scores: Array) -> Evaluation:
    labels = truth if rule.task == "regression" else np.array(rule.classes)[truth]
    return evaluate(rule, y_true=labels, scores=scores, y_train=labels, seed=1)


def intervals(rule: DecisionRule, truth: Array, scores: Array) -> PredictionIntervals:
    return PredictionIntervals(rule.classes, found_numbers(rule, truth, scores))


def share(rule: DecisionRule, draw: object, rows: int, level: float, repetitions: int = 400) -> float:
    """The mean coverage of new rows, over releases with different held-out rows."""
    assert callable(draw)
    new = draw(2_000, 10_000)
    known = (intervals(rule, *draw(rows, seed)) for seed in range(repetitions))
    return float(np.mean([each.right(*new, level).mean() for each in known]))


@pytest.mark.parametrize(("rows", "level"), [(39, 0.95), (120, 0.8), (130, 0.5)])
def test_a_true_value_is_in_its_interval_as_often_as_the_level_says(rows: int, level: float) -> None:
    ends = 2 * np.floor((rows + 1) * (1 - level) / 2 + 1e-9) / (rows + 1)
    assert level - 0.01 < share(REGRESSION, numbers, rows, level) < 1 - ends + 0.05


@pytest.mark.parametrize(("rows", "level"), [(19, 0.95), (99, 0.99), (30, 0.5)])
def test_a_true_class_is_in_its_set_as_often_as_the_level_says(rows: int, level: float) -> None:
    assert share(CLASSES, classes, rows, level) > level - 0.01


def test_exactly_as_many_rows_are_outside_as_the_correction_allows() -> None:
    truth = np.arange(1.0, 100.0)  # 99 errors, of which 10 of 100 may be outside: 5 at each end
    (group,) = found_numbers(REGRESSION, truth, np.zeros(99))["levels"]["0.9"]["groups"]
    assert (group["low"], group["high"]) == pytest.approx((5, 95))
    scores = np.column_stack([truth / 100, 1 - truth / 100])
    levels = found_numbers(DecisionRule("binary", ("no", "yes")), np.zeros(99, int), scores)["levels"]
    assert [levels[name]["least"] for name in levels] == pytest.approx([0.5, 0.2, 0.1, 0.05, 0.01])


def test_levels_that_the_rows_cannot_support_are_refused_with_the_reason() -> None:
    few = found_numbers(CLASSES, *classes(98, 1))
    assert list(few["levels"]) == ["0.5", "0.8", "0.9", "0.95"]
    assert few["refused"] == {"0.99": "0.99 needs 99 held-out rows, and there were 98"}
    assert set(found_numbers(CLASSES, *classes(99, 1))["levels"]) == {f"{level:g}" for level in LEVELS}
    two_ends = found_numbers(REGRESSION, *numbers(198, 1))["refused"]
    assert two_ends == {"0.99": "0.99 needs 199 held-out rows, and there were 198"}
    none = found_numbers(REGRESSION, *numbers(FEWEST_ROWS - 1, 1))
    assert none["levels"] == {}
    assert len(none["refused"]) == len(LEVELS)


def test_intervals_are_wider_where_errors_are_larger() -> None:
    groups = found_numbers(REGRESSION, *numbers(2_000, 3))["levels"]["0.8"]["groups"]
    widths = [group["high"] - group["low"] for group in groups]
    assert len(widths) == 4
    assert widths == sorted(widths)
    assert widths[3] > 2 * widths[0]
    assert len(found_numbers(REGRESSION, *numbers(61, 3))["levels"]["0.8"]["groups"]) == 2
    assert len(found_numbers(REGRESSION, *numbers(60, 3))["levels"]["0.8"]["groups"]) == 1


def test_equal_predictions_have_one_group() -> None:
    truth, _ = numbers(400, 5)
    (group,) = found_numbers(REGRESSION, truth, np.full(400, 500.0))["levels"]["0.8"]["groups"]
    assert group["low"] < 0 < group["high"]


def test_values_at_the_end_stay_inside_when_a_prediction_is_rounded_differently() -> None:
    truth = np.arange(60) % 3 + 0.1
    predicted = np.full(60, 1 / 3)
    known = intervals(REGRESSION, truth, predicted)
    assert known.right(truth, predicted * (1 + 1e-13), 0.9).all()
    assert known.right(truth, predicted * (1 - 1e-13), 0.9).all()
    scores = np.tile([0.7, 0.2, 0.1], (60, 1))
    assert intervals(CLASSES, np.arange(60) % 3, scores).members(scores - 1e-13, 0.9).all()


def test_coverage_is_measured_on_rows_that_did_not_give_the_numbers() -> None:
    truth, scores = numbers(801, 7)
    columns = {"x": scores}
    found = calibrate(evaluated(REGRESSION, truth, scores), columns, seed=3)
    measured = found["coverage"]["0.9"]
    assert (found["rows"], measured["rows"]) == (801, 401)
    assert measured["low"] < measured["share"] < measured["high"]
    assert abs(measured["share"] - 0.9) < 0.06
    assert measured["size"] > 0
    # Where the numbers are learned from rows that give no errors, the others show it.
    first = np.argsort(row_order(columns, truth))[:400]
    fooled = np.array(scores)
    fooled[first] = truth[first]
    spoiled = calibrate(evaluated(REGRESSION, truth, fooled), columns, seed=3)
    assert spoiled["coverage"]["0.9"]["share"] < 0.1


def row_order(columns: dict[str, Array], truth: Array) -> Array:
    from seatrial.model.row_hash import row_hashes

    return row_hashes(columns, ["x"], truth, seed=4)


def test_the_halves_depend_on_the_rows_and_not_on_their_order() -> None:
    truth, scores = classes(300, 2)
    columns = {"x": scores[:, 0], "y": scores[:, 1]}
    mixed = np.random.default_rng(5).permutation(300)
    there = calibrate(evaluated(CLASSES, truth, scores), columns, seed=3)
    turned = {name: values[mixed] for name, values in columns.items()}
    assert calibrate(evaluated(CLASSES, truth[mixed], scores[mixed]), turned, seed=3) == there
    assert there["coverage"]["0.9"]["size"] > there["coverage"]["0.5"]["size"] >= 1


def test_intervals_are_those_of_another_implementation() -> None:
    others = json.loads(PATH.read_text("utf-8"))["intervals"]
    for rows, levels in REGRESSIONS.items():
        truth, predicted, new = regression_rows(rows)
        for level in levels:
            ends = intervals(REGRESSION, truth, predicted).ends(new, level / 100)
            slack = SLACK * float(np.abs(truth).max())
            assert ends == pytest.approx(np.array(others.pop(f"{rows} {level}")), abs=2 * slack)
    assert not others


def test_sets_are_those_of_another_implementation_except_that_none_is_empty() -> None:
    others = json.loads(PATH.read_text("utf-8"))["sets"]
    empty = 0
    for rows, levels in CLASSIFIERS.items():
        truth, scores, new = classifier_rows(rows)
        for level in levels:
            sets, other = (
                intervals(CLASSES, truth, scores).members(new, level / 100),
                np.array(others.pop(f"{rows} {level}")),
            )
            alone = other.sum(axis=1) == 0
            other[alone, new[alone].argmax(axis=1)] = 1
            empty += int(alone.sum())
            assert (sets == other).all()
    assert not others
    assert empty > 0
