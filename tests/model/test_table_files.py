"""Reading table files: every format gives the same rows, and every kind of broken file gets its own message."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import Field

from seatrial import Schema, SeatrialError
from seatrial.core.errors import DataError
from seatrial.model.table_files import raise_problems, read_chunks
from seatrial.model.table_validation import TableChecker


class Thing(Schema):
    count: int = Field(ge=0)
    weight: float | None = None
    note: str | None = None


CHECKER = TableChecker(Thing)


def write(folder: Path, content: str | bytes, name: str = "things.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_parquet_and_json_give_the_same_columns(tmp_path: Path) -> None:
    rows = [{"count": 1, "weight": 0.1, "note": 'a, "b"\nc'}, {"count": 2, "weight": None, "note": None}]
    files = [
        write(tmp_path, 'count,weight,note,extra\n1,0.1,"a, ""b""\nc",x\n2,,,\n'),
        write(tmp_path, json.dumps(rows), "rows.json"),
        write(tmp_path, json.dumps({"inputs": rows}), "inputs.json"),
        tmp_path / "rows.parquet",
    ]
    pq.write_table(pa.Table.from_pylist(rows), files[-1])
    for file in files:
        (chunk,) = read_chunks(file, CHECKER)
        assert chunk.problems == []
        np.testing.assert_array_equal(chunk.columns["count"], [1.0, 2.0])
        np.testing.assert_array_equal(chunk.columns["weight"], [0.1, np.nan])
        assert chunk.columns["note"].tolist() == [rows[0]["note"], None]


def test_problems_name_the_line_that_an_editor_shows(tmp_path: Path) -> None:
    path = write(tmp_path, 'count,note\n1,"two\nlines"\n\n-3,x\n4,y,z\n5,fine\n')
    chunks = list(read_chunks(path, CHECKER, size=2))
    problems = [problem for chunk in chunks for problem in chunk.problems]
    assert [(p.line, p.row, p.column, p.value) for p in problems] == [(5, 1, "count", "-3"), (6, 2, "", "")]
    assert "3 cells, the header has 2" in problems[1].rule
    with pytest.raises(
        DataError, match=r"2 of 4 rows[\s\S]*line 5, column count: '-3': Input should be greater"
    ) as caught:
        raise_problems(problems, path, rows=4)
    assert caught.value.problems == tuple(problems)


def test_chunks_add_up_to_the_whole(tmp_path: Path) -> None:
    path = write(tmp_path, "count,label\n" + "".join(f"{i},n{i % 3}\n" for i in range(1000)))
    chunks = list(read_chunks(path, CHECKER, target="label", size=77))
    assert np.concatenate([c.columns["count"] for c in chunks]).tolist() == list(range(1000))
    assert [label for c in chunks for label in c.target] == [f"n{i % 3}" for i in range(1000)]


def test_a_missing_optional_column_gets_its_default(tmp_path: Path) -> None:
    (chunk,) = read_chunks(write(tmp_path, "count\n7\n"), CHECKER)
    assert chunk.columns["note"].tolist() == [None]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"count,note\n", "header but no rows"),
        ("a.csv", b"cuont,note\n1,x\n", "no column `count`"),
        ("a.csv", b"count,count\n1,2\n", "two columns named 'count'"),
        ("a.csv", "count,note\n1,ü\n".encode("latin-1"), "not UTF-8"),
        ("a.csv", "count,note\n1,ü\n".encode("utf-16"), "not UTF-8"),
        ("a.csv", b'count,note\n1,"x\n', "not valid CSV"),
        ("a.xls", b"1", "cannot be read"),
        ("a.json", b"{", "not valid JSON"),
        ("a.json", b"3", "contains no rows"),
        ("a.json", b"[]", "contains no rows"),
        ("a.parquet", b"PAR1 no", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(SeatrialError, match=message):
        list(read_chunks(write(tmp_path, content, name), CHECKER))


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="is a folder"):
        list(read_chunks(tmp_path, CHECKER))
    with pytest.raises(SeatrialError, match="does not exist"):
        list(read_chunks(tmp_path / "none.csv", CHECKER))


def test_a_parquet_integer_too_large_for_float64_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "big.parquet"
    for too_large in (-5, -(2**53) - 1):
        pq.write_table(pa.table({"count": pa.array([1, too_large, None], pa.int64())}), path)
        (chunk,) = read_chunks(path, CHECKER)
        assert [(p.row, p.value) for p in chunk.problems] == [(1, str(too_large)), (2, "")]
