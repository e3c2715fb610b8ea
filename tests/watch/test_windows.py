"""Steps between windows: found where they are, and not made of weekdays, seasons, bursts or chance."""

import numpy as np
import pytest

from seatrial.watch.windows import change_hour, compare, find_step, in_windows, marks_of

MARKS = marks_of(2, ordered=False)[:, 1:]
LEAST = np.array([0.05])
BOUND = -15.0  # what one check among many may use of the budget


def days(shares, rows: int = 1000, seed: int = 1) -> np.ndarray:
    """Windows of two bins, with these shares of the second."""
    hits = np.random.default_rng(seed).binomial(rows, np.clip(shares, 0, 1))
    return np.stack([rows - hits, hits], axis=1)


def test_a_step_is_found_with_its_window_and_both_shares():
    found = find_step(days(np.repeat([0.1, 0.2], [30, 3])), MARKS, least=LEAST)
    assert found is not None
    assert found.place == 30
    assert (found.before, found.after) == (pytest.approx(0.1, abs=0.01), pytest.approx(0.2, abs=0.03))
    assert found.log_p < BOUND


def test_a_step_that_is_over_is_not_found():
    assert find_step(days(np.repeat([0.1, 0.3, 0.1], [25, 3, 3])), MARKS, least=LEAST) is None


def test_a_step_smaller_than_what_matters_is_not_found():
    counts = days(np.repeat([0.1, 0.14], [30, 3]), rows=100_000)
    assert find_step(counts, MARKS, least=LEAST) is None
    assert find_step(counts, MARKS, least=np.array([0.02])) is not None


@pytest.mark.parametrize(
    "shares",
    [
        np.full(60, 0.3),
        0.3 + 0.15 * (np.arange(60) % 7 >= 5),  # weekends
        0.3 + 0.1 * np.sin(2 * np.pi * np.arange(60) / 365),  # a season
        0.3 + 0.2 * (np.arange(60) % 9 == 4),  # bursts
        np.linspace(0.2, 0.45, 60),  # a slow drift
        np.full(60, 0.001),  # what is rare
    ],
)
def test_what_windows_do_by_themselves_is_no_step(shares):
    for seed in range(5):
        for end in range(20, 61, 4):
            found = find_step(days(shares, rows=3_000, seed=seed)[:end], MARKS, least=LEAST)
            assert found is None or found.log_p > BOUND, (end, found)


def test_p_values_of_steady_shares_are_not_smaller_than_they_say():
    """Of 500 steady streams, about 5 may have a p-value below 0.01; 12 or more would be 0.5 % by chance."""
    small = 0
    for seed in range(500):
        found = find_step(days(np.full(30, 0.3), rows=200, seed=seed)[:30], MARKS, least=np.array([0.0]))
        small += found is not None and found.log_p < np.log(0.01) and found.place >= 28
    assert small < 12


def test_few_rows_and_short_histories_are_not_judged():
    assert find_step(days(np.repeat([0.1, 0.9], [2, 1])), MARKS, least=LEAST) is None
    assert find_step(days(np.repeat([0.1, 0.9], [10, 1]), rows=4), MARKS, least=LEAST) is None


def test_held_out_rows_show_a_gross_difference_and_windows_that_differ_do_not():
    far = compare(np.array([40, 160]), np.array([300, 100]), MARKS, np.array([0.25]))
    assert far is not None
    assert far.log_p < BOUND
    near = compare(np.array([130, 70]), np.array([300, 100]), MARKS, np.array([0.05]))
    assert near is None or near.log_p > BOUND


def test_the_change_point_is_the_hour_that_splits_best():
    hits = np.array([1, 2, 1, 1, 9, 8, 9], dtype=float)
    assert change_hour(np.arange(100, 107), hits, np.full(7, 10.0), 0.12) == 104


def test_hours_become_windows_that_end_with_the_newest():
    slots, counts = np.array([10, 33, 34, 57, 58]), np.ones((5, 1), np.int64)
    assert in_windows(slots, counts, 57, 24, 3)[:, 0].tolist() == [0, 2, 2]


def test_ordered_bins_are_compared_up_to_each_of_them():
    marks = marks_of(5, ordered=True, first=1)
    assert marks.shape == (5, 6)
    assert marks[:, 5].tolist() == [0, 1, 1, 0, 0]
