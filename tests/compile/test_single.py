"""A comparison in single precision is one of doubles, up to the ends of single precision."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.compile.single import LARGEST, LAST_FINITE, rounded_threshold, threshold_below

numbers = st.floats(-1e30, 1e30) | st.floats(-1e-40, 1e-40) | st.integers(-20, 20).map(float)
singles = st.floats(width=32, allow_nan=False, allow_infinity=False)


def single(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(value))


@given(numbers)
@example(LARGEST)
@example(-LARGEST)
@example(3.5e38)
@settings(max_examples=500)
def test_rounded_threshold_is_the_last_double_that_rounds_below(threshold: float) -> None:
    (last,) = rounded_threshold(np.array([threshold]))
    assert single(last) <= threshold
    assert single(np.nextafter(last, np.inf)) > threshold


@given(singles)
@example(0.0)
@example(-0.0)
@example(1e-45)
@example(LARGEST)
def test_below_a_threshold_is_at_most_the_one_before(threshold: float) -> None:
    (last,) = threshold_below(np.array([threshold]))
    assert single(last) < threshold
    assert not single(np.nextafter(last, np.inf)) < threshold


def test_infinite_thresholds_divide_the_finite_numbers_from_the_infinite_ones() -> None:
    assert single(LAST_FINITE) == LARGEST
    assert single(np.nextafter(LAST_FINITE, np.inf)) == np.inf
    assert rounded_threshold(np.array([np.inf, LARGEST, -np.inf])) == pytest.approx(
        [np.inf, LAST_FINITE, -(LARGEST + 2.0**103)], rel=0
    )
    assert threshold_below(np.array([np.inf])) == LAST_FINITE
