"""A model that was fitted elsewhere: by its names, with its classes, compiled, and open about what is not known."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.conftest import copy_titanic

from seatrial.core.errors import SeatrialError
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import read_metadata
from seatrial.steps.project import Project
from seatrial.train.fitted_elsewhere import FittedElsewhere, check_classes, inputs_of

NAMES = ["age", "fare", "sibsp", "pclass"]


def fitted(names: list[str], target: Any = (0, 1, 0, 1)) -> Any:
    rows = np.random.default_rng(0).normal(size=(len(target), len(names)))
    model = LinearRegression() if isinstance(target[0], float) else LogisticRegression()
    return make_pipeline(SimpleImputer(), model).fit(pd.DataFrame(rows, columns=names), list(target))


def test_inputs_are_found_by_name_in_the_models_order() -> None:
    every = Inputs(("pclass", "age", "fare", "size"), ("sex",))
    assert inputs_of(fitted(["fare", "age"]), every) == Inputs(("fare", "age"), ())


def test_names_that_the_project_does_not_have_are_listed() -> None:
    with pytest.raises(SeatrialError, match="features that the project does not have: income") as refused:
        inputs_of(fitted(["age", "income"]), Inputs(("age",), ("sex",)))
    assert "The project has age, sex." in refused.value.hint


def test_a_model_without_names_is_refused() -> None:
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(SeatrialError, match="does not say the names"):
        inputs_of(model, Inputs(("age",), ()))


def test_texts_before_numbers_are_refused() -> None:
    with pytest.raises(SeatrialError, match="texts before numbers"):
        inputs_of(fitted(["sex", "age"]), Inputs(("age",), ("sex",)))


@pytest.mark.parametrize(
    ("target", "classes", "message"),
    [
        ([0.5, 1.5, 2.5], ("no", "yes"), "is a regression, and the project's target is a class"),
        ([0, 1, 1], (), "is a classifier, and the project's target is a number"),
        (["a", "b", "a"], ("a", "c"), "has the classes a, b, and the table has a, c"),
        ([1, 2, 1], ("a", "c"), "has the classes 1, 2"),
    ],
)
def test_other_classes_are_refused(target: Any, classes: tuple[Any, ...], message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        check_classes(fitted(["age"], target), classes)


def test_numbered_classes_are_those_of_the_table_in_order() -> None:
    check_classes(fitted(["age"], [0, 1, 1]), ("no", "yes"))


def test_a_declaration_removes_the_doubt() -> None:
    assert "fitted elsewhere (m.json)" in FittedElsewhere(None, "m.json", "0").doubt
    assert FittedElsewhere(None, "m.json", "0", unseen=True).doubt == ""


@pytest.mark.slow
def test_a_fitted_model_is_compiled_measured_and_doubted(tmp_path: Path) -> None:
    project = copy_titanic(tmp_path / "titanic")
    table = pd.read_csv(project / "data" / "titanic.csv")
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500))
    model.fit(table[NAMES].astype(float), table["survived"])
    skops.io.dump(model, tmp_path / "model.skops")
    run = Project(project, progress=False).train(fitted=tmp_path / "model.skops")
    found = read_metadata(project / "src" / "titanic_model" / "artifacts")
    assert run.metadata.inputs == found.inputs == Inputs(tuple(NAMES), ())
    assert found.engine == "onnx"
    assert found.fitted["file"] == "model.skops"
    assert "fitted elsewhere" in found.doubts["fitted elsewhere"]
    said = "The model was fitted elsewhere: sklearn.Pipeline in model.skops"
    assert said in run.report.read_text("utf-8")
    assert said in (project / "src" / "titanic_model" / "artifacts" / "card.md").read_text("utf-8").replace("\\", "")


def test_a_pickle_is_never_loaded(tmp_path: Path, titanic_project: Path) -> None:
    shutil.copy(titanic_project / "pyproject.toml", tmp_path / "model.pkl")
    with pytest.raises(SeatrialError, match="is a pickle, which runs what is in it"):
        Project(titanic_project, progress=False).train(fitted=tmp_path / "model.pkl")


def test_a_declaration_without_a_model_is_refused(titanic_project: Path) -> None:
    with pytest.raises(SeatrialError, match="says something about a fitted model"):
        Project(titanic_project, progress=False).train(held_out_only=True)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"a": 1}, "has a dict, which does not predict"),
        (StandardScaler(), "has a StandardScaler, which does not predict"),
        (LogisticRegression(), "LogisticRegression is not fitted"),
        (make_pipeline(LogisticRegression()), "Pipeline is not fitted"),
    ],
)
def test_what_is_no_fitted_model_is_refused_in_words(model: Any, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        check_classes(model, ("no", "yes"))


def test_a_step_that_does_nothing_is_passed_over() -> None:
    model = make_pipeline("passthrough", *(step for _, step in fitted(["fare", "age"]).steps))
    assert inputs_of(model, Inputs(("age", "fare"), ())) == Inputs(("fare", "age"), ())


def test_columns_that_a_transformer_selects_have_to_be_there() -> None:
    rows = pd.DataFrame({"age": [1.0, 2], "income": [1.0, 2], "left_out": [1.0, 2]})
    parts = [("a", StandardScaler(), ["age"]), ("b", StandardScaler(), ["income"]), ("c", "drop", ["left_out"])]
    model = make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(rows, [0, 1])
    with pytest.raises(SeatrialError, match="features that the project does not have: income"):
        inputs_of(model, Inputs(("age",), ()))
    assert inputs_of(model, Inputs(("age", "income"), ())) is None


def test_two_features_of_one_name_and_categories_of_a_data_frame_are_refused() -> None:
    named = SimpleNamespace(feature_names_in_=["age", "age"])
    with pytest.raises(SeatrialError, match="two features of one name"):
        inputs_of(named, Inputs(("age",), ()))
    encoding = SimpleNamespace(_Booster=SimpleNamespace(pandas_categorical=[["a", "b"]]))
    with pytest.raises(SeatrialError, match="encodes the categories of a DataFrame itself"):
        inputs_of(encoding, Inputs(("age",), ()))
