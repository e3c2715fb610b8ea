"""Writes tables of predictions, part by part: as CSV, JSON, JSON lines, Parquet, and as an Arrow stream."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from pydantic_core import to_json

from seatrial.model.table_files import import_pyarrow
from seatrial.model.unseen import WARNINGS

Write = Callable[[dict[str, Any]], None]  # writes some rows, given as columns


@contextmanager
def csv_writer(file: Any) -> Iterator[Write]:
    """Write CSV with a header to a text file."""
    writer = csv.writer(file, lineterminator="\n")
    started = False

    def write(table: dict[str, Any]) -> None:
        nonlocal started
        if not started:
            writer.writerow(table)
            started = True
        writer.writerows(_rows(table))

    yield write


@contextmanager
def json_writer(file: Any) -> Iterator[Write]:
    """Write a JSON list of objects to a text file."""
    separator = "[\n"

    def write(table: dict[str, Any]) -> None:
        nonlocal separator
        for row in _rows(table):
            named = {n: None if v != v else v for n, v in zip(table, row, strict=True)}  # noqa: PLR0124 - NaN
            file.write(separator + json.dumps(named, ensure_ascii=False, default=str))
            separator = ",\n"

    yield write
    file.write("\n]\n" if separator == ",\n" else "[]\n")


@contextmanager
def parquet_writer(file: Any) -> Iterator[Write]:
    """Write Parquet to the buffer of a text file."""
    import_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(table: dict[str, Any]) -> None:
        nonlocal writer
        arrays = {name: pa.array(values, from_pandas=True) for name, values in table.items()}
        texts = {name: array.cast(pa.string()) for name, array in arrays.items() if pa.types.is_null(array.type)}
        arrow = pa.table(arrays | texts)  # a later chunk may have values in a column that has none here
        writer = writer or pq.ParquetWriter(file.buffer, arrow.schema)
        writer.write_table(arrow.cast(writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def lines_writer(file: Any) -> Iterator[Write]:
    """Write a JSON object in each line to a binary file; numbers as JSON has them."""

    def write(table: dict[str, Any]) -> None:
        names = list(table)
        file.write(b"".join([to_json(dict(zip(names, row, strict=True))) + b"\n" for row in _rows(table)]))

    yield write


@contextmanager
def arrow_writer(file: Any, classes: Sequence[Any]) -> Iterator[Write]:
    """Write predictions as an Arrow IPC stream to a binary file; `classes` are the release's, none for a regression."""
    import pyarrow as pa

    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    kind = kinds.get(type(classes[0]), pa.string()) if classes else pa.float64()
    fields = [("prediction", kind), *((f"probability_{label}", pa.float64()) for label in classes)]
    schema = pa.schema([*fields, (WARNINGS, pa.string())])
    with pa.ipc.new_stream(file, schema) as stream:

        def write(table: dict[str, Any]) -> None:
            arrays = [
                pa.array(values, type=field.type, from_pandas=True)
                for values, field in zip(table.values(), schema, strict=True)
            ]
            stream.write_batch(pa.record_batch(arrays, schema=schema))

        yield write


WRITERS: dict[str, Callable[[Any], AbstractContextManager[Write]]] = {
    ".csv": csv_writer,
    ".json": json_writer,
    ".parquet": parquet_writer,
}


def _rows(table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(listed(values) for values in table.values()), strict=True)


def listed(values: Any) -> list[Any]:
    """The values of a column, None for missing."""
    if not isinstance(values, np.ndarray):
        return list(values)
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        for row in np.flatnonzero(np.isnan(values)).tolist():
            listed[row] = None
    return listed
