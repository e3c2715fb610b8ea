"""Compiled models answer the same as SQL, in DuckDB and PostgreSQL, and the text is safe to run."""

from typing import Any

import numpy as np
import pytest
import sqlglot
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
)
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor
from tests.compile.cases import FRAME, INPUTS, NUMBERS, STRINGS, TARGETS, numeric, scaled
from tests.export.sql_cases import graph_select, hard_rows, largest_difference

from seatrial.compile.converter import compile_pipeline
from seatrial.compile.single import rounded_threshold
from seatrial.export.expressions import Expressions, Untranslatable
from seatrial.export.sql import Output, select
from seatrial.export.sql_operators import DIALECTS

UNSEEN = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
MIXED = [("n", "passthrough", NUMBERS), ("s", OrdinalEncoder(**UNSEEN), STRINGS)]
RARE = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=30)
MODELS = {
    "logistic": ("binary", make_pipeline(scaled(), LogisticRegression(max_iter=300))),
    "softmax": ("multiclass", make_pipeline(scaled(), LogisticRegression(max_iter=300))),
    "linear": ("regression", make_pipeline(scaled(), LinearRegression())),
    "poisson": ("regression", make_pipeline(numeric(MinMaxScaler(clip=True)), PoissonRegressor())),
    "tree": ("regression", make_pipeline(ColumnTransformer(MIXED), DecisionTreeRegressor(max_depth=6))),
    "forest": ("binary", make_pipeline(scaled(), RandomForestClassifier(8, max_depth=6, random_state=0))),
    "forest of classes": ("multiclass", make_pipeline(scaled(), RandomForestClassifier(4, max_depth=5, random_state=0))),
    "histogram": (
        "binary",
        make_pipeline(
            ColumnTransformer(MIXED), HistGradientBoostingClassifier(max_iter=15, categorical_features=[5, 6, 7])
        ),
    ),
    "isotonic": ("binary", make_pipeline(scaled(), CalibratedClassifierCV(LogisticRegression(), method="isotonic"))),
    "powers": ("binary", make_pipeline(numeric(PowerTransformer(), Normalizer()), LogisticRegression())),
    "bins": ("binary", make_pipeline(numeric(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")), LogisticRegression())),
    "rare": ("binary", make_pipeline(ColumnTransformer([("s", RARE, [*STRINGS, "pclass"])]), LogisticRegression())),
}  # fmt: skip


def graph_of(name: str) -> bytes:
    task, pipeline = MODELS[name]
    return compile_pipeline(pipeline.fit(FRAME, TARGETS[task]), INPUTS)


@pytest.mark.parametrize("name", MODELS)
def test_models_answer_the_same_in_databases(name: str, postgres: Any) -> None:
    graph, rows = graph_of(name), hard_rows(800)
    assert largest_difference(graph, rows) <= 1e-9
    assert largest_difference(graph, rows, postgres, "postgres") <= 1e-9


def test_a_wrong_comparison_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = Expressions.compare
    monkeypatch.setattr(
        Expressions, "compare", lambda pool, operator, a, b: compare(pool, operator.replace("<=", "<"), a, b)
    )
    task, pipeline = MODELS["tree"]
    tree = pipeline.fit(FRAME, TARGETS[task])[-1].tree_
    on_thresholds = rounded_threshold(tree.threshold[tree.feature == NUMBERS.index("age")])
    rows = hard_rows(800)
    rows["age"] = np.resize(on_thresholds, 800)
    assert largest_difference(compile_pipeline(pipeline, INPUTS), rows) > 1e-9


def test_a_kernel_is_refused_by_its_operator() -> None:
    graph = compile_pipeline(make_pipeline(scaled(), SVR()).fit(FRAME, TARGETS["regression"]), INPUTS)
    with pytest.raises(Untranslatable, match="the operator Pad: it compares a row with training rows"):
        graph_select(graph)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_read_again(dialect: Any) -> None:
    text = graph_select(graph_of("rare"), dialect)
    [read] = sqlglot.parse(text, dialect=dialect)
    assert read is not None
    assert [each.alias_or_name for each in read.selects][1:] == ["score_0", "score_1"]


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_names_and_texts_are_quoted(dialect: Any) -> None:
    pool = Expressions()
    column = pool.column('a"b; DROP TABLE x', "text", nullable=True)
    equal = pool.as_number(pool.compare("=", column, pool.text("o'c\\ \n; --")))
    text = select([Output('p"q', equal)], table="t", keep=["v1", "x_A"], dialect=dialect)
    [read] = sqlglot.parse(text, dialect=dialect)
    assert read is not None
    assert {each.this for each in read.find_all(sqlglot.exp.Literal)} >= {"o'c\\ \n; --"}
    assert 'a"b; DROP TABLE x' in {each.name for each in read.find_all(sqlglot.exp.Column)}


def test_what_is_used_twice_is_computed_once() -> None:
    pool = Expressions()
    column = pool.column("a", "number", nullable=True)
    root = pool.function("sqrt", pool.arithmetic("+", column, pool.number(1)))
    twice = pool.arithmetic("*", root, pool.arithmetic("+", root, pool.number(2)))
    assert select([Output("b", twice)], table="t", keep=["a"], dialect="duckdb").count("SQRT") == 1


def test_numbers_are_written_exactly() -> None:
    pool, value = Expressions(), 0.1 + 0.2
    text = select([Output("b", pool.number(value))], table="t", keep=["k"], dialect="duckdb")
    assert "0.30000000000000004e0" in text
