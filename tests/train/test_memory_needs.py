"""A training that does not fit in memory is not begun, and the sample that is named fits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.train.projects import table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train import memory_needs, sampled_table, training_table
from seatrial.train.memory_needs import made_of_a_row, needed_memory, require_memory
from seatrial.train.recipe import Recipe, read_recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return read_recipe(write_project(tmp_path_factory.mktemp("project"), table(two, rows=4000)))


def require(recipe: Recipe, free: int | None) -> None:
    """Ask whether this much memory is enough for the recipe."""
    values = len(recipe.columns) + len(recipe.features)
    require_memory("data.csv", values, len(recipe.split.train), len(recipe.split.test), free)


def test_what_fits_passes(recipe: Recipe) -> None:
    require(recipe, 10**9)
    require(recipe, None)  # the system does not say


def test_what_does_not_fit_is_refused_with_a_sample_that_does(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_needs, "LEAST_SAMPLE", 100)
    with pytest.raises(SeatrialError, match=r"Fitting on 3,000 rows of .* takes about 0.0 GB of memory") as caught:
        require(recipe, 400_000)
    sample = int(caught.value.hint.partition("sample = ")[2].partition(" ")[0])
    assert 100 <= sample < 3000
    monkeypatch.setattr(sampled_table, "MOST_KEPT", 0)
    require(read_recipe(replace(recipe.project, sample=sample)), 400_000)
    with pytest.raises(SeatrialError) as caught:
        require(recipe, 1000)
    assert caught.value.hint.startswith("Use fewer rows")


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_that_does_not_fit_is_not_read_to_its_end(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    project = replace(recipe.project, data=tmp_path / f"table{ending}")
    frame = pd.read_csv(recipe.project.data)
    (frame.to_csv if ending == ".csv" else frame.to_parquet)(project.data, index=False)
    monkeypatch.setattr(training_table, "free_memory", lambda: 100_000)
    with pytest.raises(SeatrialError, match=rf"Fitting on 3,000 rows of table{ending} takes about"):
        read_recipe(project)
    assert read_recipe(replace(project, sample=100)).split.held_out == 1000


def test_a_sample_that_does_not_fit_is_not_read(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_table, "free_memory", lambda: 100_000)
    steps: list[str] = []
    with pytest.raises(SeatrialError, match=r"Fitting on 2,000 rows of data\.csv takes about"):
        read_recipe(replace(recipe.project, sample=2000), progress=steps.append)
    assert steps == ["read 4,000 rows of data.csv"]
    assert len(read_recipe(replace(recipe.project, sample=200)).split.train) == 200


@pytest.mark.parametrize(("dense", "size"), [(True, 8 * (1 + 40)), (False, 12 * 2)])
def test_what_the_steps_make_of_a_row_is_found_by_trying_them(dense: bool, size: int) -> None:
    frame = pd.DataFrame({"x": np.arange(400.0) + 1, "town": [f"town {n % 40}" for n in range(400)]})
    encoder = OneHotEncoder(sparse_output=not dense)
    steps = make_column_transformer((SimpleImputer(), ["x"]), (encoder, ["town"]))
    made = made_of_a_row(make_pipeline(steps, LogisticRegression()), frame, np.arange(400) % 2)
    assert size <= made <= size + 4
    if dense:
        pandas = make_pipeline(steps, LogisticRegression()).set_output(transform="pandas")
        assert made_of_a_row(pandas, frame, np.arange(400) % 2) == size
    assert needed_memory(2, 1_000_000, 0, made) >= 2 * made * 1_000_000


def test_steps_that_cannot_be_tried_make_nothing() -> None:
    frame = pd.DataFrame({"x": [np.nan, 1.0]})
    assert made_of_a_row(LogisticRegression(), frame, np.arange(2)) == 0
    missing = make_pipeline(make_column_transformer((SimpleImputer(), ["y"])), LogisticRegression())
    assert made_of_a_row(missing, frame, np.arange(2)) == 0


def test_one_hot_columns_count_before_fitting(recipe: Recipe) -> None:
    arguments = "data.csv", 20, 750_000, 250_000, 3_000_000_000
    require_memory(*arguments)
    with pytest.raises(SeatrialError, match=r"takes about 3\.8 GB") as caught:
        require_memory(*arguments, made=2200)
    assert "sample = 5" in caught.value.hint


@pytest.mark.parametrize(
    ("fitted", "made", "measured"),
    [(3_750_000, 8 * 177, 12.5e9), (3_750_000, 8 * 176, 13.0e9), (750_000, 8 * 177, 2.8e9)],
    ids=["logistic", "boosting", "logistic on a fifth of the rows"],
)
def test_the_estimate_is_near_what_was_measured(fitted: int, made: int, measured: float) -> None:
    """Peaks of trainings with 16 numbers and 4 categories of 40 values, by benchmarks/large_tables.py."""
    assert 0.8 <= needed_memory(20, fitted, fitted // 3, made) / measured <= 1.6
