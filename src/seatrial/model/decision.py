"""The decision rule: how a model's scores become labels. Training, the proof, the trial and the server all use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.model.metadata import Metadata, Task

LARGEST = 2**63 - 1  # that int64 has, and its negative too


@dataclass(frozen=True)
class DecisionRule:
    """How to read scores: (n, n_classes) probabilities, or (n,) predictions of a regression.

    `classes` are in the order of the score columns. `positive` is the position of a binary task's positive class, which
    is predicted from a probability of `threshold` upwards. Of several classes, the most probable one is predicted.
    """

    task: Task
    classes: tuple[Any, ...] = ()
    positive: int = 1
    threshold: float = 0.5

    def decide(self, scores: Array) -> Array:
        """Return the predicted positions in `classes` (n,), or a regression's scores unchanged."""
        if self.task == "regression":
            return scores
        if self.task == "multiclass":
            return np.asarray(scores.argmax(axis=1))
        return np.where(scores[:, self.positive] >= self.threshold, self.positive, 1 - self.positive)

    def margin(self, scores: Array) -> Array:
        """How far each row is from another label (n,): from the threshold, or the best class from the second best."""
        if self.task == "binary":
            return np.abs(scores[:, self.positive] - self.threshold)
        ordered = np.sort(scores, axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2])

    def labels(self, positions: Array) -> list[Any]:
        """Return the labels at these positions, or a regression's predictions as a list."""
        if self.task == "regression":
            return list(positions.tolist())
        return [self.classes[position] for position in positions.tolist()]

    def label_column(self, positions: Array) -> list[Any] | Array:
        """Return the labels at these positions as an array where all are integers or booleans, else as a list."""
        kinds = set(map(type, self.classes))
        if kinds not in ({int}, {bool}) or max(map(abs, self.classes)) > LARGEST:
            return self.labels(positions)
        return np.array(self.classes)[positions]

    def positions(self, labels: Sequence[Any] | Array) -> Array:
        """Return each label's position in `classes` (n,), -1 for an unknown label; a regression's numbers as floats.

        Labels are compared as text, since a label that was written to a table or to JSON may come back as text.
        """
        if self.task == "regression":
            return np.asarray(labels, dtype=np.float64)
        known = {str(label): position for position, label in enumerate(self.classes)}
        if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
            distinct = np.unique(labels)
            places = np.array([known.get(str(label), -1) for label in distinct.tolist()], dtype=np.int64)
            return places[np.searchsorted(distinct, labels)]
        return np.array([known.get(str(label), -1) for label in np.asarray(labels).tolist()], dtype=np.int64)


def decision_rule(metadata: Metadata) -> DecisionRule:
    """Return the rule of a release."""
    positive = metadata.classes.index(metadata.positive) if metadata.task == "binary" else 1
    return DecisionRule(metadata.task, metadata.classes, positive, metadata.threshold)
