"""Removes what spreadsheets and exports put around a table, and reports it; nothing is removed that could be a row."""

import csv
import io
import re
from typing import Any

import pyarrow.compute as pc

from seatrial.template.reading.csv_dialect import SAMPLE, usual_width

MOST_ABOVE = 30  # lines above a header
MOST_BELOW = 3  # rows of totals
TOTALS = {
    *("total", "totals", "grand total", "sum", "sums", "average", "mean", "count", "subtotal", "summe", "gesamt"),
    *("gesamtsumme", "mittelwert", "durchschnitt", "anzahl", "somme", "moyenne", "total général", "suma", "totale"),
    *("media", "totaal", "итого"),
}
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")


def declared_separator(text: str) -> str:
    """The separator that Excel's own first line declares, as in `sep=;`; "" if there is no such line."""
    match = re.match(r"sep=(.)\n", text, re.IGNORECASE)
    return match[1] if match else ""


def lines_above_header(text: str, separator: str, quote: str) -> tuple[int, str]:
    """The number of lines above the header, and the text of the first of them."""
    reader = csv.reader(io.StringIO(text[:SAMPLE], newline=""), delimiter=separator, quotechar=quote)
    lines: list[int] = []
    rows: list[list[str]] = []
    start = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append(start)
                rows.append(row)
            start = reader.line_num
    except csv.Error:
        return 0, ""
    position = header_position(rows)
    return (lines[position], " ".join(cell.strip() for cell in rows[0] if cell.strip())) if position else (0, "")


def header_position(rows: list[list[str]]) -> int:
    """The position of the header among rows that are not empty; above it are titles and notes, with fewer cells.

    A header has as many cells as most rows (or one less), at least half of them filled, and no numbers.
    """
    width = usual_width(rows)
    if width < 2:
        return 0
    for position, row in enumerate(rows[:MOST_ABOVE]):
        filled = [cell.strip() for cell in row if cell.strip()]
        wide = len(row) == width or (len(row) == width - 1 and width > 2)
        if wide and 2 * len(filled) >= width:
            return position if not any(_NUMBER.fullmatch(cell) for cell in filled) else 0
    return 0


def with_unnamed_column(names: list[str], rows: list[list[str]]) -> tuple[list[str], str]:
    """The names for rows with one cell more than the header, and the cause: row names, or a separator at the end."""
    if not rows or usual_width(rows) != len(names) + 1:
        return names, ""
    longer = [row for row in rows if len(row) == len(names) + 1]
    if all(not row[-1].strip() for row in longer):
        return [*names, ""], "every line ends with a separator"
    if len({row[0] for row in longer}) == len(longer):
        return ["", *names], "the first column has no name, as in R's row names"
    return names, ""


def without_repeats(table: Any, names: list[str]) -> tuple[Any, str]:
    """The table without rows that repeat the header, as in files that were concatenated."""
    if len(set(names)) < 2:
        return table, ""
    same = None
    for position, name in enumerate(names):
        if not pc.any(pc.match_substring(table.column(position), name)).as_py():  # unlike pc.equal, without pandas
            return table, ""
        equal = pc.equal(pc.utf8_trim_whitespace(table.column(position)), name)
        same = equal if same is None else pc.and_(same, equal)
        if not pc.any(same).as_py():
            return table, ""
    count = pc.sum(same).as_py()
    return table.filter(pc.invert(same)), f"{count:,} that repeat{'s' if count == 1 else ''} the header"


def without_totals(table: Any) -> tuple[Any, str]:
    """The table without totals in its last rows: one of their cells says so, and no other cell of its column does."""
    removed: list[str] = []
    while len(removed) < MOST_BELOW and table.num_rows > 1:
        last = table.num_rows - 1
        for column in table.columns:
            cell = (column[last].as_py() or "").strip()
            if cell.rstrip(":").casefold() in TOTALS and pc.sum(pc.equal(column, column[last])).as_py() == 1:
                removed.insert(0, cell)
                table = table.slice(0, last)
                break
        else:
            break
    return table, f"the last, {' and '.join(map(repr, removed))}" if removed else ""
