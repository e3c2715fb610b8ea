"""Row weights reach the estimator that learns, and count in every metric."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.train.projects import PIPELINE, compiles, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.model.decision import DecisionRule
from seatrial.train.baselines import fit_simple_models
from seatrial.train.evaluation import evaluate, permutation_importance
from seatrial.train.figures.calibration import reliability
from seatrial.train.row_weights import fit_parameters, normalized
from seatrial.train.run import train

LEARNER = LogisticRegression()


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


@pytest.mark.parametrize(
    ("pipeline", "argument"),
    [
        (LEARNER, "sample_weight"),
        (scaled(LEARNER), "logisticregression__sample_weight"),
        (scaled(scaled(LEARNER)), "pipeline__logisticregression__sample_weight"),
        (GridSearchCV(scaled(LEARNER), {}), "logisticregression__sample_weight"),
        (scaled(GridSearchCV(LEARNER, {"C": [1]})), "gridsearchcv__sample_weight"),
        (scaled(CalibratedClassifierCV(LEARNER)), "calibratedclassifiercv__sample_weight"),
        (TransformedTargetRegressor(scaled(LinearRegression())), "linearregression__sample_weight"),
        (VotingClassifier([("a", LEARNER), ("b", RandomForestClassifier(5))], voting="soft"), "sample_weight"),
    ],
)
def test_weights_reach_the_estimator_that_learns(pipeline: Any, argument: str) -> None:
    """A row with the weight 0 might as well be absent; with `StandardScaler`, from the learner's view only."""
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(60, 2)), np.tile([0, 1], 30)
    weights = np.where(labels == 1, 20.0, 1.0)
    parameters = fit_parameters(pipeline, weights)
    assert list(parameters) == [argument]
    weighed = pipeline.fit(rows, labels, **parameters).predict(rows).mean()
    assert weighed > pipeline.fit(rows, labels).predict(rows).mean() + 0.2


def test_an_estimator_without_weights_is_named() -> None:
    with pytest.raises(SeatrialError, match="KNeighborsClassifier takes no weights"):
        fit_parameters(scaled(KNeighborsClassifier()), np.ones(3))
    assert fit_parameters(scaled(KNeighborsClassifier()), None) == {}


def test_weights_that_are_1_on_average_stay_as_they_are_to_the_last_bit() -> None:
    once = normalized(np.array([0.1, 0.7, 0.7, 2.3]))
    assert normalized(once) is once


def test_a_part_in_which_every_weight_is_zero_is_an_error() -> None:
    assert normalized(np.array([1.0, 3.0])).tolist() == [0.5, 1.5]
    with pytest.raises(SeatrialError, match="0 in every row of one part"):
        normalized(np.zeros(3))


def test_metrics_are_those_of_scikit_learn_with_weights() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 300)
    probability = np.clip(truth * 0.3 + generator.random(300) * 0.7, 0.01, 0.99).round(2)
    weights = normalized(generator.exponential(size=300))
    scores = np.stack([1 - probability, probability], axis=1)
    evaluation = evaluate(
        DecisionRule("binary", (0, 1), 1, 0.5),
        y_true=truth, scores=scores, y_train=truth, seed=0, weights=weights, train_weights=weights,
    )  # fmt: skip
    predicted = probability >= 0.5
    found = {metric.name: metric.value for metric in evaluation.metrics}
    expected = {
        "roc_auc": roc_auc_score(truth, probability, sample_weight=weights),
        "accuracy": accuracy_score(truth, predicted, sample_weight=weights),
        "balanced_accuracy": balanced_accuracy_score(truth, predicted, sample_weight=weights),
        "average_precision": average_precision_score(truth, probability, sample_weight=weights),
        "f1": f1_score(truth, predicted, sample_weight=weights),
        "log_loss": log_loss(truth, probability, sample_weight=weights),
        "brier": brier_score_loss(truth, probability, sample_weight=weights),
    }
    assert found == pytest.approx(expected, rel=1e-9)
    accuracy = evaluation.metric("accuracy")
    assert accuracy is not None
    assert accuracy.baseline == pytest.approx(max(np.average(truth == k, weights=weights) for k in (0, 1)))


