"""Fitting, and finding out what the pipeline reads."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.compile.boosters.conftest import library
from tests.train.projects import PIPELINE, write_project

from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, importable
from seatrial.model.categorical import categorical
from seatrial.model.engines import GraphEngine, to_frame
from seatrial.model.features import features_in
from seatrial.model.inputs import Inputs, stack_columns
from seatrial.model.schema import columns_of, schema_in
from seatrial.model.trusted_types import TRUSTED_TYPES
from seatrial.train import fitting
from seatrial.train.native import dump_native


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    return write_project(tmp_path, "size,colour,note,y\n")


def test_every_column_except_dates_and_every_feature_can_be_an_input(project: ProjectSettings) -> None:
    with importable(project):
        columns = columns_of(schema_in(importlib.import_module("little_model.schema")))
        features = features_in(importlib.import_module("little_model.features"), columns)
    assert fitting.every_input(columns, features) == Inputs(("size", "half"), ("colour", "note"))
    framer = fitting.Framer(columns, features, fitting.every_input(columns, features))
    table = {
        "size": np.array([8.0, 6.0]),
        "colour": np.array(["red", "blue"], dtype=object),
        "note": np.array([None, "x"], dtype=object),
    }
    frame = framer(table)
    assert frame["half"].tolist() == [4, 3]
    assert frame["note"].tolist() == ["", "x"]


def fit(project: ProjectSettings, pipeline: str) -> Any:
    (project.source / "little_model" / "pipeline.py").write_text(pipeline)
    frame = pd.DataFrame({"half": [1.0, 2.0, 3.0, 4.0], "colour": ["red", "blue"] * 2})
    with importable(project):
        return fitting.fit(project, frame, np.array([0, 0, 1, 1]))


def test_the_projects_seed_is_used_wherever_the_pipeline_sets_none(project: ProjectSettings) -> None:
    imports = "from sklearn.ensemble import RandomForestClassifier\n"
    unset = PIPELINE.replace("LogisticRegression()", "RandomForestClassifier(3)")
    assert fit(project, imports + unset)[-1].random_state == project.seed
    chosen = PIPELINE.replace("LogisticRegression()", "RandomForestClassifier(3, random_state=5)")
    assert fit(project, imports + chosen)[-1].random_state == 5


@pytest.mark.parametrize("target", ["binary", "continuous"])
def test_a_target_encoder_draws_its_folds_by_the_seed(project: ProjectSettings, target: str) -> None:
    """Without a seed it shuffles its folds at every fit, and a trial that retrains would report a difference."""
    text = PIPELINE.replace('OneHotEncoder(handle_unknown="ignore")', f"TargetEncoder(target_type={target!r})")
    if target == "continuous":
        text = text.replace("LogisticRegression", "Ridge")
    (project.source / "little_model" / "pipeline.py").write_text(text.replace("OneHotEncoder, ", "TargetEncoder, "))
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"half": draw.normal(size=200), "colour": draw.choice(list("abcdefghij"), 200)})
    labels = draw.integers(0, 2, 200)
    with importable(project):
        fitted = [fitting.fit(ProjectSettings(**{**vars(project), "seed": s}), frame, labels) for s in (1, 1, 2)]
    first, same, other = (pipeline[-1].coef_ for pipeline in fitted)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_pipeline_that_cannot_be_fitted_is_reported_with_its_columns(project: ProjectSettings) -> None:
    with pytest.raises(SeatrialError, match="cannot be fitted") as caught:
        fit(project, PIPELINE.replace('["half"]', '["halve"]'))
    assert "half, colour" in caught.value.hint


def test_a_pipeline_file_without_build_is_refused(project: ProjectSettings) -> None:
    with pytest.raises(SeatrialError, match=r"has no function build\(\)"):
        fit(project, "x = 1\n")


FRAME = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, 0, 1, 0], "s": ["x", "y"] * 2, "t": ["u", "v"] * 2})
EVERY = Inputs(("a", "b"), ("s", "t"))


def used(columns: Any) -> Inputs:
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, [0, 0, 1, 1])
    return fitting.used_inputs(model, FRAME, EVERY)


def test_only_the_columns_that_the_pipeline_uses_are_inputs() -> None:
    encoder = OneHotEncoder()
    assert used(ColumnTransformer([("n", StandardScaler(), ["b"]), ("s", encoder, ["t"])])) == Inputs(("b",), ("t",))
    assert used(ColumnTransformer([("n", "drop", ["a"]), ("s", encoder, ["s"])])) == Inputs((), ("s",))
    assert used(ColumnTransformer([("n", StandardScaler(), ["b"])], remainder=encoder)) == EVERY


def test_a_pipeline_that_fails_on_an_allowed_row_is_named_with_what_to_do() -> None:
    encoder = make_pipeline(OneHotEncoder(), LogisticRegression()).fit([["a"], ["b"]], [0, 1])
    with pytest.raises(
        SeatrialError, match=r"fails on rows that the schema allows: Found unknown categories"
    ) as raised:
        fitting.scores_of(encoder, [["a"], ["c"]])
    assert 'handle_unknown="ignore"' in raised.value.hint


def test_a_pipeline_that_selects_columns_by_position_has_all_inputs() -> None:
    assert used(ColumnTransformer([("n", StandardScaler(), [0])])) == EVERY


def test_scores_are_probabilities_or_predictions() -> None:
    numbers = FRAME[["a", "b"]]
    probabilities = fitting.scores_of(LogisticRegression().fit(numbers, [0, 0, 1, 1]), numbers)
    assert probabilities.shape == (4, 2)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert fitting.scores_of(LinearRegression().fit(numbers, [1, 2, 3, 4]), numbers).shape == (4,)


def test_the_same_pipeline_is_stored_as_the_same_bytes_and_can_be_loaded() -> None:
    from skops.io import loads

    numbers = FRAME[["a", "b"]]

    def fitted() -> Any:
        return make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(numbers, [0, 0, 1, 1])

    first, second = dump_native(fitted()), dump_native(fitted())
    assert first == second
    assert np.array_equal(
        loads(first, trusted=list(TRUSTED_TYPES)).predict_proba(numbers), fitted().predict_proba(numbers)
    )


class _RegressorWithClasses(LinearRegression):
    """As a CatBoostRegressor, which has this attribute."""

    classes_ = ()


def test_a_regressor_may_have_an_attribute_classes() -> None:
    numbers = FRAME[["a", "b"]]
    assert fitting.scores_of(_RegressorWithClasses().fit(numbers, [1, 2, 3, 4]), numbers).shape == (4,)


def test_labels_are_numbered_for_classifiers_that_take_nothing_else() -> None:
    library("xgboost")
    from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier

    words = np.array(["yes", "no", "maybe", "no"], dtype=object)
    for model in (XGBClassifier(), XGBRFClassifier(), make_pipeline(StandardScaler(), XGBClassifier())):
        assert fitting.numbered(model, words).tolist() == [2, 1, 0, 1]
    for model in (LogisticRegression(), XGBRegressor()):
        assert fitting.numbered(model, words) is words


WAVES = pd.DataFrame({"half": np.linspace(0, 50, 300), "colour": ["red", "blue"] * 150})
RARE = np.array([int(np.sin(value / 5) + value / 50 > 1.2) for value in WAVES["half"]])
# How each library is told to weigh the classes, and that the score must rise with the first column.
BOOSTED = {
    "xgboost": ("XGBClassifier", "n_jobs=1, n_estimators=4, max_depth=2", "scale_pos_weight=6", "monotone_constraints=(1, 0, 0)"),
    "lightgbm": (
        "LGBMClassifier", "n_jobs=1, verbose=-1, n_estimators=20", "class_weight={0: 1, 1: 6}",
        "monotone_constraints=[1, 0, 0]",
    ),
    "catboost": (
        "CatBoostClassifier", "thread_count=1, verbose=0, allow_writing_files=False, iterations=20",
        'auto_class_weights="Balanced"', "monotone_constraints=[1, 0, 0]",
    ),
}  # fmt: skip


def boosted_scores(folder: Path, name: str, *options: str, weights: Any = None) -> Any:
    """The second class's scores for WAVES by the graph of a model that was trained on them."""
    library(name)
    kind, quiet, *_ = BOOSTED[name]
    code = PIPELINE.replace("LogisticRegression()", f"{kind}({', '.join([quiet, *options])})")
    code = code.replace("sklearn.linear_model import LogisticRegression", f"{name} import {kind}")
    code = code.replace("StandardScaler()", '"passthrough"').replace(', ["colour"])', ", ['colour'])")
    project = write_project(folder, "size,colour,note,y\n", pipeline=code)
    with importable(project):
        pipeline = fitting.fit(project, WAVES, RARE, weights=weights)
    inputs = Inputs(("half",), ("colour",))
    engine = GraphEngine(compile_pipeline(pipeline, inputs))
    return engine(WAVES[["half"]].to_numpy(), WAVES[["colour"]].to_numpy(dtype=object))[:, 1]


