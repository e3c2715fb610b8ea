"""Reads CSV in UTF-8, with a header and commas, in chunks; numbers its rows by their lines."""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.features import Array
from seatrial.model.quick_csv import CsvPosition, quick_chunks
from seatrial.model.raw_chunks import RawChunk

Record = tuple[int, list[str]]  # a row's first line, and its cells
LARGE = 2**20  # bytes; to load pyarrow takes as long as to read a smaller file
FIRST = CsvPosition()
LONGEST_CELL = 2**30  # characters; the csv module's own limit is 128 KiB


def read_csv(path: Path, size: int, wanted: Collection[str]) -> Iterator[RawChunk]:
    """Read a CSV file in chunks of at most `size` rows. Raises SeatrialError, with the line, for what is not CSV.

    A large file is read by pyarrow where that gives the same.
    """
    position: CsvPosition | None = CsvPosition()
    empty = True
    if path.stat().st_size >= LARGE and find_spec("pyarrow"):
        chunks = quick_chunks(path, size, wanted)
        try:
            while True:
                yield next(chunks)
                empty = False
        except StopIteration as stopped:
            position = stopped.value
    if position is not None:
        for chunk in _checked_text(path, size, position):
            yield chunk
            empty = False
    if empty:
        raise SeatrialError(f"{path.name} has a header but no rows.", hint="Give a file with rows.")


def _checked_text(path: Path, size: int, start: CsvPosition) -> Iterator[RawChunk]:
    try:
        with path.open("rb") as binary:
            binary.seek(start.offset)
            file = TextIOWrapper(binary, "utf-8" if start.offset else "utf-8-sig", newline="")
            yield from csv_chunks(file, path.name, lambda rows: list(islice(rows, size)), start=start)
    except UnicodeDecodeError:
        with path.open("rb") as binary:
            utf_16 = binary.read(2) in (b"\xff\xfe", b"\xfe\xff")
        what = "is UTF-16, not UTF-8" if utf_16 else f"is not UTF-8 in line {_line_not_utf_8(path):,}"
        raise SeatrialError(f"{path.name} {what}.", hint="Save it as UTF-8.") from None


def _line_not_utf_8(path: Path) -> int:
    """The first line that is not UTF-8; the decoder's own position counts from where it last read."""
    lines = 1
    with path.open("rb") as binary, suppress(UnicodeDecodeError):
        for line in binary:
            line.decode("utf-8")
            lines += 1
    return lines


def csv_chunks(
    lines: Iterable[str],
    name: str,
    some: Callable[[Iterator[Record]], list[Record]],
    on_header: Callable[[list[str]], None] | None = None,
    start: CsvPosition = FIRST,
) -> Iterator[RawChunk]:
    """Read CSV with a header from lines that keep their ends; `name` is for errors.

    `some` takes the rows of a chunk out of all that follow, and `on_header` gets the names of the columns. `start` says
    what came before the lines. Raises SeatrialError for what is not CSV.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, []) if start.header is None else list(start.header)
        if on_header:
            on_header(header)
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise SeatrialError(f"{name} has two columns named {repeated[0]!r}.", hint="Rename one of them.")
        numbered = _numbered(reader, start.lines)
        while records := some(numbered):
            yield _chunk_of(header, records)
    except csv.Error as error:
        raise SeatrialError(
            f"{name} is not valid CSV, line {start.lines + reader.line_num}: {error}.",
            hint="Fix that line, or save the table as CSV again.",
        ) from None


def _numbered(reader: Any, before: int) -> Iterator[Record]:
    """Number the records by their first line, skipping empty lines."""
    line = before + reader.line_num + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = before + reader.line_num + 1


def _chunk_of(header: list[str], records: list[Record]) -> RawChunk:
    ragged = tuple(
        Problem(row, "", "", f"the row has {len(cells)} cells, the header has {len(header)}", line, "wrong_length")
        for row, (line, cells) in enumerate(records)
        if len(cells) != len(header)
    )
    width = len(header)
    even = [cells if len(cells) == width else (cells + [""] * width)[:width] for _, cells in records]
    columns: dict[str, list[Any] | Array] = {
        name: list(values) for name, values in zip(header, zip(*even, strict=True), strict=True)
    }
    return RawChunk(columns, len(records), [line for line, _ in records], ragged)
