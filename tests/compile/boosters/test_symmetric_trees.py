"""Questions of symmetric trees are arranged in rows that ask about one column each."""

import numpy as np
import pytest
from tests.compile.run_graph import run_graph

from seatrial.compile.boosters import symmetric_trees
from seatrial.compile.boosters.symmetric_trees import add_leaf_numbers
from seatrial.compile.graph import DOUBLE, Graph, Matrix


@pytest.mark.parametrize("together", [1, 2, 8])
def test_columns_with_unequal_numbers_of_questions_are_answered(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(symmetric_trees, "TOGETHER", together)
    columns, borders = np.array([2, 0, 0, 0, 2, 0]), np.array([0.5, -1.0, 0.0, 1.0, -0.5, 2.0], dtype=np.float32)
    questions = [[0, 1, 5], [2], [4, 3, 2]]
    rows = np.random.default_rng(0).normal(size=(50, 3))
    rows[:5, 0] = np.nan

    def add(matrix: Matrix, graph: Graph) -> str:
        numbers = add_leaf_numbers(questions, matrix, columns, borders, np.array([np.inf, 0, 0]), graph)
        return graph.add("Cast", numbers, to=DOUBLE)

    numbers = run_graph(rows, add).astype(int)
    known = np.where(np.isnan(rows), np.inf, rows)
    for tree, asked in enumerate(questions):
        bits = [(known[:, columns[each]] > borders[each]) << place for place, each in enumerate(asked)]
        np.testing.assert_array_equal(numbers[tree] % 2 ** len(asked), np.sum(bits, axis=0))


@pytest.mark.parametrize("together", [1, 3, 8])
def test_each_question_is_found_in_a_row_of_its_column(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(symmetric_trees, "TOGETHER", together)
    columns = np.array([5, 1, 5, 5, 1, 7, 5, 5, 5, 5])
    rows, found = symmetric_trees._rows_of_questions(columns)
    assert rows.shape[1] == together
    assert rows.ravel()[found].tolist() == list(range(len(columns)))
    assert (columns[rows] == columns[rows[:, :1]]).all()
