"""Metrics equal scikit-learn's and a calculation by hand, and are left out where rows do not determine them."""

import json
import warnings
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk

from seatrial.core.errors import SeatrialError
from seatrial.core.files import to_json
from seatrial.model import bootstrap
from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array
from seatrial.train.evaluation import Evaluation, evaluate, permutation_importance

BINARY = DecisionRule("binary", (0, 1))


def probabilities(yes: list[float]) -> Array:
    return np.array([[1 - p, p] for p in yes])


def binary(y: list[int], yes: list[float], *, train: list[int] | None = None, **changes: Any) -> Evaluation:
    facts: dict[str, Any] = {
        "rule": BINARY,
        "y_true": np.array(y),
        "scores": probabilities(yes),
        "y_train": np.array(train or [0, 0, 0, 1, 1]),
        "seed": 7,
    }
    return evaluate(**{**facts, **changes})


def regression(y: list[float], predicted: list[float], train: list[float]) -> Evaluation:
    return evaluate(
        DecisionRule("regression"),
        y_true=np.array(y),
        scores=np.array(predicted),
        y_train=np.array(train),
        seed=7,
    )


def values(evaluation: Evaluation) -> dict[str, float]:
    return {metric.name: metric.value for metric in evaluation.metrics}


def baselines(evaluation: Evaluation) -> dict[str, float | None]:
    return {metric.name: metric.baseline for metric in evaluation.metrics}


