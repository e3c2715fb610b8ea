"""Measures our CSV reader next to DuckDB and CleverCSV on messy files whose content is known.

The kinds of mess are those of Pollock (Vitagliano et al., "Pollock: A Data Loading Benchmark", VLDB 2023), generated
anew: each file is written from a random table by one rule, so its content is known by construction. The rules were
fixed before any reader was run on them, and no reader was tuned on them. With the seed 20261128 they led us to replace
our own rule for separators and quotes by CleverCSV's; the published figures are from another seed.

    python -m venv bench && bench/bin/pip install -e '.[cli]' duckdb
    bench/bin/python benchmarks/csv_readers.py > benchmarks/results/csv_readers.md
"""

import csv
import io
import random
import re
import string
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

FILES = 20  # of each kind
SEED = 20261129
Rows = list[list[str]]
WORDS = (
    *("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbour", "island", "jetty", "kelp", "lagoon"),
    *("marsh", "north", "oasis", "pier", "quay", "reef", "shoal", "tide"),
)


@dataclass(frozen=True)
class MessyFile:
    """A file, and the header (None where it has none) and rows it contains; no rows where a reader should refuse it."""

    kind: str
    content: bytes
    header: list[str] | None
    rows: Rows | None


def random_table(draw: random.Random, *, rows: int = 0, plain: bool = False) -> tuple[list[str], Rows]:
    """A header and rows: numbers, amounts, days, times, codes, names, links and sentences, some of them missing."""
    makers: dict[str, Callable[[], str]] = {
        "id": lambda: str(draw.randint(1, 10**6)),
        "amount": lambda: f"{draw.uniform(0, 5000):.2f}",
        "day": lambda: f"20{draw.randint(10, 29)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
        "time": lambda: f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}",
        "code": lambda: "".join(draw.choices(string.ascii_uppercase, k=3)) + str(draw.randint(10, 99)),
        "place": lambda: draw.choice(WORDS),
        "link": lambda: f"https://example.org/{draw.choice(WORDS)}?a={draw.randint(1, 9)}",
        "remark": lambda: " ".join(draw.choices(WORDS, k=draw.randint(2, 7))),
    }
    if not plain:
        makers["remark"] = lambda: draw.choice(
            [
                ", ".join(draw.choices(WORDS, k=3)),
                f'the "{draw.choice(WORDS)}" one',
                f"{draw.choice(WORDS)}; {draw.choice(WORDS)}",
                " ".join(draw.choices(WORDS, k=5)),
            ]
        )
    header = draw.sample(sorted(makers), draw.randint(3, len(makers)))
    if not {"id", "amount", "day"} & set(header):
        header[0] = "amount"
    count = rows or draw.randint(8, 60)
    gaps = draw.choice([0.0, 0.0, 0.08])
    made = [
        ["" if n and draw.random() < gaps else makers[name]() for n, name in enumerate(header)] for _ in range(count)
    ]
    return [f"{name}{draw.choice(['', '_x', ' total'])}" for name in header], made


def written(rows: Rows, separator: str = ",", quote: str = '"', end: str = "\n", **options: Any) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quotechar=quote, lineterminator=end, **options).writerows(rows)
    return text.getvalue()


def messy_files() -> Iterator[MessyFile]:
    """Every file of the corpus."""
    for kind, make in KINDS.items():
        for number in range(FILES):
            draw = random.Random(f"{SEED} {kind} {number}")
            content, header, rows = make(draw)
            yield MessyFile(kind, content if isinstance(content, bytes) else content.encode(), header, rows)


def _dialect(**options: Any) -> Callable[[random.Random], Any]:
    def make(draw: random.Random) -> Any:
        header, rows = random_table(draw)
        return written([header, *rows], **options), header, rows

    return make


def _encoded(encoding: str, words: str) -> Callable[[random.Random], Any]:
    def make(draw: random.Random) -> Any:
        header, rows = random_table(draw, plain=True)
        header, rows = [*header, "note"], [[*row, draw.choice(words.split(","))] for row in rows]
        return written([header, *rows]).encode(encoding), header, rows

    return make


