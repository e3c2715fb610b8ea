"""Early stopping: the rows that a model is stopped by are training rows that neither it nor its steps learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.compile.boosters.conftest import library
from tests.train.projects import PIPELINE, table, three, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train import early_stopping
from seatrial.train.early_stopping import fit_pipeline
from seatrial.train.recipe import read_recipe

ROWS, MOST = 400, 300
DRAW = np.random.default_rng(4)
FRAME = pd.DataFrame(DRAW.normal(size=(ROWS, 3)), columns=list("abc"))
TARGET = (FRAME["a"] + DRAW.normal(size=ROWS) > 0).to_numpy().astype(int)
STOPPING = np.arange(0, ROWS, 5)
QUIET = {"lightgbm": {"verbose": -1}, "xgboost": {}, "catboost": {"verbose": 0, "allow_writing_files": False}}
CLASSES = {"lightgbm": "LGBMClassifier", "xgboost": "XGBClassifier", "catboost": "CatBoostClassifier"}
BEST = {"lightgbm": "best_iteration_", "xgboost": "best_iteration", "catboost": "best_iteration_"}


def model_of(name: str, **options: Any) -> Any:
    kind = getattr(library(name), CLASSES[name])
    return kind(n_estimators=MOST, learning_rate=0.3, **QUIET[name], **options)


def fits_of(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect what a model's `fit` is called with."""
    calls: list[dict[str, Any]] = []
    original = type(model).fit

    def spy(self: Any, rows: Any, target: Any, **options: Any) -> Any:
        calls.append({"rows": rows, "target": target, **options})
        return original(self, rows, target, **options)

    monkeypatch.setattr(type(model), "fit", spy)
    return calls


