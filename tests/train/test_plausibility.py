"""Which results are doubted, and which are only good."""

from collections.abc import Callable

import numpy as np
import pytest

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array, Columns
from seatrial.train.evaluation import evaluate, permutation_importance
from seatrial.train.plausibility import doubts_about

ROWS = 400
Score = Callable[[Columns], Array]


def doubts(score: Score, target: Array, table: Columns, *, single: float = 0.5, linear: float = 0.5) -> dict[str, str]:
    """The doubts about a binary model whose log odds are `score`."""

    def scores(columns: Columns) -> Array:
        yes = 1 / (1 + np.exp(-np.clip(score(columns), -30, 30)))
        return np.stack([1 - yes, yes], axis=1)

    rule = DecisionRule("binary", (0, 1))
    target = target.astype(int)
    evaluation = evaluate(rule, y_true=target, scores=scores(table), y_train=target, seed=1)

    def beside(auc: float) -> Array:
        """Scores with about this AUC: right for a share of the rows, and without an opinion on the others."""
        knows = np.random.default_rng(5).random(len(target)) < 2 * auc - 1
        yes = np.where(knows, target, 0.5)
        return np.stack([1 - yes, yes], axis=1)

    evaluation = evaluation.beside("a", beside(single), beside(linear))
    importance = permutation_importance(evaluation, table, scores, seed=1)
    return doubts_about(evaluation, importance, table, scores, seed=1)


def table(rows: int = ROWS) -> Columns:
    draw = np.random.default_rng(8)
    return {name: draw.normal(0, 1, rows) for name in "abcd"}


def test_a_perfect_result_of_one_column_is_doubted_twice() -> None:
    found = doubts(lambda t: 9 * t["a"], table()["a"] > 0, table(), single=1.0)
    assert set(found) == {"too_good", "one_column"}
    assert "ROC AUC 1.000" in found["too_good"]
    assert found["one_column"].startswith("`a` carries nearly the whole result")


def test_two_columns_that_explain_all_together_and_little_alone_are_doubted() -> None:
    columns = table()
    noisy = columns["a"] * columns["b"] + np.random.default_rng(1).normal(0, 0.05, ROWS) > 0
    found = doubts(lambda t: 9 * t["a"] * t["b"], noisy, columns, single=0.6)
    assert set(found) == {"two_columns"}
    assert "`a` and `b` together" in found["two_columns"] or "`b` and `a` together" in found["two_columns"]
    assert doubts(lambda t: 9 * t["a"] * t["b"], noisy, columns, single=0.9) == {}


def test_a_linear_model_that_knows_all_is_doubted_though_the_pipeline_only_comes_close() -> None:
    columns = table()
    target = sum(columns.values()) > 0
    rough = lambda t: sum(np.round(values) for values in t.values())  # noqa: E731
    assert doubts(rough, target, columns, linear=0.9) == {}
    assert "by a plain linear model" in doubts(rough, target, columns, linear=1.0)["too_good"]


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.0])
def test_a_good_result_of_several_columns_is_not_doubted(deviation: float) -> None:
    columns = table()
    target = sum(columns.values()) + np.random.default_rng(2).normal(0, deviation, ROWS) > 0
    assert doubts(lambda t: sum(t.values()), target, columns, single=0.75, linear=0.95) == {}


def test_a_perfect_result_on_few_rows_says_nothing() -> None:
    columns = table(25)
    assert doubts(lambda t: 9 * t["a"], columns["a"] > 0, columns) == {}
