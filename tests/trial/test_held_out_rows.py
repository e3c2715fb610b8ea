"""Where a trial finds the held-out rows of a release: its wheel, its table, or those that it recognizes."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.model.row_hash import keyed_hashes
from seatrial.model.schema import Column
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.held_out_rows import MOST_ROWS, held_out_rows
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.rows.reference import HeldOutRows, LabelledRows, read_rows

COLUMNS = (Column("x", "number", False, True), Column("kind", "text", True, False))
KEY = "a long and random text"


def rows(count: int, start: int = 0) -> LabelledRows:
    xs = np.arange(start, start + count, dtype=np.float64)
    kinds = np.array([None if x % 3 == 0 else f"kind {x:g}" for x in xs], dtype=object)
    return LabelledRows({"x": xs, "kind": kinds}, (xs % 2).astype(np.int64))


def training(table: LabelledRows, held_out: LabelledRows) -> Training:
    def none(*_: Any) -> Any:
        raise AssertionError("nothing is trained here")

    return Training(none, none, Table(table.columns, table.target, "y"), np.arange(table.rows), held_out)


def found(reference: str, recipes: Recipes, folder: Path, content: str = "", role: str = "baseline") -> HeldOutRows:
    path, file = folder / "x.whl", {"full": "reference.csv", "hashed": "reference.json"}.get(reference, "other")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"p/artifacts/{file}", content)
    wheel = SimpleNamespace(package="p", record={f"p/artifacts/{file}": ""}, path=path, filename=path.name)
    described = SimpleNamespace(metadata=SimpleNamespace(carries={"reference": reference}), columns=COLUMNS)
    sandbox: Any = SimpleNamespace(role=role, wheel=wheel)
    return held_out_rows(sandbox, described, recipes)  # type: ignore[arg-type]


def test_rows_from_a_table_keep_what_they_are_split_by_and_weigh(tmp_path: Path) -> None:
    held_out = replace(rows(3), keys=np.array([7.0, 8.0, 9.5]), weights=np.array([1.0, 0.5, 1.5]))
    text = found("none", Recipes(baseline=training(rows(90), held_out)), tmp_path).text
    read = read_rows(text, COLUMNS, "y", "the rows")
    assert text.startswith("x,kind,y,_split_key,_weight\n")
    assert read.keys is not None
    assert read.weights is not None
    assert (read.keys.tolist(), read.weights.tolist()) == ([7.0, 8.0, 9.5], [1.0, 0.5, 1.5])


def test_a_wheel_that_carries_rows_is_read(tmp_path: Path) -> None:
    assert found("full", Recipes(), tmp_path, "x,kind,y\n1,,0\n") == HeldOutRows(
        "x,kind,y\n1,,0\n", "The baseline's reference"
    )


@pytest.mark.parametrize("reference", ["hashed", "none"])
@pytest.mark.parametrize("role", ["baseline", "candidate"])
def test_otherwise_the_table_that_it_was_trained_on_has_them(reference: str, role: str, tmp_path: Path) -> None:
    recipes = Recipes(**{role: training(rows(90), rows(4, 90))})
    text = found(reference, recipes, tmp_path, '{"hashes": []}', role).text
    assert text.splitlines() == ["x,kind,y", "90.0,,0", "91.0,kind 91,1", "92.0,kind 92,0", "93.0,,1"]


def test_a_large_table_gives_as_many_rows_as_a_wheel_would(tmp_path: Path) -> None:
    recipes = Recipes(baseline=training(rows(1), rows(MOST_ROWS + 50)))
    assert len(found("none", recipes, tmp_path).text.splitlines()) == MOST_ROWS + 1


def test_hashes_recognize_unchanged_rows_in_the_candidates_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_REFERENCE_KEY", KEY)
    old = rows(4, 90)
    hashes = json.dumps({"hashes": keyed_hashes(old.columns, ["x", "kind"], old.target, KEY.encode())})
    today = rows(100)
    today.target[91] = 0  # a changed label
    recipes = Recipes(candidate=training(today, rows(0)))
    lines = found("hashed", recipes, tmp_path, hashes).text.splitlines()[1:]
    assert lines == ["90.0,,0", "92.0,kind 92,0", "93.0,,1"]
    other = replace(recipes, candidate=training(rows(50), rows(0)))
    assert "no row of the candidate's table has one of its hashes" in found("hashed", other, tmp_path, hashes).missing
    monkeypatch.delenv("SEATRIAL_REFERENCE_KEY")
    without = found("hashed", recipes, tmp_path, hashes)
    assert without.text == ""
    assert "SEATRIAL_REFERENCE_KEY must be at least 16 characters" in without.missing


def test_without_its_table_a_release_that_carries_nothing_has_no_rows(tmp_path: Path) -> None:
    assert found("none", Recipes(candidate=training(rows(9), rows(9))), tmp_path) == HeldOutRows(
        "", "", "The baseline's wheel carries no rows, and its table is not available."
    )
