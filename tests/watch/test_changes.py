"""Changes of counted bins: a fault that began early stays an alarm for as long as it lasts."""

import numpy as np
import pytest

from seatrial.watch.changes import LookAt, ShareChange, find_change
from seatrial.watch.watch_records import Level


def change_of(shares: np.ndarray) -> ShareChange | None:
    """What is found in days with such shares (days,) of a bin that no held-out row is in."""
    hits = np.random.default_rng(1).binomial(50, np.repeat(shares, 24))
    look = LookAt(len(hits) - 1, 24, 91, 0)
    counts = np.stack([50 - hits, hits], axis=1)
    return find_change((np.arange(len(hits)), counts), look, 1e-4, 30, expected=[200, 0], faulty=[1])


@pytest.mark.parametrize("begin", [0, 2, 6, 13, 20])
@pytest.mark.parametrize("days", [2, 20])
def test_a_gross_fault_alarms_for_as_long_as_it_lasts_whenever_it_began(begin: int, days: int) -> None:
    found = change_of(np.repeat([0.0, 0.4], [begin, days]))
    assert found is not None
    assert found.level == Level.alarm
    assert found.moved == pytest.approx(0.4, abs=0.05)


def test_a_gross_difference_that_comes_and_goes_is_noted_only_once_there_are_windows_without_it() -> None:
    for days, level in ((12, Level.alarm), (60, Level.noted)):
        found = change_of(np.tile([0.0, 0.0, 0.5], days // 3))
        assert found is not None
        assert (found.gross, found.level) == (True, level)


def test_in_the_first_weeks_values_that_training_never_saw_need_less_than_a_mixture_that_moves():
    shares = np.repeat([0.0, 0.1], [10, 2])
    found = change_of(shares)
    assert found is not None
    assert (found.level, found.moved) == (Level.alarm, pytest.approx(0.1, abs=0.03))
    hits = np.random.default_rng(1).binomial(50, np.repeat(0.3 + shares, 24))
    counts = np.stack([50 - hits, hits], axis=1)
    look = LookAt(len(hits) - 1, 24, 91, 0)
    assert find_change((np.arange(len(hits)), counts), look, 1e-4, 30, expected=[140, 60]) is None
