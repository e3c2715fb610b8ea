"""Each metric equals scikit-learn's own, on the rows themselves and on any resample of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.train.metrics import LabelledScores, measures_of


def binary_auc(truth: Any, scores: Any) -> float:
    return float(sk.roc_auc_score(truth, scores)) if 0 < truth.sum() < len(truth) else np.nan


def auc_ovr(rows: LabelledScores) -> float:
    areas = [binary_auc(*rows.one_against_the_rest(k)) for k in range(rows.classes)]
    return float(np.nanmean(areas)) if not np.isnan(areas).all() else np.nan


def average_precision(rows: LabelledScores) -> float:
    truth, scores = rows.of_positive
    return float(sk.average_precision_score(truth, scores)) if truth.any() else np.nan


def balanced_accuracy(rows: LabelledScores) -> float:
    # As balanced_accuracy_score defines it, which warns about classes that do not occur.
    present = np.unique(rows.truth)
    return float(sk.recall_score(rows.truth, rows.predicted, labels=present, average="macro", zero_division=0))


def f1(rows: LabelledScores) -> float:
    return float(sk.f1_score(rows.truth == rows.positive, rows.predicted == rows.positive, zero_division=0))


def log_loss(rows: LabelledScores) -> float:
    return float(sk.log_loss(rows.truth, rows.scores, labels=np.arange(rows.classes)))


SCIKIT_LEARN: dict[str, Callable[[LabelledScores], float]] = {
    "roc_auc": lambda rows: binary_auc(*rows.of_positive),
    "roc_auc_ovr": auc_ovr,
    "average_precision": average_precision,
    "accuracy": lambda rows: sk.accuracy_score(rows.truth, rows.predicted),
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "macro_f1": lambda rows: sk.f1_score(rows.truth, rows.predicted, average="macro", zero_division=0),
    "log_loss": log_loss,
    "brier": lambda rows: sk.brier_score_loss(*rows.of_positive, labels=[False, True]),
    "r2": lambda rows: sk.r2_score(rows.truth, rows.scores) if np.ptp(rows.truth) > 0 else np.nan,
    "rmse": lambda rows: sk.root_mean_squared_error(rows.truth, rows.scores),
    "mae": lambda rows: sk.mean_absolute_error(rows.truth, rows.scores),
    "median_absolute_error": lambda rows: sk.median_absolute_error(rows.truth, rows.scores),
    "mape": lambda rows: sk.mean_absolute_percentage_error(rows.truth, rows.scores),
}


@st.composite
def scored_rows(draw: st.DrawFn) -> tuple[str, LabelledScores]:
    task = draw(st.sampled_from(["binary", "multiclass", "regression"]))
    rows = draw(st.integers(2, 30))
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    if task == "regression":
        truth = generator.normal(5, 2, rows).round(1)
        predicted = (truth + generator.normal(0, 1, rows)).round(1)
        return task, LabelledScores(truth, predicted, predicted)
    classes = 2 if task == "binary" else 4
    truth = generator.integers(0, classes, rows)
    scores = generator.integers(1, 6, (rows, classes)).astype(float)  # few values, so that there are ties
    scores /= scores.sum(axis=1, keepdims=True)
    return task, LabelledScores(truth, scores, scores.argmax(axis=1), classes)


@given(scored_rows(), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_a_resample_has_the_value_that_scikit_learn_gives_its_rows(case: tuple[Any, LabelledScores], seed: int) -> None:
    task, rows = case
    size = len(rows.truth)
    counts = np.bincount(np.random.default_rng(seed).integers(0, size, size), minlength=size).astype(float)[None]
    resample = rows.take(np.repeat(np.arange(size), counts[0].astype(int)))
    for measure in measures_of(task, rows.truth):
        expected = SCIKIT_LEARN[measure.name](resample)
        (value,) = measure.resampled(rows, counts)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), measure.name
        assert measure.of(resample) == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), measure.name


def test_the_most_informative_metric_comes_first() -> None:
    truth = np.array([1.0, 2.0])
    assert [measures_of(task, truth)[0].name for task in ("binary", "multiclass", "regression")] == [
        "roc_auc",
        "accuracy",
        "r2",
    ]


def test_probabilities_that_do_not_quite_sum_to_one_have_a_log_loss() -> None:
    rows = LabelledScores(np.array([0, 1]), np.array([[0.5, 0.5], [0.2, 0.2]]), np.array([0, 1]), 2)
    (measure,) = (m for m in measures_of("binary", rows.truth) if m.name == "log_loss")
    assert measure.of(rows) == pytest.approx(np.log(2))
