"""Folds inside of a pipeline follow the project's split, and leave nothing behind in the fitted pipeline."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LassoCV, LogisticRegression, LogisticRegressionCV, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.train.projects import PIPELINE, write_project

from seatrial.core.errors import SeatrialError
from seatrial.model.row_folds import RowFold
from seatrial.train.inner_folds import InnerSplit, SplitFolds, folds_by_split
from seatrial.train.recipe import read_recipe

KEYS = np.repeat(np.arange(20.0), 5)
TARGET = np.tile([0, 1, 0, 1, 1], 20)
ROWS = np.random.default_rng(0).normal(size=(100, 2))
GROUP = InnerSplit("group", "customer", KEYS, classes=True, seed=3)
TIME = InnerSplit("time", "day", KEYS, classes=True, seed=3)
GRID = {"C": [0.1, 1.0]}


def folds_in(pipeline: Any, estimator: Any, split: InnerSplit | None) -> list[RowFold] | None:
    """The folds that an estimator of the pipeline has while it is fitted."""
    with folds_by_split(pipeline, split, TARGET):
        cv = estimator.cv
        return list(cv.split(ROWS, TARGET)) if isinstance(cv, SplitFolds) else None


def search(**options: Any) -> GridSearchCV:
    return GridSearchCV(LogisticRegression(), GRID, **options)


@pytest.mark.parametrize("cv", [None, 3])
def test_groups_are_on_one_side_of_every_fold(cv: int | None) -> None:
    inner = search(cv=cv)
    found = folds_in(make_pipeline(StandardScaler(), inner), inner, GROUP)
    assert found is not None
    assert len(found) == (cv or 5)
    for fitted, scored in found:
        assert not set(KEYS[fitted]) & set(KEYS[scored])
    assert inner.cv == cv


def test_folds_by_time_are_scored_by_models_of_earlier_rows() -> None:
    inner = TunedThresholdClassifierCV(LogisticRegression())
    found = folds_in(inner, inner, TIME)
    assert found is not None
    assert all(KEYS[fitted].max() < KEYS[scored].min() for fitted, scored in found)


@pytest.mark.parametrize(
    "inner",
    [
        StackingClassifier([("a", LogisticRegression())]),
        CalibratedClassifierCV(LogisticRegression(), ensemble=False),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_needs_each_row_scored_gets_blocks_of_time(inner: Any) -> None:
    found = folds_in(inner, inner, TIME)
    assert found is not None
    assert sorted(np.concatenate([scored for _, scored in found]).tolist()) == list(range(100))
    assert all(not set(KEYS[fitted]) & set(KEYS[scored]) for fitted, scored in found)
    with folds_by_split(inner, TIME, TARGET):
        inner.fit(ROWS, TARGET)
    assert inner.predict_proba(ROWS).shape == (100, 2)


def stack() -> StackingClassifier:
    return StackingClassifier([("a", LogisticRegression())])


def test_a_day_with_most_of_the_rows_is_a_block_of_its_own() -> None:
    for days in (np.repeat([0.0, 1.0], [90, 10]), np.repeat([0.0, 1.0], [10, 90])):
        found = folds_in(inner := stack(), inner, replace(TIME, keys=days))
        assert found is not None
        assert sorted(len(scored) for _, scored in found) == [10, 90]


@pytest.mark.parametrize(
    ("split", "target", "reason"),
    [
        (replace(TIME, keys=np.zeros(100)), TARGET, "all of its rows are of one time"),
        (replace(GROUP, keys=np.zeros(100)), TARGET, "all of its rows are of one group"),
        (TIME, (KEYS < 4).astype(int), "no such fold has every label on both sides"),
        (GROUP, (KEYS < 1).astype(int), "no such fold has every label on both sides"),
    ],
)
def test_a_stack_without_folds_that_have_every_class_is_refused(split: InnerSplit, target: Any, reason: str) -> None:
    with pytest.raises(SeatrialError, match=reason), folds_by_split(stack(), split, target):
        pass


def test_a_stack_gets_fewer_folds_of_groups_where_a_class_is_in_few() -> None:
    target = (KEYS < 3).astype(int)
    with folds_by_split(inner := stack(), GROUP, target):
        assert inner.cv.get_n_splits() == 3
        inner.fit(ROWS, target)
    assert inner.predict_proba(ROWS).shape == (100, 2)


def test_a_users_own_splitter_and_what_makes_no_folds_of_rows_stay() -> None:
    own, one_out = search(cv=KFold(3)), RidgeCV()
    within = LogisticRegressionCV(cv=3)  # gets parts of the rows, from the stack around it
    stack = StackingClassifier([("a", within)])
    assert folds_in(own, own, GROUP) is None
    assert folds_in(one_out, one_out, GROUP) is None
    assert folds_in(stack, within, GROUP) is None
    assert folds_in(search(), search(), None) is None


def test_nothing_of_it_is_left_in_what_was_fitted() -> None:
    pipeline = make_pipeline(StandardScaler(), SelectFromModel(LassoCV(cv=3), threshold=-np.inf), search(cv=2))
    with folds_by_split(pipeline, GROUP, TARGET):
        pipeline.fit(ROWS, TARGET)
    assert pipeline.steps[1][1].estimator_.cv == 3
    assert pipeline.steps[2][1].cv == 2
    assert len(pipeline.steps[2][1].cv_results_["split0_test_score"]) == 2


def test_labels_that_no_fold_has_on_both_sides_are_reported() -> None:
    target = (KEYS > 17).astype(int)
    inner = search()
    with (
        pytest.raises(SeatrialError, match=r"GridSearchCV in pipeline.py needs folds by time \(`day`\)"),
        folds_by_split(inner, TIME, target),
    ):
        pass


def test_other_rows_than_those_of_the_folds_are_an_error() -> None:
    with pytest.raises(ValueError, match="the folds are of 100 rows, and there are 50"):
        list(SplitFolds([], 100, None).split(ROWS[:50], TARGET[:50]))


@pytest.mark.parametrize("by", ["rows", "group"])
def test_a_search_in_a_project_by_group_does_not_reward_what_recognizes_a_group(by: str, tmp_path: Path) -> None:
    """Each customer's rows are alike and its labels equal, at random: only by rows does the nearest row help."""
    generator = np.random.default_rng(1)
    customers = [f"{generator.uniform(0, 100):.1f},red,V,{n},{generator.integers(2)}" for n in range(60)]
    lines = [row.replace("V", f"visit {visit}") for visit in range(4) for row in customers]
    lines = ["size,colour,note,customer,y", *lines]
    nearest = PIPELINE.replace("linear_model import LogisticRegression", "neighbors import KNeighborsClassifier")
    nearest = nearest.replace(
        "LogisticRegression()", "GridSearchCV(KNeighborsClassifier(), {'n_neighbors': [1, 25]}, cv=4)"
    ).replace("from sklearn.pipeline", "from sklearn.model_selection import GridSearchCV\nfrom sklearn.pipeline")
    settings = '[tool.seatrial.split]\nby = "group"\ncolumn = "customer"' if by == "group" else ""
    project = write_project(tmp_path, "\n".join(lines) + "\n", pipeline=nearest, settings=settings)
    chosen = read_recipe(project).fit().pipeline.steps[-1][1]
    assert chosen.cv == 4
    assert bool(chosen.cv_results_["mean_test_score"][0] > 0.8) is (by == "rows")
