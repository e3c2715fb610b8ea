"""Reads tables of every kind as chunks of raw columns: Arrow and what exports it, pandas, polars, arrays.

Only the columns that are asked for are converted. Batches of any size are put together, or divided, into chunks of
65,536 rows: a call for 2,048 rows costs more than twice as much per row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.frames import import_arrow, is_frame, pandas_chunks
from seatrial.model.table_files import CHUNK, RawChunk, from_arrow


@dataclass(frozen=True)
class ArrowSource:
    """A table as chunks of raw columns, each with the arrays of the columns that are kept, of these fields."""

    fields: tuple[Any, ...]
    chunks: Iterator[tuple[RawChunk, list[Any]]]


def names_of(columns: str | Sequence[str]) -> tuple[str, ...]:
    """The names of columns, of which one may be given as a string."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def open_source(names: Sequence[str], data: Any, keep: Sequence[str]) -> ArrowSource:
    """Read any kind of table: Arrow and what exports it, pandas, a dictionary of arrays, a structured array."""
    arrow = import_arrow()
    if type(data).__module__.partition(".")[0] == "pandas" and is_frame(data):
        _check_kept(list(data.columns), keep)
        with _readable():
            kept: Any = arrow.Table.from_pandas(data[[*keep]], preserve_index=False) if keep else None
        return ArrowSource(tuple(kept.schema) if keep else (), pandas_chunks(data, names, kept))
    if type(data).__module__.partition(".")[0] == "polars" and is_frame(data):
        data = data.select([name for name in data.columns if name in {*names, *keep}]).to_arrow()
    reader = _reader(data, {*names, *keep})
    columns = reader.schema.names
    if double := [name for name in [*names, *keep] if columns.count(name) > 1]:
        raise SeatrialError(f"The table has two columns called {double[0]!r}.", hint="Rename or drop one of them.")
    fields = tuple(kept_field(reader.schema, name) for name in keep)
    return ArrowSource(fields, _arrow_chunks(reader, names, keep))


def _reader(data: Any, wanted: set[str]) -> Any:
    arrow = import_arrow()
    if isinstance(data, np.ndarray) and data.dtype.names:
        data = {name: data[name] for name in data.dtype.names}
    if isinstance(data, Mapping):
        with _readable(TypeError):
            data = arrow.table({n: arrow.array(data[n], from_pandas=True) for n in data if n in wanted})
    if isinstance(data, arrow.RecordBatch):
        data = arrow.Table.from_batches([data])
    if isinstance(data, arrow.Table):
        return data.select([i for i, name in enumerate(data.column_names) if name in wanted]).to_reader(CHUNK)
    if not is_frame(data):
        raise SeatrialError(
            f"Not a table: {type(data).__name__}.",
            hint="Pass an Arrow table, a DataFrame, or a dictionary of arrays; lists of rows go to predict().",
        )
    return arrow.RecordBatchReader.from_stream(data)


@contextmanager
def _readable(*more: type[Exception]) -> Iterator[None]:
    """Say what to do where Arrow refuses a column or a batch; `more` are errors that mean the same."""
    arrow = import_arrow()
    try:
        yield
    except (arrow.ArrowException, UnicodeError, OverflowError, *more) as error:
        hint = (
            "Each column is one-dimensional, of one type and of the same length, and each batch has the same columns."
        )
        said = str(error) if isinstance(error, UnicodeError) else " ".join(map(str, error.args))
        raise SeatrialError(f"The table cannot be read: {said}", hint=hint) from None


def _batches(reader: Any) -> Iterator[Any]:
    with _readable():
        yield from reader


def kept_field(schema: Any, name: str) -> Any:
    """The field of a column that is kept; raises SeatrialError where there is none."""
    _check_kept(schema.names, [name])
    return schema.field(name)


def _check_kept(columns: Sequence[str], keep: Sequence[str]) -> None:
    if missing := [name for name in keep if name not in columns]:
        hint = f"Its columns are: {', '.join(map(str, columns[:30]))}."
        raise SeatrialError(f"The table has no column {missing[0]!r} to keep.", hint=hint)


def _arrow_chunks(reader: Any, names: Sequence[str], keep: Sequence[str]) -> Iterator[tuple[RawChunk, list[Any]]]:
    columns = reader.schema.names
    read = [name for name in names if name in columns]
    wanted = list(dict.fromkeys([*read, *keep]))
    rows = 0
    for batch in rechunked((batch.select(wanted) for batch in _batches(reader)), CHUNK):
        rows += batch.num_rows
        raw = {name: from_arrow(batch.column(wanted.index(name)), name) for name in read}
        yield RawChunk(raw, batch.num_rows), [batch.column(wanted.index(name)) for name in keep]
    if not rows:  # the columns are checked even so
        yield RawChunk({name: [] for name in read}, 0), []


def rechunked(batches: Iterable[Any], size: int) -> Iterator[Any]:
    """Put small record batches together, and divide large ones, so that all but the last have `size` rows."""
    arrow = import_arrow()
    waiting: list[Any] = []
    rows = 0
    for batch in batches:
        start = 0
        while batch.num_rows - start >= size - rows:
            waiting.append(batch.slice(start, size - rows))
            yield _joined(arrow, waiting)
            start += size - rows
            waiting, rows = [], 0
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            rows += waiting[-1].num_rows
    if rows:
        yield _joined(arrow, waiting)


def _joined(arrow: Any, batches: list[Any]) -> Any:
    if len(batches) == 1:
        return batches[0]
    (joined,) = arrow.Table.from_batches(batches).combine_chunks().to_batches()
    return joined
