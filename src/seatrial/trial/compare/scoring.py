"""What scores mean, for all three tasks: how they are decided, how far two lie apart, and how wrong they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.model.metadata import Task


@dataclass(frozen=True)
class Scoring:
    """How to read scores: (n, n_classes) probabilities, or (n,) predictions of a regression.

    `positive` is the position of a binary task's positive label. `scale` is one unit of a regression: the spread of
    its labels, so that changes and errors are told in it and one set of limits fits every table.
    """

    task: Task
    classes: tuple[Any, ...] = ()
    positive: int = 1
    threshold: float = 0.5
    scale: float = 1.0

    @property
    def classifies(self) -> bool:
        """Whether there are labels to decide for."""
        return self.task != "regression"

    def codes(self, labels: Sequence[Any] | Array) -> Array:
        """Labels as positions in `classes` (n,), -1 for one that is not among them; numbers of a regression as such."""
        if not self.classifies:
            return np.asarray(labels, dtype=np.float64)
        place = {str(label): position for position, label in enumerate(self.classes)}
        return np.array([place.get(str(label), -1) for label in np.asarray(labels).tolist()], dtype=np.int64)

    def decide(self, scores: Array) -> Array:
        """Positions in `classes` (n,), or the predictions again."""
        if self.task == "regression":
            return scores
        if self.task == "multiclass":
            return np.asarray(scores.argmax(axis=1))
        return np.where(scores[:, self.positive] >= self.threshold, self.positive, 1 - self.positive)

    def change(self, old: Array, new: Array) -> Array:
        """How far each row moved (n,): in probability (half the summed change), or in units of `scale`."""
        if self.task == "regression":
            return np.asarray(np.abs(new - old) / self.scale)
        if self.task == "binary":
            return np.asarray(np.abs(new[:, self.positive] - old[:, self.positive]))
        return np.asarray(np.abs(new - old).sum(axis=1) / 2)

    def signed(self, old: Array, new: Array) -> Array:
        """How each row moved, with its direction: (n, 1), or (n, n_classes) where there are several."""
        if self.task == "regression":
            return np.asarray((new - old)[:, None] / self.scale)
        return np.asarray((new - old)[:, [self.positive]] if self.task == "binary" else new - old)

    def losses(self, scores: Array, truth: Array) -> Array:
        """How wrong each row is (n,): Brier's squared distance in [0, 1], or the absolute error in units of `scale`.

        Both are bounded or nearly so, where a log loss hangs on its few worst rows.
        """
        if self.task == "regression":
            return np.asarray(np.abs(scores - truth) / self.scale)
        if self.task == "binary":
            return np.asarray((scores[:, self.positive] - (truth == self.positive)) ** 2)
        distance = (scores**2).sum(axis=1) - 2 * scores[np.arange(len(truth)), truth] + 1
        return np.asarray(distance / 2)
