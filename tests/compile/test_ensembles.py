"""Ensembles compile to the same scores, whatever their parts are."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes HalvingGridSearchCV importable
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, HalvingGridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier
from tests.compile.cases import BINARY, FRAME, INPUTS, MULTICLASS, NUMBERS, STRINGS, TABLE, compile_case

from seatrial.compile import ensembles, parts
from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import CompileError
from seatrial.model.engines import GraphEngine
from seatrial.model.inputs import stack_columns

pytestmark = pytest.mark.slow

SEED = {"random_state": 0}
LINEAR = LogisticRegression(max_iter=300)
FOREST = RandomForestClassifier(6, max_depth=5, **SEED)
TREE = DecisionTreeClassifier(max_depth=3, **SEED)
BOTH = ["binary", "multiclass"]


def prepared():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    strings = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", numbers, NUMBERS), ("strings", strings, STRINGS)])


def after_columns(model):
    return make_pipeline(prepared(), clone(model))


CLASSIFIERS = {
    "vote": VotingClassifier([("a", LINEAR), ("b", FOREST)], voting="soft"),
    "weighted vote": VotingClassifier([("a", LINEAR), ("b", FOREST), ("c", TREE)], voting="soft", weights=[3, 1, 0.5]),
    "vote with a dropped part": VotingClassifier([("a", LINEAR), ("b", "drop")], voting="soft"),
    "stack": StackingClassifier([("a", FOREST), ("b", RidgeClassifier())], LINEAR, cv=3),
    "stack with the columns": StackingClassifier([("a", TREE), ("b", GaussianNB())], LINEAR, cv=3, passthrough=True),
    "bag of trees": BaggingClassifier(n_estimators=6, **SEED),
    "bag of trees over some columns": BaggingClassifier(
        ExtraTreeClassifier(max_depth=4), 6, max_features=0.5, bootstrap_features=True, **SEED
    ),
    "bag of linear models": BaggingClassifier(LINEAR, 4, max_features=0.7, **SEED),
    "boost": AdaBoostClassifier(n_estimators=9, **SEED),
    "boost of deeper trees": AdaBoostClassifier(TREE, n_estimators=9, learning_rate=0.5, **SEED),
    "one against the rest": OneVsRestClassifier(LINEAR),
    "trees against the rest": OneVsRestClassifier(TREE),
    "a vote of a stack": VotingClassifier(
        [("a", StackingClassifier([("x", TREE)], LINEAR, cv=2)), ("b", AdaBoostClassifier(n_estimators=3, **SEED))],
        voting="soft",
    ),
}
REGRESSORS = {
    "vote": VotingRegressor([("a", LinearRegression()), ("b", RandomForestRegressor(5, **SEED))], weights=[1, 2]),
    "stack": StackingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=4, **SEED))], Ridge(), cv=3),
    "stack with the columns": StackingRegressor([("a", Ridge())], cv=3, passthrough=True),
    "bag of trees": BaggingRegressor(n_estimators=6, max_features=0.5, **SEED),
    "bag of linear models": BaggingRegressor(LinearRegression(), 4, **SEED),
    "boost": AdaBoostRegressor(n_estimators=8, **SEED),
    "boost of linear models": AdaBoostRegressor(Ridge(), n_estimators=5, loss="square", **SEED),
}


@pytest.mark.parametrize("task", BOTH)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_made_of_others_compile_exactly(name, task):
    compile_case(after_columns(CLASSIFIERS[name]), task, rows=1500)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_made_of_others_compile_exactly(name):
    compile_case(after_columns(REGRESSORS[name]), "regression", rows=1500)


@pytest.mark.parametrize("task", BOTH)
def test_an_ensemble_of_whole_pipelines_selects_columns_by_name(task):
    parts = [("a", after_columns(LINEAR)), ("b", make_pipeline(prepared(), FOREST))]
    compile_case(VotingClassifier(parts, voting="soft"), task, rows=1500)


def test_a_bag_whose_parts_have_not_seen_every_class_compiles():
    model = make_pipeline(prepared(), BaggingClassifier(GaussianNB(), 3, **SEED)).fit(FRAME, MULTICLASS)
    seen = MULTICLASS != 1  # a part that takes no weights is fitted on its own rows only
    model[-1].estimators_[1] = GaussianNB().fit(model[0].transform(FRAME)[seen], MULTICLASS[seen])
    scores = GraphEngine(compile_pipeline(model, INPUTS))(*stack_columns(INPUTS, TABLE))
    np.testing.assert_allclose(scores, model.predict_proba(FRAME), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "search",
    [
        FixedThresholdClassifier(LINEAR, threshold=0.3),
        TunedThresholdClassifierCV(LINEAR, cv=3),
        HalvingGridSearchCV(LINEAR, {"C": [0.1, 1.0]}, cv=2, **SEED),
    ],
    ids=lambda search: type(search).__name__,
)
def test_estimators_around_another_one_compile(search):
    compile_case(after_columns(search), rows=1500)


def test_a_part_that_was_fitted_before_compiles():
    columns = prepared().fit(FRAME)
    fitted = clone(LINEAR).fit(columns.transform(FRAME), BINARY)
    model = CalibratedClassifierCV(FrozenEstimator(fitted), cv=2).fit(columns.transform(FRAME), BINARY)
    compile_case(make_pipeline(columns, model), fitted=True, rows=1500)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (VotingClassifier([("a", LINEAR), ("b", TREE)]), "use voting='soft'"),
        (VotingClassifier([("a", KNeighborsClassifier())], voting="soft"), "KNeighborsClassifier (step"),
        (StackingClassifier([("a", TREE)], LinearSVC(), cv=2), "LinearSVC (step"),
        (OneVsOneClassifier(LINEAR), "predicts no probabilities"),
        (StackingClassifier([("a", LINEAR)], LINEAR, cv=2, stack_method="predict"), "the labels of LogisticRegression"),
        (BaggingClassifier(RidgeClassifier(), 3), "the votes of RidgeClassifier"),
        (AdaBoostClassifier(LINEAR, n_estimators=3), "the votes of LogisticRegression"),
    ],
    ids=["hard vote", "part", "final estimator", "one against one", "labels", "votes", "weighted votes"],
)
def test_what_does_not_compile_is_named_with_its_part(model, words):
    fitted = after_columns(model).fit(FRAME, BINARY)
    with pytest.raises(CompileError) as caught:
        compile_pipeline(fitted, INPUTS)
    assert words in caught.value.message


def _first_columns(model, matrix):
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    return [(each, matrix.take(range(len(features)))) for each, features in pairs]


@pytest.mark.parametrize(
    ("model", "name", "fault"),
    [
        (CLASSIFIERS["weighted vote"], "mean", lambda tensors, graph, weights=None: parts.mean(tensors, graph)),
        (CLASSIFIERS["boost of deeper trees"], "rounded_threshold", lambda thresholds: thresholds),
        (
            CLASSIFIERS["one against the rest"],
            "both_classes",
            lambda share, graph: graph.add("Concat", share, share, axis=1),
        ),
        (
            CLASSIFIERS["bag of linear models"],
            "_bags",
            _first_columns,
        ),
    ],
    ids=["weights ignored", "thresholds not rounded", "the first class", "the first columns"],
)
def test_a_fault_in_a_converter_fails_the_proof(model, name, fault, monkeypatch):
    monkeypatch.setattr(ensembles, name, fault)
    with pytest.raises(CompileError, match="The compiled graph differs from the pipeline"):
        compile_case(after_columns(model), rows=1500)
