"""The column to predict: its name, labels and task."""

from pathlib import Path

import pytest
from tests.template.projects import examined, render
from tests.template.tables import WriteFile, check_project, decisions, error_of, table

from seatrial.core.errors import SeatrialError
from seatrial.template.records import Overrides


def test_a_target_that_is_missing_or_misspelt(write_file: WriteFile) -> None:
    path = write_file(table("size,colour,survived", survived=lambda n: n % 2))
    assert error_of(path, "survivd") == "table.csv has no column `survivd`. Did you mean `survived`?"
    assert error_of(path, "Survived") == "table.csv has no column `Survived`. Did you mean `survived`?"
    assert error_of(path, "price") == "table.csv has no column `price`. Its columns: size, colour, survived."
    assert error_of(path, "").startswith("Which column should be predicted?")


def test_one_class(write_file: WriteFile) -> None:
    assert "the target `y` is 'no' in every row, so there is nothing to learn." in error_of(
        write_file(table(y=lambda n: "no"))
    )


def test_a_target_with_missing_values(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(y=lambda n: "" if n % 8 == 0 else "NA" if n == 1 else n % 2)), "y")
    assert (examination.rows, examination.rows_left_out) == (34, 6)
    assert "y: 6 rows left out: they have no label (of 40)" in decisions(examination)
    check_project(examination, tmp_path)


def test_the_unit_of_a_quantity_is_kept_in_the_settings(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(y=lambda n: f"€ {n * 17 % 101 + 3}")), "y", Overrides(task="regression"))
    assert examination.target.unit == "€"
    assert render(tmp_path / "project", examination).unit == "€"


def test_a_target_that_is_missing_everywhere(write_file: WriteFile) -> None:
    assert "the target `y` is missing in every row." in error_of(write_file(table(y=lambda n: "")))


def test_a_target_that_is_an_identifier(write_file: WriteFile) -> None:
    path = write_file(table("id,size,y", id=lambda n: 100 + n))
    assert "the target `id` looks like an identifier: an identifier, judging by its name" in error_of(path, "id")
    path = write_file(table(y=lambda n: f"customer-{n}"))
    assert "has a different label in most rows: 40 labels in 40 rows." in error_of(path)


def test_a_label_in_one_row_only(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(y=lambda n: "rare" if n == 7 else "abc"[n % 3])), "y")
    assert examination.target.labels == (("a", 14), ("b", 12), ("c", 13))
    assert "y: rows with 'rare' left out" in decisions(examination)
    check_project(examination, tmp_path)


def test_labels_that_differ_in_case_only(write_file: WriteFile, tmp_path: Path) -> None:
    reason = "the target `y` spells a label in several ways: 'Yes', 'yes'."
    assert reason in error_of(write_file(table(y=lambda n: ["Yes", "yes", "No"][n % 3])))
    assert reason in error_of(write_file(table(y=lambda n: "Yes" if n == 3 else ["yes", "No"][n % 2])))
    letters = examined(write_file(table(y=lambda n: "Aab"[n % 3])), "y", Overrides(task="multiclass"))
    assert letters.target.ordered == ("A", "a", "b")
    check_project(letters, tmp_path)


def test_a_target_that_is_a_date(write_file: WriteFile) -> None:
    assert "the target `y` is a date" in error_of(write_file(table(y=lambda n: f"2024-01-{n % 28 + 1:02}")))


def test_an_unknown_positive_label(write_file: WriteFile) -> None:
    path = write_file(table(y=lambda n: "yes" if n % 3 else "no"))
    assert examined(path, "y").target.positive == "yes"
    assert examined(path, "y", Overrides(positive="NO")).target.positive == "no"
    with pytest.raises(SeatrialError, match="has no label 'maybe'"):
        examined(path, "y", Overrides(positive="maybe"))


def test_a_target_with_a_unit_is_a_quantity(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(y=lambda n: f"{n * 7 % 41}.5 kg")), "y")
    assert (examination.target.task, examination.target.maximum) == ("regression", 40.5)
    assert "y: numbers: read with kg removed" in decisions(examination)
    check_project(examination, tmp_path)


def test_labels_with_spaces_around_them(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(y=lambda n: ["yes", "yes ", " no", "no"][n % 4])), "y")
    assert examination.target.labels == (("no", 20), ("yes", 20))
    check_project(examination, tmp_path)


def test_a_single_row_label_leaves_a_binary_task(write_file: WriteFile) -> None:
    examination = examined(write_file(table(y=lambda n: "?x" if n == 7 else n % 2)), "y")
    assert [d.what for d in examination.decisions if d.about == "task"] == ["binary"]


def test_labels_with_fractions_stay_as_they_are_written(write_file: WriteFile, tmp_path: Path) -> None:
    path = write_file(table("size,y", y=lambda n: ["0.5", "1.0", "1.5"][n % 3]))
    examination = examined(path, "y", Overrides(task="multiclass"))
    assert [label for label, _ in examination.target.labels] == ["0.5", "1.0", "1.5"]
    check_project(examination, tmp_path)
