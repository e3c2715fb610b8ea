"""What cannot be compiled exactly is refused with the step's name and the reason."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, VotingClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from tests.compile.cases import BINARY, FRAME, INPUTS, NUMBERS, STRINGS, VALUES, compile_case

from seatrial.compile.converter import compile_pipeline
from seatrial.compile.reference import stopping_without_fallback
from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.inputs import Inputs


def twice(values):
    return values * 2


class OurTree(DecisionTreeClassifier):
    """A subclass may compute something else."""


def refusal(pipeline, target=BINARY):
    pipeline.fit(FRAME, target)
    with pytest.raises(CompileError) as caught:
        compile_pipeline(pipeline, INPUTS)
    return caught.value.message


def numeric(*steps):
    return ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), *steps), NUMBERS)])


@pytest.mark.parametrize(
    "model",
    [
        SVC(),
        KNeighborsClassifier(),
        VotingClassifier([("a", LogisticRegression())]),
        OurTree(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_without_an_exact_converter_are_named(model):
    message = refusal(make_pipeline(numeric(), model))
    name = type(model).__name__
    assert message.startswith(f"{name} (step {name.lower()}) does not compile: ")


@pytest.mark.parametrize("step", [KNNImputer()], ids=lambda step: type(step).__name__)
def test_transformers_without_an_exact_converter_are_named_with_their_path(step):
    message = refusal(make_pipeline(numeric(step), LogisticRegression()))
    name = type(step).__name__
    assert message.startswith(f"{name} (step columntransformer > numbers > {name.lower()}) does not compile: ")


def test_a_python_function_is_refused_by_its_name():
    message = refusal(make_pipeline(numeric(FunctionTransformer(twice)), LogisticRegression()))
    assert "calls the Python function twice" in message
    assert "feature function" in message


@pytest.mark.parametrize("model", [RidgeClassifier(), SGDClassifier(loss="hinge")], ids=str)
def test_classifiers_without_probabilities_are_refused(model):
    assert "no probabilities" in refusal(make_pipeline(numeric(), model)) or "loss is hinge" in refusal(
        make_pipeline(numeric(), model)
    )


def test_boosting_that_starts_from_a_model_is_refused():
    model = GradientBoostingClassifier(n_estimators=2, init=LogisticRegression())
    assert "its init is LogisticRegression" in refusal(make_pipeline(numeric(), model))


@pytest.mark.parametrize("model", [Ridge(), DecisionTreeRegressor()], ids=str)
def test_several_targets_are_refused(model):
    assert "several targets" in refusal(make_pipeline(numeric(), model), np.stack([VALUES, VALUES], axis=1))


def test_a_changed_private_attribute_of_scikit_learn_is_a_refusal():
    pipeline = make_pipeline(numeric(StandardScaler()), LogisticRegression()).fit(FRAME, BINARY)
    del pipeline[0].named_transformers_["numbers"][-1].scale_
    with pytest.raises(CompileError, match=r"does not match the converter: .*scale_"):
        compile_pipeline(pipeline, INPUTS)


def test_a_pipeline_that_fails_on_allowed_rows_is_refused():
    strict = ColumnTransformer([("strings", OneHotEncoder(), STRINGS)])
    with pytest.raises(
        CompileError, match="itself fails on rows that the schema allows: Found unknown categories"
    ) as caught:
        compile_case(make_pipeline(strict, LogisticRegression()))
    assert "handle_unknown" in caught.value.hint


def test_a_pipeline_that_cannot_handle_allowed_missing_values_is_refused():
    columns = ColumnTransformer([("numbers", "passthrough", ["age"])])
    full = FRAME.assign(age=FRAME["age"].fillna(1.0))
    with pytest.raises(CompileError, match="itself fails on rows that the schema allows: Input X contains NaN"):
        compile_case(make_pipeline(columns, LogisticRegression()).fit(full, BINARY), fitted=True)


def test_a_graph_larger_than_a_release_may_carry_is_refused(monkeypatch):
    model = DecisionTreeClassifier(max_depth=3).fit(FRAME[["fare", "size"]], BINARY)
    monkeypatch.setattr("seatrial.compile.converter.GRAPH_LIMIT", 100)
    with pytest.raises(CompileError, match="and a release at most 0 MiB") as refused:
        compile_pipeline(model, Inputs(("fare", "size"), ()))
    assert refused.value.hint == "Train fewer or smaller trees."


def test_trees_that_no_graph_has_room_for_are_refused_before_they_take_memory(monkeypatch):
    model = DecisionTreeClassifier(max_depth=3).fit(FRAME[["fare", "size"]], BINARY)
    comparisons = int((model.tree_.children_left >= 0).sum())
    monkeypatch.setattr("seatrial.compile.trees.GRAPH_LIMIT", 25 * (comparisons - 1))
    with pytest.raises(CompileError, match=f"{comparisons} comparisons, and a graph has room for {comparisons - 1}"):
        compile_pipeline(model, Inputs(("fare", "size"), ()))
    monkeypatch.setattr("seatrial.compile.trees.GRAPH_LIMIT", 25 * comparisons)
    assert compile_pipeline(model, Inputs(("fare", "size"), ()))


@pytest.mark.parametrize("library", ["xgboost.XGBClassifier", "lightgbm.LGBMClassifier", "catboost.CatBoostClassifier"])
def test_a_booster_that_no_graph_has_room_for_is_refused(monkeypatch, library):
    module, name = library.split(".")
    model = getattr(pytest.importorskip(module), name)(n_estimators=3).fit(
        np.arange(200.0).reshape(100, 2), [0, 1] * 50
    )
    monkeypatch.setattr("seatrial.compile.converter.GRAPH_LIMIT", 100)
    reason = r"a release at most 0 MiB\. Models of \w+ are only served compiled"
    with pytest.raises(SeatrialError, match=reason) as refused, stopping_without_fallback(model):
        compile_pipeline(model, Inputs(("fare", "size"), ()))
    assert refused.value.hint == "Train fewer or smaller trees."
