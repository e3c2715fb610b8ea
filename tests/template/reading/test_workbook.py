"""Excel and OpenDocument files: sheets, headers, types and what is wrong with them."""

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt
from msoffcrypto.format.ooxml import OOXMLFile
from tests.template.projects import examined, refused_rows, render

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.source import read_source
from seatrial.template.records import TableSource

HEADER = ["id", "size", "colour", "y"]
ROWS: list[list[Any]] = [[f"{n:04}", n * 7 % 13 + 0.5, "red" if n % 3 else "blue", n % 2] for n in range(40)]
Fill = Callable[[Any], None]


def workbook(path: Path, **sheets: list[list[Any]] | Fill) -> Path:
    """An .xlsx file with sheets of rows, or sheets that a function fills."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, content in sheets.items():
        sheet = book.create_sheet(name)
        if callable(content):
            content(sheet)
        else:
            for row in content:
                sheet.append(row)
    book.save(path)
    return path


def columns(source: TableSource) -> dict[str, list[str]]:
    return {name: source.table.column(name).to_pylist() for name in source.columns}


def facts(source: TableSource) -> dict[str, str]:
    return source.facts


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(SeatrialError) as caught:
        read_source(str(path), **options)
    return f"{caught.value.message} {caught.value.hint}"


def test_cells_keep_their_types(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        data=[
            ["code", "long", "whole", "part", "flag", "day", "at", "took", "clock"],
            ["007", "12345678901234567890", 3, 0.1, True, dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3, 4, 5),
             dt.timedelta(hours=26, minutes=30), dt.time(9, 15)],
            ["010", "12345678901234567891", -4.0, 1e-7, False, dt.date(2023, 12, 31), dt.datetime(2024, 1, 3), None, None],
        ],
    )  # fmt: skip
    assert columns(read_source(str(path))) == {
        "code": ["007", "010"],
        "long": ["12345678901234567890", "12345678901234567891"],
        "whole": ["3", "-4"],
        "part": ["0.1", "1e-07"],
        "flag": ["true", "false"],
        "day": ["2024-01-02", "2023-12-31"],
        "at": ["2024-01-02 03:04:05", "2024-01-03"],
        "took": ["26:30:00", ""],
        "clock": ["09:15:00", ""],
    }


def test_a_workbook_becomes_a_project_like_its_csv_file(tmp_path: Path) -> None:
    rows = [[*row[:3], dt.date(2024, 1, 1 + n % 28), row[3]] for n, row in enumerate(ROWS)]
    header = ["id", "size", "colour", "day", "y"]
    path = workbook(tmp_path / "t.xlsx", data=[header, *rows])
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    sheet, csv = examined(path, "y"), examined(tmp_path / "t.csv", "y")
    kinds = {column.name: (column.kind, column.left_out) for column in sheet.columns}
    assert kinds == {column.name: (column.kind, column.left_out) for column in csv.columns}
    assert (kinds["id"][0], kinds["size"][0], kinds["day"][0]) == ("code", "number", "date")
    project = render(tmp_path / "project", sheet)
    assert project.data.read_text() == (tmp_path / "t.csv").read_text()
    assert refused_rows(project) == []


def test_the_only_sheet_with_cells_is_read(tmp_path: Path) -> None:
    def hidden(sheet: Any) -> None:
        sheet.append(["not", "this"])
        sheet.sheet_state = "hidden"

    path = workbook(tmp_path / "t.xlsx", data=[HEADER, *ROWS], Sheet2=[], notes=hidden)
    assert facts(read_source(str(path)))["sheet"] == "data"
    assert read_source(str(path)).rows == 40


def test_one_of_several_sheets_has_to_be_chosen(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", May=[HEADER, *ROWS], June=[HEADER, *ROWS[:20]])
    assert refusal(path) == "t.xlsx has 2 sheets: 'May', 'June'. Choose one with --sheet NAME."
    assert read_source(str(path), sheet="June").rows == 20
    assert refusal(path, sheet="July") == "t.xlsx has no sheet 'July'. Its sheets: 'May', 'June'."


def test_a_sheet_is_for_workbooks_only(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    assert refusal(tmp_path / "t.csv", sheet="May").endswith(
        "t.csv has no sheets. --sheet is for Excel and OpenDocument."
    )
    with pytest.raises(SeatrialError, match=r"^host/db has no sheets\."):
        read_source("postgresql://me:secret@host/db", sheet="May")


@pytest.mark.parametrize("merged", ["C2:F2", "C2:E2", ""])
def test_titles_and_empty_cells_around_the_table_are_left_out(tmp_path: Path, merged: str) -> None:
    def fill(sheet: Any) -> None:
        sheet["C2"] = "Report of the quarter"
        if merged:
            sheet.merge_cells(merged)
        for n, row in enumerate([HEADER, *ROWS[:5], [None] * 4, *ROWS[5:]]):
            for m, cell in enumerate(row):
                sheet.cell(row=4 + n, column=3 + m, value=cell)
        sheet.cell(row=46, column=3, value="Total")
        sheet.cell(row=46, column=4, value=99)

    source = read_source(str(workbook(tmp_path / "t.xlsx", data=fill)))
    assert (source.columns, source.rows) == (tuple(HEADER), 40)
    assert facts(source)["rows above the header"] == "1"
    assert facts(source)["rows left out"] == "the last, 'Total'"


def test_merged_headings_are_joined_with_those_below(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["id", "size", None, "y"])
        sheet.append([None, "width", "height", None])
        sheet.merge_cells("A1:A2")
        sheet.merge_cells("B1:C1")
        sheet.merge_cells("D1:D2")
        for n in range(30):
            sheet.append([f"a{n}", n % 5 + 0.5, n % 7 + 0.5, n % 2])

    source = read_source(str(workbook(tmp_path / "t.xlsx", data=fill)))
    assert (source.columns, source.rows) == (("id", "size width", "size height", "y"), 30)


def test_a_merged_heading_without_a_row_below_names_both_columns(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["id", "size", None, "y"])
        sheet.merge_cells("B1:C1")
        for n in range(30):
            sheet.append([f"a{n}", n % 5 + 0.5, n % 7 + 0.5, n % 2])

    source = read_source(str(workbook(tmp_path / "t.xlsx", data=fill)))
    assert (source.columns, source.rows) == (("id", "size", "size_2", "y"), 30)


def test_cells_merged_across_rows_of_the_table_are_filled(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        for row in [["group", "size", "y"], ["a", 1, 0], [None, 2, 1], ["b", 3, 0], [None, 4, 1]]:
            sheet.append(row)
        sheet.merge_cells("A2:A3")
        sheet.merge_cells("A4:A5")

    source = read_source(str(workbook(tmp_path / "t.xlsx", data=fill)))
    assert columns(source)["group"] == ["a", "a", "b", "b"]


def test_a_sheet_without_a_header(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", data=ROWS)
    source = read_source(str(path))
    assert (source.columns[0], source.rows) == ("column_1", 40)
    assert facts(source)["header"] == "none; columns are numbered"


def test_error_cells_are_missing_and_formulas_give_their_values(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx", data=[["size", "ratio", "y"], [1, "=A2*2", 0], [2, "#N/A", 1], [3, "#DIV/0!", 1]]
    )
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    cells = files["xl/worksheets/sheet1.xml"]
    assert b"<f>A2*2</f><v" in cells
    # As Excel stores it: the formula with its value, which openpyxl cannot calculate.
    files["xl/worksheets/sheet1.xml"] = cells.replace(b"<f>A2*2</f><v />", b"<f>A2*2</f><v>2</v>").replace(
        b"<f>A2*2</f><v></v>", b"<f>A2*2</f><v>2</v>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert columns(read_source(str(path)))["ratio"] == ["2", "", ""]


def test_old_excel_files(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("data")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for n, row in enumerate([["day", "size"], [dt.date(2024, 1, 2), 1.5], [dt.date(2024, 1, 3), 2]]):
        for m, cell in enumerate(row):
            sheet.write(n, m, cell, *([day] if isinstance(cell, dt.date) else []))
    book.save(str(tmp_path / "t.xls"))
    assert columns(read_source(str(tmp_path / "t.xls"))) == {"day": ["2024-01-02", "2024-01-03"], "size": ["1.5", "2"]}


def test_opendocument_files(tmp_path: Path) -> None:
    def cell(value: Any) -> str:
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    rows = [["size", "colour"], [1.5, "red"], [2, "blue"]]
    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = {kind: f"urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0" for kind in ("office", "table", "text")}
    spaces = " ".join(f'xmlns:{kind}="{name}"' for kind, name in names.items())
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as archive:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<?xml version="1.0"?><m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<m:file-entry m:full-path="/" m:media-type="{kind}"/></m:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>'
            f'<table:table table:name="S">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    source = read_source(str(tmp_path / "t.ods"))
    assert columns(source) == {"size": ["1.5", "2"], "colour": ["red", "blue"]}
    assert facts(source)["format"] == "OpenDocument"


def test_what_is_not_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    for content in (b"PK\x03\x04 and no more", b"size,y\n1,2\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)):
        path.write_bytes(content)
        assert refusal(path).startswith("t.xlsx is not an Excel or OpenDocument file, or it is damaged: ")
    path.write_bytes(b"")
    assert refusal(path) == "t.xlsx is empty. Name a file with rows."


def test_a_protected_workbook(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", data=[HEADER, *ROWS])
    protected = io.BytesIO()
    with path.open("rb") as file:
        OOXMLFile(file).encrypt("password", protected)
    path.write_bytes(protected.getvalue())
    assert refusal(path) == "t.xlsx is protected by a password. Save it without one, or save the sheet as CSV."


def test_empty_sheets(tmp_path: Path) -> None:
    assert (
        refusal(workbook(tmp_path / "t.xlsx", data=[])) == "t.xlsx: the sheet 'data' is empty. Name a file with rows."
    )
    header = refusal(workbook(tmp_path / "u.xlsx", data=[HEADER]))
    assert header == "u.xlsx: the sheet 'data' has a header and no rows. Choose another sheet with --sheet NAME."


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(99), b"\xd0\xcf\x11\xe0" + bytes(99)])
def test_a_workbook_named_csv(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert "let its name end in .x" in refusal(tmp_path / "t.csv").lower()