def test_weights_that_repeat_rows_are_the_same_as_repeated_rows() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=200), generator.normal(size=200)
    times = generator.integers(1, 4, 200)

    def measured(repeats: Any, weights: Any) -> dict[str, float | None]:
        frame, target = pd.DataFrame({"x": np.repeat(x, repeats)}), np.repeat(y + x, repeats)
        scores = target * 0.5
        made = evaluate(
            DecisionRule("regression", (), 0, 0.5),
            y_true=target, scores=scores, y_train=target, seed=0, weights=weights, train_weights=weights,
        )  # fmt: skip
        simple = fit_simple_models(made.rule, made.labels, frame, target, weights)
        made = made.beside(simple.column, simple.single(frame), simple.linear(frame))
        return {f"{m.name} {n}": getattr(m, n) for m in made.metrics for n in ("value", "baseline", "linear")}

    # The linear model scales its inputs by rows, not by weights, and shrinks its coefficient a little.
    assert measured(1, times.astype(float)) == pytest.approx(measured(times, None), rel=1e-4)


def test_calibration_counts_rows_by_their_weight() -> None:
    probabilities, occurred = np.array([0.55, 0.55, 0.55, 0.95]), np.array([True, False, False, True])
    (middle, _), weighed = reliability(probabilities, occurred), np.array([8.0, 1.0, 1.0, 0.0])
    (only,) = reliability(probabilities, occurred, weighed)
    assert (middle.observed, only.observed, only.rows) == (pytest.approx(1 / 3), 0.8, 3)


def test_importance_is_measured_on_weighed_rows() -> None:
    """Only the first half of the rows is predicted by `a`, the other half by `b`; the weights leave one half."""
    generator = np.random.default_rng(3)
    rows = {name: generator.normal(size=400) for name in ("a", "b")}
    first = np.arange(400) < 200
    truth = np.where(first, rows["a"], rows["b"]) > 0
    side = {**rows, "first": first.astype(float)}

    def score(table: Any) -> Any:
        p = np.where(np.where(table["first"] > 0, table["a"], table["b"]) > 0, 0.9, 0.1)
        return np.stack([1 - p, p], axis=1)

    found = {}
    for half, weights in (("a", first * 1.0), ("b", ~first * 1.0)):
        evaluation = evaluate(
            DecisionRule("binary", (0, 1), 1, 0.5),
            y_true=truth.astype(int), scores=score(side), y_train=truth.astype(int), seed=0,
            weights=normalized(weights),
        )  # fmt: skip
        found[half] = {one.column: one.mean for one in permutation_importance(evaluation, side, score, seed=1)}
    assert min(found["a"]["a"], found["b"]["b"]) > 0.2
    assert (found["a"]["b"], found["b"]["a"]) == pytest.approx((0, 0), abs=1e-12)


def test_a_training_with_weights_differs_and_says_so(tmp_path: Path) -> None:
    rows = table(two).splitlines()
    lines = [f"{rows[0]},w", *(f"{line},{5 if ',red,' in line else 1}" for line in rows[1:])]
    data = "\n".join(lines) + "\n"
    plain = train(write_project(tmp_path / "plain", data), compiles)
    weighed = train(write_project(tmp_path / "weighed", data, settings='weight = "w"'), compiles)
    assert weighed.metadata.split["weight"] == "w"
    assert weighed.evaluation.metrics[0].value != plain.evaluation.metrics[0].value
    artifacts = tmp_path / "weighed" / "src" / "little_model" / "artifacts"
    assert "rows count by `w`" in (artifacts / "card.md").read_text()
    header, first = (artifacts / "reference.csv").read_text().splitlines()[:2]
    assert header == "size,colour,note,y,_weight"
    assert float(first.rpartition(",")[2]) > 0


def test_training_with_a_pipeline_that_takes_no_weights_is_an_error(tmp_path: Path) -> None:
    neighbours = PIPELINE.replace("linear_model import LogisticRegression", "neighbors import KNeighborsClassifier")
    neighbours = neighbours.replace("LogisticRegression()", "KNeighborsClassifier(5)")
    rows = table(two).splitlines()
    data = "\n".join([f"{rows[0]},w", *(f"{line},1" for line in rows[1:])]) + "\n"
    project = write_project(tmp_path, data, settings='weight = "w"', pipeline=neighbours)
    with pytest.raises(SeatrialError, match="takes no weights"):
        train(project, compiles)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (FixedThresholdClassifier(LogisticRegression()), "passes no weights on to its model"),
        (OneVsRestClassifier(LogisticRegression()), "passes no weights on to its model"),
        (
            CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression())),
            "passes no weights on to a pipeline",
        ),
    ],
)
def test_what_would_lose_the_weights_is_refused(model: Any, words: str) -> None:
    assert fit_parameters(model, None) == {}
    with pytest.raises(SeatrialError, match=words):
        fit_parameters(model, np.ones(3))
