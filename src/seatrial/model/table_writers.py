"""Writes tables of predictions, part by part: as CSV, JSON, JSON lines, Parquet, and as an Arrow stream."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from pydantic_core import to_json

from seatrial.core.errors import SeatrialError
from seatrial.model.arrow_buffers import arrow_array
from seatrial.model.table_files import import_pyarrow
from seatrial.model.unseen import WARNINGS

Write = Callable[[dict[str, Any]], None]  # writes some rows, given as columns
Types = Mapping[str, Any]  # the Arrow types of columns
OTHER_FORMAT = "Give it one type in all rows, or write .csv or .jsonl."


@contextmanager
def csv_writer(file: Any, _: Types | None = None) -> Iterator[Write]:
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
def json_writer(file: Any, _: Types | None = None) -> Iterator[Write]:
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
def parquet_writer(file: Any, types: Types | None = None) -> Iterator[Write]:
    """Write Parquet to the buffer of a text file; columns have these Arrow types, or those of their first values."""
    import_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(table: dict[str, Any]) -> None:
        nonlocal writer
        arrow = arrow_table(table, types or {})
        if writer is None:  # a dictionary of measurements would only take time, since nearly all of them differ
            repeated = [field.name for field in arrow.schema if not pa.types.is_floating(field.type)]
            writer = pq.ParquetWriter(file.buffer, arrow.schema, use_dictionary=repeated)
        writer.write_table(_as_before(arrow, writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def arrow_file_writer(file: Any, types: Types | None = None, *, stream_format: bool = False) -> Iterator[Write]:
    """Write an Arrow IPC file, or a stream, to the buffer of a text file."""
    import_pyarrow()
    import pyarrow as pa

    stream: Any = None
    schema: Any = None

    def write(table: dict[str, Any]) -> None:
        nonlocal stream, schema
        arrow = arrow_table(table, types or {})
        if stream is None:
            schema = arrow.schema
            stream = (pa.ipc.new_stream if stream_format else pa.ipc.new_file)(file.buffer, schema)
        stream.write_table(_as_before(arrow, schema))

    try:
        yield write
    finally:
        if stream is not None:
            stream.close()


def arrow_table(table: dict[str, Any], types: Types) -> Any:
    """Columns as a pyarrow.Table; one without values is text where `types` does not say otherwise."""
    import pyarrow as pa

    arrays = {}
    for name, values in table.items():
        try:
            array = arrow_array(values, types.get(name))
        except (pa.ArrowException, OverflowError) as error:
            raise SeatrialError(f"Column {name} cannot be written as Arrow: {error}", hint=OTHER_FORMAT) from None
        array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        arrays[name] = array.cast(pa.string()) if pa.types.is_null(array.type) else array
    return pa.table(arrays)


def _as_before(table: Any, schema: Any) -> Any:
    """Rows with the types of those that were written before; raises SeatrialError where values would be others."""
    import pyarrow as pa

    for field in schema:
        column = table.column(field.name)
        if column.type == field.type:
            continue
        try:
            same = _same(column.cast(field.type).cast(column.type), column)
        except pa.ArrowException:
            same = False
        if not same:
            raise SeatrialError(
                f"Column {field.name} is of {field.type} in earlier rows, and of {column.type} in these.",
                hint=OTHER_FORMAT,
            )
    return table.cast(schema)


def _same(one: Any, other: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_floating(one.type):
        return bool(np.array_equal(one.to_numpy(), other.to_numpy(), equal_nan=True))
    return bool(one.equals(other))


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

    schema = pa.schema(prediction_fields(classes))
    with pa.ipc.new_stream(file, schema) as stream:

        def write(table: dict[str, Any]) -> None:
            arrays = [
                pa.array(values, type=field.type, from_pandas=True)
                for values, field in zip(table.values(), schema, strict=True)
            ]
            stream.write_batch(pa.record_batch(arrays, schema=schema))

        yield write


def arrow_stream_writer(file: Any, types: Types | None = None) -> AbstractContextManager[Write]:
    """Write an Arrow IPC stream, which can go through a pipe, to the buffer of a text file."""
    return arrow_file_writer(file, types, stream_format=True)


def prediction_fields(classes: Sequence[Any]) -> list[tuple[str, Any]]:
    """The names and Arrow types of a release's predictions; `classes` are none for a regression."""
    import pyarrow as pa

    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    kind = kinds.get(type(classes[0]), pa.string()) if classes else pa.float64()
    shares = ((f"probability_{label}", pa.float64()) for label in classes)
    return [("prediction", kind), *shares, (WARNINGS, pa.string())]


def text_lines_writer(file: Any, _: Types | None = None) -> AbstractContextManager[Write]:
    """Write a JSON object in each line to the buffer of a text file."""
    return lines_writer(file.buffer)


WRITERS: dict[str, Callable[[Any, Types | None], AbstractContextManager[Write]]] = {
    ".csv": csv_writer,
    ".json": json_writer,
    ".jsonl": text_lines_writer,
    ".parquet": parquet_writer,
    ".arrow": arrow_file_writer,
}
ALIASES = {".pq": ".parquet", ".ndjson": ".jsonl", ".feather": ".arrow"}
TYPED = (".parquet", ".arrow")  # formats whose columns have types


def _rows(table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(listed(values) for values in table.values()), strict=True)


def listed(values: Any) -> list[Any]:
    """The values of a column, None for missing."""
    if hasattr(values, "to_pylist"):  # Arrow's
        return list(values.to_pylist())
    if not isinstance(values, np.ndarray):
        return list(values)
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        for row in np.flatnonzero(np.isnan(values)).tolist():
            listed[row] = None
    return listed
