"""The metrics by name: each as scikit-learn defines it, and the same on many redraws of the rows at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seatrial.model import bootstrap
from seatrial.model.features import Array
from seatrial.model.metadata import Task


@dataclass(frozen=True)
class Answers:
    """What was true and what was predicted, row by row.

    A classifier's `truth` and `decided` (n,) are positions among its `classes`, its `scores` (n, classes) are
    probabilities; a regression's are three times (n,) numbers. `positive` is a binary task's position that means yes.
    """

    truth: Array
    scores: Array
    decided: Array
    classes: int = 0
    positive: int = 1

    def take(self, rows: Array) -> "Answers":
        """The answers of some rows."""
        return Answers(self.truth[rows], self.scores[rows], self.decided[rows], self.classes, self.positive)

    def one_against_the_rest(self, position: int) -> tuple[Array, Array]:
        """Whether each row is of the class, and the probability it was given (n,)."""
        return self.truth == position, self.scores[:, position]


@dataclass(frozen=True)
class Measure:
    """One metric. `of` is NaN where these rows cannot tell; `redrawn` takes (draws, n) counts of the rows."""

    name: str
    label: str
    of: Callable[[Answers], float]
    redrawn: Callable[[Answers, Array], Array]
    higher_is_better: bool = True


def measures_of(task: Task, truth: Array) -> tuple[Measure, ...]:
    """The metrics of a task, the most telling one first."""
    if task == "binary":
        return (ROC_AUC, ACCURACY, BALANCED_ACCURACY, AVERAGE_PRECISION, F1, LOG_LOSS, BRIER)
    if task == "multiclass":
        return (ACCURACY, BALANCED_ACCURACY, MACRO_F1, ROC_AUC_OVR, LOG_LOSS)
    return (R2, RMSE, MAE, MEDIAN_AE, *((MAPE,) if _has_percentages(truth) else ()))


def _has_percentages(truth: Array) -> bool:
    """Whether errors in per cent make sense: of values above zero, none of them next to nothing."""
    return bool(truth.min() > 0 and truth.min() >= np.median(truth) / 100)


def _roc_auc(answers: Answers) -> float:
    return _binary_auc(*answers.one_against_the_rest(answers.positive))


def _binary_auc(truth: Array, scores: Array) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores)) if 0 < truth.sum() < len(truth) else np.nan


def _roc_auc_ovr(answers: Answers) -> float:
    """The mean over the classes that are there; scikit-learn's own gives up where one is not."""
    each = [_binary_auc(*answers.one_against_the_rest(k)) for k in range(answers.classes)]
    told = [value for value in each if not np.isnan(value)]
    return float(np.mean(told)) if told else np.nan


def _roc_auc_ovr_redrawn(answers: Answers, counts: Array) -> Array:
    each = [bootstrap.roc_auc(*answers.one_against_the_rest(k), counts) for k in range(answers.classes)]
    there = ~np.isnan(each)
    told = there.sum(axis=0)
    return np.where(told > 0, np.nansum(each, axis=0) / np.maximum(told, 1), np.nan)


def _average_precision(answers: Answers) -> float:
    from sklearn.metrics import average_precision_score

    truth, scores = answers.one_against_the_rest(answers.positive)
    return float(average_precision_score(truth, scores)) if truth.any() else np.nan


def _accuracy(answers: Answers) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(answers.truth, answers.decided))


def _balanced_accuracy(answers: Answers) -> float:
    from sklearn.metrics import recall_score

    # The mean recall of the classes that are there, as balanced_accuracy_score has it, which warns of the others.
    there = np.unique(answers.truth)
    return float(recall_score(answers.truth, answers.decided, labels=there, average="macro", zero_division=0))


def _f1(answers: Answers) -> float:
    from sklearn.metrics import f1_score

    truth, decided = answers.truth == answers.positive, answers.decided == answers.positive
    return float(f1_score(truth, decided, zero_division=0))


def _macro_f1(answers: Answers) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(answers.truth, answers.decided, average="macro", zero_division=0))


def _log_loss(answers: Answers) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(answers.truth, _sums_to_one(answers.scores), labels=np.arange(answers.classes)))


