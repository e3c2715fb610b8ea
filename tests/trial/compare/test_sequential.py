"""Bets against a mean: hardly ever wrong when looked at after each row, and soon right."""

import math

import numpy as np
import pytest

from seatrial.trial.compare.sequential import log_wealth, proven, rows_needed

COIN = np.array([0.0, 1.0])


def ever_proven(rate: float, null: float, seed: int, *, above: bool, rows: int = 2_000, alpha: float = 0.05) -> bool:
    heads = np.random.default_rng(seed).random(rows) < rate
    seen = np.cumsum(heads)[::20]
    counts = [np.array([20 * k + 1 - hits, hits]) for k, hits in enumerate(seen.tolist())]
    return any(proven(COIN, each, null, alpha, above=above) for each in counts)


@pytest.mark.parametrize("above", [True, False])
def test_at_the_limit_it_is_hardly_ever_wrong_however_often_one_looks(above: bool):
    wrong = sum(ever_proven(0.1, 0.1, seed, above=above) for seed in range(60))
    assert wrong <= 6  # 3 are expected at most; the seeds are fixed


@pytest.mark.parametrize(("rate", "above"), [(0.2, True), (0.03, False)])
def test_what_is_far_from_the_limit_is_soon_proven(rate: float, above: bool):
    assert all(ever_proven(rate, 0.1, seed, above=above) for seed in range(10))


def test_the_other_side_is_not_proven():
    counts = np.array([80, 20])
    assert not proven(COIN, counts, 0.1, 0.05, above=False)
    assert log_wealth(COIN, np.zeros(2), 0.1, above=True) == 0.0


def test_wealth_is_a_fair_bet_on_values_in_between():
    """Of all sequences of three values with the mean of the null, the expected wealth is 1."""
    values = np.array([0.0, 0.5, 1.0])
    chances = np.array([0.4, 0.4, 0.2])  # their mean is 0.4
    expected = 0.0
    for a in range(3):
        for b in range(3):
            counts = np.bincount([a, b], minlength=3)
            expected += chances[a] * chances[b] * math.exp(log_wealth(values, counts, 0.4, above=True))
    assert expected == pytest.approx(1.0)


def test_the_rows_that_are_still_needed_would_prove_it():
    counts = np.array([95, 5])
    more = rows_needed(COIN, counts, 0.1, 0.01, above=False)
    assert more is not None
    assert more > 0
    scale = (100 + more) / 100
    assert log_wealth(COIN, counts * scale, 0.1, above=False) >= math.log(100) - 0.1
    assert rows_needed(COIN, counts, 0.1, 0.01, above=True) is None
    assert rows_needed(COIN, np.array([0, 0]), 0.1, 0.01, above=True) is None
