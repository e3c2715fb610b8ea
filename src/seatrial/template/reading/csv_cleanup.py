"""Takes away what spreadsheets and exports put around a table, and says what: nothing is taken that could be a row."""

import csv
import io
import re
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.csv_dialect import SAMPLE, usual_width

MOST_ABOVE = 30  # lines above a header
MOST_BELOW = 3  # rows of totals
TOTALS = {
    *("total", "totals", "grand total", "sum", "sums", "average", "mean", "count", "subtotal", "summe", "gesamt"),
    *("gesamtsumme", "mittelwert", "durchschnitt", "anzahl", "somme", "moyenne", "total général", "suma", "totale"),
    *("media", "totaal", "итого"),
}
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")
_FOREIGN = (
    (b"PK\x03\x04", "an Excel file or a zip archive", "Save the sheet as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "Save the sheet as CSV."),
    (b"PAR1", "a Parquet file", "Give it a name that ends in .parquet."),
    (b"ARROW1", "a Feather file", "Save it as CSV or Parquet."),
    (b"SQLite format 3\x00", "an SQLite database", "Read it by --data sqlite:///FILE --query TABLE."),
    (b"%PDF", "a PDF", "Save the table as CSV."),
    (b"{\\rtf", "a text document", "Save the table as CSV."),
    (b"version https://git-lfs", "a pointer of Git LFS, and not the file itself", "`git lfs pull` fetches it."),
    (b"<!doctype html", "a page of the web", "A log-in page was saved in its place, perhaps; download it again."),
    (b"<html", "a page of the web", "A log-in page was saved in its place, perhaps; download it again."),
    (b"<?xml", "XML", "Save it as CSV or Parquet."),
    (b'{"', "JSON", "Save it as CSV or Parquet."),
    (b"[{", "JSON", "Save it as CSV or Parquet."),
)


def refuse_foreign(name: str, data: bytes) -> None:
    """Raise where a file is no text of a table at all, whatever its name says."""
    start = data[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, kind, hint in _FOREIGN:
        if start[: len(mark)].lower() == mark.lower():
            raise SeatrialError(f"{name} is {kind}.", hint=hint)


def told_separator(text: str) -> str:
    """The separator that Excel's own first line names, as `sep=;`; "" where there is none."""
    found = re.match(r"sep=(.)\n", text, re.IGNORECASE)
    return found[1] if found else ""


def above_header(text: str, separator: str, quote: str) -> tuple[int, str]:
    """How many lines stand above the header, and the first of them: titles, notes, with fewer cells than the rows.

    A header has as many cells as most rows (or one less), at least half of them filled in, and no numbers.
    """
    reader = csv.reader(io.StringIO(text[:SAMPLE], newline=""), delimiter=separator, quotechar=quote)
    rows: list[tuple[int, list[str]]] = []
    begun = 0
    try:
        for row in reader:
            rows.append((begun, row))
            begun = reader.line_num
    except csv.Error:
        return 0, ""
    there = [(line, row) for line, row in rows if any(cell.strip() for cell in row)]
    width = usual_width([row for _, row in there])
    if width < 2:
        return 0, ""
    for line, row in there[:MOST_ABOVE]:
        filled = [cell.strip() for cell in row if cell.strip()]
        wide = len(row) == width or (len(row) == width - 1 and width > 2)
        if wide and 2 * len(filled) >= width:
            named = not any(_NUMBER.fullmatch(cell) for cell in filled)
            first = " ".join(cell.strip() for cell in there[0][1] if cell.strip())
            return (line, first) if line > there[0][0] and named else (0, "")
    return 0, ""


def beside_header(names: list[str], rows: list[list[str]]) -> tuple[list[str], str]:
    """The names for rows that have one cell more than the header, and why: names of rows, or a separator at the end."""
    if not rows or usual_width(rows) != len(names) + 1:
        return names, ""
    longer = [row for row in rows if len(row) == len(names) + 1]
    if all(not row[-1].strip() for row in longer):
        return [*names, ""], "the end of each line is a separator"
    if len({row[0] for row in longer}) == len(longer):
        return ["", *names], "the first column has no name, as R writes names of rows"
    return names, ""


def without_repeats(table: Any, names: list[str]) -> tuple[Any, str]:
    """The table without rows that repeat the header, as where files were put one behind the other."""
    import pyarrow.compute as pc

    if len(set(names)) < 2:
        return table, ""
    same = None
    for place, name in enumerate(names):
        equal = pc.equal(pc.utf8_trim_whitespace(table.column(place)), name)
        same = equal if same is None else pc.and_(same, equal)
        if not pc.any(same).as_py():
            return table, ""
    count = pc.sum(same).as_py()
    return table.filter(pc.invert(same)), f"{count:,} that repeat{'s' if count == 1 else ''} the header"


def without_totals(table: Any) -> tuple[Any, str]:
    """The table without totals in its last rows: a cell says so there, and none of its column above does."""
    import pyarrow.compute as pc

    taken: list[str] = []
    while len(taken) < MOST_BELOW and table.num_rows > 1:
        last = table.num_rows - 1
        said = ""
        for column in table.columns:
            cell = column[last].as_py()
            if (cell or "").strip().rstrip(":").casefold() in TOTALS and pc.sum(pc.equal(column, cell)).as_py() == 1:
                said = cell.strip()
                break
        if not said:
            break
        taken.insert(0, said)
        table = table.slice(0, last)
    return table, f"the last, {' and '.join(map(repr, taken))}" if taken else ""
