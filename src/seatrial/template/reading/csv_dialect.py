"""Recognises how a CSV file is written: its encoding, separator, quotes, whether it has a header or decimal commas."""

import csv
import io
import re
from collections import Counter

SAMPLE = 2**18  # characters in which separator and quotes are looked for
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?")


def encoding_of(data: bytes) -> tuple[str, str]:
    """Recognise an encoding, and say how sure that is."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, "by its mark"
    if data[1:400:2].count(0) > len(data[1:400:2]) * 0.8:
        return "utf-16-le", "recognised"
    if data[0:400:2].count(0) > len(data[0:400:2]) * 0.8:
        return "utf-16-be", "recognised"
    try:
        data.decode()
        return "utf-8", "recognised"
    except UnicodeDecodeError as error:
        sample = data[max(error.start - 2**14, 0) : error.start + 2**15]
    from charset_normalizer import from_bytes

    # Any bytes decode as one of the single-byte encodings, so a rare one is only believed when it reads much better.
    best = from_bytes(sample, threshold=0.3).best()
    foreign = best is not None and best.alphabets and not {"Basic Latin", "Latin-1 Supplement"} >= set(best.alphabets)
    if best is not None and foreign and not any("Latin" in a and "Basic" not in a for a in best.alphabets):
        return best.encoding.replace("_", "-"), "a guess"
    try:
        data.decode("cp1252")
        return "cp1252", "a guess; Latin-1 is a part of it"
    except UnicodeDecodeError:
        return "latin-1", "a guess"


def rows_of(text: str, separator: str, quote: str, *, whole: bool) -> list[list[str]]:
    """The rows of the beginning of a file; the last one may be cut and is left out."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote) if row]
    except csv.Error:
        return []
    return rows if whole or len(rows) < 2 else rows[:-1]


def usual_width(rows: list[list[str]]) -> int:
    """How many cells most rows have."""
    counts = Counter(map(len, rows[:500]))
    return max(counts, key=lambda width: (counts[width], width)) if counts else 0


def dialect_of(text: str, separator: str | None, *, whole: bool) -> tuple[str, str]:
    """Choose separator and quotes by which most rows come out alike, wide, and rarely with quotes left in a cell.

    csv.Sniffer takes letters for separators and gives up where quoted cells hold line breaks.
    """

    def worth(dialect: tuple[str, str]) -> tuple[float, int]:
        rows = rows_of(text, *dialect, whole=whole)[:500]
        width = usual_width(rows)
        if width < 2:
            return (0.0, 0)
        alike = sum(len(row) == width for row in rows) / len(rows)
        left = sum(cell[:1] == cell[-1:] == other for row in rows for cell in row if cell for other in "\"'")
        return (round(alike - left / sum(map(len, rows)), 2), width)

    quotes = "\"'" if re.search(r"(^|[,;\t|])'.*'([,;\t|]|$)", text, re.MULTILINE) else '"'
    options = [(s, q) for q in quotes for s in ([separator] if separator else SEPARATORS)]
    return max(options, key=worth)


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: it does unless it holds numbers where the rows below do."""
    if len(rows) < 2:
        return True
    first, below = rows[0], rows[1:200]
    numbers = [sum(bool(_NUMBER.fullmatch(r[i].strip())) for r in below if i < len(r)) for i in range(len(first))]
    numeric = [count > 0.9 * len(below) for count in numbers]
    named = [not _NUMBER.fullmatch(cell.strip()) for cell in first]
    return not any(numeric) or any(n and name for n, name in zip(numeric, named, strict=True))


def decimal_comma(rows: list[list[str]]) -> bool:
    """Whether numbers have commas, and none of them a point where the comma should be."""
    cells = [cell.strip() for row in rows[:2000] for cell in row]
    commas = sum(bool(re.fullmatch(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+", cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"[-+]?(\d*|\d{1,3}(,\d{3})+)\.\d+", cell)) for cell in cells)
    return commas > 0 and commas >= 20 * points
