"""Reads CSV with pyarrow as long as the text is such that the csv module would read the same; several times as fast.

The two differ in what they do with a quote within a text, with rows of another length, and with line ends of old
systems. So each block of text is looked at first: quotes must open and close whole cells. What is not so is left to
the csv module, from that block on, and so is what pyarrow refuses.
"""

import csv
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seatrial.model.categorical import categorical
from seatrial.model.features import Array
from seatrial.model.raw_chunks import RawChunk

BLOCK = 8 * 2**20  # bytes
LONGEST_RECORD = 4 * BLOCK
BOM = b"\xef\xbb\xbf"
QUOTE, COMMA, LINE_FEED, RETURN = b'",\n\r'
OFTEN = 4  # times that each value occurs on average in a column that is kept as codes


@dataclass(frozen=True)
class CsvPosition:
    """Where the csv module goes on: the byte, the lines before it, and the header, None where it is not read yet."""

    offset: int = 0
    lines: int = 0
    header: tuple[str, ...] | None = None


@dataclass(frozen=True)
class _Records:
    """Whole records of CSV: where each begins and ends, and the number of line ends before it.

    `blank` says which are lines without anything, which are no rows.
    """

    text: bytes
    starts: Array
    ends: Array
    lines: Array
    blank: Array


def quick_chunks(path: Path, size: int, wanted: Collection[str]) -> Generator[RawChunk, None, CsvPosition | None]:
    """Read a CSV file in chunks of at most `size` rows; return where the csv module has to go on, if it has to."""
    position = CsvPosition()
    with path.open("rb") as file:
        offset = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(offset)
        for text, last in _blocks(file):
            records = _records_of(text, last=last)
            if records is None:
                return position
            first = 0
            header = position.header
            if header is None:
                header, first = _header(records), 1
                if header is None:
                    return position
            rows = _rows_of(records, first, header, wanted)
            if rows is None:
                return position
            table, places = rows
            yield from _chunks(table, places + position.lines, header, size)
            offset += len(records.text)
            lines = position.lines + records.text.count(b"\n")
            position = CsvPosition(offset, lines, header)
            file.seek(offset)
    return None


def _blocks(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Read blocks from where the file is; the user moves it back to behind what was used of the one before."""
    while text := file.read(BLOCK):
        while len(text) < LONGEST_RECORD and b"\n" not in text and (more := file.read(BLOCK)):
            text += more
        yield text, len(text) < BLOCK or not file.read(1)


def _records_of(text: bytes, *, last: bool) -> _Records | None:
    """The whole records at the start of a text; None where the csv module might divide it in another way."""
    characters = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(characters == QUOTE)
    feeds = np.flatnonzero(characters == LINE_FEED)
    ends = feeds[np.searchsorted(quotes, feeds) % 2 == 0]
    if last and not text.endswith(b"\n"):
        ends = np.append(ends, len(text))
    if not len(ends):
        return None
    cut = min(int(ends[-1]) + 1, len(text))
    quotes, text = quotes[quotes < cut], text[:cut]
    if len(quotes) % 2 or not _whole_cells(characters, quotes, cut) or text.count(b"\r") != text.count(b"\r\n"):
        return None
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    returns = characters[np.minimum(starts, cut - 1)] == RETURN
    blank = (lengths == 0) | ((lengths == 1) & returns)
    return _Records(text, starts, ends, np.searchsorted(feeds, starts), blank)


def _whole_cells(characters: Array, quotes: Array, cut: int) -> bool:
    """Whether each quote opens a cell, closes one, or is one of two in a row within one."""
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = np.concatenate(([False], opening[1:] == closing[:-1] + 1))[: len(opening)]
    before = characters[np.maximum(opening - 1, 0)]
    opens = doubled | (opening == 0) | (before == COMMA) | (before == LINE_FEED)
    after = characters[np.minimum(closing + 1, cut - 1)]
    closes = (closing + 1 >= cut) | (after == COMMA) | (after == LINE_FEED) | (after == RETURN) | (after == QUOTE)
    return bool(opens.all() and closes.all())


def _header(records: _Records) -> tuple[str, ...] | None:
    """The names in the first record; None where the csv module has something to say about them."""
    if records.blank[0]:
        return None
    try:
        names = next(csv.reader([records.text[: records.ends[0]].decode()], strict=True))
    except csv.Error:
        return None
    return tuple(names) if len(set(names)) == len(names) else None


def _rows_of(
    records: _Records, first: int, header: tuple[str, ...], wanted: Collection[str]
) -> tuple[Any, Array] | None:
    """The rows behind the `first` records as a table of texts, and the lines before each; None if pyarrow refuses."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    places = records.lines[first:][~records.blank[first:]]
    if not len(places):
        return pa.table({}), places
    text = records.text[int(records.starts[first]) :]
    if text.startswith(BOM):  # pyarrow would skip it wherever it begins
        return None
    read = [name for name in header if name in wanted] or [header[0]]
    kind = pa.dictionary(pa.int32(), pa.string())
    try:
        table = arrow.read_csv(
            pa.py_buffer(text),
            arrow.ReadOptions(column_names=list(header), block_size=len(text) + 1),
            arrow.ParseOptions(newlines_in_values=True),
            arrow.ConvertOptions(
                include_columns=read,
                column_types=dict.fromkeys(read, kind),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    return (table.combine_chunks(), places) if table.num_rows == len(places) else None


def _chunks(table: Any, places: Array, header: tuple[str, ...], size: int) -> Iterator[RawChunk]:
    encoded = {name: _codes_of(table.column(name)) for name in table.column_names}
    parts = -(-len(places) // size)
    for rows in np.array_split(np.arange(len(places)), parts) if parts else []:
        columns = {name: _values(distinct, codes[rows]) for name, (distinct, codes) in encoded.items()}
        yield RawChunk(columns, len(rows), (places[rows] + 1).tolist(), names=header)


def _codes_of(column: Any) -> tuple[Array, Array]:
    (texts,) = column.chunks
    return np.array(texts.dictionary.to_pylist(), dtype=object), texts.indices.to_numpy().astype(np.int64)


def _values(distinct: Array, codes: Array) -> list[Any] | Array:
    """Texts of which most differ as a list, as the csv module gives them, and others as codes."""
    if len(distinct) * OFTEN > len(codes):
        values: list[Any] = distinct[codes].tolist()
        return values
    return categorical(distinct, codes)
