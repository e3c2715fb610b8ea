"""The simple models beside the model: which column is the best alone, and what a linear model reaches."""

import numpy as np
import pandas as pd
import pytest

from seatrial.model.decision import DecisionRule
from seatrial.train.baselines import fit_simple_models
from seatrial.train.evaluation import Evaluation, evaluate

ROWS = 600


def compared(frame: pd.DataFrame, target: np.ndarray, rule: DecisionRule) -> Evaluation:
    """The simple models' evaluation on the last third, beside a model that knows only the target's distribution."""
    known, asked = frame[:400].reset_index(drop=True), frame[400:].reset_index(drop=True)
    if rule.task == "regression":
        scores = np.full(200, target[:400].mean())
    else:
        scores = np.tile([(target[:400] == label).mean() for label in rule.classes], (200, 1))
    evaluation = evaluate(rule, y_true=target[400:], scores=scores, y_train=target[:400], seed=1)
    simple = fit_simple_models(rule, target[400:], known, target[:400])
    return evaluation.beside(simple.column, simple.single(asked), simple.linear(asked))


def table() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    numbers = {f"x{n}": draw.normal(0, 1, ROWS) for n in range(3)}
    numbers["x0"][::9] = np.nan
    return pd.DataFrame({**numbers, "place": np.array(["here", "there", ""], dtype=object)[draw.integers(0, 3, ROWS)]})


def test_a_sum_is_explained_by_the_linear_model_and_not_by_one_column() -> None:
    frame = table()
    found = compared(frame, (3 * frame["x1"] + 2 * frame["x2"]).to_numpy(), DecisionRule("regression")).metrics[0]
    assert found.single == pytest.approx(9 / 13, abs=0.1)
    assert found.linear == pytest.approx(1, abs=1e-3)


def test_a_curve_of_one_column_is_explained_by_it_and_not_by_the_linear_model() -> None:
    frame = table()
    evaluation = compared(frame, (frame["x2"] ** 2 > 0.5).to_numpy().astype(int), DecisionRule("binary", (0, 1)))
    assert evaluation.best_column == "x2"
    assert (evaluation.metrics[0].single or 0) > 0.97
    assert (evaluation.metrics[0].linear or 1) < 0.65


def test_a_category_is_the_best_column_of_named_classes() -> None:
    frame = table()
    names = frame["place"].map({"here": "low", "there": "middle", "": "high"}).to_numpy(dtype=object)
    evaluation = compared(frame, names, DecisionRule("multiclass", ("high", "low", "middle")))
    assert (evaluation.best_column, evaluation.metrics[0].single, evaluation.metrics[0].linear) == ("place", 1.0, 1.0)


def test_infinities_and_columns_without_a_value_are_no_obstacle() -> None:
    frame = table().assign(x1=np.inf, x2=np.nan)
    assert compared(frame, np.arange(ROWS) % 2, DecisionRule("binary", (0, 1))).metrics[0].linear is not None