@pytest.mark.parametrize("name", CLASSES)
def test_a_model_stops_by_rows_that_no_step_learns_from(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(name, early_stopping_rounds=5)
    calls = fits_of(model, monkeypatch)
    pipeline = make_pipeline(StandardScaler(), model)
    fit_pipeline(pipeline, FRAME, TARGET, lambda: STOPPING, {})
    rest = np.setdiff1d(np.arange(ROWS), STOPPING)
    assert getattr(model, BEST[name]) < MOST / 2
    assert pipeline[0].mean_ == pytest.approx(FRAME.iloc[rest].mean().to_numpy())
    assert np.array_equal(calls[0]["rows"], pipeline[0].transform(FRAME.iloc[rest]))
    assert np.array_equal(calls[0]["target"], TARGET[rest])
    assert pipeline.predict_proba(FRAME).shape == (ROWS, 2)


@pytest.mark.parametrize("name", CLASSES)
def test_weights_go_to_both_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(name, early_stopping_rounds=5)
    calls = fits_of(model, monkeypatch)
    weights = np.linspace(0.5, 1.5, ROWS)
    pipeline = Pipeline([("scale", StandardScaler()), ("last", model)])
    fit_pipeline(pipeline, FRAME, TARGET, lambda: STOPPING, {"last__sample_weight": weights})
    given = calls[0]
    watched = {
        "lightgbm": lambda: given["eval_sample_weight"][0],
        "xgboost": lambda: given["sample_weight_eval_set"][0],
        "catboost": lambda: np.array(given["eval_set"].get_weight()),
    }[name]()
    assert np.array_equal(given["sample_weight"], np.delete(weights, STOPPING))
    assert watched == pytest.approx(weights[STOPPING])


@pytest.mark.parametrize("name", CLASSES)
def test_without_early_stopping_all_rows_are_learnt_from(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(name)
    calls = fits_of(model, monkeypatch)
    fit_pipeline(make_pipeline(StandardScaler(), model), FRAME, TARGET, pytest.fail, {})
    assert len(calls[0]["target"]) == ROWS


@pytest.mark.parametrize("name", ["lightgbm", "catboost"])
def test_labels_may_be_texts(name: str) -> None:  # XGBoost's are numbered before
    model = model_of(name, early_stopping_rounds=5)
    fit_pipeline(make_pipeline(StandardScaler(), model), FRAME, np.where(TARGET, "yes", "no"), lambda: STOPPING, {})
    assert getattr(model, BEST[name]) < MOST / 2
    assert list(model.classes_) == ["no", "yes"]


def test_a_model_without_steps_stops_early() -> None:
    model = model_of("lightgbm", early_stopping_round=5)
    fit_pipeline(model, FRAME, TARGET, lambda: STOPPING, {})
    assert model.best_iteration_ < MOST / 2


def test_a_search_passes_the_rows_on() -> None:
    search = GridSearchCV(model_of("lightgbm", early_stopping_round=5), {"num_leaves": [4, 8]}, cv=2)
    fit_pipeline(make_pipeline(StandardScaler(), search), FRAME, TARGET, lambda: STOPPING, {})
    assert search.best_estimator_.best_iteration_ < MOST / 2


def test_early_stopping_of_an_inner_part_is_refused() -> None:
    inner = make_pipeline(StandardScaler(), model_of("lightgbm", early_stopping_round=5))
    search = GridSearchCV(inner, {"lgbmclassifier__num_leaves": [4, 8]}, cv=2)
    with pytest.raises(SeatrialError, match="only the last step of the outermost pipeline") as caught:
        fit_pipeline(search, FRAME, TARGET, lambda: STOPPING, {})
    assert "Search inside of the pipeline" in caught.value.hint


STOPS = PIPELINE.replace(
    "LogisticRegression()", f"LGBMClassifier(n_estimators={MOST}, early_stopping_round=5, verbose=-1)"
).replace("\nfrom sklearn.compose", "\nfrom lightgbm import LGBMClassifier\nfrom sklearn.compose")


def test_a_project_is_stopped_by_training_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library("lightgbm")
    recipe = read_recipe(write_project(tmp_path, table(two, rows=300), pipeline=STOPS))
    asked: list[Any] = []
    original = early_stopping.fit_pipeline

    def spy(pipeline: Any, frame: Any, target: Any, held_back: Any, parameters: Any, split: Any) -> None:
        asked.append((len(frame), held_back()))
        original(pipeline, frame, target, held_back, parameters, split)

    monkeypatch.setattr("seatrial.train.fitting.fit_pipeline", spy)
    fitted = recipe.fit()
    ((rows, stopping),) = asked
    assert fitted.pipeline[-1].best_iteration_ < MOST / 2
    assert rows == len(recipe.split.train)
    assert len(stopping) == pytest.approx(early_stopping.SHARE * rows, abs=1)
    labels = recipe.table.target[recipe.split.train][stopping]
    assert labels.mean() == pytest.approx(recipe.table.target.mean(), abs=0.05)  # of each class alike
    assert np.array_equal(recipe.fit()(recipe.held_out), fitted(recipe.held_out))


@pytest.mark.parametrize("name", CLASSES)
def test_a_project_with_text_labels_stops_early(name: str, tmp_path: Path) -> None:
    library(name)
    options = "".join(f", {option}={value}" for option, value in QUIET[name].items())
    text = PIPELINE.replace(
        "LogisticRegression()", f"{CLASSES[name]}(n_estimators={MOST}, early_stopping_rounds=5{options})"
    )
    pipeline = f"from {name} import {CLASSES[name]}\n{text}"
    recipe = read_recipe(write_project(tmp_path, table(three, rows=300), pipeline=pipeline))
    fitted = recipe.fit()
    assert getattr(fitted.pipeline[-1], BEST[name]) < MOST / 2
    assert fitted(recipe.held_out).shape == (len(recipe.split.test), 3)


def test_held_out_rows_change_nothing(tmp_path: Path) -> None:
    library("lightgbm")
    recipe = read_recipe(write_project(tmp_path, table(two, rows=300), pipeline=STOPS))
    before = recipe.fit().pipeline[-1].booster_.model_to_string()
    for values in recipe.table.columns.values():
        values[recipe.split.test] = values[recipe.split.train[0]]
    recipe.table.target[recipe.split.test] = 1 - recipe.table.target[recipe.split.test]
    recipe._frames.__dict__.pop("of_table")
    assert recipe.fit().pipeline[-1].booster_.model_to_string() == before
