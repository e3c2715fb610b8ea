"""Where a model is wrong: the confusion matrix, and the rows that it was most wrong about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array
from seatrial.pages.words import MINUS, cell, percent, plain
from seatrial.train.evaluation import Evaluation

WORST = 10

Name = Callable[[object], str]


@dataclass(frozen=True)
class Count:
    """How many rows of a class got an answer, and their share of its rows."""

    rows: int
    share: float
    right: bool

    @property
    def percent(self) -> str:
        """The share, as text."""
        return percent(self.share)


@dataclass(frozen=True)
class Confusion:
    """True classes down, answers across."""

    names: tuple[str, ...]
    totals: tuple[int, ...]
    counts: tuple[tuple[Count, ...], ...]
    caption: str


@dataclass(frozen=True)
class Mistake:
    """One row: what it was, what was answered, how sure that was or how far off, and its values."""

    true: str
    answer: str
    degree: str
    values: tuple[str, ...]


def confusion(evaluation: Evaluation, name: Name) -> Confusion:
    """Count what was answered for each class."""
    many = len(evaluation.classes)
    cells = _places(evaluation, evaluation.labels) * many + _places(evaluation, evaluation.decided)
    matrix = np.bincount(cells, minlength=many**2).reshape(many, many)
    totals = matrix.sum(axis=1)
    counts = tuple(
        tuple(Count(int(n), float(n / max(total, 1)), row == column) for column, n in enumerate(line))
        for row, (line, total) in enumerate(zip(matrix, totals, strict=True))
    )
    names = tuple(name(label) for label in evaluation.classes)
    wrong = matrix - np.diag(np.diag(matrix))
    caption = "Each line is what the rows were, each column what was answered; the shares are of the line. "
    if wrong.any():
        true, answer = np.unravel_index(wrong.argmax(), wrong.shape)
        caption += (
            f"The most frequent mistake: {wrong.max():,} of {totals[true]:,} rows that were “{names[true]}” were "
            f"answered “{names[answer]}”."
        )
    else:
        caption += "No row was answered wrongly."
    return Confusion(names, tuple(totals.tolist()), counts, caption)


def mistakes(evaluation: Evaluation, held_out: Columns, columns: Sequence[Column], name: Name) -> tuple[Mistake, ...]:
    """The worst rows: classes denied with the most confidence, or numbers missed by most."""
    if evaluation.task == "regression":
        missed = evaluation.scores - evaluation.labels
        order = np.argsort(-np.abs(missed), kind="stable")[:WORST]
        return tuple(
            Mistake(
                plain(float(evaluation.labels[row])),
                plain(float(evaluation.scores[row])),
                _signed(float(missed[row])),
                _values(held_out, columns, row),
            )
            for row in order.tolist()
            if missed[row]
        )
    truth, decided = _places(evaluation, evaluation.labels), _places(evaluation, evaluation.decided)
    granted = evaluation.scores[np.arange(len(truth)), truth]
    wrong = np.flatnonzero(decided != truth)
    order = wrong[np.argsort(granted[wrong], kind="stable")][:WORST]
    return tuple(
        Mistake(
            name(evaluation.labels[row]),
            name(evaluation.decided[row]),
            percent(float(evaluation.scores[row, decided[row]])),
            _values(held_out, columns, row),
        )
        for row in order.tolist()
    )


def _places(evaluation: Evaluation, labels: Array) -> Array:
    place = {label: position for position, label in enumerate(evaluation.classes)}
    return np.array([place[label] for label in labels.tolist()], dtype=np.int64)


def _signed(value: float) -> str:
    return ("+" if value > 0 else MINUS) + plain(abs(value))


def _values(held_out: Columns, columns: Sequence[Column], row: int) -> tuple[str, ...]:
    return tuple(cell(from_array(column, held_out[column.name][row])) for column in columns)
