"""Rows as a reader of any format gives them: columns of Python values, of numbers, or of distinct values with codes."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.arrow_buffers import codes_of_indices, floats_of
from seatrial.model.categorical import categorical
from seatrial.model.features import Array
from seatrial.model.table_validation import EXACT, encodable_text

CHUNK = 65_536
FEW = 1_024  # distinct values, that are converted although fewer rows may use them


@dataclass(frozen=True)
class RawChunk:
    """Rows as read: a value per row and column, each row's first line, and the rows with the wrong number of cells."""

    columns: dict[str, list[Any] | Array]
    rows: int
    lines: list[int] | None = None
    ragged: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()  # of all columns of the file, where only some are read
    kept: dict[str, Any] = field(default_factory=dict)  # columns that are passed through as they are


def with_columns(
    chunks: Iterable[RawChunk], path: Path, keep: Sequence[str], constants: Mapping[str, str]
) -> Iterator[RawChunk]:
    """Add columns of one value, where a table has none of that name, and pass those that `keep` names through."""
    for raw in chunks:
        added = {name: constant(value, raw.rows) for name, value in constants.items() if name not in raw.columns}
        columns = {**raw.columns, **added}
        for name in keep:
            if name not in columns:
                raise missing_column(path, name, list(raw.names or raw.columns), ", which --key names")
        yield replace(raw, columns=columns, kept={name: _encodable(columns[name]) for name in keep})


def _encodable(values: list[Any] | Array) -> list[Any] | Array:
    """Values that can be written; only JSON has texts that cannot, and its columns are lists."""
    if not isinstance(values, list):
        return values
    return [encodable_text(value) if isinstance(value, str) else value for value in values]


def constant(value: str, rows: int) -> Array:
    """A column of one text."""
    return categorical(np.array([value], dtype=object), np.zeros(rows, dtype=np.int64))


def missing_column(path: Path, name: str, existing: list[str], needed_by: str = "") -> SeatrialError:
    """The error for a table without a column; `needed_by` says what names it."""
    near = difflib.get_close_matches(name, existing, 1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Its columns are: {', '.join(existing[:30])}."
    return SeatrialError(f"{path.name} has no column `{name}`{needed_by}.", hint=hint)


def import_pyarrow() -> None:
    """Raise SeatrialError where pyarrow is not installed: Parquet is optional for a release."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise SeatrialError("Parquet files need pyarrow.", hint="pip install pyarrow") from None


def from_arrow(values: Any, name: str) -> list[Any] | Array:
    """Convert numbers to float64 with NaN for null, and strings to objects that are shared by equal values.

    Raises SeatrialError for values of the column `name` that Python does not have: dates after the year 9999, texts
    that are not UTF-8.
    """
    try:
        return _values_of(values)
    except (ValueError, OverflowError) as error:
        raise SeatrialError(
            f"Column `{name}` has values of {values.type} that cannot be read: {error}",
            hint="Correct them where the table is made.",
        ) from None


def _values_of(values: Any) -> list[Any] | Array:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = floats_of(values)
        if pa.types.is_floating(kind) or not bool((np.abs(numbers) >= EXACT).any()):  # NaN, for null, is not
            return numbers
        return np.array(values.to_pylist(), dtype=object)  # checked value by value
    if pa.types.is_string_view(kind):  # to cast a damaged one ends the process: pyarrow reads the views of nulls
        values = pa.array(values.to_pylist(), pa.string())
    if pa.types.is_string(values.type) or pa.types.is_large_string(kind):
        values = values.dictionary_encode()
    if pa.types.is_dictionary(values.type) and len(values.dictionary) > max(len(values), FEW):
        values = values.dictionary_decode().dictionary_encode()  # a slice uses few of the values
    if pa.types.is_dictionary(values.type):
        distinct = np.array([*values.dictionary.to_pylist(), None], dtype=object)
        return categorical(distinct, codes_of_indices(values.indices, null=len(distinct) - 1))
    if pa.types.is_timestamp(kind) and kind.unit == "ns":  # as datetime, which has no nanoseconds
        values = values.cast(pa.timestamp("us", kind.tz), safe=False)
    listed: list[Any] = values.to_pylist()
    return listed