def _around(change: Callable[[random.Random, list[str], Rows], str]) -> Callable[[random.Random], Any]:
    """A table of plain cells with something around or between its lines."""

    def make(draw: random.Random) -> Any:
        header, rows = random_table(draw)
        return change(draw, header, rows), header, rows

    return make


def _refused(change: Callable[[random.Random, list[str], Rows], str | bytes]) -> Callable[[random.Random], Any]:
    """A file whose content cannot be known: it is right to refuse it."""

    def make(draw: random.Random) -> Any:
        header, rows = random_table(draw)
        return change(draw, header, rows), None, None

    return make


def _preamble(draw: random.Random, header: list[str], rows: Rows) -> str:
    lines = [" ".join(draw.choices(WORDS, k=draw.randint(2, 6))).capitalize() for _ in range(draw.randint(1, 5))]
    return "\n".join([*lines, *[""] * draw.randint(0, 1), ""]) + written([header, *rows])


def _padded_preamble(draw: random.Random, header: list[str], rows: Rows) -> str:
    lines = [f"{draw.choice(WORDS).capitalize()} report{',' * (len(header) - 1)}" for _ in range(draw.randint(1, 3))]
    return "\n".join([*lines, ""]) + written([header, *rows])


def _footnotes(draw: random.Random, header: list[str], rows: Rows) -> str:
    return written([header, *rows]) + f"\nSource: {' '.join(draw.choices(WORDS, k=4))}\n"


def _totals(draw: random.Random, header: list[str], rows: Rows) -> str:
    return written([header, *rows, ["Total", *(str(draw.randint(100, 999)) for _ in header[1:])]])


def _spaced_out(draw: random.Random, header: list[str], rows: Rows) -> str:
    lines = written([header, *rows]).splitlines()
    for _ in range(draw.randint(1, 4)):
        lines.insert(draw.randint(2, len(lines)), "")
    return "\n".join(lines) + "\n"


def _mixed_ends(draw: random.Random, header: list[str], rows: Rows) -> str:
    return "".join(line + draw.choice(["\n", "\r\n"]) for line in written([header, *rows]).splitlines())


def _ragged(draw: random.Random, header: list[str], rows: Rows) -> str:
    rows = [list(row) for row in rows]
    spot = draw.randrange(2, len(rows))
    rows[spot] = rows[spot][:-1] if draw.random() < 0.5 else [*rows[spot], "extra"]
    return written([header, *rows])


def _open_quote(draw: random.Random, header: list[str], rows: Rows) -> str:
    lines = written([[cell.replace('"', "") for cell in row] for row in [header, *rows]], quoting=csv.QUOTE_ALL)
    spot = draw.choice([n for n, c in enumerate(lines) if c == '"' and lines[n + 1 : n + 2] == "\n"])
    return lines[:spot] + lines[spot + 1 :]