def _sums_to_one(scores: Array) -> Array:
    """Scores as scikit-learn wants them: some estimators' probabilities miss 1 by more than it lets pass."""
    totals = scores.sum(axis=1, keepdims=True)
    return np.asarray(scores / np.where(totals > 0, totals, 1.0))


def _row_log_losses(answers: Answers) -> Array:
    given = _sums_to_one(answers.scores)[np.arange(len(answers.truth)), answers.truth]
    tiny = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(given, tiny, 1 - tiny)))


def _brier(answers: Answers) -> float:
    from sklearn.metrics import brier_score_loss

    truth, scores = answers.one_against_the_rest(answers.positive)
    return float(brier_score_loss(truth, scores, labels=[False, True]))


def _r2(answers: Answers) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(answers.truth, answers.scores)) if np.ptp(answers.truth) > 0 else np.nan


def _rmse(answers: Answers) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(answers.truth, answers.scores))


def _mae(answers: Answers) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(answers.truth, answers.scores))


def _median_ae(answers: Answers) -> float:
    from sklearn.metrics import median_absolute_error

    return float(median_absolute_error(answers.truth, answers.scores))


def _mape(answers: Answers) -> float:
    from sklearn.metrics import mean_absolute_percentage_error

    return float(mean_absolute_percentage_error(answers.truth, answers.scores))


def _misses(answers: Answers) -> Array:
    return np.asarray(np.abs(answers.truth - answers.scores))


ROC_AUC = Measure(
    "roc_auc",
    "ROC AUC",
    _roc_auc,
    lambda a, counts: bootstrap.roc_auc(*a.one_against_the_rest(a.positive), counts),
)
ACCURACY = Measure(
    "accuracy",
    "accuracy",
    _accuracy,
    lambda a, counts: bootstrap.mean(a.truth == a.decided, counts),
)
BALANCED_ACCURACY = Measure(
    "balanced_accuracy",
    "balanced accuracy",
    _balanced_accuracy,
    lambda a, counts: bootstrap.balanced_accuracy(bootstrap.confusion_matrices(a.truth, a.decided, a.classes, counts)),
)
AVERAGE_PRECISION = Measure(
    "average_precision",
    "average precision",
    _average_precision,
    lambda a, counts: bootstrap.average_precision(*a.one_against_the_rest(a.positive), counts),
)
F1 = Measure(
    "f1",
    "F1",
    _f1,
    lambda a, counts: bootstrap.f1(bootstrap.confusion_matrices(a.truth, a.decided, a.classes, counts))[:, a.positive],
)
MACRO_F1 = Measure(
    "macro_f1",
    "macro F1",
    _macro_f1,
    lambda a, counts: bootstrap.macro_f1(bootstrap.confusion_matrices(a.truth, a.decided, a.classes, counts)),
)
ROC_AUC_OVR = Measure("roc_auc_ovr", "ROC AUC, one against the rest", _roc_auc_ovr, _roc_auc_ovr_redrawn)
LOG_LOSS = Measure(
    "log_loss",
    "log loss",
    _log_loss,
    lambda a, counts: bootstrap.mean(_row_log_losses(a), counts),
    higher_is_better=False,
)
BRIER = Measure(
    "brier",
    "Brier score",
    _brier,
    lambda a, counts: bootstrap.mean((a.scores[:, a.positive] - (a.truth == a.positive)) ** 2, counts),
    higher_is_better=False,
)
R2 = Measure("r2", "R²", _r2, lambda a, counts: bootstrap.r2(a.truth, a.scores, counts))
RMSE = Measure(
    "rmse",
    "root mean squared error",
    _rmse,
    lambda a, counts: np.sqrt(bootstrap.mean(_misses(a) ** 2, counts)),
    higher_is_better=False,
)
MAE = Measure(
    "mae",
    "mean absolute error",
    _mae,
    lambda a, counts: bootstrap.mean(_misses(a), counts),
    higher_is_better=False,
)
MEDIAN_AE = Measure(
    "median_absolute_error",
    "median absolute error",
    _median_ae,
    lambda a, counts: bootstrap.median(_misses(a), counts),
    higher_is_better=False,
)
MAPE = Measure(
    "mape",
    "mean absolute percentage error",
    _mape,
    lambda a, counts: bootstrap.mean(_misses(a) / np.abs(a.truth), counts),
    higher_is_better=False,
)
