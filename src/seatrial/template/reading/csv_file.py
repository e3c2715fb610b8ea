"""Reads CSV files as people have them: any separator, encoding, quotes, gzip; every column comes as strings.

What is detected is reported, and can be set instead. A file is read once, and the hash is of exactly what was read.
"""

import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.model.file_formats import refuse_other_formats
from seatrial.template.reading.arrow_types import unique_names
from seatrial.template.reading.csv_cleanup import (
    declared_separator,
    lines_above_header,
    with_unnamed_column,
    without_repeats,
    without_totals,
)
from seatrial.template.reading.csv_dialect import (
    SAMPLE,
    SEPARATORS,
    decimal_mark,
    dialect_of,
    encoding_of,
    has_header,
    rows_of,
)
from seatrial.template.records import DecimalMark, TableSource

LARGEST = 4 * 2**30  # bytes, unpacked; more does not fit into a laptop's memory
LONGEST_LINE = 2**20
BLOCK = 2**20


@dataclass(frozen=True)
class CsvOptions:
    """What to use instead of detecting it; `usual_encoding` in place of a guess."""

    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None
    decimal: str | None = None
    usual_encoding: str = ""

    def __post_init__(self) -> None:
        if self.decimal not in (None, ",", "."):
            raise SeatrialError(f"{self.decimal!r} is not a decimal mark.", hint="It is a comma or a point: , or .")
        if self.separator is not None and (len(self.separator.encode()) != 1 or self.separator in "\"'\r\n"):
            raise SeatrialError(
                f"{self.separator!r} is not a separator: it must be a single character other than a quote.",
                hint="For example ; or | or tab. Without the option, the separator is detected.",
            )


@dataclass(frozen=True)
class _Text:
    """The decoded text of a file, and how its cells are separated and quoted."""

    path: Path
    text: str
    separator: str
    quote: str

    def first_rows(self) -> list[list[str]]:
        return rows_of(self.text[:SAMPLE], self.separator, self.quote, whole=len(self.text) <= SAMPLE)

    def reader(self, *, strict: bool = False) -> Any:
        csv.field_size_limit(max(csv.field_size_limit(), len(self.text)))
        lines = io.StringIO(self.text, newline="")
        return csv.reader(lines, delimiter=self.separator, quotechar=self.quote, strict=strict)


def read_csv(path: Path, options: CsvOptions = CsvOptions()) -> TableSource:
    """Read a CSV file. Raises SeatrialError, with the line, for what is not a table."""
    data, digest, packed = _bytes_of(path)
    refuse_other_formats(path, data)
    known = (options.encoding, "as set") if options.encoding else None
    encoding, certainty = known or encoding_of(data, options.usual_encoding)
    content = _decoded(path, data, encoding)
    declared = declared_separator(content)
    content = "\n" + content.partition("\n")[2] if declared else content
    sample = content if len(content) <= SAMPLE else content[:SAMPLE].rpartition("\n")[0] or content[:SAMPLE]
    dialect = dialect_of(sample, options.separator or declared or None)
    above, title = lines_above_header(content, *dialect) if options.header is not False else (0, "")
    if above:  # emptied and not removed, so that an error names the line by its number in the file
        content = "\n" * above + content.split("\n", above)[above]
    text = _Text(path, content, *dialect)
    first = text.first_rows()
    if not first:
        raise SeatrialError(
            f"{path.name} cannot be read as CSV.", hint="Set the separator, or save the file as CSV again."
        )
    headed = has_header(first) if options.header is None else options.header
    names = [name.strip() for name in first[0]] if headed else [f"column_{n + 1}" for n in range(len(first[0]))]
    names, unnamed = with_unnamed_column(names, first[1:]) if headed else (names, "")
    if content.count(text.quote) % 2:
        _refuse_stray_quotes(text)
    empty = len(content) - len(content.lstrip("\n"))  # arrow counts empty lines among those to skip
    table = _parse(text, names, skip=empty + headed)
    read = table.num_rows
    if not read:
        raise SeatrialError(f"{path.name} has a header and no rows.", hint="Name a file that has rows below it.")
    if content.rstrip("\n").count("\n") + 1 != read + headed:  # line breaks within quotes, or a stray quote
        _refuse_stray_quotes(text)
    table, repeated = without_repeats(table, names) if headed else (table, "")
    table, totals = without_totals(table)
    if unnamed and not names[-1]:
        table, names = table.drop_columns(table.column_names[-1]), names[:-1]
    if sha256(path) != digest:
        raise SeatrialError(
            f"{path.name} changed while it was being read.", hint="Run it again once the file is complete."
        )
    mark = options.decimal or decimal_mark(first[1:], text.separator)
    one_line_each = content.rstrip("\n").count("\n") + 1 == empty + headed + read == empty + headed + table.num_rows
    shown = {
        "separator": SEPARATORS.get(text.separator, repr(text.separator)),
        "encoding": f"{encoding} ({certainty})",
        "header": "the first line" if headed else "none; columns are numbered",
        "lines above the header": f"{above}, the first {title[:60]!r}" if above else "",
        "cells beyond the header": unnamed,
        "rows left out": " and ".join(part for part in (repeated, totals) if part),
        "quotes": f"{text.quote} around text" if text.quote in content and text.quote != '"' else "",
        "compression": packed,
        "columns with the same name": ", ".join(n for n, count in Counter(names).items() if count > 1 and n),
        "columns without a name": ", ".join(
            new for new, name in zip(table.column_names, names, strict=True) if not name
        ),
        "decimal mark": "comma" if mark == "," else "",
    }
    plain = encoding in ("utf-8", "utf-8-sig", "ascii") and dialect == (",", '"') and headed and not packed
    unchanged = list(table.column_names) == first[0] and not empty and table.num_rows == read and not unnamed
    clean = plain and unchanged and path.suffix.lower() == ".csv"
    facts = {name: value for name, value in shown.items() if value}
    return TableSource(
        path.name,
        table,
        facts,
        path,
        digest,
        clean,
        DecimalMark(mark, options.decimal is not None),
        text.separator,
        encoding,
        headed,
        empty + headed + 1 if one_line_each else 0,
    )


