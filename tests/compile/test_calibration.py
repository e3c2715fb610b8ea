"""Calibrated classifiers compile to the same probabilities, over probabilities and over decision functions."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from tests.compile.cases import BINARY, FRAME, NUMBERS, compile_case
from tests.compile.test_ensembles import prepared

from seatrial.compile import calibration
from seatrial.compile.calibration import isotonic
from seatrial.compile.converter import compile_pipeline
from seatrial.compile.graph import Graph
from seatrial.compile.linear import column
from seatrial.core.errors import CompileError
from seatrial.model.engines import GraphEngine
from seatrial.model.inputs import Inputs

pytestmark = pytest.mark.slow

SEED = {"random_state": 0}
BASES = [
    RandomForestClassifier(8, max_depth=5, **SEED),
    LogisticRegression(max_iter=300),
    GradientBoostingClassifier(n_estimators=6, **SEED),
    HistGradientBoostingClassifier(max_iter=6, **SEED),
    LinearSVC(**SEED),
    RidgeClassifier(),
    Perceptron(**SEED),
    SGDClassifier(**SEED),
    BaggingClassifier(LogisticRegression(max_iter=300), 2, **SEED),
]
OFTEN = (RandomForestClassifier, HistGradientBoostingClassifier, LinearSVC)  # the others in `make soak`


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize(
    "base",
    [
        pytest.param(base, id=type(base).__name__, marks=() if type(base) in OFTEN else pytest.mark.soak)
        for base in BASES
    ],
)
def test_calibrated_classifiers_compile_exactly(base, method, task):
    compile_case(make_pipeline(prepared(), CalibratedClassifierCV(base, method=method, cv=2)), task, rows=1000)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_one_model_that_is_calibrated_on_all_folds_compiles(method):
    model = CalibratedClassifierCV(make_pipeline(prepared(), LinearSVC(**SEED)), method=method, cv=3, ensemble=False)
    compile_case(model, rows=1000)


def test_a_base_without_a_converter_is_named_with_its_decision_function():
    numbers = make_pipeline(SimpleImputer(), StandardScaler(), SVC())
    model = CalibratedClassifierCV(numbers, cv=2).fit(FRAME[NUMBERS], BINARY)
    with pytest.raises(CompileError, match=r"SVC \(step CalibratedClassifierCV > svc\) .* its decision function"):
        compile_pipeline(model, Inputs(tuple(NUMBERS), ()))


def test_an_isotonic_regression_is_exact_on_its_points_and_their_neighbours():
    generator = np.random.default_rng(0)
    x = np.sort(generator.random(500)) ** 3
    regression = IsotonicRegression(out_of_bounds="clip").fit(x, x + generator.normal(size=500) / 5)
    points = regression.X_thresholds_
    around = [
        points,
        np.nextafter(points, -np.inf),
        np.nextafter(points, np.inf),
        generator.random(20_000),
        [-1.0, 2.0],
    ]
    values = np.concatenate(around)[:, None]
    graph = Graph(Inputs(("x",), ()))
    made = graph.finish(column(isotonic(regression, graph.numbers(graph.root), graph), graph), 1)
    scores = GraphEngine(made.SerializeToString())(values, np.empty((len(values), 0), dtype=object))
    np.testing.assert_allclose(scores, regression.predict(values[:, 0]), rtol=0, atol=1e-15)


def test_an_interval_that_begins_after_its_point_fails_the_proof(monkeypatch):
    interval = calibration.interval
    monkeypatch.setattr(calibration, "interval", lambda read, points, graph: interval(read, points + 0.01, graph))
    model = CalibratedClassifierCV(LinearSVC(**SEED), method="isotonic", cv=2)
    with pytest.raises(CompileError, match="The compiled graph differs from the pipeline"):
        compile_case(make_pipeline(prepared(), model), rows=500)


def test_another_floor_of_probabilities_fails_the_proof(monkeypatch):
    monkeypatch.setattr(calibration, "EPSILON", 1e-3)
    model = CalibratedClassifierCV(RandomForestClassifier(5, **SEED), method="temperature", cv=2)
    with pytest.raises(CompileError, match="The compiled graph differs from the pipeline"):
        compile_case(make_pipeline(prepared(), model), rows=500)
