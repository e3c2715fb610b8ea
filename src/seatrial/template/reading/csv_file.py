"""Reads CSV files as people have them: any separator, encoding, quotes, gzip; every column comes as strings.

What is recognised is told, and can be set. A file is read once, and its hash is taken of exactly what was read.
"""

import csv
import gzip
import hashlib
import io
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.template.reading.csv_cleanup import (
    above_header,
    beside_header,
    refuse_foreign,
    told_separator,
    without_repeats,
    without_totals,
)
from seatrial.template.reading.csv_dialect import (
    SAMPLE,
    SEPARATORS,
    decimal_comma,
    dialect_of,
    encoding_of,
    has_header,
    rows_of,
)
from seatrial.template.records import Fact, TableSource

LARGEST = 4 * 2**30  # bytes, after gzip; more does not fit into the memory of a laptop
LONGEST_LINE = 2**20
BLOCK = 2**20


@dataclass(frozen=True)
class CsvOptions:
    """What to take as given instead of recognising it."""

    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None

    def __post_init__(self) -> None:
        if self.separator is not None and (len(self.separator.encode()) != 1 or self.separator in "\"'\r\n"):
            raise SeatrialError(
                f"{self.separator!r} is no separator: it is one character, and no quote.",
                hint="Such as ; or | or tab. Left out, it is recognised.",
            )


def read_csv(path: Path, options: CsvOptions = CsvOptions()) -> TableSource:
    """Read a CSV file. Raises SeatrialError, with the line, for what is no table."""
    data, digest, zipped = _bytes_of(path)
    refuse_foreign(path.name, data)
    encoding, how = (options.encoding, "as told") if options.encoding else encoding_of(data)
    text = _decoded(path, data, encoding)
    told = told_separator(text)
    text = "\n" * bool(told) + text.partition("\n")[2] if told else text
    separator, quote = dialect_of(text[:SAMPLE], options.separator or told or None, whole=len(text) <= SAMPLE)
    cut, title = above_header(text, separator, quote) if options.header is not False else (0, "")
    if cut:  # as empty lines, so that an error names the line as it stands in the file
        text = "\n" * cut + text.split("\n", cut)[cut]
    first = list(rows_of(text[:SAMPLE], separator, quote, whole=len(text) <= SAMPLE))
    if not first:
        raise SeatrialError(f"{path.name} cannot be read as CSV.", hint="Name its separator, or save it as CSV again.")
    headed = has_header(first) if options.header is None else options.header
    names = [name.strip() for name in first[0]] if headed else [f"column_{n + 1}" for n in range(len(first[0]))]
    names, beside = beside_header(names, first[1:]) if headed else (names, "")
    if text.count(quote) % 2:
        _refuse_open_quote(path, text, separator, quote)
    above = len(text) - len(text.lstrip("\n"))  # arrow counts empty lines among those to skip
    table = _parse(path, text, separator, quote, names, skip=above + headed)
    read = table.num_rows
    if not table.num_rows:
        raise SeatrialError(f"{path.name} has a header and no rows.", hint="Name a file that has rows below it.")
    if text.rstrip("\n").count("\n") + 1 != table.num_rows + headed:  # line breaks within quotes, or a quote astray
        _refuse_open_quote(path, text, separator, quote)
    table, repeated = without_repeats(table, names) if headed else (table, "")
    table, totals = without_totals(table)
    if beside and not names[-1]:
        table, names = table.drop_columns(table.column_names[-1]), names[:-1]
    if sha256(path) != digest:
        raise SeatrialError(f"{path.name} changed while it was read.", hint="Run it again once the file is complete.")
    double = [name for name, count in Counter(names).items() if count > 1 and name]
    nameless = [given for given, name in zip(table.column_names, names, strict=True) if not name]
    comma = separator != "," and decimal_comma(first[1:])
    found = {
        "separator": SEPARATORS.get(separator, repr(separator)),
        "encoding": f"{encoding} ({how})",
        "header": "the first line" if headed else "none; columns are numbered",
        "lines above the header": f"{cut}, the first {title[:60]!r}" if cut else "",
        "beside the header": beside,
        "rows left out": " and ".join(part for part in (repeated, totals) if part),
        "quotes": f"{quote} around texts" if quote in text and quote != '"' else "",
        "compression": "gzip" if zipped else "",
        "columns of the same name": ", ".join(double),
        "columns without a name": ", ".join(nameless),
        "decimal mark": "comma" if comma else "",
    }
    plain = encoding in ("utf-8", "utf-8-sig", "ascii") and separator == "," and quote == '"' and headed
    as_it_stands = list(table.column_names) == first[0] and not above and table.num_rows == read and not beside
    clean = plain and not zipped and as_it_stands and path.suffix.lower() == ".csv"
    facts = tuple(Fact(name, value) for name, value in found.items() if value)
    return TableSource(path.name, table, facts, path, digest, clean, comma)


