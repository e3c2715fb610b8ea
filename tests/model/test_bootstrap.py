"""Resamples and intervals; the metrics on resamples are compared with scikit-learn in tests/train/test_metrics.py."""

import numpy as np
import pytest

from seatrial.model import bootstrap


def test_each_resample_has_as_many_rows_as_the_table() -> None:
    counts = np.concatenate(list(bootstrap.drawn_counts(40, seed=1)))
    assert counts.shape == (bootstrap.RESAMPLES, 40)
    assert (counts.sum(axis=1) == 40).all()
    assert counts.mean() == 1
    assert counts.std() == pytest.approx(1, abs=0.05)  # nearly Poisson


def test_the_seed_decides_and_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    first, same, other = (next(bootstrap.drawn_counts(30, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    monkeypatch.setattr(bootstrap, "WORK", 3_000)
    monkeypatch.setattr(bootstrap, "CHUNK", 1_000)
    assert [len(part) for part in bootstrap.drawn_counts(100, seed=1)] == [10, 10, 10]
    assert sum(len(part) for part in bootstrap.drawn_counts(100, seed=1, resamples=15)) == 15


def test_the_interval_is_the_middle_of_the_resampled_values() -> None:
    values = np.arange(1001.0)
    assert bootstrap.interval(values, 500.0) == (25.0, 975.0)
    assert bootstrap.interval(values, 500.0, scale=0.1) == pytest.approx((452.5, 547.5))


def test_there_is_no_interval_where_resamples_are_undefined_or_equal() -> None:
    assert bootstrap.interval(np.array([np.nan] * 6 + [1.0, 2.0, 3.0, 4.0]), 2.0) is None
    assert bootstrap.interval(np.array([np.nan] * 4 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 3.0) is not None
    assert bootstrap.interval(np.full(100, 0.9), 0.9) is None


def test_the_area_under_the_curve_counts_ties_half_and_needs_both_classes() -> None:
    scores = np.array([0.1, 0.4, 0.4, 0.8])
    ones = np.ones((1, 4))
    assert bootstrap.roc_auc(np.array([0, 0, 1, 1]), scores, ones).tolist() == [0.875]
    assert np.isnan(bootstrap.roc_auc(np.array([1, 1, 1, 1]), scores, ones)).all()
    weights = np.array([[1.0, 2.0, 1.0, 0.0]])  # the tied negative twice, the best positive not at all
    assert bootstrap.roc_auc(np.array([0, 0, 1, 1]), scores, weights).tolist() == pytest.approx([2 / 3])


def test_many_classes_have_fewer_resamples() -> None:
    assert [bootstrap.resamples_for(classes) for classes in (0, 2, 20, 40, 200)] == [1000, 1000, 1000, 500, 200]
