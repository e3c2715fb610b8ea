"""Comparisons in single precision, as comparisons of doubles: what a graph of doubles needs to repeat them exactly.

Rounding to float32 keeps the order of numbers, so "x, rounded to float32, is at most t" is "x is at most t'" with a t'
that can be computed. Infinity is a float32 like any other here: all doubles from 2^128 - 2^103 round to it.
"""

import numpy as np

from seatrial.model.features import Floats

LARGEST = float(np.finfo(np.float32).max)
LAST_FINITE = float(np.nextafter(LARGEST + 2.0**103, -np.inf))  # the last double that does not become infinite


def rounded_threshold(thresholds: Floats) -> Floats:
    """Return for each t the largest double t' with float32(t') <= t, rounding half to even like IEEE 754."""
    thresholds = np.asarray(thresholds, dtype=np.float64)
    with np.errstate(over="ignore"):
        below = thresholds.astype(np.float32)
        below = np.where(below > thresholds, np.nextafter(below, np.float32(-np.inf)), below)
        above = np.nextafter(below, np.float32(np.inf))
    with np.errstate(invalid="ignore"):  # between the infinities and their neighbours, which are replaced below
        middle = (below.astype(np.float64) + above.astype(np.float64)) / 2  # exact: a double has the extra bit
    even = (below.view(np.int32) & 1) == 0
    rounded = np.where(even, middle, np.nextafter(middle, -np.inf))
    rounded = np.where(below == np.float32(LARGEST), LAST_FINITE, rounded)
    rounded = np.where(np.isneginf(below), np.nextafter(-LAST_FINITE, -np.inf), rounded)
    return np.where(np.isposinf(below), np.inf, rounded)


def threshold_below(thresholds: Floats) -> Floats:
    """Return for each float32 t the largest double t' with float32(t') < t: "less than" as "at most"."""
    with np.errstate(under="ignore"):
        previous = np.nextafter(np.asarray(thresholds, dtype=np.float32), np.float32(-np.inf))
    return rounded_threshold(previous.astype(np.float64))
