"""Metrics on many redraws of the same rows at once, for bootstrap intervals (Efron 1979).

A redraw is told as how often it holds each row: `counts` (draws, n). Sorting once and summing counts is a hundred times
as fast as calling scikit-learn once a draw; the tests hold each of these to scikit-learn's own figure.
"""

from collections.abc import Callable, Iterator

import numpy as np

from seatrial.model.features import Array

DRAWS = 1_000
FEWEST_ROWS = 10  # of fewer rows, redraws know too little of what other rows there might be
MOST_ROWS = 20_000  # of more rows a part is redrawn, and the interval narrowed to what it is for all of them
WORK = 5_000_000  # cells to draw in all: 250 draws of the most rows
CHUNK = 2_000_000  # cells at a time: a bound on memory


def drawn_counts(rows: int, seed: int) -> Iterator[Array]:
    """Draw `rows` rows with replacement, again and again: chunks of (draws, rows) counts."""
    generator = np.random.default_rng(seed)
    left = min(DRAWS, WORK // rows)
    while left > 0:
        size = min(left, max(1, CHUNK // rows))
        drawn = generator.integers(0, rows, size=(size, rows))
        yield np.stack([np.bincount(one, minlength=rows) for one in drawn]).astype(np.float64)
        left -= size


def interval(figures: Array, value: float, narrowed: float = 1.0) -> tuple[float, float] | None:
    """The middle 95 % of the redraws that can tell the figure, whose own `value` is of all rows.

    Redraws of fewer rows than there are lie too wide by the root of the ratio, and are `narrowed` by it about the value
    (Bickel, Götze and van Zwet 1997).

    None where most cannot, or where all say the same: a figure that no redraw moves, as that of a model without a
    mistake, says nothing of chance.
    """
    told = figures[~np.isnan(figures)]
    if len(told) <= len(figures) / 2 or np.ptp(told) <= 1e-12 * np.abs(told).max():
        return None
    if narrowed < 1:
        told = value + (told - np.median(told)) * narrowed
    low, high = np.percentile(told, [2.5, 97.5])
    return float(low), float(high)


def mean(values: Array, counts: Array) -> Array:
    """The mean of `values` (n,) in each redraw."""
    # einsum rather than a matrix product: BLAS sums in another order on a machine with more cores.
    return np.asarray(np.einsum("dn,n->d", counts, values.astype(np.float64)) / counts.sum(axis=1))


def median(values: Array, counts: Array) -> Array:
    """The median of `values` (n,) in each redraw."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[:, order], axis=1)
    total = reached[:, -1:]
    lower = (reached >= (total + 1) // 2).argmax(axis=1)
    upper = (reached >= total // 2 + 1).argmax(axis=1)
    return np.asarray((values[order][lower] + values[order][upper]) / 2)


def r2(truth: Array, predicted: Array, counts: Array) -> Array:
    """R² in each redraw; NaN where all of its rows have one value."""
    away = truth - truth.mean()  # as a mean of squares is exact only near zero
    spread = mean(away**2, counts) - mean(away, counts) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 1e-12 * np.var(truth), 1 - mean((truth - predicted) ** 2, counts) / spread, np.nan)


def confusions(truth: Array, decided: Array, classes: int, counts: Array) -> Array:
    """The confusion matrix of each redraw: (draws, true class, decided class)."""
    cells = truth * classes + decided
    return np.stack([np.bincount(cells, one, classes**2).reshape(classes, classes) for one in counts])


def balanced_accuracy(matrices: Array) -> Array:
    """The mean recall of the classes that are there."""
    right, there = np.einsum("dkk->dk", matrices), matrices.sum(axis=2)
    recalls = right / np.maximum(there, 1)
    return np.asarray(recalls.sum(axis=1) / (there > 0).sum(axis=1))


def f1(matrices: Array) -> Array:
    """F1 of each class, (draws, classes); 0 for a class that is neither there nor predicted."""
    right = np.einsum("dkk->dk", matrices)
    return np.asarray(2 * right / np.maximum(matrices.sum(axis=2) + matrices.sum(axis=1), 1))


def macro_f1(matrices: Array) -> Array:
    """The mean F1 of the classes that are there or predicted."""
    met = (matrices.sum(axis=2) + matrices.sum(axis=1)) > 0
    return np.asarray(f1(matrices).sum(axis=1) / met.sum(axis=1))


def roc_auc(truth: Array, scores: Array, counts: Array) -> Array:
    """The area under the ROC curve in each redraw; NaN where one side is missing."""

    def area(hits: Array, alarms: Array) -> Array:
        widths, heights = np.diff(alarms, prepend=0), (hits + _before(hits)) / 2
        return np.asarray((widths * heights).sum(axis=1) / (hits[:, -1] * alarms[:, -1]))

    return _along_the_scores(truth, scores, counts, area)


def average_precision(truth: Array, scores: Array, counts: Array) -> Array:
    """Average precision in each redraw; NaN where nothing is positive."""

    def area(hits: Array, alarms: Array) -> Array:
        precisions = hits / np.maximum(hits + alarms, 1)
        return np.asarray((np.diff(hits, prepend=0) * precisions).sum(axis=1) / hits[:, -1])

    return _along_the_scores(truth, scores, counts, area)


def _before(values: Array) -> Array:
    return np.pad(values, ((0, 0), (1, 0)))[:, :-1]


def _along_the_scores(truth: Array, scores: Array, counts: Array, area: Callable[[Array, Array], Array]) -> Array:
    """Count positives and negatives from the highest score down, equal scores together, and take the area."""
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.flatnonzero(np.diff(scores[order], append=np.nan) != 0)
    sorted_counts, positive = counts[:, order], truth[order].astype(np.float64)
    hits = np.cumsum(sorted_counts * positive, axis=1)[:, last_of_equals]
    alarms = np.cumsum(sorted_counts * (1 - positive), axis=1)[:, last_of_equals]
    with np.errstate(divide="ignore", invalid="ignore"):
        return area(hits, alarms)
