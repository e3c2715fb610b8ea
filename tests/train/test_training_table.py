"""The training table: typed labels, the inferred task, and problems with their places."""

import hashlib
import importlib
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.train.projects import SCHEMA, write_project

from seatrial.core.errors import DataError, SeatrialError
from seatrial.core.project import ProjectSettings, importable
from seatrial.model.schema import schema_in
from seatrial.model.table_files import read_chunks
from seatrial.model.table_validation import TableChecker
from seatrial.train import training_table
from seatrial.train.training_table import TrainingTable, read_training_table


def checker_of(project: ProjectSettings) -> TableChecker:
    with importable(project):
        return TableChecker(schema_in(importlib.import_module("little_model.schema")))


HEADER = "size,colour,note,y\n"


def read(folder: Path, data: str, *, drop: bool = False, settings: str = "", schema: str = SCHEMA) -> TrainingTable:
    project = write_project(folder, data, settings=settings, schema=schema)
    checker = checker_of(project)
    return read_training_table(project, checker, drop_bad_rows=drop, progress=lambda _: None)


def labelled(labels: list[object]) -> str:
    generator = random.Random(0)
    return HEADER + "".join(f"{generator.random():.3f},red,,{label}\n" for label in labels)


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["0", "1", "1"], "binary", (0, 1)),
        (["no", "yes", "no"], "binary", ("no", "yes")),
        (["1", "2", "3"], "multiclass", (1, 2, 3)),
        (["0.5", "1.5", "2.5"], "regression", ()),
        ([str(n) for n in range(40)], "regression", ()),
        (["1.0", "0.0", "1.0"], "binary", (0, 1)),
    ],
)
def test_the_task_is_inferred_from_the_target(
    tmp_path: Path, labels: list[object], task: str, classes: tuple[object, ...]
) -> None:
    table = read(tmp_path, labelled(labels))
    assert (table.task, table.classes) == (task, classes)
    assert all(type(label) in (int, str) for label in table.classes)


def test_the_task_may_be_set(tmp_path: Path) -> None:
    table = read(tmp_path, labelled([1, 2, 3, 4] * 3), settings='task = "regression"')
    assert table.task == "regression"
    assert table.target.dtype == np.float64


def test_the_table_has_its_files_hash_and_rows(tmp_path: Path) -> None:
    data = labelled([0, 1] * 5)
    table = read(tmp_path, data)
    assert table.sha256 == hashlib.sha256(data.encode()).hexdigest()
    assert (table.rows, table.rows_read, table.dropped) == (10, 10, ())


BAD = HEADER + '1,red,,0\n2,green,,1\n"3",blue,"two\nlines",0\n400,blue,,1\n5,red,,\n6,red,,1\n'


def test_bad_rows_are_refused_with_line_column_value_and_rule(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 of 6 rows break the schema") as caught:
        read(tmp_path, BAD)
    places = [(p.line, p.column, p.value) for p in caught.value.problems]
    assert places[:2] == [(3, "colour", "green"), (6, "size", "400")]  # a quoted line break counts as an editor does
    assert "'red' or 'blue'" in caught.value.problems[0].rule
    assert "less than or equal to 100" in caught.value.problems[1].rule
    assert (caught.value.problems[2].row, caught.value.problems[2].column) == (4, "y")
    assert "missing" in caught.value.problems[2].rule
    assert "--on-bad-rows drop" in caught.value.hint


def test_bad_rows_may_be_dropped_and_are_counted(tmp_path: Path) -> None:
    table = read(tmp_path, BAD, drop=True)
    assert table.columns["size"].tolist() == [1, 3, 6]
    assert table.target.tolist() == [0, 0, 1]
    assert (table.rows, table.rows_read) == (3, 6)
    assert {problem.row for problem in table.dropped} == {1, 3, 4}


def test_a_table_without_a_good_row_is_refused_even_when_dropping(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows are left"):
        read(tmp_path, HEADER + "1,green,,1\n", drop=True)


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="`y` is 1 in every row, so there is nothing to learn"):
        read(tmp_path, labelled([1] * 10))


def test_a_missing_target_column_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="has no column `y`"):
        read(tmp_path, "size,colour,note,yy\n1,red,,0\n")


def test_a_target_that_the_schema_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="is also a column of the schema"):
        read(tmp_path, labelled([0, 1]), schema=SCHEMA + "    y: int\n")


def test_an_identifier_as_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="most rows have a different value") as caught:
        read(tmp_path, labelled([f"id{n}" for n in range(30)]))
    assert "identifier" in caught.value.hint


def test_three_labels_are_not_a_binary_task(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="has 3 labels, but the task is binary"):
        read(tmp_path, labelled([1, 2, 3]), settings='task = "binary"')


def test_words_cannot_be_a_regression_target(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="is not a number in every row"):
        read(tmp_path, labelled(["a", "b"]), settings='task = "regression"')


def test_infinite_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="not finite"):
        read(tmp_path, labelled(["1.5", "inf", "2"]))


def test_a_file_that_changes_while_being_read_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, labelled([0, 1] * 5))
    checker = checker_of(project)

    def disturb(_: str) -> None:
        with project.data.open("a") as file:
            file.write("1,red,,1\n")

    with pytest.raises(SeatrialError, match="changed while it was being read"):
        read_training_table(project, checker, drop_bad_rows=False, progress=disturb)


def test_a_file_that_is_removed_while_being_read_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, labelled([0, 1] * 5))
    checker = checker_of(project)
    with pytest.raises(SeatrialError, match="changed while it was being read"):
        read_training_table(project, checker, drop_bad_rows=False, progress=lambda _: project.data.unlink())


def test_a_missing_table_is_reported(tmp_path: Path) -> None:
    project = write_project(tmp_path, "")
    project.data.unlink()
    checker = checker_of(project)
    with pytest.raises(SeatrialError, match=r"data\.csv does not exist"):
        read_training_table(project, checker, drop_bad_rows=False, progress=lambda _: None)


def test_a_table_of_bad_rows_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_table, "MOST_PROBLEMS", 5)
    monkeypatch.setattr(training_table, "read_chunks", partial(read_chunks, size=10))
    data = HEADER + "200,red,,1\n" * 40 + "1,red,,0\n2,red,,1\n"
    with pytest.raises(DataError, match="10 of 10 rows break the schema"):
        read(tmp_path / "fail", data)
    assert read(tmp_path / "drop", data, drop=True).rows == 2
