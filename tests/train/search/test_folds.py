"""The folds part the rows they are given, with the same class shares."""

from pathlib import Path

import numpy as np
import pytest
from tests.train.projects import table, three, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train.recipe import read_recipe
from seatrial.train.search.folds import folds_of


def test_each_training_row_is_scored_once_and_no_fold_scores_what_it_fits(tmp_path: Path) -> None:
    recipe = read_recipe(write_project(tmp_path, table(three, rows=120))).without_held_out()
    folds = folds_of(recipe, 4)
    assert sorted(np.concatenate([fold.scored for fold in folds])) == list(range(recipe.table.rows))
    assert all(not set(fold.fitted) & set(fold.scored) for fold in folds)
    target = recipe.table.target
    rows = [[int((target[fold.scored] == label).sum()) for label in recipe.table.classes] for fold in folds]
    assert np.ptp(rows, axis=0).max() <= 1


def test_there_are_as_many_folds_as_the_rarest_class_allows(tmp_path: Path) -> None:
    recipe = read_recipe(write_project(tmp_path, table(two, rows=40))).without_held_out()
    target = np.zeros(recipe.table.rows, dtype=np.int64)
    target[:3] = 1
    object.__setattr__(recipe.table, "target", target)
    assert len(folds_of(recipe, 5)) == 3
    target[:2] = 0
    with pytest.raises(SeatrialError, match="cannot be in two folds"):
        folds_of(recipe, 5)


def test_without_held_out_has_the_training_rows_alone(tmp_path: Path) -> None:
    recipe = read_recipe(write_project(tmp_path, table(two)))
    part = recipe.without_held_out()
    assert part.table.columns["note"].tolist() == recipe.training_rows["note"].tolist()
    assert part.table.target.tolist() == recipe.table.target[recipe.split.train].tolist()
    assert len(part.split.test) == 0


def test_folds_follow_a_split_by_group_and_keep_the_rows_weights(tmp_path: Path) -> None:
    rows = table(two).splitlines()
    lines = [f"{rows[0]},who,w", *(f"{line},{n % 30},{1 + n % 3}" for n, line in enumerate(rows[1:]))]
    settings = 'weight = "w"\n[tool.seatrial.split]\nby = "group"\ncolumn = "who"'
    recipe = read_recipe(write_project(tmp_path, "\n".join(lines) + "\n", settings=settings)).without_held_out()
    keys, weights = recipe.table.keys, recipe.table.weights
    assert keys is not None
    assert weights is not None
    assert len(keys) == len(weights) == recipe.table.rows
    for fold in folds_of(recipe, 4):
        assert not set(keys[fold.fitted]) & set(keys[fold.scored])
