"""Recipes that a trial trains again score rows that a schema accepts, and not those that it rejects."""

from pathlib import Path

import numpy as np
from tests.train.projects import table, two, write_project

from seatrial.steps.recipes import training_of
from seatrial.train.recipe import read_recipe


def test_feature_functions_never_see_a_row_that_the_schema_rejects(tmp_path: Path) -> None:
    """`half` of None is a TypeError, as the year of no date is; the row's score is no number."""
    project = write_project(tmp_path, table(two))
    score = training_of(read_recipe(project)).score
    asked = {
        "size": np.array([50.0, 500.0, 7.0]),
        "colour": np.array(["red", "red", "green"], dtype=object),
        "note": np.array([None, None, None], dtype=object),
    }
    given = score(asked)
    assert given.shape == (3, 2)
    assert np.isfinite(given[0]).all()
    assert np.isnan(given[1:]).all()
    alone = score({name: values[:1] for name, values in asked.items()})
    assert np.array_equal(alone, given[:1])
    assert np.isnan(score({name: values[1:] for name, values in asked.items()})).all()
