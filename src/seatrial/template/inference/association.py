"""How well an array of values predicts the target's held-out rows, and how far chance could explain that.

Two estimates, and the better one counts. Values are put into groups (64 quantiles, or the values), and one half of each
group's rows predicts the other. Numbers that hardly repeat are also sorted, and each row is predicted from its
neighbours, which works in a small table and for any shape of a dependence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.model.bootstrap import roc_auc
from seatrial.model.metadata import Task

Floats = npt.NDArray[np.float64]

BINS = 64
ROWS_OF_A_BIN = 8
RISK = 0.05  # that any of the columns or combinations tried is as good by chance
SLACK = 4.0  # how many times the limit the upper end of the interval may be
# What a column may leave unexplained: relative to the error of always predicting the most frequent class, or 1 - R2 of
# ranks. Two normal classes that a threshold separates with 6 % of the trivial error have an AUC of 0.996.
CERTAIN = {"binary": 0.06, "multiclass": 0.02, "regression": 0.005}
DOUBTFUL = {"binary": 0.12, "multiclass": 0.05, "regression": 0.02}
AUC = 0.995
PER_AUC = CERTAIN["binary"] / (1 - AUC)  # so that an AUC of 0.995 is at the limit too


@dataclass(frozen=True)
class Answer:
    """The target on the rows that are examined: codes of classes, or numbers and their ranks.

    `half` splits the rows; `order` shuffles them, so that equal values are not sorted by their place in the table.
    """

    task: Task
    numbers: Any
    truth: Any
    classes: int
    half: Any
    order: Any

    @property
    def trivial(self) -> float:
        """The error of always predicting the most frequent class."""
        return 1 - float(np.bincount(self.truth).max()) / len(self.truth)

    def take(self, rows: Any) -> "Answer":
        """Only some of the rows, by a mask."""
        return answer_of(self.task, self.numbers[rows], self.classes)


@dataclass(frozen=True)
class Strength:
    """How much of the target the values leave unexplained, 0 to 1, its upper bound, and the evidence in words."""

    unexplained: float
    bound: float
    evidence: str

    def within(self, limits: dict[str, float], task: Task) -> bool:
        """Whether it leaves no more than the limit, which chance cannot explain."""
        return self.unexplained <= limits[task] and self.bound <= SLACK * limits[task]


def answer_of(task: Task, numbers: Any, classes: int) -> Answer:
    """The target from its codes of classes or its numbers (n,)."""
    truth = ranks(numbers) if task == "regression" else numbers.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(numbers))
    return Answer(task, numbers, truth, classes, order % 2 == 0, order)


def strength(codes: Any, numbers: Floats | None, answer: Answer, *, tried: int) -> Strength | None:
    """Measure values by their groups `codes` (n,), and by `numbers` (n,) with NaN for missing, where they are numbers.

    `tried` counts the columns or combinations of which this is one: the more there are, the better the best is by
    chance. None where the rows are too few to say anything.
    """
    rows = len(answer.truth)
    if rows < 10 or (answer.task != "regression" and answer.trivial <= 0):
        return None
    found = []
    if len(np.unique(codes)) <= rows / 4:
        found.append(_by_groups(codes, answer, tried))
    if numbers is not None:
        found.append(_by_neighbours(numbers, answer, tried))
    return min(found, key=lambda one: (one.unexplained, one.bound)) if found else None


def quantile_codes(numbers: Floats) -> Any:
    """Groups of about equally many rows, at most 64; missing is a group of its own."""
    present = ~np.isnan(numbers)
    bins = max(2, min(BINS, int(present.sum()) // ROWS_OF_A_BIN))
    edges: Any = np.unique(np.quantile(numbers[present], np.linspace(0, 1, bins + 1)[1:-1])) if present.any() else []
    return np.where(present, np.searchsorted(edges, np.nan_to_num(numbers), side="right") + 1, 0)


def ranks(values: Floats) -> Floats:
    """Ranks from 1, averaged over equal values."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[codes])


