"""Tables as text: CSV and JSON lines in, CSV out."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from seatrial.model import Release
from seatrial.model.metadata import Metadata
from seatrial.model.table_validation import to_python
from seatrial.serve.doors.row_json import check_count, from_lists, from_rows, problem, read_json
from seatrial.serve.requests import without_mark
from seatrial.serve.responses import Scored


def read_csv(release: Release, body: bytes) -> bytes:
    """Write rows from CSV in UTF-8, with or without a header; cells are read as in a file. Raises RowError."""
    try:
        text = without_mark(body).decode("utf-8")
    except UnicodeDecodeError:
        raise problem("The body is not text in UTF-8.", "string_unicode") from None
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise problem(f"The body is not CSV: {error}.", "csv") from None
    columns = {column.name: column for column in release.columns}
    names = list(columns)
    if lines and len(lines[0]) < 2 * len(names) and 2 * sum(map(columns.__contains__, lines[0])) > len(lines[0]):
        names = lines.pop(0)
    check_count(release, len(lines))
    known = [columns.get(name) for name in names]
    rows = []
    for number, cells in enumerate(lines):
        if len(cells) != len(names):
            text = f"The line has {len(cells)} cells; there are {len(names)} columns: {', '.join(columns)}."
            raise problem(text, "wrong_length", number)
        rows.append([cell if c is None else to_python(c, cell) for c, cell in zip(known, cells, strict=True)])
    return from_lists(release, names, rows)


def read_json_lines(release: Release, body: bytes) -> bytes:
    """Write rows from lines of JSON, each an object or a list of values. Raises RowError."""
    lines = [line for line in without_mark(body).split(b"\n") if line.strip()]
    check_count(release, len(lines))
    return from_rows(release, [read_json(line, number) for number, line in enumerate(lines)])


def to_csv(meta: Metadata, rows: Sequence[Scored]) -> bytes:
    """Write a line for each row, without a header: the prediction, and of a classifier each class's probability."""
    out = io.StringIO()
    first: Sequence[Any] = meta.classes
    writer = csv.writer(out, lineterminator="\n")
    for decided, shares in rows:
        writer.writerow([first[decided] if first else repr(decided), *map(repr, shares)])
    return out.getvalue().encode()
