"""Reads the tables that clients send, in chunks of checked rows: CSV, and JSON lines.

The columns of a table are those of the schema. One that is missing is refused as one that is missing in a row of JSON,
and one that the schema does not have likewise: it may be a misspelt one.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model import Release
from seatrial.model.row_validation import RowError, unknown_column
from seatrial.model.table_files import Chunk, check_chunks, csv_chunks
from seatrial.serve.bulk.inlet import PieceFile

CHUNK = 16_384  # rows that are checked and scored at once; most calls keep the interpreter's lock for a millisecond
CHUNK_BYTES = 4 * 2**20  # of text, whatever the number of rows
MOST_UNKNOWN = 100  # columns that are named
BODY = Path("The body")  # for messages


def check_names(release: Release, names: Sequence[str]) -> None:
    """Refuse columns that are missing, unknown or there twice. Raises RowError."""
    known = [column.name for column in release.columns]
    counts = Counter(names)
    missing = [column.name for column in release.columns if column.required and column.name not in counts]
    errors: list[dict[str, Any]] = [{"type": "missing", "loc": ["body", n], "msg": "Field required"} for n in missing]
    unknown = (name for name in counts if name not in known)
    errors += [unknown_column(name, known) for name in islice(unknown, MOST_UNKNOWN)]
    twice = [name for name in known if counts[name] > 1]
    errors += [{"type": "repeated_key", "loc": ["body", n], "msg": "The column is there twice"} for n in twice]
    if errors:
        raise RowError(errors)


class _Lines:
    """The lines of a text, and their size since the last row, which must not be more than `longest` characters."""

    def __init__(self, text: io.TextIOWrapper, longest: int) -> None:
        self._text = text
        self._longest = longest
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(self._longest + 1):
            self._size += len(line)
            if self._size > self._longest:
                raise SeatrialError(f"A row is longer than {self._longest:,} characters.", hint="Is a quote missing?")
            yield line

    def some(self, rows: Iterator[Any]) -> list[Any]:
        """The rows of a chunk."""
        taken: list[Any] = []
        size = 0
        for row in rows:
            taken.append(row)
            size += self._size
            self._size = 0
            if len(taken) == CHUNK or size > CHUNK_BYTES:
                break
        return taken


def csv_body(release: Release, pieces: Iterator[bytes], longest: int) -> Iterator[Chunk]:
    """Read CSV in UTF-8 with a header. Raises RowError and SeatrialError for what is none."""
    text = io.TextIOWrapper(io.BufferedReader(PieceFile(pieces), 2**16), "utf-8-sig", newline="")
    lines = _Lines(text, longest)
    raw = csv_chunks(lines, str(BODY), lines.some, on_header=lambda names: check_names(release, names))
    try:
        yield from check_chunks(raw, BODY, release.checker)
    except UnicodeDecodeError:
        raise SeatrialError(f"{BODY} is not text in UTF-8.", hint="Save it as UTF-8.") from None


def lines_body(release: Release, pieces: Iterator[bytes], longest: int) -> Iterator[Chunk]:
    """Read a JSON object from each line, by the rules of JSON. Raises SeatrialError for a line that is too long."""
    before = 0
    lines = _json_lines(pieces, longest)
    while some := _some(lines):
        yield _lines_chunk(release, some, before)
        before += len(some)


def _some(lines: Iterator[bytes]) -> list[bytes]:
    """The lines of a chunk."""
    taken: list[bytes] = []
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if len(taken) == CHUNK or size > CHUNK_BYTES:
            break
    return taken


def _json_lines(pieces: Iterator[bytes], longest: int) -> Iterator[bytes]:
    file = io.BufferedReader(PieceFile(pieces), 2**16)
    first = True
    while line := file.readline(longest + 1):
        if len(line) > longest:
            raise SeatrialError(f"A line is longer than {longest:,} bytes.", hint="Write one row in each line.")
        line = line.removeprefix(b"\xef\xbb\xbf") if first else line
        first = False
        if line := line.strip(b" \t\r\n"):
            yield line


def _lines_chunk(release: Release, lines: Sequence[bytes], before: int) -> Chunk:
    rows, errors = release.parse_lines(lines)
    problems = [
        Problem(
            before + row, str(error["loc"][1]) if len(error["loc"]) > 1 else "", "", error["msg"], None, error["type"]
        )
        for row, found in errors.items()
        for error in found
    ]
    columns = {}
    for column in release.columns:
        name = column.name
        values = [None if row is None else row.__dict__[name] for row in rows]
        if column.numeric:
            columns[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        else:
            columns[name] = np.fromiter(values, dtype=object, count=len(values))
    return Chunk(columns, [], problems, len(rows), before)