def _bytes_of(path: Path) -> tuple[bytes, str, bool]:
    """Read a file whole, unpacked, with its hash; give up early where a line has no end."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            total = hashlib.sha256()
            hashed = _Hashing(raw, total)
            stream: Any = gzip.GzipFile(fileobj=hashed) if zipped else hashed
            parts, size, line = [], 0, 1
            while block := stream.read(BLOCK):
                size += len(block)
                ends = block.count(b"\n") or block.count(b"\r")
                if not ends and len(block) == LONGEST_LINE:
                    raise SeatrialError(
                        f"{path.name}: line {line:,} is longer than {LONGEST_LINE // 2**20} MB.",
                        hint="Is it a table of text? Look for a quote that is never closed, or for missing line ends.",
                    )
                if size > LARGEST:
                    raise SeatrialError(
                        f"{path.name} is larger than {LARGEST // 2**30} GB.", hint="Take a sample of its rows."
                    )
                line += ends
                parts.append(block)
            while hashed.read(BLOCK):  # what may stand behind the end of a gzip stream
                pass
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SeatrialError(f"{path.name} is a damaged gzip file: {error}", hint="Copy it again.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror or error}") from None
    if not size:
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with a header and rows.")
    return b"".join(parts), total.hexdigest(), zipped


class _Hashing(io.RawIOBase):
    """A file that hashes what is read of it."""

    def __init__(self, file: Any, total: Any) -> None:
        self._file, self._total = file, total

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._file.read(size)
        self._total.update(block)
        return block

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError:
        raise SeatrialError(f"There is no encoding {encoding!r}.", hint="Try utf-8, utf-16 or cp1252.") from None
    except UnicodeDecodeError as error:
        raise SeatrialError(
            f"{path.name} is not {encoding}: byte {error.start:,} is none of its characters.",
            hint="Leave the encoding out to have it recognised, or name another.",
        ) from None
    text = text if "\r" not in text else text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise SeatrialError(f"{path.name} is empty.", hint="Name a file with a header and rows.")
    if "\x00" in text[:SAMPLE] or "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise SeatrialError(f"{path.name} holds a NUL byte in line {line:,}.", hint="It is no text, or it is damaged.")
    return text


def _parse(path: Path, text: str, separator: str, quote: str, names: list[str], *, skip: int) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow

    unique = [f"c{n}" for n in range(len(names))]
    try:
        table = arrow.read_csv(
            pa.BufferReader(text.encode("utf-8", "surrogatepass")),
            read_options=arrow.ReadOptions(
                column_names=unique, skip_rows_after_names=skip, block_size=16 * LONGEST_LINE
            ),
            parse_options=arrow.ParseOptions(delimiter=separator, quote_char=quote, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(unique, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        _refuse_ragged(path, text, separator, quote, len(names))
        raise SeatrialError(f"{path.name} is no proper CSV: {str(error).splitlines()[0]}") from None
    return table.rename_columns(told_apart(names))


def told_apart(names: list[str]) -> list[str]:
    """Number columns of the same name, and name those without one."""
    taken = set(names)
    seen: set[str] = set()
    result = []
    for position, name in enumerate(names):
        own = name or f"column_{position + 1}"
        number = 2
        while own in seen or (own != name and own in taken):
            own, number = f"{name or 'column'}_{number}", number + 1
        seen.add(own)
        result.append(own)
    return result


def _refuse_ragged(path: Path, text: str, separator: str, quote: str, width: int) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote)
    line = 1
    try:
        for row in reader:
            if row and len(row) != width:
                astray = f"Is a {SEPARATORS.get(separator, separator)} in a text that needs quotes?"
                raise SeatrialError(
                    f"{path.name}: line {line:,} has {len(row)} cell{'s' * (len(row) != 1)}, the first has {width}.",
                    hint=astray if len(row) > width else "Is the line cut off, or no row of the table?",
                )
            line = reader.line_num + 1
    except csv.Error as error:
        raise SeatrialError(f"{path.name}: line {line:,} is no proper CSV: {error}.") from None


def _refuse_open_quote(path: Path, text: str, separator: str, quote: str) -> None:
    """Raise where a quote is opened and never closed; an odd one inside a text is a character like any other."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote, strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        if reader.line_num > text.rstrip("\n").count("\n"):
            raise SeatrialError(
                f"{path.name}: a quote is opened in line {line:,} and never closed.",
                hint=f"Close it, or write {quote}{quote} for a quote in a quoted text.",
            ) from None
        raise SeatrialError(
            f"{path.name}: line {reader.line_num:,} has a quote that is neither the end of its text nor doubled.",
            hint=f"Write {quote}{quote} for a quote in a quoted text.",
        ) from None
