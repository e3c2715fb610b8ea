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


def test_a_split_that_gives_no_folds_is_never_replaced_by_a_random_one() -> None:
    few = row_folds("group", TARGET, TARGET + 1, 5, classes=False, seed=0)  # two groups
    assert [sorted(set(TARGET[scored])) for _, scored in few] in ([[0], [1]], [[1], [0]])
    assert row_folds("time", TARGET, TARGET, 5, classes=True, seed=0) == []  # one class came first


def test_rows_of_one_time_are_on_one_side() -> None:
    for fitted, scored in row_folds("time", KEYS, TARGET, 7, classes=False, seed=0):
        assert not set(KEYS[fitted]) & set(KEYS[scored])
