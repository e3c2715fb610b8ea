"""One test for all marks: how far the new rows' marks are from the old ones', against random splits of both together.

If old and new rows are one population, any split of all rows into two parts of these sizes was as likely as the real
one. The smallest p-value over all marks is compared with its own distribution under such splits (min-p, Westfall and
Young 1993), so thousands of marks, related or not, are one chance of a false alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.splits import SPLITS, random_splits

WORK = 4e10  # rows x marks x splits from which fewer splits are drawn
FEWEST_SPLITS = 399
TAIL = 0.05  # of the splits, from which the limit is extrapolated
CHUNK = 512  # marks that are tested at a time
SKEWED = 0.05  # skewness of a sum, below which a normal distribution will do
LN2 = float(np.log(2))


@dataclass(frozen=True)
class PValues:
    """The log of each mark's p-value (m,), and the logs of the limits below which they are certain (m,)."""

    log_p: Array
    limits: Array

    @property
    def certain(self) -> Array:
        """The positions of the marks that chance does not explain."""
        return np.flatnonzero(self.log_p <= self.limits)

    def without(self, positions: Sequence[int]) -> "PValues":
        """The same, with these marks neither certain nor suspicious."""
        log_p, limits = self.log_p.copy(), self.limits.copy()
        log_p[list(positions)], limits[list(positions)] = 0.0, -np.inf
        return PValues(log_p, limits)

    def extended(self, log_p: Array, limit: float) -> "PValues":
        """With further marks, which were tested in another way."""
        limits = np.concatenate([self.limits, np.full(len(log_p), limit)])
        return PValues(np.concatenate([self.log_p, log_p]), limits)


def compare_with_splits(
    marks: Sequence[Array], sides: Array, old_rows: int, alpha: float, families: Array | None = None
) -> PValues:
    """Test marks (each (n,), of booleans or numbers) of old rows followed by new ones.

    Integers are numbers of groups, -1 for none: of them, pairs of new rows that are in one group are counted. `sides`
    (m,) is 1 where only more of the mark matters, and 0 where less does too. `families` (m,) number the marks'
    families, which have equal parts of the budget: few marks in a family are tested less strictly than many. The
    chance of any certain mark is `alpha`, if old and new rows are one population.
    """
    rows = len(marks[0])
    splits = int(min(max(WORK / (rows * len(marks)), FEWEST_SPLITS), SPLITS))
    chosen = _splits(rows, old_rows, splits)
    families = np.zeros(len(marks), dtype=int) if families is None else families
    log_p, limits = np.zeros(len(marks)), np.zeros(len(marks))
    known = np.unique(families).tolist()
    for family in known:
        places = np.flatnonzero(families == family)
        smallest = np.zeros(splits)
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            tested = _log_p([marks[k] for k in part.tolist()], sides[part], chosen, rows - old_rows)
            log_p[part] = tested[0]
            smallest = np.minimum(smallest, tested[1:].min(axis=1))
        limits[places] = _limit(smallest, alpha / len(known))
    return PValues(log_p, limits)


def _splits(rows: int, old_rows: int, splits: int) -> Array:
    """Which rows are the new ones (splits + 1, n): in the actual split, and in random ones."""
    chosen = np.zeros((splits + 1, rows), dtype=np.float32)
    np.put_along_axis(chosen, random_splits(old_rows, rows - old_rows, splits).drawn, 1, axis=1)
    return chosen


def _limit(smallest: Array, alpha: float) -> float:
    """The log of the limit of a single p-value, from the logs of the splits' smallest ones.

    The tail of these is taken to fall as a power of p, with an exponent by the estimate of Hill (1975) from its last
    twentieth: of exact p-values it is 1, and less of marks of which chance is further out than a normal distribution.
    """
    edge = float(np.sort(smallest)[max(int(TAIL * len(smallest)), 10)])
    tail = smallest[smallest <= edge]  # more than a twentieth, if few rows have the marks and many p-values are equal
    power = float(np.clip(1 / max(edge - float(tail.mean()), 1e-9), 0.3, 1.0))
    return min(edge, edge + float(np.log(alpha) - np.log(len(tail) / len(smallest))) / power)


