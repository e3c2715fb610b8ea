"""CSV and JSON lines as clients send them."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.row_validation import RowError
from seatrial.model.table_files import Chunk
from seatrial.serve.bulk import table_bodies
from seatrial.serve.bulk.table_bodies import csv_body, lines_body

MARK = "\ufeff"


def pieces(text: str | bytes, size: int = 7) -> Iterator[bytes]:
    body = text.encode() if isinstance(text, str) else text
    return (body[start : start + size] for start in range(0, len(body), size))


def from_csv(release: Release, text: str | bytes, longest: int = 1000) -> list[Chunk]:
    return list(csv_body(release, pieces(text), longest))


def from_lines(release: Release, text: str | bytes, longest: int = 1000) -> list[Chunk]:
    return list(lines_body(release, pieces(text), longest))


@pytest.mark.parametrize("text", ["{}", MARK + "{}"])
def test_csv_has_a_header_and_may_have_a_mark(titanic: Release, text: str) -> None:
    (chunk,) = from_csv(titanic, text.format('pclass,name,sex,age\r\n2,"a, ""b""\nc",female,\r\n\r\n1,é,male,7.5'))
    assert chunk.rows == 2
    assert chunk.columns["name"].tolist() == ['a, "b"\nc', "é"]
    assert chunk.columns["pclass"].tolist() == [2, 1]
    assert np.isnan(chunk.columns["age"][0])
    assert chunk.columns["age"][1] == 7.5
    assert chunk.problems == []


def test_columns_that_are_missing_unknown_or_there_twice_are_refused(titanic: Release) -> None:
    for header, text in (
        ("name,sex", "pclass: Field required"),
        ("pclass,name,sex,Age", "did you mean `age`"),
        ("pclass,name,sex,age,age", "age: The column is there twice"),
        ("", "pclass: Field required"),
        ("1,x,female", "pclass: Field required"),
    ):
        with pytest.raises(RowError) as found:
            from_csv(titanic, header + "\n1,x,male\n")
        assert text in str(found.value), header


@pytest.mark.parametrize("name", ["c%d", "age"])
def test_hundreds_of_thousands_of_columns_are_a_hundred_errors(titanic: Release, name: str) -> None:
    header = ",".join(name.replace("%d", str(number)) for number in range(200_000))
    with pytest.raises(RowError) as found:
        list(csv_body(titanic, iter([header.encode() + b"\n1,2\n"]), 2**22))
    assert len(found.value.errors) <= 110


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"pclass,name,sex\n1,\xff,male\n", "not text in UTF-8"),
        (b'pclass,name,sex\n1,"x,male\n' + b"2,y,male\n" * 1000, "longer than 1,000 characters"),
        (b"pclass,name,sex\n1," + b"x" * 2000 + b",male\n", "longer than 1,000 characters"),
        (b'pclass,name,sex\n1,"x"y,male\n', "not valid CSV, line 2"),
        (b'pclass,name,sex\n1,"x', "unexpected end"),
    ],
)
def test_what_is_no_csv_is_refused(titanic: Release, text: bytes, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        from_csv(titanic, text)


def test_a_row_of_another_length_is_a_bad_row_with_its_number(titanic: Release) -> None:
    (chunk,) = from_csv(titanic, "pclass,name,sex\n1,x,male\n1,x\n1,x,male,3\n1,x,male\n")
    assert [(p.row, p.kind) for p in chunk.problems if p.kind == "wrong_length"] == [
        (1, "wrong_length"),
        (2, "wrong_length"),
    ]


def test_chunks_are_short_when_rows_are_long(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_bodies, "CHUNK_BYTES", 5_000)
    row = f"1,{'x' * 500},male\n"
    chunks = from_csv(titanic, "pclass,name,sex\n" + row * 40)
    assert max(chunk.rows for chunk in chunks) <= 11
    assert [chunk.before for chunk in chunks] == [sum(c.rows for c in chunks[:i]) for i in range(len(chunks))]
    line = '{"pclass": 1, "name": "%s", "sex": "male"}\n' % ("x" * 500)
    chunks = from_lines(titanic, line * 40)
    assert max(chunk.rows for chunk in chunks) <= 11
    assert sum(chunk.rows for chunk in chunks) == 40


GOOD = '{"pclass": 1, "name": "x", "sex": "male"}'


def errors(chunks: list[Chunk]) -> list[tuple[int, str, str]]:
    return [(p.row, p.column, p.kind) for chunk in chunks for p in chunk.problems]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", ("", "json_invalid")),
        ("[" + GOOD + "]", ("", "dict_type")),
        ('{"inputs": [' + GOOD + "]}", ("pclass", "missing")),
        ("null", ("", "dict_type")),
        (GOOD + "," + GOOD, ("", "json_invalid")),
        (GOOD + GOOD, ("", "json_invalid")),
        (GOOD.replace("1", '"1"'), ("pclass", "literal_error")),
        (GOOD.replace("1", "true"), ("pclass", "literal_error")),
        (GOOD.replace("1", "NaN"), ("pclass", "literal_error")),
        (GOOD.replace('"x"', '"x}'), ("", "json_invalid")),
        (GOOD.replace("}", ', "name": "y"}'), ("name", "repeated_key")),
        (GOOD.replace("}", ', "nam": "y"}'), ("nam", "extra_forbidden")),
    ],
)
def test_a_line_that_is_no_row_is_refused_alone(titanic: Release, line: str, error: tuple[str, str]) -> None:
    chunks = from_lines(titanic, "\n".join([GOOD, line, "", "  ", GOOD]))
    found = errors(chunks)
    assert (1, *error) in found
    assert {row for row, _, _ in found} == {1}
    assert chunks[0].rows == 3


def test_lines_that_are_only_rows_together_are_refused(titanic: Release) -> None:
    """As many objects as lines, if the lines are joined by commas."""
    for split in (
        [GOOD + "," + GOOD, '{"pclass": 1, "name": "x}', '{"", "sex": "male"}'],
        [GOOD + "," + GOOD, '{"pclass": 1, "sex": "male"', '"name": "x"}'],
        ['{"pclass": 1, "name": "}', '{", "sex": "male"}', GOOD + "," + GOOD],
    ):
        assert {row for row, _, _ in errors(from_lines(titanic, "\n".join(split)))} == {0, 1, 2}, split


def test_json_lines_may_have_a_mark_and_any_line_ends(titanic: Release) -> None:
    (chunk,) = from_lines(titanic, MARK + GOOD + "\r\n" + GOOD + "\n\n \t" + GOOD)
    assert (chunk.rows, chunk.problems) == (3, [])
    with pytest.raises(SeatrialError, match="longer than 1,000 bytes"):
        from_lines(titanic, GOOD + "\n" + " " * 1001 + GOOD)


def test_hundreds_of_thousands_of_unknown_columns_in_a_line_are_one_error(titanic: Release) -> None:
    wide: dict[str, Any] = {f"c{number}": 1 for number in range(50_000)}
    (chunk,) = from_lines(titanic, json.dumps(wide), longest=10**7)
    assert [p.kind for p in chunk.problems] == ["extra_forbidden"]
