"""What spreadsheets and exports put around a table."""

from pathlib import Path

import pytest
from tests.template.projects import examined
from tests.template.tables import WriteFile, check_project, column, error_of, facts, table


@pytest.mark.parametrize(
    ("above", "value"),
    [
        ("Report of the quarter,,\nby Finance,,\n,,\n", "3, the first 'Report of the quarter'"),
        ("Report of the quarter\n\n", "2, the first 'Report of the quarter'"),
        ("# exported 2024-01-01\n# by me\n", "2, the first '# exported 2024-01-01'"),
    ],
)
def test_lines_above_the_header_are_left_out(write_file: WriteFile, tmp_path: Path, above: str, value: str) -> None:
    examination = examined(write_file(above + table()), "y")
    assert (examination.rows, facts(examination)["lines above the header"]) == (40, value)
    assert [c.name for c in examination.columns] == ["size", "colour"]
    check_project(examination, tmp_path)
    lines = (above + table()).splitlines()
    broken = len(above.splitlines()) + 5
    lines[broken - 1] += ",more"
    assert f"line {broken} has 4 cells, the first line has 3." in error_of(write_file("\n".join(lines)))


def test_a_header_without_a_first_name_is_not_a_title(write_file: WriteFile) -> None:
    text = table().replace("size,colour,y", ",colour,y", 1)
    assert "lines above the header" not in facts(examined(write_file(text), "y"))


def test_excels_line_for_its_separator(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file("sep=;\n" + table().replace(",", ";")), "y")
    assert (facts(examination)["separator"], examination.rows) == ("semicolon", 40)
    check_project(examination, tmp_path)


def test_a_separator_at_the_end_of_each_line(write_file: WriteFile, tmp_path: Path) -> None:
    lines = table().splitlines()
    examination = examined(write_file("\n".join([lines[0], *(f"{line}," for line in lines[1:])])), "y")
    assert facts(examination)["cells beyond the header"] == "every line ends with a separator"
    assert [c.name for c in examination.columns] == ["size", "colour"]
    check_project(examination, tmp_path)


def test_row_names_of_r(write_file: WriteFile, tmp_path: Path) -> None:
    lines = table().splitlines()
    examination = examined(
        write_file("\n".join([lines[0], *(f'"{n}",{line}' for n, line in enumerate(lines[1:], 1))])), "y"
    )
    assert column(examination, "column_1").left_out == "a row number"
    check_project(examination, tmp_path)


def test_totals_in_the_last_rows_are_left_out(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table() + "Total:,,20\nAverage,,0.5\n"), "y")
    assert facts(examination)["rows left out"] == "the last, 'Total:' and 'Average'"
    assert (examination.rows, examination.target.labels) == (40, (("0", 20), ("1", 20)))
    check_project(examination, tmp_path)
    names = examined(write_file(table(colour=lambda n: ["total", "part"][n % 2])), "y")
    assert names.rows == 40  # an ordinary category


def test_concatenated_files(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table() + table()), "y")
    assert (facts(examination)["rows left out"], examination.rows) == ("1 that repeats the header", 80)
    check_project(examination, tmp_path)


def test_a_second_header_row_is_reported(write_file: WriteFile) -> None:
    message = error_of(write_file("measure,name,label\n" + table()))
    assert message.startswith("table.csv has no column `y`, but row 1 below its header contains that text.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"PK\x03\x04" + bytes(99),
            "table.csv is a workbook or a zip archive. If it is a workbook, let its name end in .xlsx or .ods.",
        ),
        (
            b"\n <!DOCTYPE html><html>sign in",
            "table.csv is a web page. It may be a log-in page saved instead of the table",
        ),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file itself."),
        (
            b"SQLite format 3\x00" + bytes(99),
            "is an SQLite database. Read it with --data sqlite:///FILE --query TABLE.",
        ),
        (b"PAR1" + bytes(99), "table.csv is a Parquet file. Let its name end in .parquet."),
        (b'[{"size": 1, "y": 0}]', "table.csv is JSON. Save it as CSV or Parquet."),
        (b"a   b\n1   2\n", "Are its columns aligned by spaces? Save it with commas."),
        (table().replace("y\n", "y\n<<<<<<< HEAD\n", 1).encode(), "line 2 has 1 cell, the first line has 3."),
    ],
)
def test_other_formats_named_csv(write_file: WriteFile, content: bytes, message: str) -> None:
    assert message in error_of(write_file(content))
