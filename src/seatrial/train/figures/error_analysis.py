"""Where a model is wrong: the confusion matrix, and the rows with the largest errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Columns
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array
from seatrial.pages.words import MINUS, cell, percent, plain
from seatrial.train.evaluation import Evaluation, Name

WORST = 10


@dataclass(frozen=True)
class ConfusionCell:
    """How many rows of a class were predicted as a class, and their share of the true class's rows."""

    rows: int
    share: float
    correct: bool

    @property
    def percent(self) -> str:
        """The share, as text."""
        return percent(self.share)


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix: true classes down, predicted classes across."""

    names: tuple[str, ...]
    totals: tuple[int, ...]
    cells: tuple[tuple[ConfusionCell, ...], ...]
    caption: str


@dataclass(frozen=True)
class LargeError:
    """One row: its true and its predicted value, the probability or the error of the prediction, and its values."""

    true: str
    predicted: str
    size: str
    values: tuple[str, ...]


def confusion(evaluation: Evaluation, name: Name) -> Confusion:
    """Count the predictions for each true class."""
    rule, count = evaluation.rule, len(evaluation.rule.classes)
    pairs = rule.positions(evaluation.labels) * count + rule.positions(evaluation.predicted)
    matrix = np.bincount(pairs, minlength=count**2).reshape(count, count)
    totals = matrix.sum(axis=1)
    cells = tuple(
        tuple(ConfusionCell(int(n), float(n / max(total, 1)), row == column) for column, n in enumerate(line))
        for row, (line, total) in enumerate(zip(matrix, totals, strict=True))
    )
    names = tuple(name(label) for label in rule.classes)
    wrong = matrix - np.diag(np.diag(matrix))
    caption = "Each row is a true class, each column a predicted one; the shares are of the row. "
    if wrong.any():
        true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
        caption += (
            f"The most frequent error: {wrong.max():,} of {totals[true]:,} rows that were “{names[true]}” were "
            f"predicted as “{names[predicted]}”."
        )
    else:
        caption += "Every prediction was correct."
    return Confusion(names, tuple(totals.tolist()), cells, caption)


def largest_errors(
    evaluation: Evaluation, held_out: Columns, columns: Sequence[Column], name: Name
) -> tuple[LargeError, ...]:
    """The wrong predictions that gave the true class the least probability, or a regression's largest errors."""
    labels, predicted, scores = evaluation.labels, evaluation.predicted, evaluation.scores

    def values(row: int) -> tuple[str, ...]:
        return tuple(cell(from_array(column, held_out[column.name][row])) for column in columns)

    if evaluation.regression:
        errors = scores - labels
        order = np.argsort(-np.abs(errors), kind="stable")[:WORST]
        return tuple(
            LargeError(plain(float(labels[row])), plain(float(scores[row])), _signed(float(errors[row])), values(row))
            for row in order.tolist()
            if errors[row]
        )
    true, chosen = evaluation.rule.positions(labels), evaluation.rule.positions(predicted)
    wrong = np.flatnonzero(chosen != true)
    order = wrong[np.argsort(scores[wrong, true[wrong]], kind="stable")][:WORST]
    return tuple(
        LargeError(name(labels[row]), name(predicted[row]), percent(float(scores[row, chosen[row]])), values(row))
        for row in order.tolist()
    )


def _signed(value: float) -> str:
    return ("+" if value > 0 else MINUS) + plain(abs(value))
