"""Metrics on many bootstrap resamples of the same rows at once (Efron 1979), and the intervals they give.

A resample is described by how often it contains each row: `counts` (resamples, n). A row of ones gives the metric on
the rows themselves. Where rows have weights, each count is multiplied by its row's, so counts need not be whole.
Sorting once and summing counts is a hundred times as fast as one call of scikit-learn per resample; the tests compare
each metric with scikit-learn's own.
"""

from collections.abc import Callable, Iterator

import numpy as np

from seatrial.model.features import Array

RESAMPLES = 1_000
FEWEST_RESAMPLES, MOST_CLASSES = 200, 20  # a metric that is a mean over the classes takes time for each of them
FEWEST_ROWS = 10  # with fewer rows, an interval would be meaningless
MOST_ROWS = 20_000  # of more rows, a part is resampled and the interval is rescaled to the full number
WORK = 5_000_000  # cells to draw in all: 250 resamples of the most rows
CHUNK = 2_000_000  # cells at a time: a bound on memory


def resamples_for(classes: int) -> int:
    """How many resamples there are for a task: fewer where it has many classes."""
    return max(RESAMPLES * MOST_CLASSES // max(classes, MOST_CLASSES), FEWEST_RESAMPLES)


def drawn_counts(rows: int, seed: int, resamples: int = RESAMPLES, groups: Array | None = None) -> Iterator[Array]:
    """Draw `rows` rows with replacement, many times: yields chunks of (resamples, rows) counts.

    Where the rows come in `groups` (n,), as many whole groups as there are are drawn (Field and Welsh 2007).
    """
    generator = np.random.default_rng(seed)
    members = None if groups is None else np.unique(groups, return_inverse=True)[1]
    units = rows if members is None else int(members.max()) + 1
    left = min(resamples, WORK // rows)
    while left > 0:
        size = min(left, max(1, CHUNK // rows))
        drawn = generator.integers(0, units, size=(size, units))
        counts = np.stack([np.bincount(one, minlength=units) for one in drawn]).astype(np.float64)
        yield counts if members is None else counts[:, members]
        left -= size


def interval(values: Array, center: float, scale: float = 1.0) -> tuple[float, float] | None:
    """Return the middle 95 % of a metric's resampled values; `center` is its value on all rows.

    Resamples of only some of the rows spread too widely, by the root of the ratio, so their deviations are multiplied
    by `scale` (Bickel, Götze and van Zwet 1997).

    None where the metric is undefined in most resamples, or the same in all of them: a value that no resample changes,
    as for a model without an error, says nothing about chance.
    """
    defined = values[~np.isnan(values)]
    if len(defined) <= len(values) / 2 or np.ptp(defined) <= 1e-12 * np.abs(defined).max():
        return None
    if scale < 1:
        defined = center + (defined - np.median(defined)) * scale
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def mean(values: Array, counts: Array) -> Array:
    """The mean of `values` (n,) in each resample."""
    # einsum rather than a matrix product: BLAS sums in another order on a machine with more cores.
    return np.asarray(np.einsum("dn,n->d", counts, values.astype(np.float64)) / counts.sum(axis=1))


def median(values: Array, counts: Array) -> Array:
    """The median of `values` (n,) in each resample."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[:, order], axis=1)
    total = reached[:, -1:]
    lower = (reached >= total / 2).argmax(axis=1)
    upper = (reached > total / 2).argmax(axis=1)
    return np.asarray((values[order][lower] + values[order][upper]) / 2)


def r2(truth: Array, predicted: Array, counts: Array) -> Array:
    """R² in each resample; NaN where all of its rows have the same value."""
    centered = truth - truth.mean()  # the variance as a difference of means is exact only near zero
    variance = mean(centered**2, counts) - mean(centered, counts) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 1e-12 * np.var(truth), 1 - mean((truth - predicted) ** 2, counts) / variance, np.nan)


def confusion_matrices(truth: Array, predicted: Array, classes: int, counts: Array) -> Array:
    """The confusion matrix of each resample: (resamples, true class, predicted class)."""
    cells = truth * classes + predicted
    return np.stack([np.bincount(cells, one, classes**2).reshape(classes, classes) for one in counts])


def balanced_accuracy(matrices: Array) -> Array:
    """The mean recall of the classes that occur."""
    correct, rows = np.einsum("dkk->dk", matrices), matrices.sum(axis=2)
    recalls = correct / np.where(rows > 0, rows, 1)
    return np.asarray(recalls.sum(axis=1) / (rows > 0).sum(axis=1))


def f1(matrices: Array) -> Array:
    """F1 of each class, (resamples, classes); 0 for a class that neither occurs nor is predicted."""
    correct = np.einsum("dkk->dk", matrices)
    either = matrices.sum(axis=2) + matrices.sum(axis=1)
    return np.asarray(2 * correct / np.where(either > 0, either, 1))


def macro_f1(matrices: Array) -> Array:
    """The mean F1 of the classes that occur or are predicted."""
    present = (matrices.sum(axis=2) + matrices.sum(axis=1)) > 0
    return np.asarray(f1(matrices).sum(axis=1) / present.sum(axis=1))


def roc_auc(truth: Array, scores: Array, counts: Array) -> Array:
    """The area under the ROC curve in each resample, ties counting half; NaN without positives or negatives."""

    def area(hits: Array, alarms: Array) -> Array:
        widths, heights = np.diff(alarms, prepend=0), (hits + _shifted(hits)) / 2
        return np.asarray((widths * heights).sum(axis=1) / (hits[:, -1] * alarms[:, -1]))

    return _area_by_threshold(truth, scores, counts, area)


def average_precision(truth: Array, scores: Array, counts: Array) -> Array:
    """Average precision in each resample; NaN without positives."""

    def area(hits: Array, alarms: Array) -> Array:
        flagged = hits + alarms
        precisions = hits / np.where(flagged > 0, flagged, 1)
        return np.asarray((np.diff(hits, prepend=0) * precisions).sum(axis=1) / hits[:, -1])

    return _area_by_threshold(truth, scores, counts, area)


def _shifted(values: Array) -> Array:
    return np.pad(values, ((0, 0), (1, 0)))[:, :-1]


def _area_by_threshold(truth: Array, scores: Array, counts: Array, area: Callable[[Array, Array], Array]) -> Array:
    """Count true and false positives from the highest score down, equal scores together, and take the area."""
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.flatnonzero(np.diff(scores[order], append=np.nan) != 0)
    sorted_counts, positive = counts[:, order], truth[order].astype(np.float64)
    hits = np.cumsum(sorted_counts * positive, axis=1)[:, last_of_equals]
    alarms = np.cumsum(sorted_counts * (1 - positive), axis=1)[:, last_of_equals]
    with np.errstate(divide="ignore", invalid="ignore"):
        return area(hits, alarms)