def _by_groups(codes: Any, answer: Answer, tried: int) -> Strength:
    truth, half, rows = answer.truth, answer.half, len(answer.truth)
    outputs = 1 if answer.task == "regression" else max(answer.classes, 2)
    predicted = np.zeros((rows, outputs))
    for seen in (half, ~half):
        predicted[~seen] = _means(codes, truth, seen, outputs)[codes[~seen]]
    if answer.task == "regression":
        rest = float(((truth - predicted[:, 0]) ** 2).mean())
        return _of_quantity(rest / float(truth.var()) if truth.var() else 1.0, rows, tried)
    error = float((predicted.argmax(axis=1) != truth).mean())
    area = _area(truth, predicted[:, 1]) if answer.task == "binary" else 0.0
    return _of_classes(error, area, answer, tried)


def _by_neighbours(numbers: Floats, answer: Answer, tried: int) -> Strength:
    """Predict each row from the next one in sorted order; missing values come first, and equal ones are shuffled."""
    order = answer.order[np.argsort(np.where(np.isnan(numbers), -np.inf, numbers)[answer.order], kind="stable")]
    truth, rows = answer.truth[order], len(order)
    if answer.task == "regression":
        # The variance of a row's distance to the mean of its two neighbours is 1.5 times the noise (von Neumann 1941).
        rest = truth[1:-1] - (truth[:-2] + truth[2:]) / 2
        return _of_quantity(float((rest**2).mean()) / 1.5 / float(truth.var()) if truth.var() else 1.0, rows, tried)
    # A limit between two classes is one change, and not an error.
    changes = int((truth[1:] != truth[:-1]).sum()) - (len(np.unique(truth)) - 1)
    error = changes / (rows - 1)
    area = 0.0
    if answer.task == "binary" and not np.isnan(numbers).any():
        area = _area(answer.truth, numbers)
        area = max(area, 1 - area)
    return _of_classes(error, area, answer, tried)


def _area(truth: Any, scores: Any) -> float:
    return float(roc_auc(truth, scores, np.ones((1, len(truth)), dtype=np.int64)).item())


def _of_classes(error: float, area: float, answer: Answer, tried: int) -> Strength:
    rows = len(answer.truth)
    by_error = error / answer.trivial
    bound = upper_bound(error, rows, tried) / answer.trivial
    by_area = (1 - area) * PER_AUC if answer.task == "binary" else np.inf
    if answer.task == "binary":
        minority = int(np.bincount(answer.truth, minlength=2).min())
        bound = min(bound, 2 * upper_bound(1 - area, max(minority, 1), tried))
    evidence = f"{1 - error:.1%} of held-out rows predicted correctly"
    if answer.task == "binary" and (area >= AUC or by_area < by_error):
        evidence = f"held-out AUC {area:.4f}"
    return Strength(float(min(by_error, by_area, 1.0)), float(min(bound, 1.0)), evidence)


def _of_quantity(unexplained: float, rows: int, tried: int) -> Strength:
    """The bound is that of a correlation, by Fisher's z."""
    unexplained = min(max(unexplained, 1e-12), 1.0)
    z = np.arctanh(min(np.sqrt(1 - unexplained), 1 - 1e-12)) - np.sqrt(2 * np.log(tried / RISK) / max(rows - 3, 1))
    return Strength(unexplained, 1 - float(np.tanh(max(z, 0.0))) ** 2, f"held-out R2 of ranks {1 - unexplained:.4f}")


def upper_bound(share: float, rows: int, tried: int) -> float:
    """The upper end of a share of errors (Chernoff); its risk is divided among all that were tried (Bonferroni)."""
    level = np.log(tried / RISK) / rows
    return float(min(share + np.sqrt(2 * share * level) + level, 1.0))


def _means(codes: Any, truth: Any, seen: Any, outputs: int) -> Floats:
    """Per group, the mean of the rows `seen` or the share of each class, shrunk a little to the overall value."""
    size = int(codes.max()) + 1
    means = np.zeros((size, outputs))
    count = np.bincount(codes[seen], minlength=size).astype(np.float64)
    for output in range(outputs):
        outcome = truth[seen] if outputs == 1 else (truth[seen] == output).astype(np.float64)
        weight = 0.1 if outputs == 1 else 1.0
        sums = np.bincount(codes[seen], weights=outcome, minlength=size)
        means[:, output] = (sums + weight * float(outcome.mean())) / (count + weight)
    return means
