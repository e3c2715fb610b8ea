"""What `seatrial prove` trains on tables with faults: split and weighted as the project is."""

from pathlib import Path

import numpy as np
import pytest
from tests.train.projects import table, two, write_project

from seatrial.model.carried_rows import SPLIT_KEY, WEIGHT, carried_columns
from seatrial.steps.prove import trainer_of
from seatrial.train.recipe import read_recipe


@pytest.mark.parametrize("by", ["time", "group"])
def test_a_table_with_faults_is_split_and_weighted_as_the_project_is(tmp_path: Path, by: str) -> None:
    head, *rows = table(two, rows=200).splitlines()
    lines = [f"{head},when,w", *(f"{line},{n // 2},{1 + n % 3}" for n, line in enumerate(rows))]
    settings = f'weight = "w"\n[tool.seatrial.split]\nby = "{by}"\ncolumn = "when"'
    trainer = trainer_of(read_recipe(write_project(tmp_path, "\n".join(lines) + "\n", settings=settings)))
    own = trainer.own.training
    columns = {**own.table.columns, **carried_columns(own.table.keys, own.table.weights)}
    assert {SPLIT_KEY, WEIGHT} < set(columns)
    again = trainer.train(columns, own.table.target)
    assert again.split == trainer.own.split
    assert again.split["by"] == by
    assert np.array_equal(again.training.trained_rows, own.trained_rows)
    assert np.array_equal(again.training.score(own.table.columns), own.score(own.table.columns))
    others = {**columns, WEIGHT: columns[WEIGHT][::-1] ** 3}
    heavier = trainer.train(others, own.table.target).training
    assert not np.allclose(heavier.score(own.table.columns), own.score(own.table.columns), rtol=0, atol=1e-6)
