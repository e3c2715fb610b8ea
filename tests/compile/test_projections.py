"""Projections, as steps before a smooth model, alone, and as models."""

import numpy as np
import pytest
from sklearn.cluster import FeatureAgglomeration
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, IncrementalPCA, SparsePCA, TruncatedSVD
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from tests.compile.cases import VALUES, compile_case, numeric, scaled
from tests.compile.run_graph import run_graph

from seatrial.core.errors import CompileError

SEED = {"random_state": 0}
STEPS = [
    PCA(3, **SEED),
    PCA(3, whiten=True, **SEED),
    PCA("mle"),
    PCA(0.8),
    IncrementalPCA(3, whiten=True),
    TruncatedSVD(3, **SEED),
    FastICA(3, **SEED),
    FastICA(whiten=False, **SEED),
    FactorAnalysis(2, **SEED),
    NeighborhoodComponentsAnalysis(2, max_iter=5, **SEED),
    GaussianRandomProjection(3, **SEED),
    SparseRandomProjection(3, **SEED),
    SparsePCA(2, max_iter=20, **SEED),
    FeatureAgglomeration(2),
    BernoulliRBM(3, n_iter=2, **SEED),
    RBFSampler(n_components=20, **SEED),
]
ROWS = np.random.default_rng(0).normal(size=(80, 4)) @ np.random.default_rng(1).normal(size=(4, 4)) + 3


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_projections_compile_before_a_smooth_model(step):
    compile_case(make_pipeline(numeric(StandardScaler(), step), LogisticRegression()))


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_projections_alone_are_equal(step):
    expected = step.fit(ROWS, ROWS[:, 0] > 3).transform(ROWS)
    actual = run_graph(ROWS, step)
    np.testing.assert_allclose(actual, expected.toarray() if hasattr(expected, "toarray") else expected, atol=1e-13)


@pytest.mark.parametrize("kind", [CCA, PLSCanonical, PLSRegression])
def test_latent_scores_are_equal_as_a_step(kind):
    step = kind(1).fit(ROWS, ROWS[:, 0] + ROWS[:, 1] ** 2)
    np.testing.assert_allclose(run_graph(ROWS, step), step.transform(ROWS), atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("model", [PLSRegression(2), PLSCanonical(1), CCA(1)], ids=str)
def test_partial_least_squares_compile(model):
    compile_case(make_pipeline(scaled(), model), "regression")


@pytest.mark.slow
def test_partial_least_squares_of_several_targets_are_refused():
    pipeline = make_pipeline(numeric(), PLSRegression(1))
    from tests.compile.cases import FRAME

    pipeline.fit(FRAME, np.stack([VALUES, VALUES**2], axis=1))
    with pytest.raises(CompileError, match="it predicts several targets"):
        compile_case(pipeline, "regression", fitted=True)
