"""How scores are read in all three tasks: the decision rule, how far two scores are apart, and how wrong they are."""

from dataclasses import dataclass

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array


@dataclass(frozen=True)
class Scoring(DecisionRule):
    """A decision rule with distances and losses.

    `scale` is one unit of a regression: the standard deviation of its labels. Changes and errors are reported in this
    unit, so that one set of limits fits every table.
    """

    scale: float = 1.0

    @property
    def classifies(self) -> bool:
        """Whether the task has classes."""
        return self.task != "regression"

    def change(self, old: Array, new: Array) -> Array:
        """How far each row moved (n,): in probability (half the summed change), or in units of `scale`."""
        if self.task == "regression":
            return np.asarray(np.abs(new - old) / self.scale)
        if self.task == "binary":
            return np.asarray(np.abs(new[:, self.positive] - old[:, self.positive]))
        return np.asarray(np.abs(new - old).sum(axis=1) / 2)

    def signed(self, old: Array, new: Array) -> Array:
        """How each row moved, with its direction: (n, 1), or (n, n_classes) for several classes."""
        if self.task == "regression":
            return np.asarray((new - old)[:, None] / self.scale)
        return np.asarray((new - old)[:, [self.positive]] if self.task == "binary" else new - old)

    def losses(self, scores: Array, truth: Array) -> Array:
        """How wrong each row is (n,): Brier's squared distance in [0, 1], or the absolute error in units of `scale`.

        Both are bounded or nearly so; a log loss would depend on a few of the worst rows.
        """
        if self.task == "regression":
            return np.asarray(np.abs(scores - truth) / self.scale)
        if self.task == "binary":
            return np.asarray((scores[:, self.positive] - (truth == self.positive)) ** 2)
        distance = (scores**2).sum(axis=1) - 2 * scores[np.arange(len(truth)), truth] + 1
        return np.asarray(distance / 2)

    def headline(self, scores: Array) -> Array:
        """One score per row (n,): the prediction, the positive class's probability, or the highest of several."""
        if scores.ndim == 1:
            return scores
        return np.asarray(scores[:, self.positive] if self.task == "binary" else scores.max(axis=1))

    def constant_scores(self, truth: Array, weights: Array | None = None) -> Array:
        """Scores of the best model that always predicts the same: the shares of the classes, or the mean."""
        if not self.classifies:
            return np.full(len(truth), np.average(truth, weights=weights))
        counts = np.bincount(truth, weights, minlength=len(self.classes))
        return np.tile(counts / counts.sum(), (len(truth), 1))

    @property
    def loss_name(self) -> str:
        """What `losses` are called in messages."""
        return "Brier score" if self.classifies else "mean error, in units of the labels' spread"