def _log_p(marks: Sequence[Array], sides: Array, chosen: Array, new: int) -> Array:
    """The log of each mark's p-value (splits + 1, m) in the actual split and in the random ones."""
    rows = chosen.shape[1]
    kinds = np.array([mark.dtype.kind for mark in marks])
    log_p = np.empty((len(chosen), len(marks)))
    for k in np.flatnonzero(kinds == "i").tolist():
        log_p[:, k] = _pairs(marks[k], chosen)
    counted, degrees = np.flatnonzero(kinds == "b"), np.flatnonzero(kinds == "f")
    if len(degrees):
        matrix = np.stack([_standardised(marks[k]) for k in degrees.tolist()], axis=1).astype(np.float32)
        z = chosen @ matrix / np.sqrt(new * (rows - new) / rows)
        log_p[:, degrees] = _normal(z, sides[degrees])
        # Of a sum of `new` of these rows, drawn without replacement.
        skew = (matrix**3).mean(axis=0) * (rows - 2 * new) / np.sqrt(new * (rows - new) * rows)
        for k in np.flatnonzero(np.abs(skew) > SKEWED).tolist():
            heavier = _skewed(z[:, k], float(skew[k]), bool(sides[degrees[k]]))
            # On its short side a gamma distribution ends, which a sum of other numbers need not do.
            log_p[:, degrees[k]] = np.maximum(log_p[:, degrees[k]], heavier)
    if len(counted):
        matrix = np.stack([marks[k] for k in counted.tolist()], axis=1).astype(np.float32)
        numbers = np.rint(chosen @ matrix).astype(int)
        for place, k in enumerate(counted.tolist()):
            table = _hypergeometric(rows, int(marks[k].sum()), new, bool(sides[k]))
            log_p[:, k] = table[numbers[:, place]]
    return log_p


def _pairs(groups: Array, chosen: Array) -> Array:
    """The log of a p-value of the number of repeats among the new rows: of rows in one group, all but the first.

    By Poisson's distribution with the splits' mean; it need not be exact, as its own distribution is known.
    """
    from scipy.special import gammainc

    codes = np.unique(groups[groups >= 0], return_inverse=True)[1]
    matrix = np.zeros((chosen.shape[1], int(codes.max(initial=-1)) + 1), dtype=np.float32)
    matrix[np.flatnonzero(groups >= 0), codes] = 1
    repeats = np.maximum(chosen @ matrix - 1, 0).sum(axis=1)
    mean = max(float(repeats[1:].mean()), 1 / len(chosen))
    with np.errstate(divide="ignore"):
        return np.asarray(
            np.where(repeats > 0, np.log(np.maximum(gammainc(np.maximum(repeats, 1), mean), 1e-300)), 0.0)
        )


def _standardised(mark: Array) -> Array:
    centred = mark - mean if np.isfinite(mean := float(mark.mean())) else np.zeros(len(mark))
    return np.asarray(centred / (centred.std(ddof=1) or 1.0))


def _normal(z: Array, sides: Array) -> Array:
    from scipy.special import log_ndtr

    return np.asarray(np.where(sides > 0, log_ndtr(-z), np.minimum(LN2 + log_ndtr(-np.abs(z)), 0.0)))


def _skewed(z: Array, skew: float, upper: bool) -> Array:
    """The same if the mean of a mark is not yet normally distributed: by a gamma distribution of the same skewness.

    Otherwise one mark of which chance is further out than a normal distribution would raise the limit of all.
    """
    from scipy.special import gammainc, gammaincc

    shape = 4 / skew**2
    place = np.maximum(shape + np.sign(skew) * z * np.sqrt(shape), 0.0)
    above, below = gammaincc(shape, place), gammainc(shape, place)
    if skew < 0:
        above, below = below, above
    chance = above if upper else np.minimum(2 * np.minimum(above, below), 1.0)
    return np.asarray(np.log(np.maximum(chance, 1e-300)))


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
