"""Detects how a CSV file is written: its encoding, separator and quotes, whether it has a header and decimal commas."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

csv.field_size_limit(2**30)  # a cell may be as long as a line; the module's own limit is 128 KiB
SAMPLE = 2**18  # characters in which separator and quotes are looked for
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", ":": "colon", " ": "space"}
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LONG_WORD = re.compile(r"([^,;\t|: \"'\n]{200})[^,;\t|: \"'\n]+")  # CleverCSV needs time quadratic in its length
_DECIMAL_COMMA = re.compile(r"[-+]?(\d*,(\d{1,2}|\d{4,})|0?,\d+|\d{1,3}(\.\d{3})+,\d+)")
_DECIMAL_POINT = re.compile(r"[-+]?(\d*\.(\d{1,2}|\d{4,})|0?\.\d+|\d{1,3}(,\d{3})+\.\d+)")
_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?")


def encoding_of(data: bytes, usual: str = "") -> tuple[str, str]:
    """Detect an encoding, and say how certain that is; `usual` is preferred to a guess."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name, "by its byte order mark"
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[first:400:2].count(0) > len(data[first:400:2]) * 0.8:
            return name, "detected"
    try:
        data.decode()
        return "utf-8", "detected"
    except UnicodeDecodeError as error:
        sample = data[max(error.start - 2**14, 0) : error.start + 2**15]
    with suppress(UnicodeDecodeError, LookupError):
        if usual:
            data.decode(usual)
            return usual, "as usual in this project"
    from charset_normalizer import from_bytes

    # Any bytes decode as one of the single-byte encodings, so a rare one is only accepted if it reads much better.
    best = from_bytes(sample, threshold=0.3).best()
    foreign = best is not None and best.alphabets and not {"Basic Latin", "Latin-1 Supplement"} >= set(best.alphabets)
    if best is not None and foreign and not any("Latin" in a and "Basic" not in a for a in best.alphabets):
        return best.encoding.replace("_", "-"), "a guess"
    try:
        data.decode("cp1252")
        return "cp1252", "a guess; Latin-1 is a subset of it"
    except UnicodeDecodeError:
        return "latin-1", "a guess"


def rows_of(text: str, separator: str, quote: str, *, whole: bool) -> list[list[str]]:
    """The rows at the beginning of a file; the last one may be cut off and is left out unless the text is `whole`."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote) if row]
    except csv.Error:
        return []
    return rows if whole or len(rows) < 2 else rows[:-1]


def usual_width(rows: list[list[str]]) -> int:
    """The number of cells that most rows have."""
    counts = Counter(map(len, rows[:500]))
    return max(counts, key=lambda width: (counts[width], width)) if counts else 0


def dialect_of(text: str, separator: str | None) -> tuple[str, str]:
    """Choose the separator, unless it is set, and the quote.

    CleverCSV compares how regular the rows and how plausible the cells are under each dialect. On the files of
    benchmarks/results/csv_readers.md it is right more often than DuckDB's sniffer and our own former rule.
    """
    mark = re.escape(separator or "")
    if separator and not re.search(rf"(^|{mark})[^\S\n]*'[^'\n]*'[^\S\n]*({mark}|$)", text, re.MULTILINE):
        return separator, '"'  # nothing else could be a quote

    from clevercsv import Detector

    aligned = "  " in text.lstrip("\n").partition("\n")[0]  # columns padded with spaces, which do not separate cells
    possible = [separator] if separator else [mark for mark in SEPARATORS if mark != " " or not aligned]
    dialect = Detector().detect(_LONG_WORD.sub(r"\1", text), delimiters=possible)
    if dialect is None:
        return separator or ",", '"'
    return dialect.delimiter or separator or ",", dialect.quotechar or '"'


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: it does unless it has numbers where the rows below have numbers."""
    if len(rows) < 2:
        return True
    first, below = rows[0], rows[1:200]
    numbers = [sum(bool(_NUMBER.fullmatch(r[i].strip())) for r in below if i < len(r)) for i in range(len(first))]
    numeric = [count > 0.9 * len(below) for count in numbers]
    named = [not _NUMBER.fullmatch(cell.strip()) for cell in first]
    return not any(numeric) or any(n and name for n, name in zip(numeric, named, strict=True))


def shown_marks(cells: Iterable[str]) -> dict[str, list[str]]:
    """The numbers that show their decimal mark, by the mark: a comma or a point.

    Before exactly three digits it may separate thousands, and shows nothing.
    """
    shown: dict[str, list[str]] = {",": [], ".": []}
    for cell in cells:
        if _DECIMAL_COMMA.fullmatch(cell):
            shown[","].append(cell)
        elif _DECIMAL_POINT.fullmatch(cell):
            shown["."].append(cell)
    return shown


def decimal_mark(rows: list[list[str]], separator: str) -> str:
    """The decimal mark of most numbers that show one; if none does, a point between commas, and "" in other tables."""
    shown = shown_marks(cell.strip() for row in rows[:2000] for cell in row)
    commas, points = len(shown[","]), len(shown["."])
    if commas > 0 and commas >= 20 * points:
        return ","
    return "." if points > 0 or separator == "," else ""
