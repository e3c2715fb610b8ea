"""Folds follow the split of a table: no group is on both sides, and nothing is scored by what came later."""

import numpy as np
import pytest

from seatrial.model.row_folds import row_folds

TARGET = np.tile([0, 1, 1], 40)
KEYS = np.random.default_rng(0).permutation(120) // 6


@pytest.mark.parametrize("classes", [True, False])
def test_no_group_is_on_both_sides(classes: bool) -> None:
    folds = row_folds("group", KEYS, TARGET, 5, classes=classes, seed=0)
    assert len(folds) == 5
    assert all(not set(KEYS[fitted]) & set(KEYS[scored]) for fitted, scored in folds)
    assert sorted(np.concatenate([scored for _, scored in folds]).tolist()) == list(range(120))


def test_what_is_scored_is_newer_than_what_is_fitted() -> None:
    folds = row_folds("time", KEYS, TARGET, 4, classes=True, seed=0)
    assert len(folds) == 4
    assert all(KEYS[fitted].max() <= KEYS[scored].min() for fitted, scored in folds)


def test_too_few_groups_and_folds_without_a_class_are_split_at_random() -> None:
    few = row_folds("group", TARGET, TARGET, 5, classes=True, seed=0)
    late = row_folds("time", TARGET, TARGET, 5, classes=True, seed=0)  # one class came first
    for folds in (few, late):
        assert len(folds) == 5
        assert all(abs(TARGET[scored].mean() - 2 / 3) < 0.05 for _, scored in folds)
