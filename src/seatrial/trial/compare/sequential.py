"""A test that may be looked at after every row, as often as one likes: betting against a mean (e-processes).

Values are in [0, 1]. Against the hypothesis that their mean is at most `null`, a gambler starts with 1 and bets on each
value before it is seen. Whatever the bets, the wealth is at least 1/alpha at any time with a probability of at most
alpha if the hypothesis is true (Ville 1939). The bets are a mixture over the means that would make it false, as in
Robbins (1970) and Waudby-Smith and Ramdas (2024). It needs no fixed number of rows and no independence, only that the
mean of the next value, given those before it, satisfies the hypothesis. So the rows are counted once each.

The wealth depends on how often each value was seen, not on the order: a histogram is all that has to be remembered.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.model.features import Floats

BETS = 400
MOST_TIMES = 1e4  # of the rows so far, within which a decision is looked for
Counts = npt.NDArray[Any]  # whole numbers, or multiples of them


def log_wealth(values: Floats, counts: Counts, null: float, *, above: bool) -> float:
    """The logarithm of the wealth against "the mean is at most `null`", or at least, if not `above`.

    `values` (k,) are in [0, 1]; `counts` (k,) say how often each was seen. `null` is inside of (0, 1).
    """
    seen = np.flatnonzero(counts)
    if not len(seen):
        return 0.0
    low, high = (null, 1.0) if above else (0.0, null)
    bets = low + (high - low) * (np.arange(BETS) + 0.5) / BETS
    each = values[seen][:, None] * (bets / null) + (1 - values[seen][:, None]) * ((1 - bets) / (1 - null))
    with np.errstate(divide="ignore"):
        wealth = (counts[seen][:, None] * np.log(each)).sum(axis=0)
    top = float(wealth.max())
    return top + math.log(float(np.exp(wealth - top).mean())) if math.isfinite(top) else -math.inf


def proven(values: Floats, counts: Counts, null: float, alpha: float, *, above: bool) -> bool:
    """Whether the mean is above `null` (or below it), with a probability of at most `alpha` of ever being wrong."""
    return log_wealth(values, counts, null, above=above) >= -math.log(alpha)


def rows_needed(values: Floats, counts: Counts, null: float, alpha: float, *, above: bool) -> int | None:
    """How many more rows like those so far would prove it; None if none would, or far too many."""
    total = int(counts.sum())
    mean = float((values * counts).sum() / total) if total else null
    if (mean <= null) if above else (mean >= null):
        return None
    low, high = 1.0, 1.0
    while log_wealth(values, counts * high, null, above=above) < -math.log(alpha):
        low, high = high, high * 2
        if high > MOST_TIMES:
            return None
    for _ in range(20):
        middle = (low + high) / 2
        enough = log_wealth(values, counts * middle, null, above=above) >= -math.log(alpha)
        low, high = (low, middle) if enough else (middle, high)
    return max(0, math.ceil(total * (high - 1)))