def _bytes_of(path: Path) -> tuple[bytes, str, str]:
    """Read a whole file, unpacked, with its hash and how it was packed; stop early at a line that does not end."""
    try:
        too_large = path.stat().st_size > LARGEST
        with path.open("rb") as file:
            packing = {b"\x1f\x8b": "gzip", b"PK": "zip"}.get(file.read(2), "")
            file.seek(0)
            packed = file.read() if packing and not too_large else b""
            stream: Any = _unpacked(path, packing, packed) if packing else file
            parts, size, line = [], 0, 1
            while not too_large and (block := stream.read(BLOCK)):
                size += len(block)
                too_large = size > LARGEST
                ends = block.count(b"\n") or block.count(b"\r")
                if not ends and len(block) == LONGEST_LINE:
                    raise SeatrialError(
                        f"{path.name}: line {line:,} is longer than {LONGEST_LINE // 2**20} MB.",
                        hint="Look for a quote that is never closed, or for missing line ends.",
                    )
                line += ends
                parts.append(block)
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, zipfile.BadZipFile):
            refuse_other_formats(path, packed)
        raise SeatrialError(f"{path.name} is a damaged {packing} file: {error}", hint="Copy it again.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror or error}") from None
    if too_large:
        raise SeatrialError(f"{path.name} is larger than {LARGEST // 2**30} GB.", hint="Take a sample of its rows.")
    if not size:
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with a header and rows.")
    data = b"".join(parts)
    return data, hashlib.sha256(packed or data).hexdigest(), packing


def _unpacked(path: Path, packing: str, packed: bytes) -> Any:
    """The one file in a packed one, as a stream."""
    if packing == "gzip":
        return gzip.GzipFile(fileobj=io.BytesIO(packed))
    archive = zipfile.ZipFile(io.BytesIO(packed))
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if {"[Content_Types].xml", "mimetype"} & {*names}:
        refuse_other_formats(path, packed)  # a workbook under another name
    if len(names) != 1:
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise SeatrialError(f"{path.name} has {len(names)} files: {listed}.", hint="Unpack it, and name one of them.")
    return archive.open(names[0])


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError:
        raise SeatrialError(f"{encoding!r} is not a known encoding.", hint="Try utf-8, utf-16 or cp1252.") from None
    except UnicodeDecodeError as error:
        raise SeatrialError(
            f"{path.name} is not {encoding}: byte {error.start:,} cannot be decoded.",
            hint="Leave the encoding out to have it detected, or set another.",
        ) from None
    text = text if "\r" not in text else text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with a header and rows.")
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise SeatrialError(
            f"{path.name} has a NUL byte in line {line:,}.", hint="It is not a text file, or it is damaged."
        )
    return text


def _parse(text: _Text, names: list[str], *, skip: int) -> Any:
    positions = [f"c{n}" for n in range(len(names))]
    try:
        table = arrow.read_csv(
            pa.BufferReader(text.text.encode("utf-8", "surrogatepass")),
            read_options=arrow.ReadOptions(
                column_names=positions, skip_rows_after_names=skip, block_size=16 * LONGEST_LINE
            ),
            parse_options=arrow.ParseOptions(delimiter=text.separator, quote_char=text.quote, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(positions, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        _refuse_ragged(text, len(names))
        raise SeatrialError(f"{text.path.name} is not valid CSV: {str(error).splitlines()[0]}") from None
    return table.rename_columns(unique_names(names))


def _refuse_ragged(text: _Text, width: int) -> None:
    """Raise SeatrialError at the first row whose number of cells is not `width`."""
    name, reader, line = text.path.name, text.reader(), 1
    try:
        for row in reader:
            if row and len(row) != width:
                unquoted = f"Is there a {SEPARATORS.get(text.separator, text.separator)} in a text without quotes?"
                raise SeatrialError(
                    f"{name}: line {line:,} has {len(row)} cell{'s' * (len(row) != 1)}, the first line has {width}.",
                    hint=unquoted if len(row) > width else "The line may be cut off, or may not belong to the table.",
                )
            line = reader.line_num + 1
    except csv.Error as error:
        raise SeatrialError(f"{name}: line {line:,} is not valid CSV: {error}.") from None


def _refuse_stray_quotes(text: _Text) -> None:
    """Raise SeatrialError if a quote is opened and never closed; one inside unquoted text is an ordinary character."""
    name, quote, reader, line = text.path.name, text.quote, text.reader(strict=True), 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        if reader.line_num > text.text.rstrip("\n").count("\n"):
            raise SeatrialError(
                f"{name}: a quote is opened in line {line:,} and never closed.",
                hint=f"Close it, or write {quote}{quote} for a quote in a quoted text.",
            ) from None
        raise SeatrialError(
            f"{name}: line {reader.line_num:,} has a quote that neither ends its text nor is doubled.",
            hint=f"Write {quote}{quote} for a quote in a quoted text.",
        ) from None
