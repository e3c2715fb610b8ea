"""Which texts mean missing, infinite, yes or no."""

from pathlib import Path

import pytest
from tests.template.projects import examined
from tests.template.tables import WriteFile, check_project, column, decisions, table


def test_infinity_becomes_missing_and_is_reported(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table(size=lambda n: "inf" if n == 3 else "-Infinity" if n == 5 else n / 7)), "y")
    assert column(examination, "size").missing == 2
    assert "a model cannot calculate with infinity" in decisions(examination)
    check_project(examination, tmp_path)


def test_spellings_of_missing(write_file: WriteFile, tmp_path: Path) -> None:
    spelt = ["", "NA", "n/a", "null", "-", "?", "None"]
    examination = examined(
        write_file(table(size=lambda n: spelt[n] if n < 7 else n / 3, colour=lambda n: "none" if n % 3 else "red")), "y"
    )
    assert column(examination, "size").missing == 7
    assert column(examination, "size").missing_as == ("-", "?", "NA", "None", "n/a", "null")
    assert [value for value, _ in column(examination, "colour").counts] == ["none", "red"]  # an ordinary category
    check_project(examination, tmp_path)


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("yes", "no"), ("Y", "N"), ("true", "false"), ("ja", "nein"), ("True", "False")]
)
def test_booleans(write_file: WriteFile, tmp_path: Path, yes: str, no: str) -> None:
    examination = examined(write_file(table("size,flag,y", flag=lambda n: "" if n == 5 else yes if n % 3 else no)), "y")
    assert (column(examination, "flag").kind, column(examination, "flag").missing) == ("boolean", 1)
    check_project(examination, tmp_path)


@pytest.mark.parametrize(("yes", "no"), [("WAHR", "FALSCH"), ("vrai", "faux"), ("J", "N")])
def test_yes_and_no_in_other_languages(write_file: WriteFile, tmp_path: Path, yes: str, no: str) -> None:
    examination = examined(write_file(table("size,flag,y", flag=lambda n: yes if n % 3 else no)), "y")
    assert column(examination, "flag").kind == "boolean"
    check_project(examination, tmp_path)
