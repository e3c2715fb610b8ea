"""A table that is read in passes: the rows that are fitted and held out are those of the table in memory."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.projects import compiles, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.model.row_hash import row_hashes
from seatrial.model.table_files import read_raw_chunks
from seatrial.train import sampled_table
from seatrial.train.hold_out import split
from seatrial.train.recipe import Recipe, read_recipe
from seatrial.train.run import train

TIME = '[tool.seatrial.split]\nby = "time"\ncolumn = "sold_at"'
GROUP = '[tool.seatrial.split]\nby = "group"\ncolumn = "customer"'


def rows_of(count: int = 900) -> str:
    """A table with equal rows, bad rows, times, customers and weights."""
    header, *lines = table(two, rows=count).splitlines()
    lines = [*lines, *lines[: count // 3], "101,red,too large,1", "50,red,no label,"]
    lines = [f"{line},2024-01-{n % 28 + 1:02d},customer {n % 40},{n % 3 + 1}" for n, line in enumerate(lines)]
    return "\n".join([f"{header},sold_at,customer,weight", *lines[::2], *lines[1::2]]) + "\n"


def both(folder: Path, settings: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Recipe, Recipe]:
    """The recipe of a table in memory, and the same with the rows that its sample keeps."""
    for name, value in (("MOST_KEPT", 70), ("CELLS", 90), ("BLOCK", 100)):
        monkeypatch.setattr(sampled_table, name, value)
    monkeypatch.setattr(sampled_table, "read_raw_chunks", partial(read_raw_chunks, size=50))
    project = write_project(folder, rows_of(), settings=settings)
    return read_recipe(replace(project, sample=0)), read_recipe(project)


def content(recipe: Recipe, rows: Any) -> list[tuple[Any, ...]]:
    part = recipe.table.take(rows)
    beside = [values for values in (part.target, part.keys, recipe.weights_of(rows)) if values is not None]
    return list(zip(*(values.tolist() for values in (*part.columns.values(), *beside)), strict=True))


@pytest.mark.parametrize("chosen", ["", TIME, GROUP])
def test_the_same_rows_are_fitted_and_held_out_as_of_a_table_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    whole, sampled = both(tmp_path, f'sample = 200\nweight = "weight"\n{chosen}', monkeypatch)
    made = split(whole.table, replace(whole.project, sample=200))
    assert content(sampled, sampled.split.train) == content(whole, made.train)
    assert sampled.split.sampled_from == len(whole.split.train)
    assert (sampled.split.cuts, sampled.split.groups) == (made.cuts, made.groups)
    assert sampled.split.held_out == len(made.test)
    assert sampled.table.rows == 270
    order = row_hashes(whole.table.columns, list(whole.table.columns), whole.table.target, seed=whole.project.seed + 1)
    below, known = sampled.split.complete_below, sampled.split.order
    assert known is not None
    assert 0 < below < 1
    low = [content(whole, np.flatnonzero(order <= below)), content(sampled, np.flatnonzero(known <= below))]
    whole_rows, sampled_rows = ([cells[:-1] for cells in rows] for rows in low)  # weights are scaled to the rows
    assert whole_rows == sampled_rows
    assert (sampled.table.rows_read, len(sampled.table.dropped)) == (1202, 2)
    there, here = sampled.measured, whole.measured
    for name in ("labels", "weights", "groups"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    assert len(list(there.chunks())) > 5
    sizes, notes = there.scored(lambda columns: columns["size"], lambda columns: columns["note"])
    np.testing.assert_array_equal(sizes, whole.held_out["size"])
    assert notes.tolist() == whole.held_out["note"].tolist()
    np.testing.assert_array_equal(sizes[there.kept], sampled.held_out["size"])
    np.testing.assert_array_equal(there.labels[there.kept], sampled.table.target[sampled.split.test])


def test_metrics_are_those_of_all_held_out_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_table, "MOST_KEPT", 70)
    project = write_project(tmp_path, table(two, rows=1200), settings="sample = 200")
    run = train(project, compiles)
    recipe = read_recipe(project)
    whole = read_recipe(replace(project, sample=0))
    labels = whole.table.target[whole.split.test]
    assert len(run.evaluation.labels) == len(labels) == 300
    np.testing.assert_array_equal(run.evaluation.scores, recipe.fit()(whole.held_out))
    recorded = run.metadata.split
    assert [recorded[name] for name in ("train_rows", "sampled_from", "test_rows", "kept")] == [200, 900, 300, 70]
    assert run.metadata.data["rows"] == 1200
    assert (project.artifacts / "reference.csv").read_text().count("\n") == 71
    page = run.report.read_text("utf-8")
    assert "trained on a sample of the 900 rows that are not held out" in page
    assert "70 of the held-out rows" in page
    assert "70 of the held-out rows" in (project.artifacts / "card.md").read_text("utf-8")
    assert train(project, compiles).id == run.id


def test_a_sample_of_all_rows_gives_the_model_of_all_rows(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two, rows=400), settings="sample = 5_000")
    sampled, whole = (train(each, compiles) for each in (project, replace(project, sample=0)))
    assert sampled.id == whole.id


def spoil(project: ProjectSettings) -> None:
    """Write another table of the same size, as a program would between two passes."""
    data = project.data.read_bytes()
    project.data.write_bytes(data[:-2] + (b"1\n" if data.endswith(b"0\n") else b"0\n"))
    os.utime(project.data, ns=(0, project.data.stat().st_mtime_ns + 1_000_000))


def test_a_table_that_changes_between_two_passes_is_an_error(tmp_path: Path) -> None:
    project = write_project(tmp_path, table(two, rows=400), settings="sample = 120")

    def change(text: str) -> None:
        if text.startswith("reading the"):
            spoil(project)

    with pytest.raises(SeatrialError, match="changed while it was being read"):
        train(project, compiles, progress=change)
    assert not project.runs.exists()
    recipe = read_recipe(project)
    for change_it in (spoil, lambda _: project.data.unlink()):
        change_it(project)
        with pytest.raises(SeatrialError, match="changed while it was being read"):
            recipe.measured.scored(lambda columns: columns["size"])


def test_a_label_that_the_sample_lacks_is_an_error(tmp_path: Path) -> None:
    data = table(two, rows=2000) + "5,red,a,2\n6,red,b,2\n"
    project = write_project(tmp_path, data, settings='sample = 100\ntask = "multiclass"')
    with pytest.raises(SeatrialError, match="y = 2 occurs only among the rows that are not in the sample"):
        read_recipe(project)
