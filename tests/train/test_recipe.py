"""A recipe trains as `seatrial train` does, as often as needed, and writes nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from seatrial.core.project import find_project
from seatrial.model import Release
from seatrial.train.recipe import Recipe, read_recipe
from seatrial.train.reference_rows import take


@pytest.fixture(scope="module")
def recipe(titanic_project: Path) -> Recipe:
    return read_recipe(find_project(titanic_project))


def test_training_again_reproduces_the_release(recipe: Recipe, titanic: Release):
    again = recipe.fit()
    held_out = recipe.held_out
    assert np.abs(again(held_out) - titanic.score_table(held_out)).max() < 1e-9
    assert recipe.inputs == titanic.metadata.inputs
    assert recipe.split.cuts == titanic.metadata.split["cuts"]


def test_training_again_reproduces_the_golden_rows(recipe: Recipe, titanic: Release):
    golden = json.loads((titanic.artifacts / "golden.json").read_bytes())
    rows = {c.name: [row[c.name] for row in golden["rows"]] for c in recipe.columns}
    columns, problems = recipe.checker.check(rows)
    assert not problems
    assert np.abs(recipe.fit()(columns) - np.array(golden["scores"])).max() < 1e-9


def test_fewer_rows_give_another_model(recipe: Recipe):
    part = np.arange(0, len(recipe.split.train), 2)
    away = np.abs(recipe.refit(part)(recipe.held_out) - recipe.fit()(recipe.held_out))
    assert 0.001 < away.mean() < 0.2


def test_another_table_or_seed_is_split_again(recipe: Recipe):
    import dataclasses

    rows = np.arange(900)
    table = dataclasses.replace(
        recipe.table, columns=take(recipe.table.columns, rows), target=recipe.table.target[rows]
    )
    other = recipe.on(table, seed=7)
    assert len(other.split.train) + len(other.split.test) == 900
    assert other.split.seed == 7
    assert other.fit()(other.held_out).shape == (len(other.split.test), 2)


def test_nothing_is_written(recipe: Recipe, titanic_project: Path):
    before = {
        p: p.stat().st_mtime_ns for p in titanic_project.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    read_recipe(find_project(titanic_project)).fit()
    after = {
        p: p.stat().st_mtime_ns for p in titanic_project.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    assert before == after
