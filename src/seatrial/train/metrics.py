"""The metrics by name: each as scikit-learn defines it, computed on many bootstrap resamples of the rows at once."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from seatrial.model import bootstrap
from seatrial.model.features import Array, Floats
from seatrial.model.metadata import Task


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` rows (Wilson 1927), which stays within 0 and 1 even for few rows."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True)
class LabelledScores:
    """The true and the predicted values, row by row.

    For a classifier, `truth` and `predicted` (n,) are positions among its `classes`, `scores` (n, classes) are
    probabilities, and `positive` is the position of a binary task's positive class. For a regression, all three are
    numbers (n,). `weights` (n,) say how many rows each one counts for; None where all count the same.
    """

    truth: Array
    scores: Array
    predicted: Array
    classes: int = 0
    positive: int = 1
    weights: Floats | None = None

    def take(self, rows: Array) -> "LabelledScores":
        """Select some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        parts = self.truth[rows], self.scores[rows], self.predicted[rows]
        return LabelledScores(*parts, self.classes, self.positive, weights)

    def one_against_the_rest(self, position: int) -> tuple[Array, Array]:
        """Return whether each row is of the class, and the probability it was given (n,)."""
        return self.truth == position, self.scores[:, position]

    @property
    def of_positive(self) -> tuple[Array, Array]:
        """Whether each row is of the positive class, and the probability it was given (n,)."""
        return self.one_against_the_rest(self.positive)

    @property
    def absolute_errors(self) -> Array:
        """How far a regression's predictions are off (n,)."""
        return np.asarray(np.abs(self.truth - self.scores))


@dataclass(frozen=True)
class Measure:
    """One metric; `compute` takes (resamples, n) counts of the rows and gives NaN where it is undefined."""

    name: str
    label: str
    compute: Callable[[LabelledScores, Array], Array]
    higher_is_better: bool = True

    def resampled(self, rows: LabelledScores, counts: Array) -> Array:
        """Compute the metric on resamples of the rows, by their counts and weights; (resamples,)."""
        return self.compute(rows, counts if rows.weights is None else counts * rows.weights)

    def of(self, rows: LabelledScores) -> float:
        """Compute the metric on the rows themselves."""
        return float(self.resampled(rows, np.ones((1, len(rows.truth))))[0])


def measures_of(task: Task, truth: Array) -> tuple[Measure, ...]:
    """Return the metrics of a task, the most informative one first."""
    if task == "binary":
        return (ROC_AUC, ACCURACY, BALANCED_ACCURACY, AVERAGE_PRECISION, F1, LOG_LOSS, BRIER)
    if task == "multiclass":
        return (ACCURACY, BALANCED_ACCURACY, MACRO_F1, ROC_AUC_OVR, LOG_LOSS)
    return (R2, RMSE, MAE, MEDIAN_AE, *((MAPE,) if _has_percentages(truth) else ()))


def _has_percentages(truth: Array) -> bool:
    """Whether errors in per cent make sense: all values are above zero, and none is close to it."""
    return bool(truth.min() > 0 and truth.min() >= np.median(truth) / 100)


def _roc_auc_ovr(rows: LabelledScores, counts: Array) -> Array:
    """The mean over the classes that occur; scikit-learn's own fails where one does not."""
    areas = [bootstrap.roc_auc(*rows.one_against_the_rest(k), counts) for k in range(rows.classes)]
    defined = (~np.isnan(areas)).sum(axis=0)
    return np.where(defined > 0, np.nansum(areas, axis=0) / np.maximum(defined, 1), np.nan)


def _log_losses(rows: LabelledScores) -> Array:
    # Normalised as scikit-learn requires it: some estimators' probabilities do not quite sum to 1.
    totals = rows.scores.sum(axis=1, keepdims=True)
    own = (rows.scores / np.where(totals > 0, totals, 1.0))[np.arange(len(rows.truth)), rows.truth]
    smallest = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(own, smallest, 1 - smallest)))


def _matrices(rows: LabelledScores, counts: Array) -> Array:
    return bootstrap.confusion_matrices(rows.truth, rows.predicted, rows.classes, counts)


def _mean(
    name: str, label: str, values: Callable[[LabelledScores], Array], *, higher_is_better: bool = False
) -> Measure:
    """A metric that is the mean of one value per row."""
    return Measure(name, label, lambda rows, counts: bootstrap.mean(values(rows), counts), higher_is_better)


ROC_AUC = Measure("roc_auc", "ROC AUC", lambda rows, counts: bootstrap.roc_auc(*rows.of_positive, counts))
ACCURACY = _mean("accuracy", "accuracy", lambda rows: rows.truth == rows.predicted, higher_is_better=True)
BALANCED_ACCURACY = Measure(
    "balanced_accuracy",
    "balanced accuracy",
    lambda rows, counts: bootstrap.balanced_accuracy(_matrices(rows, counts)),
)
AVERAGE_PRECISION = Measure(
    "average_precision",
    "average precision",
    lambda rows, counts: bootstrap.average_precision(*rows.of_positive, counts),
)
F1 = Measure("f1", "F1", lambda rows, counts: bootstrap.f1(_matrices(rows, counts))[:, rows.positive])
MACRO_F1 = Measure("macro_f1", "macro F1", lambda rows, counts: bootstrap.macro_f1(_matrices(rows, counts)))
ROC_AUC_OVR = Measure("roc_auc_ovr", "ROC AUC, one against the rest", _roc_auc_ovr)
LOG_LOSS = _mean("log_loss", "log loss", _log_losses)
BRIER = _mean("brier", "Brier score", lambda rows: (rows.of_positive[1] - rows.of_positive[0]) ** 2)
R2 = Measure("r2", "R²", lambda rows, counts: bootstrap.r2(rows.truth, rows.scores, counts))
RMSE = Measure(
    "rmse",
    "root mean squared error",
    lambda rows, counts: np.sqrt(bootstrap.mean(rows.absolute_errors**2, counts)),
    higher_is_better=False,
)
MAE = _mean("mae", "mean absolute error", lambda rows: rows.absolute_errors)
MEDIAN_AE = Measure(
    "median_absolute_error",
    "median absolute error",
    lambda rows, counts: bootstrap.median(rows.absolute_errors, counts),
    higher_is_better=False,
)
MAPE = _mean("mape", "mean absolute percentage error", lambda rows: rows.absolute_errors / np.abs(rows.truth))
