"""Groups that the model predicts worse than the rest are marked, and no others."""

import numpy as np
import pytest

from seatrial.model.categorical import categorical
from seatrial.model.decision import DecisionRule
from seatrial.model.schema import Column
from seatrial.train.evaluation import Evaluation, Importance, evaluate
from seatrial.train.figures.groups import row_groups

ROWS = 400
RANDOM = np.random.default_rng(4)
COLUMNS = [
    Column("port", "category", nullable=True, required=True, categories=("C", "Q", "S")),
    Column("age", "number", nullable=True, required=True),
    Column("note", "text", nullable=True, required=True),
]
TABLE = {
    "port": np.array([("C", "Q", "S", None)[row % 4] for row in range(ROWS)], dtype=object),
    "age": np.where(np.arange(ROWS) % 50 == 0, np.nan, RANDOM.normal(40, 10, ROWS)),
    "note": np.array(["a text"] * ROWS, dtype=object),
}
IMPORTANCE = (Importance("age", 0.2, 0.1), Importance("port", 0.1, 0.1))


def classified(wrong: np.ndarray) -> Evaluation:
    labels = RANDOM.integers(0, 2, ROWS)
    predicted = np.where(wrong, 1 - labels, labels)
    scores = np.stack([1 - predicted, predicted], axis=1) * 0.8 + 0.1
    return evaluate(DecisionRule("binary", (0, 1)), y_true=labels, scores=scores, y_train=labels, seed=1)


def test_a_group_with_more_errors_is_marked() -> None:
    wrong = RANDOM.random(ROWS) < np.where(TABLE["port"] == "Q", 0.5, 0.1)
    groups = row_groups(classified(wrong), IMPORTANCE, TABLE, COLUMNS)
    assert [group.column for group in groups] == ["age"] * 4 + ["port"] * 4  # eight rows without an age are too few
    assert {group.name for group in groups if group.column == "port"} == {"C", "Q", "S", "missing"}
    assert [(group.column, group.name) for group in groups if group.worse] == [("port", "Q")]
    (marked,) = (group for group in groups if group.worse)
    assert marked.rows == 100
    assert 40 <= float(marked.value.split("\u00a0")[0]) <= 60


def test_groups_are_the_same_of_texts_with_codes() -> None:
    evaluation = classified(RANDOM.random(ROWS) < 0.2)
    distinct = np.array(["S", None, "unused", "Q", "C"], dtype=object)
    codes = np.array([distinct.tolist().index(port) for port in TABLE["port"].tolist()])
    coded = {**TABLE, "port": categorical(distinct, codes)}
    assert row_groups(evaluation, IMPORTANCE, coded, COLUMNS) == row_groups(evaluation, IMPORTANCE, TABLE, COLUMNS)


def test_groups_that_differ_by_chance_are_seldom_marked() -> None:
    marked = sum(
        any(group.worse for group in row_groups(classified(RANDOM.random(ROWS) < 0.2), IMPORTANCE, TABLE, COLUMNS))
        for _ in range(60)
    )
    assert marked <= 9  # one of twenty is expected


def test_a_regression_has_mean_errors() -> None:
    labels = RANDOM.normal(100, 20, ROWS)
    scores = labels + RANDOM.normal(0, 1, ROWS) * np.where(TABLE["age"] > 47, 8, 2)
    evaluation = evaluate(DecisionRule("regression"), y_true=labels, scores=scores, y_train=labels, seed=1)
    groups = row_groups(evaluation, IMPORTANCE, TABLE, COLUMNS)
    (marked,) = (group for group in groups if group.worse)
    assert (marked.column, marked.name[:5]) == ("age", "over ")
    assert float(marked.value) == pytest.approx(6.4, abs=1.5)
