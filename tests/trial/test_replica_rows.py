"""Replicas of a large table: bounded parts, whose models differ from each other as those of the whole table do."""

import numpy as np
import pytest

from seatrial.trial.replica_rows import LEAST_GROUPS, LEAST_OF_CLASS, part_chances

Q = 0.3


def test_of_few_rows_each_is_as_likely():
    assert part_chances(np.arange(1000), [], Q, most=1000).tolist() == [1 / 1.3] * 1000


def test_of_many_rows_a_bounded_sample_is_used_in_the_classes_shares():
    target = (np.arange(50_000) % 10 == 0).astype(int)
    classes = [np.flatnonzero(target == k) for k in (0, 1)]
    chances = part_chances(np.arange(50_000), classes, Q, most=5_000)
    assert [(chances[rows] > 0).sum() for rows in classes] == [4_500, 500]
    assert chances.max() == pytest.approx(1 / (1 + Q / 10))


def test_rare_classes_keep_some_rows_and_vary_as_much_as_all_of_them():
    target = np.concatenate([np.zeros(49_960, dtype=int), np.ones(40, dtype=int)])
    classes = [np.flatnonzero(target == k) for k in (0, 1)]
    chances = part_chances(np.arange(50_000), classes, Q, most=5_000)
    assert (chances[target == 1] == 1 / (1 + Q)).all()
    assert LEAST_OF_CLASS > 40


@pytest.mark.parametrize("most", [20_000, 2_000, 200])
def test_means_of_parts_differ_as_those_of_two_trainings_do(most):
    rows = 20_000
    values = np.random.default_rng(1).normal(size=rows)
    chances = part_chances(np.arange(rows), [], Q, most=most)
    draw = np.random.default_rng(2)
    means = np.array([values[draw.random(rows) < chances].mean() for _ in range(600)])
    assert means.var() == pytest.approx(Q / rows, rel=0.2)  # and two of them by twice as much, 2q/n


def test_whole_groups_are_in_the_sample_or_not():
    groups = np.arange(30_000) // 30
    chances = part_chances(groups, [], Q, most=6_000)
    by_group = chances.reshape(-1, 30)
    assert (by_group == by_group[:, :1]).all()
    assert (chances > 0).sum() == 6_000
    few = part_chances(np.arange(30_000) // 300, [], Q, most=100)
    assert (few > 0).sum() == min(LEAST_GROUPS, 100) * 300
