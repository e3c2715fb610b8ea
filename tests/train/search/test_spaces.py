"""Each model that `seatrial new` writes has a search space; another one needs a function of its own."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.train.projects import PIPELINE, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train.search.spaces import SPACES, Range, searched_estimator, space_of


def asked(space: Any) -> dict[str, Any]:
    values: dict[str, Any] = space.values(optuna.create_study().ask())
    return values


@pytest.mark.parametrize(
    ("model", "prefix"),
    [
        (LogisticRegression(), "model__"),
        (HistGradientBoostingClassifier(), "model__"),
        (CalibratedClassifierCV(LogisticRegression()), "model__estimator__"),
        (TransformedTargetRegressor(RandomForestRegressor()), "model__regressor__"),
        (make_pipeline(StandardScaler(), RidgeCV()), "model__ridgecv__"),
    ],
)
def test_the_parameters_are_those_of_the_last_estimator(tmp_path: Path, model: Any, prefix: str) -> None:
    pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
    values = asked(space_of(write_project(tmp_path, table(two)), pipeline))
    assert {name.removeprefix(prefix) for name in values} == set(SPACES[type(searched_estimator(pipeline)[1]).__name__])
    assert pipeline.set_params(**values).get_params()[next(iter(values))] == next(iter(values.values()))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *(
            (module, f"{kind}{task}")
            for task in ("Classifier", "Regressor")
            for module, kind in (("xgboost", "XGB"), ("catboost", "CatBoost"))
        ),
    ],
)
def test_the_parameters_of_other_libraries_exist(module: str, name: str) -> None:
    estimator = getattr(pytest.importorskip(module), name)()
    space = SPACES[name]
    values = {key: each.suggested(optuna.create_study().ask(), key) for key, each in space.items()}
    assert {key: estimator.set_params(**values).get_params()[key] for key in space} == values


def test_a_tried_number_is_short_enough_to_read_in_the_code() -> None:
    trial = optuna.trial.FixedTrial({"C": 0.123456789, "n": 7})
    assert Range(0.01, 1).suggested(trial, "C") == 0.123
    assert Range(1, 9, whole=True).suggested(trial, "n") == 7
    assert Range(0.01, 1, listed=True).suggested(trial, "C") == [0.123]


def test_an_estimator_without_a_space_needs_a_function(tmp_path: Path) -> None:
    pipeline = Pipeline([("model", GaussianNB())])
    with pytest.raises(SeatrialError, match="no search space for GaussianNB") as raised:
        space_of(write_project(tmp_path, table(two)), pipeline)
    assert "space(trial)" in raised.value.hint
    assert '"model__NAME"' in raised.value.hint


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("return None", "must return values by the names"),
        ("return {}", "must return values by the names"),
        ('return {"a": object()}', "which cannot be written as code"),
        ("return {1: 2}", "must return values by the names"),
        ("return trial.wrong", "pipeline.py, line 16: AttributeError"),
    ],
)
def test_what_a_space_of_ones_own_returns_wrongly_is_named(tmp_path: Path, code: str, message: str) -> None:
    project = write_project(tmp_path, table(two), pipeline=f"{PIPELINE}\n\ndef space(trial):\n    {code}\n")
    with pytest.raises(SeatrialError, match=message):
        asked(space_of(project, Pipeline([("model", LogisticRegression())])))
