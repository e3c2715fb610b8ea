"""Kernel methods: every kernel, in blocks of any size, within bounded memory."""

import numpy as np
import pytest
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelPropagation, LabelSpreading
from sklearn.svm import SVC, SVR, NuSVC, NuSVR
from tests.compile.cases import STRINGS, compile_case, numeric, scaled
from tests.compile.run_graph import run_graph

from seatrial.compile import kernels
from seatrial.core.errors import CompileError

NOISE = WhiteKernel(0.5)
PROCESS_KERNELS = {
    "default": None,
    "radial": ConstantKernel(2.0) * RBF([1.0 + 0.1 * i for i in range(5)]) + NOISE,
    "rough": Matern(3.0, nu=0.5),
    "once smooth": Matern(3.0, nu=1.5),
    "twice smooth": Matern(3.0, nu=2.5),
    "smooth": Matern(3.0, nu=np.inf),
    "rational": RationalQuadratic(2.0, 1.0),
    "periodic": ExpSineSquared(2.0, 30.0) + NOISE,
    "polynomial": DotProduct() ** 2 + NOISE,
}
ROWS = np.random.default_rng(0).normal(size=(70, 3))
LABELS = np.digitize(ROWS[:, 0] + ROWS[:, 1] ** 2, [0.3, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid", "linear"])
def test_support_vector_regression_compiles(kernel):
    compile_case(make_pipeline(scaled(), SVR(kernel=kernel, max_iter=20_000)), "regression")
    compile_case(make_pipeline(scaled(), NuSVR(kernel=kernel, gamma=0.1, max_iter=20_000)), "regression")


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_support_vectors_of_sparse_rows_compile(kernel):
    flags = ColumnTransformer([("flags", OneHotEncoder(handle_unknown="ignore"), STRINGS)], sparse_threshold=1.0)
    compile_case(make_pipeline(flags, SVR(kernel=kernel)), "regression")


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid", "linear", "laplacian", "cosine"])
def test_kernel_ridge_compiles(kernel):
    compile_case(make_pipeline(scaled(), KernelRidge(kernel=kernel)), "regression")


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESS_KERNELS)
def test_gaussian_processes_compile(name):
    model = GaussianProcessRegressor(PROCESS_KERNELS[name], optimizer=None, alpha=0.01, normalize_y=True)
    compile_case(make_pipeline(numeric(StandardScaler()), model), "regression")


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid", "linear", "cosine"])
def test_maps_of_kernels_compile_as_steps(kernel):
    for step in (Nystroem(kernel, n_components=20, random_state=0), KernelPCA(3, kernel=kernel, random_state=0)):
        compile_case(make_pipeline(numeric(StandardScaler(), step), LogisticRegression()))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", [LabelPropagation(gamma=0.2), LabelSpreading(gamma=0.1, alpha=0.3)], ids=str)
def test_the_spreading_of_labels_compiles(model, task):
    with np.errstate(invalid="ignore"):  # far from all training rows, scikit-learn divides 0 by 0
        compile_case(make_pipeline(scaled(), model), task)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans, BisectingKMeans])
def test_distances_from_centres_compile_as_a_step(kind):
    step = kind(4, random_state=0)
    compile_case(make_pipeline(numeric(StandardScaler(), step), LogisticRegression()))


@pytest.mark.parametrize("kind", [SVC, NuSVC])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_decision_function_of_support_vectors_is_equal(kind, kernel, classes):
    options = {"nu": 0.1} if kind is NuSVC else {}
    model = kind(kernel=kernel, **options).fit(ROWS, np.minimum(LABELS, classes - 1))
    actual = run_graph(ROWS, lambda matrix, graph: kernels.DECISIONS[kind](model, matrix, graph))
    np.testing.assert_allclose(actual, model.decision_function(ROWS).reshape(len(ROWS), -1), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 70])
def test_blocks_of_rows_give_every_row_once(monkeypatch, count):
    model = SVR().fit(ROWS, ROWS[:, 0])
    monkeypatch.setattr(kernels, "BLOCK", 7 * model.support_vectors_.size)
    rows = ROWS[:count]

    def add(matrix, graph):
        return graph.add(
            "Unsqueeze", kernels.support_vector_regressor(model, matrix, graph), graph.constant([1], np.int64)
        )

    expected = model.predict(rows) if count else np.empty(0)
    np.testing.assert_allclose(run_graph(rows, add)[:, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (KernelRidge(kernel="chi2", gamma=1.0), "its kernel is chi2; linear, "),
        (KernelRidge(kernel=lambda a, b: float(a @ b)), "its kernel is <lambda>"),
        (GaussianProcessRegressor(Matern(nu=3.1), optimizer=None), "its Matern kernel has nu=3.1"),
    ],
    ids=["chi2", "function", "matern"],
)
def test_other_kernels_are_refused(model, reason):
    with pytest.raises(CompileError, match=reason):
        compile_case(make_pipeline(numeric(), model), "regression")
