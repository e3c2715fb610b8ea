"""One test for all marks: how far the new rows' marks lie from the old ones', against random splits of both together.

If old and new rows are one population, any split of all rows into two parts of these sizes was as likely as the real
one. The smallest p-value over all marks is compared with its own distribution under such splits (min-p, Westfall and
Young 1993), so thousands of marks, related or not, are one chance of a false alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array

SPLITS = 1_999
WORK = 4e10  # rows x marks x splits from which fewer splits are drawn
FEWEST_SPLITS = 399
CHUNK = 512  # marks that are tested at a time
LN2 = float(np.log(2))


@dataclass(frozen=True)
class Tested:
    """The log of each mark's p-value (m,), and the log of the limit below which one is certain."""

    log_p: Array
    limit: float


def compare_with_splits(marks: Sequence[Array], sides: Array, old_rows: int, alpha: float) -> Tested:
    """Test marks (each (n,), of booleans or numbers) of old rows followed by new ones.

    `sides` (m,) is 1 where only more of the mark matters, and 0 where less does too. The family's chance of any
    p-value below the limit is `alpha`, if old and new rows are one population.
    """
    rows = len(marks[0])
    splits = int(min(max(WORK / (rows * len(marks)), FEWEST_SPLITS), SPLITS))
    chosen = _splits(rows, old_rows, splits)
    observed, smallest = [], np.zeros(splits)
    for start in range(0, len(marks), CHUNK):
        part = slice(start, start + CHUNK)
        log_p = _log_p(marks[part], sides[part], chosen, rows - old_rows)
        observed.append(log_p[0])
        smallest = np.minimum(smallest, log_p[1:].min(axis=1))
    return Tested(np.concatenate(observed), _limit(smallest, alpha))


def _splits(rows: int, old_rows: int, splits: int) -> Array:
    """Which rows are the new ones (splits + 1, n): in truth, and in random splits."""
    draw = np.random.default_rng(0)
    new = rows - old_rows
    chosen = np.zeros((splits + 1, rows), dtype=np.float32)
    chosen[0, old_rows:] = 1
    for split in range(1, splits + 1):
        chosen[split, draw.choice(rows, new, replace=False, shuffle=False)] = 1
    return chosen


def _limit(smallest: Array, alpha: float) -> float:
    """The log of the limit of a single p-value.

    The smallest of k independent p-values is below x with a probability of 1 - (1 - x)^k. The k that fits the splits'
    median is a steadier estimate than a far quantile; the stricter of the two is used.
    """
    typical = max(float(np.exp(np.median(smallest))), 1e-12)
    number = max(LN2 / -np.log1p(-min(typical, 0.5)), 1.0)
    fitted = float(np.log(-np.expm1(np.log1p(-alpha) / number)))
    place = int(alpha * (len(smallest) + 1)) - 1
    return min(fitted, float(np.sort(smallest)[place])) if place >= 0 else fitted


def _log_p(marks: Sequence[Array], sides: Array, chosen: Array, new: int) -> Array:
    """The log of each mark's p-value (splits + 1, m) in the true split and in the random ones."""
    rows = chosen.shape[1]
    counted = np.array([mark.dtype == bool for mark in marks])
    matrix = np.empty((rows, len(marks)), dtype=np.float32)
    for k, mark in enumerate(marks):
        matrix[:, k] = mark if counted[k] else _standardised(mark)
    sums = chosen @ matrix
    log_p = np.empty(sums.shape)
    spread = np.sqrt(new * (rows - new) / rows)
    log_p[:, ~counted] = _normal(sums[:, ~counted] / spread, sides[~counted])
    for k in np.flatnonzero(counted).tolist():
        table = _hypergeometric(rows, int(matrix[:, k].sum()), new, bool(sides[k]))
        log_p[:, k] = table[np.rint(sums[:, k]).astype(int)]
    return log_p


def _standardised(mark: Array) -> Array:
    centred = mark - mean if np.isfinite(mean := float(mark.mean())) else np.zeros(len(mark))
    return np.asarray(centred / (centred.std(ddof=1) or 1.0))


def _normal(z: Array, sides: Array) -> Array:
    from scipy.special import log_ndtr

    return np.asarray(np.where(sides > 0, log_ndtr(-z), np.minimum(LN2 + log_ndtr(-np.abs(z)), 0.0)))


def _hypergeometric(rows: int, marked: int, new: int, upper: bool) -> Array:
    """The log of the p-value of each possible number of marked new rows, exactly (Fisher's test)."""
    from scipy.special import gammaln

    def log_choose(n: int, k: Array) -> Array:
        return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))

    low, high = max(0, marked + new - rows), min(marked, new)
    counts = np.arange(low, high + 1)
    log_pmf = log_choose(marked, counts) + log_choose(rows - marked, new - counts) - log_choose(rows, np.array(new))
    more = np.logaddexp.accumulate(log_pmf[::-1])[::-1]
    table = np.zeros(high + 1)
    table[low:] = more if upper else np.minimum(LN2 + np.minimum(more, np.logaddexp.accumulate(log_pmf)), 0.0)
    return np.minimum(table, 0.0)