def test_binary_metrics_equal_a_calculation_by_hand() -> None:
    result = values(binary([0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.8, 0.9]))
    assert result["accuracy"] == pytest.approx(3 / 5)
    assert result["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert result["roc_auc"] == pytest.approx(5 / 6)  # one of the six pairs is the wrong way round
    assert result["f1"] == pytest.approx(2 / 3)
    assert result["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.04 + 0.01) / 5)
    assert result["average_precision"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert result["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.4, 0.8, 0.9]).mean())


def test_regression_metrics_equal_a_calculation_by_hand() -> None:
    result = values(regression([1, 2, 3, 4], [1, 2, 3, 8], train=[2, 4]))
    assert result["mae"] == pytest.approx(1)
    assert result["rmse"] == pytest.approx(2)
    assert result["median_absolute_error"] == 0
    assert result["r2"] == pytest.approx(1 - 16 / 5)
    assert result["mape"] == pytest.approx(1 / 4)


def test_the_binary_baseline_is_the_majority_vote_with_the_training_shares() -> None:
    evaluation = binary([0, 1, 1, 1], [0.2, 0.6, 0.7, 0.8], train=[0, 0, 0, 1])
    result = baselines(evaluation)
    assert evaluation.trivial == 0
    assert result["accuracy"] == 0.25
    assert result["roc_auc"] == 0.5
    assert result["brier"] == pytest.approx((0.0625 + 3 * 0.5625) / 4)
    assert result["f1"] == 0


def test_the_baseline_does_not_depend_on_the_threshold() -> None:
    evaluation = binary([0, 1, 1, 1], [0.2, 0.6, 0.7, 0.8], train=[0, 0, 0, 1], rule=replace(BINARY, threshold=0.1))
    assert baselines(evaluation)["accuracy"] == 0.25


def test_the_regression_baseline_is_the_training_mean() -> None:
    evaluation = regression([10, 20], [11, 19], train=[0, 20])
    assert evaluation.trivial == 10
    assert baselines(evaluation)["mae"] == 5


def test_the_threshold_decides_and_a_tie_is_positive() -> None:
    evaluation = binary([0, 1, 1], [0.2, 0.3, 0.9], rule=replace(BINARY, threshold=0.3))
    assert evaluation.predicted.tolist() == [0, 1, 1]


def test_the_positive_label_may_come_first() -> None:
    evaluation = evaluate(
        DecisionRule("binary", ("no", "yes"), positive=0, threshold=0.7),
        y_true=np.array(["no", "yes", "no"], dtype=object),
        scores=np.array([[0.9, 0.1], [0.65, 0.35], [0.8, 0.2]]),
        y_train=np.array(["no", "yes"], dtype=object),
        seed=0,
    )
    assert evaluation.predicted.tolist() == ["no", "yes", "no"]
    assert values(evaluation)["roc_auc"] == 1
    assert values(evaluation)["f1"] == 1


def test_multiclass_metrics_equal_scikit_learns() -> None:
    generator = np.random.default_rng(3)
    y = generator.integers(0, 3, 60)
    scores = generator.dirichlet([1, 1, 1], 60)
    evaluation = evaluate(DecisionRule("multiclass", (0, 1, 2)), y_true=y, scores=scores, y_train=y, seed=1)
    result, answer = values(evaluation), scores.argmax(axis=1)
    assert result["accuracy"] == sk.accuracy_score(y, answer)
    assert result["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y, answer))
    assert result["macro_f1"] == pytest.approx(sk.f1_score(y, answer, average="macro"))
    assert result["roc_auc_ovr"] == pytest.approx(sk.roc_auc_score(y, scores, multi_class="ovr"))
    assert result["log_loss"] == pytest.approx(sk.log_loss(y, scores))


def test_the_interval_of_accuracy_is_close_to_the_normal_approximation() -> None:
    generator = np.random.default_rng(5)
    y = generator.integers(0, 2, 2_000)
    right = generator.random(2_000) < 0.8
    evaluation = binary(y.tolist(), np.where(right, y, 1 - y).astype(float).tolist())
    accuracy = evaluation.metric("accuracy")
    assert accuracy is not None
    assert accuracy.interval is not None
    half = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / 2_000)
    assert accuracy.interval == pytest.approx((accuracy.value - half, accuracy.value + half), abs=half / 5)


def test_the_interval_of_very_many_rows_is_rescaled_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    y = generator.integers(0, 2, 8_000)
    yes = np.clip(0.3 + 0.4 * y + generator.normal(0, 0.3, len(y)), 0.01, 0.99)
    whole = binary(y.tolist(), yes.tolist())
    monkeypatch.setattr(bootstrap, "MOST_ROWS", 1_000)
    part = binary(y.tolist(), yes.tolist())
    for metric, other in zip(whole.metrics, part.metrics, strict=True):
        assert metric.value == other.value
        assert metric.interval is not None
        assert other.interval is not None
        width = metric.interval[1] - metric.interval[0]
        assert other.interval[1] - other.interval[0] == pytest.approx(width, rel=0.35), metric.name
        assert other.interval[0] < metric.value < other.interval[1]


def test_metrics_that_rows_of_one_class_do_not_determine_are_left_out() -> None:
    result = values(binary([0] * 12, [0.1] * 11 + [0.7]))
    assert "roc_auc" not in result
    assert "average_precision" not in result
    assert result["accuracy"] == pytest.approx(11 / 12)
    assert binary([0] * 12, [0.1] * 12).headline == "accuracy"


def test_a_class_without_held_out_rows_is_allowed() -> None:
    scores = np.random.default_rng(0).dirichlet([1, 1, 1], 20)
    y = np.array([0, 2] * 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = evaluate(
            DecisionRule("multiclass", (0, 1, 2)),
            y_true=y,
            scores=scores,
            y_train=np.array([0, 1, 2]),
            seed=0,
        )
    expected = np.mean([sk.roc_auc_score(y == k, scores[:, k]) for k in (0, 2)])
    assert values(evaluation)["roc_auc_ovr"] == pytest.approx(expected)


@pytest.mark.parametrize("y", [0, 1])
def test_one_held_out_row_gives_metrics_without_intervals(y: int) -> None:
    evaluation = binary([y], [0.8])
    assert values(evaluation)["accuracy"] == y
    assert all(metric.interval is None for metric in evaluation.metrics)


def test_one_held_out_row_of_a_regression_has_no_r2() -> None:
    evaluation = regression([3.0], [4.0], train=[1.0, 2.0])
    assert "r2" not in values(evaluation)
    assert evaluation.headline == "rmse"
    assert values(evaluation)["mae"] == 1


def test_constant_predictions_have_an_auc_of_one_half() -> None:
    evaluation = binary([0, 1] * 20, [0.4] * 40)
    assert values(evaluation)["roc_auc"] == 0.5
    assert evaluation.metrics[0].interval is None  # no redraw moves it
    accuracy = evaluation.metric("accuracy")
    assert accuracy is not None
    assert accuracy.interval is not None


def test_a_model_without_errors_has_no_interval() -> None:
    accuracy = binary([0, 1] * 20, [0.1, 0.9] * 20).metric("accuracy")
    assert accuracy is not None
    assert (accuracy.value, accuracy.interval) == (1, None)


def test_percentages_are_left_out_where_values_reach_zero() -> None:
    assert "mape" not in values(regression([0.0, 1, 2], [0, 1, 2.5], train=[1.0]))
    assert "mape" not in values(regression([-1.0, 1, 2], [0, 1, 2.5], train=[1.0]))
    assert "mape" in values(regression([100.0, 110, 120], [100, 111, 125], train=[100.0]))


def test_the_same_rows_and_seed_give_the_same_bytes_and_strict_json() -> None:
    generator = np.random.default_rng(1)
    y, yes = generator.integers(0, 2, 50).tolist(), generator.random(50).tolist()
    first, second = (to_json([asdict(m) for m in binary(y, yes).metrics]) for _ in range(2))
    assert first == second
    kinds = {type(value) for metric in json.loads(first) for value in metric.values()}
    assert kinds <= {str, float, bool, type(None)}
    other = to_json([asdict(m) for m in binary(y, yes, seed=8).metrics])
    assert other != first


def test_the_terminal_shows_label_value_interval_and_baseline() -> None:
    rows = binary([0, 1] * 20, [0.2, 0.8] * 15 + [0.7, 0.4] * 5).terminal_rows()
    named = {row[0]: row for row in rows}
    assert named["accuracy"][1] == "0.750"
    assert named["accuracy"][3] == "0.500"
    low, high = named["accuracy"][2].split(" to ")
    assert 0.5 < float(low) < 0.75 < float(high) < 1


def test_scores_of_another_task_are_refused_with_what_was_expected() -> None:
    with pytest.raises(SeatrialError, match=r"predicts one number per row.*needs the probabilities of 2 classes"):
        binary([0, 1], [], scores=np.array([0.0, 1.0]))
    with pytest.raises(SeatrialError, match="predicts 2 numbers per row"):
        evaluate(
            DecisionRule("regression"),
            y_true=np.array([1.0, 2.0]),
            scores=probabilities([0.1, 0.2]),
            y_train=np.array([1.0]),
            seed=0,
        )


def test_predictions_that_are_not_finite_are_refused_by_number() -> None:
    with pytest.raises(SeatrialError, match="1 of 3 held-out rows are not finite"):
        regression([1, 2, 3], [1, np.inf, 3], train=[1, 2])


def _held_out(rows: int = 400) -> dict[str, Array]:
    generator = np.random.default_rng(2)
    return {
        "strong": generator.normal(size=rows),
        "weak": generator.normal(size=rows),
        "unused": generator.normal(size=rows),
    }


def _score(table: dict[str, Array]) -> Array:
    logit = 3 * table["strong"] + 0.5 * table["weak"]
    return np.column_stack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))])


def _evaluated(table: dict[str, Array]) -> Evaluation:
    y = (np.random.default_rng(9).random(len(table["strong"])) < _score(table)[:, 1]).astype(int)
    return binary(y.tolist(), _score(table)[:, 1].tolist())


def test_importance_orders_columns_and_is_exactly_zero_for_an_unused_one() -> None:
    table = _held_out()
    evaluation = _evaluated(table)
    result = {i.column: i for i in permutation_importance(evaluation, table, _score, seed=1)}
    assert result["strong"].mean > 0.2 > result["weak"].mean > 0
    assert result["strong"].spread > 0
    assert (result["unused"].mean, result["unused"].spread) == (0, 0)


def test_importance_is_positive_where_lower_is_better_too() -> None:
    table = _held_out()
    y = 3 * table["strong"]
    one_row = evaluate(DecisionRule("regression"), y_true=y[:1], scores=y[:1], y_train=y, seed=1)
    evaluation = replace(one_row, labels=y)  # with the headline of a single row, where lower is better
    assert evaluation.headline == "rmse"
    result = permutation_importance(evaluation, table, lambda part: 3 * part["strong"], seed=1)
    assert {i.column for i in result if i.mean > 1} == {"strong"}


def test_importance_uses_a_sample_of_many_rows() -> None:
    table = _held_out(30_000)
    evaluation = _evaluated(table)
    calls: list[int] = []

    def score(part: dict[str, Array]) -> Array:
        calls.append(len(part["strong"]))
        return _score(part)

    permutation_importance(evaluation, table, score, seed=1)
    assert max(calls) <= 40_000


def test_a_column_is_left_out_if_a_feature_function_fails_on_its_shuffled_values() -> None:
    table = _held_out()
    evaluation = _evaluated(table)
    weak = table["weak"].copy()

    def score(part: dict[str, Array]) -> Array:
        if not np.array_equal(part["weak"], np.tile(weak, len(part["weak"]) // len(weak))):
            raise SeatrialError("The feature function fails.")
        return _score(part)

    result = permutation_importance(evaluation, table, score, seed=1)
    assert [i.column for i in result] == ["strong", "unused"]


def test_the_importance_of_many_columns_takes_fewer_rows_and_ends_in_time() -> None:
    table = _held_out(5_000) | {f"more_{number}": np.zeros(5_000) for number in range(100)}
    evaluation = _evaluated(table)
    calls: list[int] = []

    def score(part: dict[str, Array]) -> Array:
        calls.append(len(part["strong"]))
        return _score(part)

    full = permutation_importance(evaluation, table, score, seed=1, seconds=600)
    assert len(full) == len(table)
    assert not any(one.hurried for one in full)
    assert max(calls) == 40_000
    calls.clear()
    quick = permutation_importance(evaluation, table, score, seed=1, seconds=0.2)
    assert max(calls[1:]) < 40_000
    assert len(quick) <= len(table)
    assert all(one.hurried for one in quick)
    lines: list[str] = []
    assert permutation_importance(evaluation, table, score, seed=1, seconds=0, progress=lines.append) == ()
    assert lines == [f"left out the importance of {len(table)} columns after 0 s"]


def test_importance_does_not_change_the_table() -> None:
    table = _held_out()
    before = {name: column.copy() for name, column in table.items()}
    evaluation = _evaluated(table)
    permutation_importance(evaluation, table, _score, seed=1)
    assert all(np.array_equal(before[name], table[name]) for name in table)