def _nul(draw: random.Random, header: list[str], rows: Rows) -> bytes:
    text = written([header, *rows]).encode()
    spot = draw.randrange(len(text) // 2, len(text))
    return text[:spot] + b"\0" + text[spot:]


def _two_tables(draw: random.Random, header: list[str], rows: Rows) -> str:
    other, more = random_table(draw)
    return written([header, *rows]) + "\n" + written([[*other, "other"], *([*row, "x"] for row in more)])


def _backslash(draw: random.Random) -> Any:
    header, rows = random_table(draw)
    return written([header, *rows], doublequote=False, escapechar="\\"), header, rows


def _no_header(draw: random.Random) -> Any:
    _, rows = random_table(draw)
    return written(rows), None, rows


def _unit_row(draw: random.Random) -> Any:
    header, rows = random_table(draw, plain=True)
    return written([header, [f"[{draw.choice(['kg', 'EUR', 'm', '-'])}]" for _ in header], *rows]), header, rows


def _many_lines(draw: random.Random) -> Any:
    header, rows = random_table(draw, plain=True)
    header, rows = [*header, "text"], [[*row, "\n".join(draw.choices(WORDS, k=draw.randint(1, 4)))] for row in rows]
    return written([header, *rows]), header, rows


def _mixed_types(draw: random.Random) -> Any:
    header, rows = random_table(draw)
    rows = [
        [draw.choice([cell, "n/a", "see below", "12 %"]) if draw.random() < 0.2 else cell for cell in r] for r in rows
    ]
    return written([header, *rows]), header, rows


def _decimal_comma(draw: random.Random) -> Any:
    header, rows = random_table(draw, plain=True)
    rows = [[cell.replace(".", ",") if cell[:1].isdigit() else cell for cell in row] for row in rows]
    return written([header, *rows], separator=";"), header, rows


def _few_rows(draw: random.Random) -> Any:
    header, rows = random_table(draw, rows=draw.randint(1, 3))
    return written([header, *rows], separator=draw.choice(",;\t|")), header, rows


def _numbers_only(draw: random.Random) -> Any:
    width = draw.randint(3, 8)
    rows = [[f"{draw.gauss(0, 9):.3f}" for _ in range(width)] for _ in range(draw.randint(10, 50))]
    header = [f"{2015 + n}" for n in range(width)]
    return (
        written([["year-to-year", *header], *([f"s{n}", *row] for n, row in enumerate(rows))]),
        (["year-to-year", *header]),
        [[f"s{n}", *row] for n, row in enumerate(rows)],
    )


def _blank_columns(draw: random.Random) -> Any:
    header, rows = random_table(draw)
    before = draw.randint(0, 1)
    return (
        written([[*[""] * before, *row, ""] for row in [header, *rows]]),
        [*[""] * before, *header, ""],
        [[*[""] * before, *row, ""] for row in rows],
    )


KINDS: dict[str, Callable[[random.Random], Any]] = {
    "comma": _dialect(),
    "semicolon": _dialect(separator=";"),
    "tab": _dialect(separator="\t"),
    "vertical bar": _dialect(separator="|"),
    "colon": _dialect(separator=":"),
    "space": _dialect(separator=" "),
    "everything quoted": _dialect(quoting=csv.QUOTE_ALL),
    "single quotes": _dialect(quote="'", quoting=csv.QUOTE_ALL),
    "backslash before quotes": _backslash,
    "line breaks in cells": _many_lines,
    "blank after separators": _around(
        lambda _, header, rows: written([header, *rows], quoting=csv.QUOTE_ALL).replace('","', '", "')
    ),
    "CR LF": _dialect(end="\r\n"),
    "CR": _dialect(end="\r"),
    "mixed line ends": _around(_mixed_ends),
    "no line end at the end": _around(lambda _, header, rows: written([header, *rows]).rstrip("\n")),
    "UTF-8 with a mark": _encoded("utf-8-sig", "Größe,naïve,señor"),
    "UTF-16": _encoded("utf-16", "Größe,naïve,señor"),
    "Latin-1": _encoded("latin-1", "Größe,naïve,señor"),
    "Windows-1252": _encoded("cp1252", "10 €,“quoted”,señor"),
    "Windows-1251": _encoded("cp1251", "красный цвет,синяя волна,зелёный лес"),
    "lines above": _around(_preamble),
    "padded lines above": _around(_padded_preamble),
    "comments above": _around(
        lambda draw, header, rows: f"# {draw.choice(WORDS)}\n# made by a tool\n" + written([header, *rows])
    ),
    "Excel's sep= line": _around(lambda _, header, rows: "sep=;\n" + written([header, *rows], separator=";")),
    "empty lines above": _around(lambda draw, header, rows: "\n" * draw.randint(1, 3) + written([header, *rows])),
    "empty lines between": _around(_spaced_out),
    "unit row below the header": _unit_row,
    "no header": _no_header,
    "years as a header": _numbers_only,
    "footnote": _around(_footnotes),
    "totals": _around(_totals),
    "separator at line ends": _around(lambda _, h, rows: written([h]) + written([[*row, ""] for row in rows])),
    "row names without a name": _around(
        lambda _, header, rows: written([header]) + written([[f"r{n}", *row] for n, row in enumerate(rows)])
    ),
    "blank columns": _blank_columns,
    "header repeated": _around(
        lambda _, header, rows: written([header, *rows[:4], header, *rows[4:]])
    ),
    "decimal comma": _decimal_comma,
    "mixed types": _mixed_types,
    "three rows at most": _few_rows,
    "ragged row": _refused(_ragged),
    "quote never closed": _refused(_open_quote),
    "NUL byte": _refused(_nul),
    "two tables": _refused(_two_tables),
}  # fmt: skip


# -- readers: a file's path -> its header and rows as strings; an exception is a refusal


def ours(path: Path) -> tuple[list[str], Rows]:
    """Our reader, with the separator and the quote from CleverCSV."""
    from seatrial.template.reading.csv_file import read_csv

    return _of_arrow(read_csv(path).table)


def _of_arrow(table: Any) -> tuple[list[str], Rows]:
    columns = [[value or "" for value in column.to_pylist()] for column in table.columns]
    return list(table.column_names), [list(row) for row in zip(*columns, strict=True)]


def duckdb(path: Path) -> tuple[list[str], Rows]:
    """DuckDB's read_csv, all of it recognised."""
    import duckdb as library

    result = library.connect().execute("SELECT * FROM read_csv(?, all_varchar = true)", [str(path)])
    return [name[0] for name in result.description], [[cell or "" for cell in row] for row in result.fetchall()]


def clevercsv(path: Path) -> tuple[list[str], Rows]:
    """CleverCSV's own reading of a file, encoding and all."""
    import clevercsv as library

    rows = [list(row) for row in library.read_table(str(path))]
    return rows[0], [row for row in rows[1:] if row]


def ours_by_duckdb(path: Path) -> tuple[list[str], Rows]:
    """Our reader with the separator and the quote from DuckDB's sniffer."""
    import duckdb as library

    def sniffed(text: str, separator: str | None) -> tuple[str, str]:
        with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            fixed = f", delim = '{separator}'" if separator else ""
            query = f"SELECT Delimiter, Quote FROM sniff_csv('{file.name}'{fixed})"
            dialect = library.connect().execute(query).fetchone()
        return dialect[0], dialect[1].replace("(empty)", "") or '"'

    return _ours_with(sniffed, path)


def ours_by_former_rule(path: Path) -> tuple[list[str], Rows]:
    """Our reader with the rule that it had before: the most regular rows, of four separators and two quotes."""

    def chosen(text: str, separator: str | None) -> tuple[str, str]:
        quotes = "\"'" if re.search(r"(^|[,;\t|])'.*'([,;\t|]|$)", text, re.MULTILINE) else '"'
        options = [(mark, quote) for quote in quotes for mark in ([separator] if separator else ",;\t|")]
        return max(options, key=lambda dialect: _regularity(text, *dialect))

    return _ours_with(chosen, path)


def _regularity(text: str, separator: str, quote: str) -> tuple[float, int]:
    from seatrial.template.reading.csv_dialect import rows_of, usual_width

    rows = rows_of(text, separator, quote, whole=True)[:500]
    width = usual_width(rows)
    if width < 2:
        return (0.0, 0)
    regular = sum(len(row) == width for row in rows) / len(rows)
    quoted = sum(cell[:1] == cell[-1:] == mark for row in rows for cell in row if cell for mark in "\"'")
    return (round(regular - quoted / sum(map(len, rows)), 2), width)


def _ours_with(dialect: Callable[..., tuple[str, str]], path: Path) -> tuple[list[str], Rows]:
    with mock.patch("seatrial.template.reading.csv_file.dialect_of", dialect):
        return ours(path)


READERS: dict[str, Callable[[Path], tuple[list[str], Rows]]] = {
    "ours": ours,
    "ours, former rule": ours_by_former_rule,
    "ours, dialect by DuckDB": ours_by_duckdb,
    "DuckDB": duckdb,
    "CleverCSV": clevercsv,
}


# -- the comparison


def outcome(reader: Callable[[Path], tuple[list[str], Rows]], path: Path, file: MessyFile) -> str:
    """Whether a file is read as it was meant ("right"), refused, or read as something else ("wrong")."""
    try:
        header, rows = reader(path)
    except Exception:  # whatever a reader raises is its refusal
        return "right" if file.rows is None else "refused"
    if file.rows is None:
        return "wrong"
    return "right" if _same(header, rows, file) else "wrong"


def _same(header: list[str], rows: Rows, file: MessyFile) -> bool:
    """Equal but for blanks around cells, names made up for nameless columns, and nameless columns that are empty."""
    assert file.rows is not None
    names = file.header or [""] * len(file.rows[0])
    named = [n for n, name in enumerate(names) if name or any(row[n] for row in file.rows)]
    extra = len(header) - len(named)
    if extra < 0:
        return False
    starts = {0, extra} if extra <= 1 else {0, 1}  # a column of row names before them, or an empty one around them
    for start in starts:
        shift = [n + start for n in range(len(named))] if extra else list(range(len(named)))
        if any(n >= len(header) for n in shift):
            continue
        headers_match = all(not names[n] or header[m].strip() == names[n] for n, m in zip(named, shift, strict=True))
        cells = [[row[m].strip() for m in shift if m < len(row)] for row in rows]
        if headers_match and cells == [[row[n].strip() for n in named] for row in file.rows]:
            return True
    return False


def measure() -> tuple[dict[str, dict[str, Counter[str]]], dict[str, float]]:
    """Outcomes by kind and reader, and the seconds that each reader took."""
    results: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    seconds: dict[str, float] = dict.fromkeys(READERS, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text("a,b\n1,2\n3,4\n")
        for reader in READERS.values():
            outcome(reader, path, MessyFile("", b"", ["a", "b"], [["1", "2"], ["3", "4"]]))  # load what it needs
        for file in messy_files():
            path.write_bytes(file.content)
            for name, reader in READERS.items():
                begun = time.process_time()
                results[file.kind][name][outcome(reader, path, file)] += 1
                seconds[name] += time.process_time() - begun
            print(f"{file.kind:<30}", end="\r", file=sys.stderr)
    return results, seconds


def main() -> None:
    """Print the comparison as Markdown."""
    results, seconds = measure()
    total = len(KINDS) * FILES
    head = "| | " + " | ".join(READERS) + " |\n| --- |" + " ---: |" * len(READERS)
    print(PAGE.format(kinds=len(KINDS), files=FILES, seed=SEED, **{name: version(name) for name in LIBRARIES}))
    print(head)
    for word in ("right", "refused", "wrong"):
        shares = [sum(kind[name][word] for kind in results.values()) / total for name in READERS]
        print(f"| {word} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    print("| ms per file | " + " | ".join(f"{1000 * seconds[name] / total:.0f}" for name in READERS) + " |\n")
    print("Files read right, by kind; in brackets those read wrong:\n")
    print(head)
    for kind, by_reader in results.items():
        counts = [(by_reader[name]["right"], by_reader[name]["wrong"]) for name in READERS]
        print(
            f"| {kind} | " + " | ".join(f"{right} ({wrong})" if wrong else f"{right}" for right, wrong in counts) + " |"
        )


DECISION = """
## Decision

*Context.* Our reader chose separator and quotes by the most regular rows, of four separators. Two libraries do the same
job: DuckDB's sniffer and CleverCSV's detector. Both can replace our rule, or our whole reader.

*Decision.* CleverCSV's detector replaces our rule; everything around it stays ours. On the two seeds it is never worse
in a kind of mess, and files separated by colons or spaces are read too. As whole readers, both libraries often read
something else without an error: lines above the header, totals, repeated headers, ragged rows, quotes that are never
closed. For training data that is the worst outcome, so our reader keeps its own checks.

*Consequence.* One more dependency of the `cli` extra, and about ten milliseconds per file (under a second for the
largest sample). Space as a separator is not tried if the header is padded with several spaces. Known gaps of our reader
with any of the three: quoted cells after a separator and a space keep their quotes, as do cells with backslashes before
quotes; a row of units below the header is read as data, and a header of years too (`--header` settles that).
"""
LIBRARIES = ("duckdb", "clevercsv", "pyarrow")
PAGE = """# CSV readers on messy files

{kinds} kinds of mess, {files} files each, seed {seed}; `python benchmarks/csv_readers.py` prints this page.
DuckDB {duckdb}, CleverCSV {clevercsv}, pyarrow {pyarrow}.

A file is *right* if the header and every cell are what was written (for the last four kinds, if the reader raises an
error), *refused* if the reader raises an error, and *wrong* if it is read as something else without an error.
"""

if __name__ == "__main__":
    main()
