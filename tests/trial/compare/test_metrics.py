"""Metrics compared with scikit-learn's, their intervals, and what blocks."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, roc_auc_score, root_mean_squared_error
from tests.trial.compare.formula_models import BINARY, NUMBER, SEVERAL, passengers, survival

from seatrial.trial.compare.metrics import (
    MOST_ROWS,
    WeightedMetric,
    compare_gain,
    compare_metrics,
    metrics_of,
    too_few_labels,
)
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

G = np.random.default_rng(4)
ROWS = passengers(2_000)
SCORES = survival(ROWS)
TRUTH = (G.random(2_000) < SCORES[:, 1]).astype(int)
POLICY = Policy()


def outcomes(checks):
    return {(c.name, c.subject): c.outcome for c in checks}


def test_rows_of_groups_say_less_than_as_many_rows():
    rows = np.repeat(np.arange(len(TRUTH) // 10), 10)
    own, of_groups = (
        metrics_of(BINARY, SCORES[rows], TRUTH[rows], None, groups)[0].resampled(0).std() for groups in (None, rows)
    )
    assert of_groups > 2 * own


def test_a_release_that_is_worse_where_rows_weigh_much_is_worse():
    rows = np.arange(len(TRUTH)) < len(TRUTH) // 4
    worse = np.where(rows[:, None], SCORES[:, ::-1], SCORES)
    heavy, light = (weights / weights.mean() for weights in (np.where(rows, 3.0, 1.0), np.where(rows, 1e-3, 1.0)))
    found = outcomes(compare_metrics(BINARY, SCORES, worse, TRUTH, POLICY, weights=heavy))
    assert found["metrics.worse", "accuracy"] is Outcome.blocked
    found = outcomes(compare_metrics(BINARY, SCORES, worse, TRUTH, POLICY, weights=light))
    assert found["metrics.worse", "accuracy"] is Outcome.passed


def test_metrics_equal_scikit_learns():
    found = {m.name: m.value for m in metrics_of(BINARY, SCORES, TRUTH)}
    assert found["roc_auc"] == pytest.approx(roc_auc_score(TRUTH, SCORES[:, 1]))
    assert found["accuracy"] == pytest.approx(accuracy_score(TRUTH, SCORES[:, 1] >= 0.5))
    assert found["log_loss"] == pytest.approx(log_loss(TRUTH, SCORES))
    y, guess = G.normal(size=300), G.normal(size=300)
    found = {m.name: m.value for m in metrics_of(NUMBER, guess, y)}
    assert found["rmse"] == pytest.approx(root_mean_squared_error(y, guess))
    assert found["mae"] == pytest.approx(mean_absolute_error(y, guess))
    p = G.dirichlet([1, 1, 1], 300)
    labels = G.integers(0, 3, 300)
    found = {m.name: m.value for m in metrics_of(SEVERAL, p, labels)}
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, p.argmax(axis=1)))


def test_auc_counts_ties_half_and_weighs_rows():
    scores, hits = np.round(G.random(500), 1), (G.random(500) < 0.4).astype(int)
    weights = G.integers(0, 4, (3, 500)).astype(float)
    area = metrics_of(BINARY, np.stack([1 - scores, scores], axis=1), hits)[0]
    for row, value in zip(weights, area.compute(slice(None), weights), strict=True):
        assert value == pytest.approx(roc_auc_score(hits, scores, sample_weight=row))


def test_the_spread_of_resamples_is_that_of_the_binomial():
    accuracy = next(m for m in metrics_of(BINARY, SCORES, TRUTH) if m.name == "accuracy")
    spread = accuracy.resampled(0).std()
    assert spread == pytest.approx(np.sqrt(accuracy.value * (1 - accuracy.value) / 2_000), rel=0.2)


def test_many_rows_are_measured_whole_and_resampled_thinned():
    scores = np.tile(SCORES, (20, 1))
    truth = np.tile(TRUTH, 20)
    area = metrics_of(BINARY, scores, truth)[0]
    assert area.value == pytest.approx(roc_auc_score(TRUTH, SCORES[:, 1]))
    drawn = []

    def compute(part, counts):
        drawn.append(counts.shape[1])
        return area.compute(part, counts)

    resampled = WeightedMetric(area.name, area.label, area.rows, compute).resampled(0)
    assert max(drawn) <= MOST_ROWS == 10_000
    assert resampled.mean() == pytest.approx(area.value, abs=0.02)


def test_the_same_scores_pass():
    assert set(outcomes(compare_metrics(BINARY, SCORES, SCORES, TRUTH, POLICY)).values()) == {Outcome.passed}


def test_a_candidate_that_is_surely_worse_is_blocked():
    worse = np.clip(SCORES + 0.3 * G.normal(size=(2_000, 1)) * [1, -1], 0.01, 0.99)
    found = outcomes(compare_metrics(BINARY, SCORES, worse, TRUTH, POLICY))
    assert found["metrics.worse", "roc_auc"] is Outcome.blocked
    assert found["metrics.trivial", ""] is Outcome.passed


def test_a_loss_that_retraining_alone_causes_passes():
    worse = np.clip(SCORES + 0.3 * G.normal(size=(2_000, 1)) * [1, -1], 0.01, 0.99)
    noise = {"roc_auc": 1.0, "accuracy": 1.0, "log_loss": 9.0}
    found = outcomes(compare_metrics(BINARY, SCORES, worse, TRUTH, POLICY, noise=noise))
    assert found["metrics.worse", "roc_auc"] is Outcome.passed


def test_a_loss_within_chance_passes():
    few = slice(0, 120)
    worse = np.clip(SCORES[few] + 0.05 * G.normal(size=(120, 1)) * [1, -1], 0.01, 0.99)
    found = outcomes(compare_metrics(BINARY, SCORES[few], worse, TRUTH[few], POLICY))
    assert set(found.values()) == {Outcome.passed}


def test_a_candidate_worse_than_a_constant_prediction_is_blocked():
    found = outcomes(compare_metrics(BINARY, SCORES, SCORES[:, ::-1], TRUTH, POLICY))
    assert found["metrics.trivial", ""] is Outcome.blocked


def test_too_few_labels_wait_and_none_are_inconclusive():
    few = slice(0, POLICY.min_rows - 1)
    (check,) = compare_metrics(BINARY, SCORES[few], SCORES[few], TRUTH[few], POLICY)
    assert check.outcome is Outcome.waiting
    assert "not whether the candidate predicts as well as before" in check.summary
    assert too_few_labels(0, POLICY).outcome is Outcome.inconclusive
    assert too_few_labels(5, Policy(inconclusive="note")).outcome is Outcome.noted


def test_a_loss_that_few_rows_cannot_show_is_said():
    def power(rows):
        checks = compare_metrics(BINARY, SCORES[:rows], SCORES[::-1][:rows], TRUTH[:rows], POLICY)
        return [check.summary for check in checks if check.name == "metrics.power"]

    (summary,) = power(60)
    assert summary.startswith("On 60 labelled rows, a loss of ")
    assert "cannot be determined; the margin is 0.01" in summary
    same = compare_metrics(BINARY, SCORES, SCORES, TRUTH, POLICY)
    assert "metrics.power" not in {check.name for check in same}


def test_a_gain_as_large_as_from_a_leak_waits_and_a_modest_one_passes():
    known = np.stack([1 - TRUTH, TRUTH], axis=1) * 0.9 + 0.05
    (check,) = compare_gain(BINARY, (SCORES, TRUTH), (known, TRUTH), POLICY)
    assert check.outcome is Outcome.waiting
    assert "suspicious" in check.summary
    (check,) = compare_gain(BINARY, (SCORES, TRUTH), (SCORES**1.05, TRUTH), POLICY)
    assert check.outcome is Outcome.passed


def test_a_perfect_score_on_few_rows_is_not_suspicious():
    good = np.stack([1 - TRUTH, TRUTH], axis=1) * 0.9 + 0.05
    nearly = good.copy()
    nearly[:2] = nearly[:2, ::-1]
    assert compare_gain(BINARY, (nearly[:40], TRUTH[:40]), (good[:40], TRUTH[:40]), POLICY)[0].outcome is Outcome.passed
