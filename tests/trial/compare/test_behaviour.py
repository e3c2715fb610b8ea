"""Growth of memory and time over many calls, and rows that are off."""

import numpy as np
import pytest

from seatrial.trial.compare.behaviour import growth, is_slower, repeated, rows_off, slowdown
from seatrial.trial.compare.scoring import Scoring

CALLS = np.arange(0.0, 1001.0, 20.0)
BLOCKS = np.array([[250.0, 9000], [500, 9000], [750, 9000], [1000, 9000]])


def samples(values: np.ndarray) -> np.ndarray:
    return np.stack([CALLS, values], axis=1)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, len(CALLS))


def test_memory_that_grows_with_every_call_leaks():
    found = growth(samples(100 + 0.02 * CALLS + noise()), BLOCKS)
    assert found.memory_mb == pytest.approx(20, abs=2)
    assert found.leaks


@pytest.mark.parametrize(
    "values",
    [
        100 + 0 * CALLS,
        100 + noise(),
        np.where(CALLS < 150, 100 + 0.5 * CALLS, 175),  # caches that fill in the beginning
        np.where(CALLS < 600, 100, 130) + noise(),  # one jump
        np.full(len(CALLS), np.nan),  # a system that does not say
    ],
)
def test_noise_caches_and_a_jump_are_no_leak(values: np.ndarray):
    assert not growth(samples(values), BLOCKS).leaks


def test_pieces_that_are_kept_of_every_call_are_counted():
    kept = BLOCKS + np.array([[0, 1], [0, 1], [0, 1], [0, 1]]) * BLOCKS[:, :1]
    assert growth(samples(100 + noise()), kept).blocks == 1.0
    once = BLOCKS.copy()
    once[2:, 1] += 5000  # a cache that fills late
    assert growth(samples(100 + noise()), once).blocks == 0.0


def test_too_few_samples_say_nothing():
    assert growth(np.zeros((0, 2)), np.zeros((0, 2))).leaks is False


def test_calls_that_become_slower_are_found_and_single_slow_ones_are_not():
    seconds = np.full(1000, 1e-3)
    seconds[::50] = 0.5
    before, after = slowdown(seconds) or (0.0, 0.0)
    assert not is_slower(before, after)
    before, after = slowdown(np.linspace(1e-3, 5e-3, 1000)) or (0.0, 0.0)
    assert is_slower(before, after)
    assert slowdown(np.full(30, 1e-3)) is None
    assert not is_slower(1e-6, 1e-5)  # too little to notice


def test_rows_that_are_off_are_marked_and_what_is_missing_in_both_is_equal():
    scoring = Scoring("regression")
    off, most = rows_off(scoring, np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.0, 2.5, np.nan, np.nan]), 1e-9)
    assert off.tolist() == [False, True, False, True]
    assert most == np.inf


def test_a_batch_repeats_the_rows_in_their_order():
    assert repeated(np.array([1.0, 2.0, 3.0]), 5).tolist() == [1.0, 2.0, 3.0, 1.0, 2.0]