@pytest.mark.parametrize("name", BOOSTED)
def test_weights_of_classes_and_of_rows_and_constraints_reach_the_graph(tmp_path: Path, name: str) -> None:
    *_, classes, rising = BOOSTED[name]
    plain = boosted_scores(tmp_path / "plain", name)
    assert (np.diff(plain[::2]) < -1e-3).any()  # of one colour
    assert boosted_scores(tmp_path / "classes", name, classes).mean() > plain.mean() + 0.01
    assert boosted_scores(tmp_path / "rows", name, weights=1 + 5.0 * RARE).mean() > plain.mean() + 0.01
    assert (np.diff(boosted_scores(tmp_path / "rising", name, rising)[::2]) >= 0).all()


def test_a_ranker_is_refused_with_what_to_do(tmp_path: Path) -> None:
    library("xgboost")
    code = PIPELINE.replace("LogisticRegression()", "XGBRanker()")
    code = code.replace("sklearn.linear_model import LogisticRegression", "xgboost import XGBRanker")
    project = write_project(tmp_path, "size,colour,note,y\n", pipeline=code)
    refused = pytest.raises(SeatrialError, match="XGBRanker ranks the rows of a query among each other")
    with importable(project), refused as stop:
        fitting.fit(project, WAVES, RARE)
    assert "seatrial exact" in stop.value.hint


@pytest.mark.parametrize("inputs", [Inputs(("x", "y"), ("text",)), Inputs(("y",), ()), Inputs((), ("text", "coded"))])
def test_a_frame_of_columns_is_that_of_the_matrices_in_the_same_blocks(inputs: Inputs) -> None:
    texts = np.array(["a", None, "b"], dtype=object)
    columns = {"x": np.array([1.5, np.nan, -0.0]), "y": np.arange(3.0), "text": texts[[0, 1, 0]]}
    columns["coded"] = categorical(texts, np.array([2, 1, 0]))
    frame, expected = fitting.frame_of(inputs, columns), to_frame(inputs, *stack_columns(inputs, columns))
    pd.testing.assert_frame_equal(frame, expected)
    # In another layout, a sum over rows would be rounded otherwise.
    for one, other in zip(frame._mgr.blocks, expected._mgr.blocks, strict=True):
        assert one.values.flags.c_contiguous == other.values.flags.c_contiguous
        assert one.values.shape == other.values.shape
