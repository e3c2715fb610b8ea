"""Arrow streams that lie about themselves, or are damaged: refused, with little memory, and never the end of the server."""

import importlib
import json
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.serve.bulk.tables import as_arrow, stream_of, table_of

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.row_validation import RowError
from seatrial.serve.bulk import arrow_messages
from seatrial.serve.bulk.arrow_bodies import arrow_body
from seatrial.serve.bulk.arrow_messages import read_message

ROOT = Path(__file__).parents[3]
LIMIT = 2**30
SEED = 20261202


def read(release: Release, body: bytes, limit: int = LIMIT, piece: int = 2**16) -> int:
    pieces = (body[start : start + piece] for start in range(0, len(body), piece))
    return sum(chunk.rows for chunk in arrow_body(release, pieces, limit))


def heads(body: bytes) -> list[tuple[int, bytes]]:
    """The place and the bytes of each message's metadata."""
    found, at = [], 0
    while True:
        (length,) = struct.unpack_from("<i", body, at + 4)
        if length == 0:
            return found
        head = body[at + 8 : at + 8 + length]
        found.append((at + 8, head))
        at += 8 + length + read_message(head).size


def replaced(body: bytes, place: int, head: bytes, old: int, new: int) -> bytes:
    """The body with another 64-bit number in the metadata at a place."""
    assert head.count(struct.pack("<q", old)) >= 1
    other = head.replace(struct.pack("<q", old), struct.pack("<q", new))
    return body[:place] + other + body[place + len(head) :]


def test_the_metadata_of_messages_is_read(titanic: Release) -> None:
    body = as_arrow(titanic, [titanic.metadata.example] * 250)
    kinds = [(read_message(head).kind, read_message(head).rows) for _, head in heads(body)]
    assert kinds == [(1, 0), (3, 100), (3, 100), (3, 50)]
    assert read(titanic, body, piece=1) == 250


@pytest.mark.parametrize("size", [2**62, 2**40, LIMIT + 1, -1, -(2**63)])
def test_a_message_that_says_that_it_is_longer_than_the_limit_is_refused(titanic: Release, size: int) -> None:
    body = as_arrow(titanic, [titanic.metadata.example] * 50)
    place, head = heads(body)[1]
    lie = replaced(body, place, head, read_message(head).size, size)
    tracemalloc.start()
    with pytest.raises(SeatrialError):
        read(titanic, lie)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_message_that_says_that_it_has_more_rows_than_bits_is_refused(titanic: Release) -> None:
    nulls = pa.table({column.name: pa.nulls(50) for column in titanic.columns})
    body = stream_of(nulls)
    place, head = heads(body)[1]
    with pytest.raises(SeatrialError, match="more rows than bits"):
        read(titanic, replaced(body, place, head, 50, 2**50))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_buffers_that_decompress_to_too_much_are_refused(titanic: Release, compression: str) -> None:
    rows = [{**titanic.metadata.example, "name": "x" * 1_000_000}] * 80
    body = stream_of(table_of(titanic, rows), options=pa.ipc.IpcWriteOptions(compression=compression))
    assert len(body) < 2**20
    with pytest.raises(SeatrialError, match="decompressed"):
        read(titanic, body)


def test_dictionaries_that_grow_are_refused(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_messages, "MOST_DICTIONARIES", 10_000)
    names = pa.array([f"{number:0100}" for number in range(1000)]).dictionary_encode()
    table = table_of(titanic, [titanic.metadata.example] * 1000)
    with pytest.raises(SeatrialError, match="dictionaries"):
        read(titanic, stream_of(table.set_column(table.column_names.index("name"), "name", names)))


def test_a_large_batch_is_mapped_and_gives_the_same_rows(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**titanic.metadata.example, "age": number % 90} for number in range(40_000)]
    body = stream_of(table_of(titanic, rows).combine_chunks())

    def ages() -> list[float]:
        chunks = arrow_body(titanic, iter([body]), LIMIT)
        return [age for chunk in chunks for age in chunk.columns["age"].tolist()]

    plain = ages()
    monkeypatch.setattr(arrow_messages, "IN_MEMORY", 1000)
    assert ages() == plain == [row["age"] for row in rows]


def test_every_truncation_is_refused(titanic: Release) -> None:
    body = as_arrow(titanic, [titanic.metadata.example] * 3)
    ends = {len(body)} | {place - 8 for place, _ in heads(body)[1:]} | {len(body) - 8}  # an end mark is optional
    for length in range(0, len(body), 7):
        if length not in ends:
            with pytest.raises((SeatrialError, RowError)):
                read(titanic, body[:length])
    with pytest.raises(SeatrialError, match="More bytes follow"):
        read(titanic, body + b"x")


@pytest.mark.parametrize("other", [b"ARROW1\0\0", b"PAR1", b"pclass,name\n1,x\n", b"\0" * 100, b"\xff" * 100, b"[{}]"])
def test_what_is_no_stream_is_refused(titanic: Release, other: bytes) -> None:
    with pytest.raises(SeatrialError):
        read(titanic, other)


def test_columns_that_are_missing_unknown_or_there_twice_are_named(titanic: Release) -> None:
    table = table_of(titanic, [titanic.metadata.example])
    age = table.column("age")
    cases: list[tuple[Any, str]] = [
        (table.drop_columns(["pclass"]), "pclass: Field required"),
        (table.append_column("agee", age), "did you mean `age`?"),
        (table.append_column("age", age), "age: The column is there twice"),
    ]
    for changed, text in cases:
        with pytest.raises(RowError, match=text.replace("?", r"\?")):
            read(titanic, stream_of(changed))


def test_types_with_parts_are_refused(titanic: Release) -> None:
    """A list of two billion nulls takes eight bytes."""
    table = table_of(titanic, [titanic.metadata.example])
    huge = pa.ListArray.from_arrays(pa.array([0, 2**31 - 1], pa.int32()), pa.nulls(2**31 - 1))
    for values in (huge, pa.array([{"a": 1}]), pa.array([b"x"])):
        with pytest.raises(SeatrialError, match="The column age has the type"):
            read(titanic, stream_of(table.set_column(table.column_names.index("age"), "age", values)))


def test_damaged_streams_end_no_process(titanic: Release, tmp_path: Path) -> None:
    """In a process of its own; the stream that was read last is in a file. More of them: another count, another seed."""
    source = Path(str(importlib.import_module(titanic.package).__file__)).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tests.serve.bulk.arrow_fuzz", titanic.package, "1500", str(SEED)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (SEED, done.stderr[-3000:])
    found = json.loads(done.stdout)
    assert found["read"] > 50
    assert found["SeatrialError"] > 500
    assert found["peak_mb"] < 400
