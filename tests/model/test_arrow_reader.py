"""Parquet and Arrow files: only the columns that are needed are read, and broken files are named."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model.arrow_reader import read_arrow, read_parquet

TABLE = pa.table({"a": [1, 2, None], "b": ["x", "y", "x"], "a.b": [0.5, 1.5, 2.5], "wide": ["w" * 1000] * 3})


def columns_of(path: Path, wanted: set[str], size: int = 2) -> dict[str, list[object]]:
    read = read_parquet if path.suffix == ".parquet" else read_arrow
    columns: dict[str, list[object]] = {}
    for chunk in read(path, size, wanted):
        assert chunk.rows <= size
        assert chunk.names == tuple(TABLE.column_names)
        for name, values in chunk.columns.items():
            columns[name] = [*columns.get(name, []), *values]
    return columns


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_the_columns_that_are_wanted_are_read_in_chunks(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("rows.parquet" if kind == "parquet" else "rows.arrow")
    if kind == "parquet":
        pq.write_table(TABLE, path)
    else:
        make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with make(path, TABLE.schema) as writer:
            writer.write_table(TABLE)
    found = columns_of(path, {"b", "a.b", "absent"})
    assert found == {"b": ["x", "y", "x"], "a.b": [0.5, 1.5, 2.5]}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow"])
def test_broken_empty_and_ambiguous_files_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    def write(table: pa.Table) -> None:
        if path.suffix == ".parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)

    path.write_bytes(b"ARROW1 but no more" if path.suffix == ".arrow" else b"PAR1 but no more")
    with pytest.raises(SeatrialError, match="cannot be read as"):
        columns_of(path, {"a"})
    write(TABLE.slice(0, 0))
    with pytest.raises(SeatrialError, match="has no rows"):
        columns_of(path, {"a"})
    write(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(SeatrialError, match="two columns named 'a'"):
        columns_of(path, {"a"})
