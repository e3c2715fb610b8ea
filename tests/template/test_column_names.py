"""Column names as Python identifiers."""

from pathlib import Path

from tests.template.projects import examined, source_of
from tests.template.tables import WriteFile, check_project, decisions, table

from seatrial.template.column_names import reason
from seatrial.template.inference.examination import examine


def test_names_that_python_or_pydantic_forbid(write_file: WriteFile, tmp_path: Path) -> None:
    names = [
        "class",
        "model_config",
        "json",
        "_x",
        "my column",
        "größe",
        "💰",
        '"a ""b"""',
        "2nd",
        "float",
        "date",
        "",
        "size",
    ]
    path = write_file(table(",".join([*names, "y"])))
    examination = examined(path, "y")
    assert [c.name for c in examination.columns] == [
        "class_", "model_config_", "json_", "x", "my_column", "groesse", "money_bag", "a_b", "n_2nd", "float_", "date",
        "column_12", "size",
    ]  # fmt: skip
    assert "class_: was 'class': Python uses that name" in decisions(examination)
    assert "json_: was 'json': every schema has an attribute with that name" in decisions(examination)
    check_project(examination, tmp_path)


def test_a_column_of_a_data_frame_without_a_name() -> None:
    examination = examine(source_of(**{"": [n % 7 for n in range(40)], "y": [n % 2 for n in range(40)]}), "y")
    assert [c.name for c in examination.columns] == ["column_1"]
    assert reason("", "column_1") == reason(" ", "column_1") == "the column had no name"


def test_duplicate_names(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,size,a b,a-b,y")), "y")
    assert [c.name for c in examination.columns] == ["size", "size_2", "a_b", "a_b_2"]
    check_project(examination, tmp_path)
