"""Large bodies are cut between rows only, and validated in slices exactly as at once."""

import json
import random
import time
from typing import Any

import pytest
from pydantic import Field

from seatrial.model import row_slices
from seatrial.model.row_slices import slices
from seatrial.model.row_validation import RowError, RowParser
from seatrial.model.schema import Schema


class Row(Schema):
    """A row."""

    size: float = Field(ge=0, le=10)
    note: str | None = None


TRICKY = ['},{"size":1', '\\"},{', "\\\\", '"', '\\\\"},{"', "}, {", "[{", "\u2028},{", "{}" * 20]


@pytest.fixture(autouse=True)
def _short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.model.row_validation.SLICE", 100)
    monkeypatch.setattr(row_slices, "SLICE", 100)


def rows(count: int, generator: random.Random) -> list[dict[str, Any]]:
    return [
        {"size": generator.uniform(0, 10), "note": "".join(generator.choices(TRICKY, k=generator.randrange(4)))}
        for _ in range(count)
    ]


def outcome(parse: Any) -> Any:
    try:
        return [row.model_dump() for row in parse()]
    except RowError as error:
        return error.errors


def both(parser: RowParser[Row], body: bytes) -> tuple[Any, Any]:
    """What the body is at once, and in slices."""

    def in_slices() -> list[Row]:
        found: list[Row] = []
        for start, part in parser.parse_slices(body):
            found[start:] = part
        return found

    return outcome(lambda: parser.parse(body)), outcome(in_slices)


@pytest.mark.parametrize("seed", range(20))
def test_slices_are_valid_lists_of_whole_rows(seed: int) -> None:
    generator = random.Random(seed)
    expected = rows(60, generator)
    text = json.dumps(expected, ensure_ascii=seed % 2 == 0, separators=[(",", ":"), (" , ", " : ")][seed % 2])
    parts = list(slices(text.encode()[1:-1]))
    assert len(parts) > 10
    assert [row for part in parts for row in json.loads(part)] == expected


@pytest.mark.parametrize("seed", range(40))
def test_slices_have_the_same_rows_and_the_same_errors(seed: int) -> None:
    generator = random.Random(seed)
    parser = RowParser(Row, limit=50)
    document: Any = rows(generator.choice([3, 40, 50, 51, 70]), generator)
    for _ in range(generator.randrange(4)):
        place = generator.randrange(len(document))
        faults = [{"size": 11}, {"size": 1, "nite": "x"}, {}, 7, [{}, {}], {"size": [{"a": 1}, {"b": 2}], "note": 3}]
        document[place] = generator.choice(faults)
    body = json.dumps({"inputs": document} if seed % 3 == 0 else document, indent=generator.choice([None, 1])).encode()
    if seed % 5 == 0:
        place = generator.randrange(len(body))
        body = body[:place] + generator.choice([b"", b"}", b",", b'"', b"]", b"[", b"\x00"]) + body[place + 1 :]
    at_once, in_slices = both(parser, body)
    assert in_slices == at_once


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": [%b], "more": 1}',
        b'{"inputs": [%b], "inputs": [{"size": 1}]}',
        b"[%b,]",
        b"[%b],[%b]",
        b"[%b] x",
        b"[%b",
        b"[[%b]]",
        b'{"inputs": [%b]',
        b' \t{ "inputs" :\n[ %b ] } \r\n',
        b"\xef\xbb\xbf[%b]",
    ],
    ids=str,
)
def test_unusual_documents_have_the_same_outcome(body: bytes) -> None:
    text = json.dumps(rows(30, random.Random(1)))[1:-1].encode()
    at_once, in_slices = both(RowParser(Row), body.replace(b"%b", text))
    assert in_slices == at_once


def test_no_slice_takes_long_whatever_the_strings_contain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    row = json.dumps({"size": 1, "note": "},{" * 30})
    body = f"[{','.join([row] * 8000)}]".encode()
    counts, longest, began = 0, 0.0, time.thread_time()
    for _, part in RowParser(Row).parse_slices(body):
        now = time.thread_time()
        counts, longest, began = counts + len(part), max(longest, now - began), time.thread_time()
    assert counts == 8000
    assert longest < 0.05  # seconds; at once it takes several times that
