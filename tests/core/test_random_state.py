"""Every random part of a pipeline without a seed gets one: estimators, splitters, and candidates of a search."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder
from tests.compile.boosters.conftest import library

from seatrial.core.random_state import seed_pipeline

LABELS = np.array([0, 1] * 20)


@pytest.mark.parametrize(
    "splitter",
    [
        StratifiedKFold(3, shuffle=True),
        KFold(3, shuffle=True),
        ShuffleSplit(2),
        StratifiedShuffleSplit(2),
        RepeatedStratifiedKFold(n_splits=2, n_repeats=2),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
@pytest.mark.parametrize("around", [lambda cv: GridSearchCV(LogisticRegression(), {}, cv=cv), CalibratedClassifierCV])
def test_a_splitter_that_draws_its_folds_is_seeded(splitter: Any, around: Any) -> None:
    splitter.random_state = None
    model = around(splitter) if around is not CalibratedClassifierCV else CalibratedClassifierCV(cv=splitter)
    seed_pipeline(make_pipeline(model), 7, LABELS)
    assert splitter.random_state == 7


def test_a_seed_that_the_user_set_stays_and_folds_in_order_need_none() -> None:
    chosen, ordered = StratifiedKFold(3, shuffle=True, random_state=3), KFold(3)
    for splitter in (chosen, ordered):
        seed_pipeline(GridSearchCV(LogisticRegression(), {}, cv=splitter), 7, LABELS)
    assert (chosen.random_state, ordered.random_state) == (3, None)


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
@pytest.mark.parametrize("several", [False, True])
def test_estimators_among_the_candidates_of_a_search_are_seeded(search: Any, several: bool) -> None:
    forest = RandomForestClassifier()
    candidates = {"logisticregression": [LogisticRegression(random_state=1), forest]}
    model = search(make_pipeline(LogisticRegression()), [candidates] if several else candidates)
    seed_pipeline(model, 7, LABELS)
    assert forest.random_state == 7
    assert candidates["logisticregression"][0].random_state == 1


def test_missing_seeds_are_set_and_others_stay() -> None:
    pipeline = make_pipeline(TargetEncoder(), RandomForestClassifier(n_jobs=3))
    seed_pipeline(pipeline, 7, [0, 1])
    assert pipeline[0].cv.random_state == 7
    assert pipeline[1].random_state == 7
    assert pipeline[1].n_jobs == 3
    own = RandomForestClassifier(random_state=1)
    seed_pipeline(own, 7, [0, 1])
    assert own.random_state == 1


@pytest.mark.parametrize(
    ("module", "name", "key"),
    [
        ("xgboost", "XGBClassifier", "random_state"),
        ("lightgbm", "LGBMClassifier", "random_state"),
        ("catboost", "CatBoostClassifier", "random_seed"),
    ],
)
def test_the_three_libraries_are_seeded(module: str, name: str, key: str) -> None:
    library(module)
    kind = getattr(import_module(module), name)
    pipeline = make_pipeline(kind())
    seed_pipeline(pipeline, 7, [0, 1])
    assert pipeline[0].get_params()[key] == 7
    own = make_pipeline(kind(random_state=1))
    seed_pipeline(own, 7, [0, 1])
    assert {own[0].get_params().get(each) for each in ("random_state", "random_seed")} <= {1, None}
