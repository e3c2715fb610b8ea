"""Reads one sheet of an Excel or OpenDocument file; its cells become strings, as those of a CSV file are.

Dates, times and booleans are written in ISO form and as true and false, whole numbers without a fraction. Formulas give
the value that was stored with them. Error cells such as #N/A are missing values.
"""

import datetime as dt
import hashlib
import io
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.arrow_types import unique_names
from seatrial.template.reading.csv_cleanup import header_position, without_repeats, without_totals
from seatrial.template.reading.csv_dialect import has_header
from seatrial.template.records import TableSource

SUFFIXES = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream that holds a protected workbook
Ranges = list[tuple[tuple[int, int], tuple[int, int]]]


def read_workbook(path: Path, sheet: str = "", *, header: bool | None = None) -> TableSource:
    """Read a sheet by its name; without one, the only sheet that has cells. Raises SeatrialError."""
    data = path.read_bytes()
    cells, merged, name = _sheet(path, data, sheet)
    rows = [[_text(cell) for cell in row] for row in cells]
    _fill_merged(rows, merged)
    columns = [n for n in range(max(map(len, rows), default=0)) if any(row[n] for row in rows)]
    rows = [[row[n] for n in columns] for row in rows]
    filled = [row for row in rows if any(row)]
    first = 0 if header is False else _header_position(filled)
    headed = has_header(filled[first:]) if header is None else header
    names = filled[first] if headed else [f"column_{n + 1}" for n in range(len(columns))]
    body, names = _below_header(filled[first + headed :], names, groups=_is_group_row(filled, first, merged, rows))
    if not body:
        raise SeatrialError(
            f"{path.name}: the sheet {name!r} has a header and no rows.", hint="Choose another sheet with --sheet NAME."
        )
    return _source(path, data, name, names, body, above=first, headed=headed)


def _source(
    path: Path, data: bytes, sheet: str, names: list[str], body: list[list[str]], *, above: int, headed: bool
) -> TableSource:
    table = pa.table(
        [pa.array(column, pa.string()) for column in zip(*body, strict=True)], names=unique_names(list(names))
    )
    table, repeated = without_repeats(table, names) if headed else (table, "")
    table, totals = without_totals(table)
    unnamed = [new for new, old in zip(table.column_names, names, strict=True) if not old]
    detected = {
        "format": "OpenDocument" if path.suffix.lower() == ".ods" else "Excel",
        "sheet": sheet,
        "header": "" if headed else "none; columns are numbered",
        "rows above the header": str(above) if above else "",
        "rows left out": " and ".join(part for part in (repeated, totals) if part),
        "columns without a name": ", ".join(unnamed),
    }
    facts = {name: value for name, value in detected.items() if value}
    return TableSource(path.name, table, facts, path, hashlib.sha256(data).hexdigest())


def _sheet(path: Path, data: bytes, wanted: str) -> tuple[list[list[Any]], Ranges, str]:
    """The cells of a sheet, its merged ranges counted from the first row with a cell, and its name."""
    try:
        import python_calamine as calamine
    except ImportError:
        raise SeatrialError(
            "Excel and OpenDocument files need python-calamine.", hint="pip install 'seatrial[cli]'"
        ) from None
    if not data:
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with rows.")
    if _ENCRYPTED in data:
        raise SeatrialError(
            f"{path.name} is protected by a password.", hint="Save it without one, or save the sheet as CSV."
        )
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [s.name for s in book.sheets_metadata if s.visible == calamine.SheetVisibleEnum.Visible]
        sheets = [name for name in visible if book.get_sheet_by_name(name).height]
        name = wanted or (sheets[0] if len(sheets) == 1 else "")
        if not name or name not in book.sheet_names:
            raise _no_choice(path, name, sheets or book.sheet_names)
        sheet = book.get_sheet_by_name(name)
        cells = sheet.to_python(skip_empty_area=True)
        top, left = sheet.start or (0, 0)
        merged = [((a - top, b - left), (c - top, d - left)) for (a, b), (c, d) in sheet.merged_cell_ranges or []]
    except calamine.CalamineError as error:
        raise SeatrialError(
            f"{path.name} is not an Excel or OpenDocument file, or it is damaged: {error}.",
            hint="Open it in a spreadsheet program, and save it again as .xlsx.",
        ) from None
    if not any(_text(cell) for row in cells for cell in row):
        raise SeatrialError(f"{path.name}: the sheet {name!r} is empty.", hint="Choose another one with --sheet NAME.")
    return cells, merged, name


def _no_choice(path: Path, wanted: str, sheets: list[str]) -> SeatrialError:
    listed = ", ".join(map(repr, sheets[:20])) + (", ..." if len(sheets) > 20 else "")
    if wanted:
        return SeatrialError(f"{path.name} has no sheet {wanted!r}.", hint=f"Its sheets: {listed}.")
    if len(sheets) == 1:
        return SeatrialError(f"{path.name}: the sheet {sheets[0]!r} is empty.", hint="Name a file with rows.")
    return SeatrialError(f"{path.name} has {len(sheets)} sheets: {listed}.", hint="Choose one with --sheet NAME.")


def _text(cell: Any) -> str:
    """A cell as a CSV file would have it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return str(cell).strip()


def _fill_merged(rows: list[list[str]], merged: Ranges) -> None:
    """Copy a merged cell's text to every cell that it covers."""
    for (top, left), (bottom, right) in merged:
        for row in rows[top : bottom + 1] if top >= 0 else ():
            row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])


def _header_position(rows: list[list[str]]) -> int:
    """The position of the header; rows above it with a single text, perhaps in merged cells, are titles."""
    titles = next((n for n, row in enumerate(rows) if len({*row} - {""}) > 1), 0)
    return titles + header_position(rows[titles:])


def _is_group_row(filled: list[list[str]], first: int, merged: Ranges, rows: list[list[str]]) -> bool:
    """Whether the header's cells are merged across columns, so that the row below it names the columns."""
    position = next(n for n, row in enumerate(rows) if row is filled[first])
    return any(top == position and right > left for (top, left), (_, right) in merged) and first + 2 < len(filled)


def _below_header(rows: list[list[str]], names: list[str], *, groups: bool) -> tuple[list[list[str]], list[str]]:
    """The rows of the table and the names of its columns, where the header may have a second row under merged cells."""
    if not groups or not has_header(rows) or has_header(rows[1:]):  # text above numbers, but not above text
        return rows, names
    joined = [
        group if below in ("", group) else f"{group} {below}".strip()
        for group, below in zip(names, rows[0], strict=True)
    ]
    return rows[1:], joined
