"""Every model family compiles to the same scores, for each of its tasks."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVR
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)
from tests.compile.cases import BINARY, FRAME, MULTICLASS, NUMBERS, RULES, STRINGS, TARGETS, compile_case

pytestmark = pytest.mark.slow

SEED = {"random_state": 0}
SMOOTH_CLASSIFIERS = [
    LogisticRegression(max_iter=300),
    LogisticRegression(fit_intercept=False, max_iter=300),
    LogisticRegressionCV(Cs=2, cv=2, max_iter=300),
    SGDClassifier(loss="log_loss", **SEED),
]
SMOOTH_REGRESSORS = [
    LinearRegression(),
    Ridge(),
    Lasso(),
    ElasticNet(),
    LinearSVR(**SEED),
    PoissonRegressor(alpha=1),
    GammaRegressor(alpha=1),
    TweedieRegressor(power=1.5, alpha=1),
    TweedieRegressor(power=0),
]
TREE_CLASSIFIERS = [
    DecisionTreeClassifier(**SEED),
    DecisionTreeClassifier(max_depth=3, criterion="entropy", class_weight="balanced", **SEED),
    ExtraTreeClassifier(**SEED),
    RandomForestClassifier(12, **SEED),
    RandomForestClassifier(7, max_depth=4, bootstrap=False, **SEED),
    ExtraTreesClassifier(12, **SEED),
    HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=5, **SEED),
    HistGradientBoostingClassifier(max_iter=5, interaction_cst="no_interactions", l2_regularization=1, **SEED),
]
TREE_REGRESSORS = [
    DecisionTreeRegressor(**SEED),
    DecisionTreeRegressor(criterion="absolute_error", max_depth=5, **SEED),
    ExtraTreeRegressor(**SEED),
    RandomForestRegressor(12, **SEED),
    ExtraTreesRegressor(12, **SEED),
    HistGradientBoostingRegressor(max_iter=12, min_samples_leaf=5, **SEED),
    HistGradientBoostingRegressor(loss="absolute_error", max_iter=5, **SEED),
    HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=5, **SEED),
    HistGradientBoostingRegressor(loss="poisson", max_iter=5, **SEED),
    HistGradientBoostingRegressor(loss="gamma", max_iter=5, **SEED),
]
# Trees that refuse NaN.
BOOSTED_CLASSIFIERS = [
    GradientBoostingClassifier(n_estimators=10, **SEED),
    GradientBoostingClassifier(n_estimators=10, init="zero", subsample=0.5, **SEED),
]
BOOSTED_REGRESSORS = [
    GradientBoostingRegressor(n_estimators=10, **SEED),
    GradientBoostingRegressor(n_estimators=10, loss="huber", **SEED),
    GradientBoostingRegressor(n_estimators=10, loss="quantile", init="zero", **SEED),
]
# The raw numbers in `make soak`: scaled ones are the harder case, and there are many models.
SCALED = [pytest.param(False, id="raw", marks=pytest.mark.soak), pytest.param(True, id="scaled")]


def prepared(*, scaled, imputed):
    numbers = make_pipeline(
        SimpleImputer() if imputed else "passthrough", StandardScaler() if scaled else "passthrough"
    )
    strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("strings", strings, STRINGS)])


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", SMOOTH_CLASSIFIERS, ids=str)
def test_smooth_classifiers_compile_exactly(model, task):
    compile_case(make_pipeline(prepared(scaled=True, imputed=True), model), task)


@pytest.mark.parametrize("model", SMOOTH_REGRESSORS, ids=str)
def test_smooth_regressors_compile_exactly(model):
    compile_case(make_pipeline(prepared(scaled=True, imputed=True), model), "regression")


@pytest.mark.parametrize("scaled", SCALED)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", TREE_CLASSIFIERS, ids=str)
def test_tree_classifiers_compile_exactly_with_missing_values(model, task, scaled):
    compile_case(make_pipeline(prepared(scaled=scaled, imputed=False), model), task)


@pytest.mark.parametrize("scaled", SCALED)
@pytest.mark.parametrize("model", TREE_REGRESSORS, ids=str)
def test_tree_regressors_compile_exactly_with_missing_values(model, scaled):
    compile_case(make_pipeline(prepared(scaled=scaled, imputed=False), model), "regression")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", BOOSTED_CLASSIFIERS, ids=str)
def test_boosted_classifiers_compile_exactly(model, task):
    compile_case(make_pipeline(prepared(scaled=True, imputed=True), model), task)


def test_exponential_loss_compiles_exactly():
    model = GradientBoostingClassifier(loss="exponential", n_estimators=10, **SEED)
    compile_case(make_pipeline(prepared(scaled=False, imputed=True), model))


@pytest.mark.parametrize("model", BOOSTED_REGRESSORS, ids=str)
def test_boosted_regressors_compile_exactly(model):
    compile_case(make_pipeline(prepared(scaled=True, imputed=True), model), "regression")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_native_categories_of_strings_and_numbers_compile_exactly(task):
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(max_iter=20, min_samples_leaf=3, categorical_features=["deck", "grade", "sex", "port"], **SEED)
    compile_case(model, task)  # on the DataFrame itself, without any other step


def test_native_categories_after_an_ordinal_encoder_compile_exactly():
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer([("codes", codes, [*STRINGS, "grade"]), ("rest", "passthrough", ["age", "fare"])])
    model = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=3, categorical_features=[0, 1, 2, 3], **SEED)
    compile_case(make_pipeline(columns, model))


def test_many_native_categories_compile_exactly():
    values = np.random.default_rng(0).integers(0, 200, len(FRAME)).astype(float)
    frame = FRAME.assign(size=values)
    target = np.where((values % 3 == 0) ^ (np.random.default_rng(1).random(len(values)) < 0.1), "yes", "no")
    model = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=3, categorical_features=["size"], **SEED)
    model.fit(frame[["age", "size"]], target)
    from seatrial.compile.converter import compile_pipeline
    from seatrial.compile.proof import prove
    from seatrial.model.inputs import Inputs

    inputs = Inputs(("age", "size"), ())
    rows = frame[["age", "size"]].copy()
    strange = rows.assign(size=np.random.default_rng(2).integers(-3, 300, len(rows)).astype(float))
    proof = prove(model, compile_pipeline(model, inputs), inputs, rows, strange, RULES["binary"])
    assert proof.holds, proof.reason


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_trees_without_any_split_compile(task):
    model = (
        DecisionTreeRegressor(max_depth=1) if task == "regression" else RandomForestClassifier(3, min_samples_leaf=390)
    )
    compile_case(make_pipeline(prepared(scaled=False, imputed=True), model), task)


def test_a_model_of_numbers_only_has_no_strings_input():
    import onnx

    from seatrial.compile.converter import compile_pipeline
    from seatrial.model.inputs import Inputs

    model = LogisticRegression().fit(FRAME[["fare", "size"]], BINARY)
    graph = onnx.load_from_string(compile_pipeline(model, Inputs(("fare", "size"), ()))).graph
    assert [given.name for given in graph.input] == ["numbers"]


def test_columns_are_matched_by_name_not_by_position():
    from seatrial.compile.converter import compile_pipeline
    from seatrial.compile.proof import prove
    from seatrial.model.inputs import Inputs

    model = LogisticRegression().fit(FRAME[["size", "fare"]], MULTICLASS)
    inputs = Inputs(("fare", "size"), ())
    graph = compile_pipeline(model, inputs)
    got = prove(_InOrder(model), graph, inputs, FRAME, FRAME, RULES["multiclass"])
    assert got.holds, got.reason


class _InOrder:
    def __init__(self, model):
        self._model = model

    def predict_proba(self, frame):
        return self._model.predict_proba(frame[["size", "fare"]])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_same_pipeline_gives_the_same_bytes(task):
    def once():
        kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
        pipeline = make_pipeline(prepared(scaled=True, imputed=True), kind(5, **SEED)).fit(FRAME, TARGETS[task])
        compiled = compile_case(pipeline, task, fitted=True)
        return compiled.graph, compiled.proof

    assert once() == once()
