"""Discriminant analysis and nearest centroids, for two classes and for three."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from tests.compile.cases import compile_case, numeric, scaled
from tests.compile.run_graph import run_graph

from seatrial.core.errors import CompileError

MODELS = [
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    QuadraticDiscriminantAnalysis(reg_param=0.1),
    QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.3),
    NearestCentroid(),
    NearestCentroid(shrink_threshold=0.5, priors="empirical"),
]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_discriminants_compile(model, task):
    compile_case(make_pipeline(scaled(), model), task)


@pytest.mark.slow
def test_raw_numbers_of_different_sizes_compile():
    compile_case(make_pipeline(numeric(), QuadraticDiscriminantAnalysis()), "multiclass")


@pytest.mark.parametrize("solver", ["svd", "eigen"])
def test_the_separating_projection_is_equal_as_a_step(solver):
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(90, 4)), np.repeat([0, 1, 2], 30)
    rows[:, 0] += labels
    step = LinearDiscriminantAnalysis(solver=solver).fit(rows, labels)
    np.testing.assert_allclose(run_graph(rows, step), step.transform(rows), atol=1e-13)


@pytest.mark.slow
def test_the_separating_projection_compiles_in_a_pipeline():
    compile_case(make_pipeline(scaled(), LinearDiscriminantAnalysis(), LogisticRegression()), "multiclass")


@pytest.mark.slow
def test_centroids_in_another_metric_have_no_probabilities():
    with pytest.raises(CompileError, match="probabilities"):
        compile_case(make_pipeline(numeric(), NearestCentroid(metric="manhattan")))
