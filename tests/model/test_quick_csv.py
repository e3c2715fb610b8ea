"""pyarrow reads what the csv module reads: the same cells, lines and errors, whatever the text is."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.core.errors import SeatrialError
from seatrial.model import csv_reader, quick_csv
from seatrial.model.quick_csv import CsvPosition, quick_chunks

PIECES = [
    *(",", ",", ",", "\n", "\n", "\n", "\r\n", "\r", '"', '"', '""', '""""', "\n\n", "\r\n\r\n"),
    *("a", "1", " ", "\x00", "é", "\ufeff", "NA", "007", "1e5", "2024-01-31", "null", "x" * 40, '","', '",\n"'),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
QUOTED = st.sampled_from(["", "1", '"a,b"', '"say ""no"""', '"two\nlines"', '"\r\n"', "x y", '""', "é", "NA"])
TABLES = st.lists(st.tuples(QUOTED, QUOTED), max_size=12).map(lambda rows: "".join(f"{a},{b}\n" for a, b in rows))
FILES = st.one_of(TEXTS, TEXTS.map(lambda text: "a,b\n" + text), TABLES.map(lambda text: "a,b\n" + text))


def read(path: Path, *, quickly: bool, block: int = 24) -> Any:
    """All rows of the columns a and b with their lines, and the rows of another length; or the error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "LARGE", 0 if quickly else 2**40)
        patch.setattr(quick_csv, "BLOCK", block)
        patch.setattr(quick_csv, "LONGEST_RECORD", 4 * block)
        rows: list[Any] = []
        ragged: list[Any] = []
        try:
            for chunk in csv_reader.read_csv(path, 3, {"a", "b"}):
                names = [name for name in ("a", "b") if name in chunk.columns]
                ragged += [(problem.line, problem.rule) for problem in chunk.ragged]
                rows += zip(chunk.lines or [], *(list(chunk.columns[name]) for name in names), strict=True)
        except SeatrialError as error:
            return error.message
    return rows, ragged


@settings(max_examples=300, deadline=None)
@given(FILES, st.booleans(), st.sampled_from([5, 24, 1000]))
@example('a,b\n"1"2,3\n', False, 1000)  # a text behind a closing quote
@example('a,b\n"a,"b","c",x"\n', False, 1000)  # as many quotes open as close, in another order
@example('a,b\n1,x"y\n"2",3\n', False, 1000)
@example("a,b\n1,2\r3,4\n", False, 1000)
@example("a,b\n\n1,2\n\r\n3\n", False, 1000)
@example('a,b\n1,"open\n', False, 5)
@example("a\n\n1\n", False, 1000)
@example("a,b\n\ufeff,\n", False, 1000)
def test_the_same_is_read(tmp_path_factory: pytest.TempPathFactory, text: str, bom: bool, block: int) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    assert read(path, quickly=True, block=block) == read(path, quickly=False)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,ü\n".encode("latin-1"),
        "a,b\n1,ü\n".encode("utf-16"),
        b"a,b,c\n1,2,\xff\n",  # in a column that is not needed
        b"a,b\n" + b"1,2\n" * 100 + b"3,\xff\n",
        b"a,b\n" + b"1,2\n" * 100 + b"3\n4,5\n",
        b"a,b\n" + b'"1","2"\n' * 100 + b'"3"x,4\n5,6\n',
        b"a,b\n" + b"x" * 4000 + b",2\n3,4\n",
    ],
)
def test_broken_files_give_the_same_rows_and_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert read(path, quickly=True) == read(path, quickly=False)


def drained(path: Path) -> tuple[int, CsvPosition | None]:
    """The number of rows that are read, and where the csv module has to go on."""
    taken = quick_chunks(path, 50, {"a", "b"})
    rows = 0
    while True:
        try:
            rows += next(taken).rows
        except StopIteration as stopped:
            return rows, stopped.value


def test_ordinary_text_is_read_without_the_csv_module(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + '1,"Doe, ""Bob"""\n\n"two\nlines",2\r\n' * 200, newline="")
    assert drained(path) == (400, None)


def test_the_csv_module_goes_on_where_a_quote_is_within_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_csv, "BLOCK", 40)
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "1,2\n" * 20 + '3,4"5\n')
    rows, position = drained(path)
    assert rows == 20
    assert position == CsvPosition(4 + 4 * rows, 1 + rows, ("a", "b"))


def test_the_line_that_is_not_utf_8_is_named_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 5_000 + b"\xff,3\n")  # the decoder reads 8 KiB at a time
    with pytest.raises(SeatrialError, match=r"rows\.csv is not UTF-8 in line 5,002"):
        list(csv_reader.read_csv(path, 1_000, {"a"}))


def test_a_name_that_is_too_long_for_the_csv_module_is_left_to_its_reader(tmp_path: Path) -> None:
    csv.field_size_limit(2**17)  # its own limit, which the reader raises
    path = tmp_path / "rows.csv"
    path.write_text(f"a,{'x' * 2**18}\n1,2\n")
    assert read(path, quickly=True, block=2**20) == ([(2, "1")], [])
