"""Constant models, searches along a path, and the consensus of inliers; other linear models are in test_models."""

import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import (
    Lasso,
    LassoLarsCV,
    LassoLarsIC,
    OrthogonalMatchingPursuitCV,
    PoissonRegressor,
    RANSACRegressor,
)
from sklearn.pipeline import make_pipeline
from tests.compile.cases import compile_case, scaled

from seatrial.core.errors import CompileError

REGRESSORS = [
    DummyRegressor(),
    DummyRegressor(strategy="quantile", quantile=0.2),
    LassoLarsCV(cv=3),
    LassoLarsIC(),
    OrthogonalMatchingPursuitCV(cv=3),
    RANSACRegressor(random_state=0),
    RANSACRegressor(Lasso(), min_samples=20, random_state=0),
]


@pytest.mark.slow
@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressors_compile(model):
    compile_case(make_pipeline(scaled(), model), "regression")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("strategy", ["prior", "most_frequent", "uniform"])
def test_constant_classifiers_compile_to_the_last_bit(strategy, task):
    compiled = compile_case(make_pipeline(scaled(), DummyClassifier(strategy=strategy)), task)
    assert compiled.proof.largest_difference == 0


@pytest.mark.slow
def test_random_answers_are_refused():
    with pytest.raises(CompileError, match=r'its answers are random; strategy="prior" gives'):
        compile_case(make_pipeline(scaled(), DummyClassifier(strategy="stratified")))


@pytest.mark.slow
def test_a_consensus_of_another_model_is_refused():
    model = RANSACRegressor(PoissonRegressor(), min_samples=50, random_state=0)
    with pytest.raises(CompileError, match="its estimator is PoissonRegressor"):
        compile_case(make_pipeline(scaled(), model), "regression")
