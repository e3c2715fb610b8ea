"""Reading CSV files: what is wrong with a file, encodings, separators, headers."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from tests.template.projects import examined
from tests.template.tables import WriteFile, check_project, column, error_of, table

from seatrial.core.errors import SeatrialError
from seatrial.template.reading import csv_file
from seatrial.template.reading.csv_file import CsvOptions


def test_an_empty_file(write_file: WriteFile) -> None:
    assert error_of(write_file("")) == "table.csv is empty. Name a file with a header and rows."
    assert "table.csv is empty" in error_of(write_file(" \n\n"))


def test_a_header_and_no_rows(write_file: WriteFile) -> None:
    assert "table.csv has a header and no rows." in error_of(write_file("size,colour,y\n"))


def test_a_file_that_changes_while_it_is_being_read(write_file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:

    path = write_file(table())
    parse = csv_file._parse

    def appended(*given: Any, **named: Any) -> Any:
        with path.open("a") as file:
            file.write("1,red,0\n")
        return parse(*given, **named)

    monkeypatch.setattr(csv_file, "_parse", appended)
    assert error_of(path) == "table.csv changed while it was being read. Run it again once the file is complete."


def test_gzip_is_unpacked_and_damage_is_reported(write_file: WriteFile, tmp_path: Path) -> None:
    packed = gzip.compress(table().encode())
    examination = examined(write_file(packed), "y")
    assert ("compression", "gzip") in examination.source.facts.items()
    check_project(examination, tmp_path)
    assert "is a damaged gzip file" in error_of(write_file(packed[:-20]))


def test_a_line_without_an_end(write_file: WriteFile) -> None:
    """Reading stops after the first megabyte of a line, so 50 MB behave as 1 GB would."""
    assert "table.csv: line 2 is longer than 1 MB." in error_of(write_file("a,y\n" + "x" * 50_000_000))


def test_nul_bytes(write_file: WriteFile) -> None:
    assert "table.csv has a NUL byte in line 3." in error_of(write_file("a,y\n1,0\n\x00,1\n"))


def test_ragged_rows_are_reported_with_their_line(write_file: WriteFile) -> None:
    text = table().splitlines()
    text[7] += ",more"
    assert "line 8 has 4 cells, the first line has 3." in error_of(write_file("\n".join(text)))
    text[5] = '1,"two\nlines",1'
    assert "line 9 has 4 cells, the first line has 3." in error_of(write_file("\n".join(text)))


def test_unbalanced_quotes_are_reported_with_their_line(write_file: WriteFile) -> None:
    text = table().splitlines()
    text[4] = '1,"red,1'
    assert "a quote is opened in line 5 and never closed." in error_of(write_file("\n".join(text)))
    text[4] = '1,"red"x,1'
    text[6] = '5,3" pipe,1'
    assert "line 5 has a quote that neither ends its text nor is doubled" in error_of(write_file("\n".join(text)))


def test_two_open_quotes_do_not_swallow_the_rows_between(write_file: WriteFile) -> None:
    text = table().splitlines()
    text[4], text[9] = '1,"red,1', '2,"blue,0'
    assert "line 10 has a quote that neither ends its text nor is doubled" in error_of(write_file("\n".join(text)))


def test_a_quote_within_text_is_an_ordinary_character(write_file: WriteFile, tmp_path: Path) -> None:
    check_project(examined(write_file(table(colour=lambda n: '3" pipe' if n == 3 else "hose")), "y"), tmp_path)


def test_an_encoding_that_does_not_fit(write_file: WriteFile) -> None:
    path = write_file(table(colour=lambda n: "rouge é").encode("latin-1"))
    assert "table.csv is not utf-8: byte" in error_of(path, options=CsvOptions(encoding="utf-8"))
    assert "'utf-88' is not a known encoding." in error_of(path, options=CsvOptions(encoding="utf-88"))


def test_a_table_without_a_header(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file("\n".join(table().splitlines()[1:])), "column_3")
    assert ("header", "none; columns are numbered") in examination.source.facts.items()
    assert examination.rows == 40
    check_project(examination, tmp_path)


def test_a_column_without_a_name_as_pandas_writes_its_index(write_file: WriteFile, tmp_path: Path) -> None:
    text = table().splitlines()
    path = write_file("\n".join([f",{text[0]}", *(f"{n % 9},{line}" for n, line in enumerate(text[1:]))]))
    examination = examined(path, "y")
    assert ("columns without a name", "column_1") in examination.source.facts.items()
    check_project(examination, tmp_path)
    assert (tmp_path / "project/data/little.csv").read_text().startswith("column_1,size,colour,y\n")


def test_empty_lines_above_the_header(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file("\n\r\n" + table()), "y")
    assert (examination.source.rows, examination.rows, column(examination, "size").kind) == (40, 40, "number")
    check_project(examination, tmp_path)
    bare = examined(write_file("\n" + "\n".join(table().splitlines()[1:])), "column_3")
    assert bare.source.rows == 40


@pytest.mark.parametrize("separator", ["::", "", "§", '"'])
def test_a_separator_is_one_character(separator: str) -> None:
    with pytest.raises(SeatrialError, match="is not a separator: it must be a single character other than a quote"):
        CsvOptions(separator)


def test_european_thousands(write_file: WriteFile) -> None:
    text = table().replace(",", ";").replace("size", "price")
    lines = [f"{n}.234,{n % 10}5;red;{n % 2}" for n in range(1, 41)]
    examination = examined(write_file("\n".join([text.splitlines()[0], *lines])), "y")
    assert column(examination, "price").maximum == 40234.05
