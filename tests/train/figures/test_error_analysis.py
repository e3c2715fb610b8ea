"""The confusion matrix and the largest errors, on a few rows that can be checked by hand."""

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.schema import Column
from seatrial.train.evaluation import Evaluation
from seatrial.train.figures.error_analysis import WORST, confusion, largest_errors

COLUMNS = (Column("note", "text", nullable=True, required=True),)
BINARY = DecisionRule("binary", ("no", "yes"))


def evaluation(labels: list[str], yes: list[float]) -> Evaluation:
    scores = np.column_stack([1 - np.array(yes), yes])
    predicted = np.array(BINARY.classes, dtype=object)[BINARY.decide(scores)]
    return Evaluation(BINARY, np.array(labels, dtype=object), scores, predicted, "no", ())


def notes(count: int) -> dict[str, np.ndarray]:
    return {"note": np.array([f"row {n}" for n in range(count)], dtype=object)}


def test_the_confusion_matrix_counts_true_against_predicted_classes() -> None:
    matrix = confusion(evaluation(["no", "no", "no", "yes", "yes"], [0.1, 0.2, 0.9, 0.3, 0.8]), str.upper)
    assert matrix.names == ("NO", "YES")
    assert matrix.totals == (3, 2)
    assert [[cell.rows for cell in row] for row in matrix.cells] == [[2, 1], [1, 1]]
    assert [[cell.correct for cell in row] for row in matrix.cells] == [[True, False], [False, True]]
    assert matrix.cells[0][1].share == 1 / 3
    assert "1 of 3 rows that were “NO” were predicted as “YES”." in matrix.caption


def test_without_an_error_the_caption_says_so() -> None:
    assert confusion(evaluation(["no", "yes"], [0.1, 0.9]), str).caption.endswith("Every prediction was correct.")


def test_the_errors_with_the_least_probability_of_the_truth_come_first() -> None:
    errors = largest_errors(evaluation(["no", "yes", "no", "yes"], [0.6, 0.05, 0.9, 0.9]), notes(4), COLUMNS, str)
    assert [error.values for error in errors] == [("row 1",), ("row 2",), ("row 0",)]
    assert (errors[0].true, errors[0].predicted, errors[0].size) == ("yes", "no", "95\u00a0%")


def test_of_a_regression_the_largest_errors_are_listed_with_their_sign() -> None:
    labels = np.arange(20, dtype=float)
    scores = labels.copy()
    scores[3] -= 5
    scores[7] += 9
    regression = Evaluation(DecisionRule("regression"), labels, scores, scores, 9.5, ())
    errors = largest_errors(regression, notes(20), COLUMNS, str)
    assert [(error.true, error.predicted, error.size) for error in errors] == [("7", "16", "+9"), ("3", "\u22122", "\u22125")]  # fmt: skip
    scores = labels + 1.0
    every = Evaluation(DecisionRule("regression"), labels, scores, scores, 9.5, ())
    assert len(largest_errors(every, notes(20), COLUMNS, str)) == WORST
