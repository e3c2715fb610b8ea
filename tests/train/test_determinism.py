"""A pipeline that gives another model each time is named at training, with its step."""

from pathlib import Path

import pytest
from tests.train.projects import PIPELINE, compiles, number, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train import determinism
from seatrial.train.recipe import read_recipe
from seatrial.train.run import train

NOISY = '''
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Noise(TransformerMixin, BaseEstimator):
    """Adds what it has drawn at fit."""

    def fit(self, X, y=None):
        self.drawn_ = np.random.default_rng().normal()
        return self

    def transform(self, X):
        return np.asarray(X) + self.drawn_

'''
IN_COLUMNS = NOISY + PIPELINE.replace("StandardScaler()", "make_pipeline(StandardScaler(), Noise())")
# Each fit of the search has another grid, as one with folds that are drawn anew may choose another candidate.
SEARCH = """
from pathlib import Path

from sklearn.model_selection import GridSearchCV

COUNT = Path(__file__).with_name("count")


def search():
    count = int(COUNT.read_text()) if COUNT.exists() else 0
    COUNT.write_text(str(count + 1))
    return GridSearchCV(LogisticRegression(), {"C": [0.01 + count]}, cv=2)


""" + PIPELINE.replace("LogisticRegression()", "search()")


def test_the_step_that_differs_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=IN_COLUMNS)
    where = "columntransformer > n > noise > Noise gives different results"
    with pytest.raises(SeatrialError, match=f"not deterministic: fitted twice on the same rows, {where}"):
        train(project, compiles)
    assert not project.artifacts.exists()


def test_a_search_that_chooses_otherwise_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two), pipeline=SEARCH)
    with pytest.raises(SeatrialError, match=r"gridsearchcv > GridSearchCV \(it chose {'C': 0.01}, then {'C': 1.01}\)"):
        train(project, compiles)


@pytest.mark.parametrize("target", [two, number])
def test_a_long_training_is_checked_on_a_part_of_its_rows(
    target: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table(target, rows=2000)
    text = PIPELINE if target is two else PIPELINE.replace("LogisticRegression", "Ridge")
    recipe = read_recipe(write_project(tmp_path, data, pipeline=text))
    fitted = recipe.fit()
    sizes: list[int] = []
    refit = type(recipe).refit

    def counted(self: object, positions: object) -> object:
        sizes.append(len(positions))
        return refit(self, positions)

    monkeypatch.setattr(type(recipe), "refit", counted)
    determinism.check_determinism(recipe, fitted, 50.0)  # 5 s of 50 s are for both
    assert len(sizes) == 2
    assert sizes[0] == pytest.approx(0.05 * len(recipe.split.train), abs=200)
    assert sizes[0] >= determinism.FEWEST_ROWS - 2


def test_noise_in_a_long_training_is_found_as_well(tmp_path: Path) -> None:
    recipe = read_recipe(write_project(tmp_path, table(two, rows=400), pipeline=IN_COLUMNS))
    with pytest.raises(SeatrialError, match="columntransformer > n > noise"):
        determinism.check_determinism(recipe, recipe.fit(), 20.0)


def test_results_that_differ_by_rounding_alone_are_the_same(tmp_path: Path) -> None:
    rounded = IN_COLUMNS.replace(".normal()", ".normal() * 1e-13")
    recipe = read_recipe(write_project(tmp_path, table(two), pipeline=rounded))
    first, second = (recipe.fit()(recipe.held_out) for _ in range(2))
    assert (first != second).any()
    determinism.check_determinism(recipe, recipe.fit(), 0.1)
