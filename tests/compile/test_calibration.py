"""Calibrated classifiers compile to the same probabilities, over probabilities and over decision functions."""

import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from tests.compile.cases import BINARY, FRAME, NUMBERS, compile_case
from tests.compile.test_ensembles import prepared

from seatrial.compile import calibration
from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import CompileError
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


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
@pytest.mark.parametrize(
    "base", [SVC(), NuSVC(nu=0.3), LinearDiscriminantAnalysis()], ids=lambda base: type(base).__name__
)
def test_smooth_decision_functions_compile_under_smooth_calibrators(base, method, task):
    compile_case(make_pipeline(prepared(), CalibratedClassifierCV(base, method=method, cv=2)), task, rows=1000)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_one_model_that_is_calibrated_on_all_folds_compiles(method):
    model = CalibratedClassifierCV(make_pipeline(prepared(), LinearSVC(**SEED)), method=method, cv=3, ensemble=False)
    compile_case(model, rows=1000)


def test_a_base_without_a_converter_is_named_with_its_decision_function():
    numbers = make_pipeline(SimpleImputer(), StandardScaler(), QuadraticDiscriminantAnalysis())
    model = CalibratedClassifierCV(numbers, cv=2).fit(FRAME[NUMBERS], BINARY)
    with pytest.raises(CompileError, match=r"QuadraticDiscriminantAnalysis \(step .*\) .* its decision function"):
        compile_pipeline(model, Inputs(tuple(NUMBERS), ()))


def test_another_floor_of_probabilities_fails_the_proof(monkeypatch):
    monkeypatch.setattr(calibration, "EPSILON", 1e-3)
    model = CalibratedClassifierCV(RandomForestClassifier(5, **SEED), method="temperature", cv=2)
    with pytest.raises(CompileError, match="The compiled graph differs from the pipeline"):
        compile_case(make_pipeline(prepared(), model), rows=500)
