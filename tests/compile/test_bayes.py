"""Naive Bayes of each kind, on numbers of any size."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from tests.compile.cases import compile_case, numeric, scaled
from tests.compile.run_graph import run_graph

from seatrial.compile.bayes import categorical_classifier
from seatrial.core.errors import CompileError

CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=9, encoded_missing_value=8, dtype=int)
TASKS = pytest.mark.parametrize("task", ["binary", "multiclass"])


@pytest.mark.slow
@TASKS
@pytest.mark.parametrize(
    "model", [GaussianNB(), BernoulliNB(), BernoulliNB(binarize=0.5, alpha=0.1, fit_prior=False)], ids=str
)
def test_bayes_of_scaled_columns_compiles(model, task):
    compile_case(make_pipeline(scaled(), model), task)


@pytest.mark.slow
@TASKS
@pytest.mark.parametrize("model", [GaussianNB(), MultinomialNB(), ComplementNB(), ComplementNB(norm=True)], ids=str)
def test_bayes_of_raw_numbers_compiles(model, task):
    compile_case(make_pipeline(numeric(), model), task)


@pytest.mark.slow
@TASKS
def test_bayes_of_categories_compiles(task):
    columns = ColumnTransformer([("codes", CODES, ["port", "sex"]), ("numbers", "passthrough", ["size", "pclass"])])
    compile_case(make_pipeline(columns, CategoricalNB(min_categories=13)), task)


def test_codes_are_truncated_and_a_category_without_a_row_gives_nan():
    codes = np.array([[0, 2], [1, 1], [2, 0], [0, 0]] * 5)
    model = CategoricalNB().fit(codes, np.arange(20) % 2)
    rows = np.array([[0.0, 2.0], [1.9, 0.2], [-0.5, 1.0], [3.0, 0.0], [0.0, -1.0], [1e6, 1.0]])
    actual = run_graph(rows, lambda matrix, graph: categorical_classifier(model, matrix, graph))
    np.testing.assert_allclose(actual[:3], model.predict_proba(rows[:3]), rtol=1e-14)
    assert np.isnan(actual[3:]).all()


@pytest.mark.slow
def test_a_category_that_the_table_lacks_is_an_error_of_the_pipeline():
    columns = ColumnTransformer([("numbers", "passthrough", ["size", "pclass"])])
    with pytest.raises(CompileError, match=r"itself fails on rows that the schema allows: index .* is out of bounds"):
        compile_case(make_pipeline(columns, CategoricalNB()))
