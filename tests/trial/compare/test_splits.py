"""Splits into old and new rows, and the limits that follow from them."""

import numpy as np
import pytest

from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.splits import (
    MOST_NEW,
    drift_limits,
    limits_of,
    random_splits,
    sampled,
    window_splits,
)

G = np.random.default_rng(0)
A, B = ("a", "", ""), ("b", "", "")


def test_the_first_split_is_the_actual_one_and_each_has_distinct_rows():
    splits = random_splits(50, 10, splits=30)
    assert splits.drawn[0].tolist() == list(range(50, 60))
    assert all(len(set(rows)) == 10 for rows in splits.drawn.tolist())
    assert (splits.old, splits.new) == (50, 10)


def test_counts_and_sums_of_both_sides_add_up():
    codes, values = G.integers(0, 3, 60), G.normal(size=60)
    splits = random_splits(50, 10, splits=20)
    old, new = splits.both(codes, 3)
    assert (old + new == np.bincount(codes, minlength=3)).all()
    assert new[0].tolist() == np.bincount(codes[50:], minlength=3).tolist()
    before, after = splits.sums(values, codes, 3)
    assert np.allclose(before + after, np.bincount(codes, values, 3))
    assert after[0].sum() == pytest.approx(values[50:].sum())
    labels = Grouping("y", ("a", "b"), G.integers(0, 2, 60))
    old, new = splits.crossed(Grouping("x", tuple("abc"), codes), labels)
    assert old.shape == new.shape == (21, 3, 2)
    assert (new.sum(axis=2) == splits.both(codes, 3)[1]).all()


def test_windows_are_compared_with_the_rows_right_before_them():
    splits = window_splits(100, 10)
    assert splits is not None
    assert splits.drawn[0].tolist() == list(range(100, 110))
    assert splits.before is not None
    assert splits.before[0].tolist() == list(range(80, 100))
    assert splits.drawn[1][-1] == 99
    assert splits.before.min() >= 0
    old, new = splits.both(np.arange(110) // 10, 11)
    assert new[0].tolist() == [0] * 10 + [10]
    assert old[0].tolist() == [0] * 8 + [10, 10, 0]


def test_a_short_past_has_no_windows():
    assert window_splits(25, 10) is None
    assert window_splits(40, 10) is not None


def test_many_rows_are_sampled_and_few_are_not():
    first, second = sampled(200_000, 50_000)
    assert len(second) == MOST_NEW
    assert len(first) == 4 * MOST_NEW
    first, second = sampled(300, 40)
    assert (len(first), len(second)) == (300, 40)


def test_a_limit_is_kept_with_its_probability():
    """Of 400 sets of 20 statistics of noise, about 1 in 20 exceed a limit of 5 %."""
    exceeded = 0
    for _ in range(400):
        drawn = {("noise", str(k), ""): G.standard_t(3, 200) for k in range(20)}
        limits = limits_of(drawn, 0.05)
        exceeded += bool(limits.exceeded({key: float(values[0]) for key, values in drawn.items()}))
    assert 8 <= exceeded <= 36


def test_the_limit_goes_on_beyond_what_the_splits_show():
    drawn = {A: G.normal(size=500)}
    limits = [limits_of(drawn, alpha).limit for alpha in (0.1, 0.01, 1e-4, 1e-6)]
    assert limits == sorted(limits)
    assert limits[-1] > limits_of(drawn, 1 / 500).limit


def test_what_rests_on_few_rows_has_to_stand_out_more():
    rare = np.zeros(500)
    rare[:8] = 1.0
    limits = limits_of({A: G.permutation(rare), B: G.normal(size=500)}, 0.002)
    assert not limits.exceeded({A: 1.0})
    assert limits.exceeded({B: 40.0})


def test_a_statistic_may_be_what_it_was_in_earlier_windows():
    quiet, moving = np.array([0.0, *G.normal(size=8)]), np.array([0.0, 12, 9, 14, 8, 11, 13, 10, 9])
    limits = limits_of({A: G.normal(size=500), B: G.normal(size=500)}, 0.01)
    allowed = drift_limits(limits, {A: quiet, B: moving})
    now = limits.exceeded({A: 13.0, B: 13.0})
    assert now[A] > allowed[A]
    assert now[B] < allowed[B]
