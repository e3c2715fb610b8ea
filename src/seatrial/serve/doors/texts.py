"""Tables as text: CSV and JSON lines in, CSV out."""

import csv
import io
from collections.abc import Sequence
from itertools import islice
from typing import Any

from seatrial.model import Release
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.model.table_validation import Unreadable, to_python
from seatrial.serve.doors.row_json import check_count, check_lists, from_lists, from_rows, problem, read_json
from seatrial.serve.requests import without_mark
from seatrial.serve.responses import Scored

FIRST_LOOK = 500  # lines, after which a table that is none of ours is refused


def read_csv(release: Release, body: bytes) -> bytes:
    """Write rows from CSV in UTF-8, with or without a header; cells are read as in a file. Raises RowError."""
    try:
        text = without_mark(body).decode("utf-8")
    except UnicodeDecodeError:
        raise problem("The body is not text in UTF-8.", "string_unicode") from None
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = list(islice(filter(None, reader), release.row_limit + 2))  # a header, and one too many
    except csv.Error as error:
        raise problem(f"The body is not CSV: {error}.", "csv") from None
    columns = {column.name: column for column in release.columns}
    names = list(columns)
    if lines and len(lines[0]) < 2 * len(names) and 2 * sum(map(columns.__contains__, lines[0])) > len(lines[0]):
        names = lines.pop(0)
    if len(lines) > release.row_limit:
        check_count(release, max(text.count("\n"), len(lines)))
    known = [columns.get(name) for name in names]
    rows: list[list[Any]] = []
    for number, cells in enumerate(lines):
        if number == FIRST_LOOK and _unreadable(known, rows) > FIRST_LOOK:
            break  # the rows so far are refused, and reading the others would only take time
        if len(cells) != len(names):
            text = f"The line has {len(cells)} cells; there are {len(names)} columns: {', '.join(columns)}."
            raise problem(text, "wrong_length", number)
        rows.append([cell if c is None else to_python(c, cell) for c, cell in zip(known, cells, strict=True)])
    return from_lists(release, names, rows)


def _unreadable(columns: Sequence[Column | None], rows: Sequence[Sequence[Any]]) -> int:
    """How many cells are certainly refused."""
    closed = [number for number, column in enumerate(columns) if column and not column.open]
    return sum(type(row[number]) is Unreadable for row in rows for number in closed)


def read_json_lines(release: Release, body: bytes) -> bytes:
    """Write rows from lines of JSON, each an object or a list of values. Raises RowError."""
    lines = [line for line in without_mark(body).split(b"\n") if line.strip()]
    check_count(release, len(lines))
    check_lists(body)
    return from_rows(release, [read_json(line, number) for number, line in enumerate(lines)])


def to_csv(meta: Metadata, rows: Sequence[Scored]) -> bytes:
    """Write a line for each row, without a header: the prediction, and of a classifier each class's probability."""
    out = io.StringIO()
    first: Sequence[Any] = meta.classes
    writer = csv.writer(out, lineterminator="\n")
    for decided, shares in rows:
        writer.writerow([first[decided] if first else repr(decided), *map(repr, shares)])
    return out.getvalue().encode()
