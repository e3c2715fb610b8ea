"""Judges how a release behaves over time: batches of every size, a thousand calls, the memory and the time they take.

Takes plain measurements. Memory and time are judged by slopes and medians, since a busy machine disturbs single values.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.scoring import Scoring

QUARTERS = 4
WARM_UP = 0.2  # the share of the calls in which caches fill
GROWTH_MB = 4.0  # over all calls: less is what allocators do
BLOCKS_PER_CALL = 0.9  # pieces of memory that are kept of each call; a release that keeps nothing has 0
TIMED = 100  # calls at each end whose time is compared
FEWEST_TIMED = 60  # calls below which no time is judged
SLOWER, SLOWER_SECONDS = 2.0, 5e-5  # a call at the end, compared with one at the beginning


@dataclass(frozen=True)
class Growth:
    """How the memory grows: MB over 1,000 calls, and pieces of memory that are kept of each call."""

    memory_mb: float
    blocks: float

    @property
    def leaks(self) -> bool:
        """Whether it is more than noise."""
        return self.memory_mb > GROWTH_MB


def growth(memory: Array, blocks: Array) -> Growth:
    """Measure growth by (m, 2) samples: after how many calls, and how much.

    The slope of the memory is measured in each quarter of the calls, by the median of those between its pairs of
    samples (Theil 1950, Sen 1968), and the median quarter counts. So a single jump, as of a cache that was filled, is
    no growth. The pieces are those that are kept in each part of the calls, at least.
    """
    last = memory[-1, 0] if len(memory) else 0.0
    kept = memory[memory[:, 0] >= WARM_UP * last] if len(memory) else memory
    steps = np.diff(blocks[:, 1]) / np.maximum(np.diff(blocks[:, 0]), 1.0) if len(blocks) > 1 else np.zeros(1)
    slopes = [_slope(part) for part in np.array_split(kept, QUARTERS)] if len(kept) >= 3 * QUARTERS else [0.0]
    slope = float(np.median(slopes))
    return Growth(1000 * slope if np.isfinite(slope) else 0.0, float(steps.min()))


def _slope(samples: Array) -> float:
    first, second = np.triu_indices(len(samples), 1)
    run = samples[second, 0] - samples[first, 0]
    return float(np.median((samples[second, 1] - samples[first, 1]) / np.maximum(run, 1.0)))


def slowdown(seconds: Array) -> tuple[float, float] | None:
    """The median seconds of the first calls after the warm-up, and of the last ones; None for too few calls."""
    kept = seconds[max(int(0.02 * len(seconds)), 3) :]
    part = min(TIMED, len(kept) // 3)
    if len(kept) < FEWEST_TIMED:
        return None
    return float(np.median(kept[:part])), float(np.median(kept[-part:]))


def is_slower(before: float, after: float) -> bool:
    """Whether a call takes longer at the end, by more than noise."""
    return after > SLOWER * before and after - before > SLOWER_SECONDS


def rows_off(scoring: Scoring, expected: Array, actual: Array, tolerance: float) -> tuple[Array, float]:
    """Which rows (n,) are off, and by how much the worst one; an answer that is missing in both is equal."""
    size = len(expected)
    neither = ~(np.isfinite(expected) | np.isfinite(actual)).reshape(size, -1).any(axis=1)
    distance = np.where(neither, 0.0, difference(scoring, expected, actual)) if size else np.zeros(0)
    off = ~(distance <= tolerance)
    return off, float(np.where(np.isfinite(distance), distance, np.inf).max(initial=0.0))


def repeated(scores: Array, size: int) -> Array:
    """The scores of a batch of `size` rows that repeats the rows of `scores` in their order."""
    return scores[np.arange(size) % len(scores)]
