"""Data frames in, data frames out: pandas, polars, and anything that exports Arrow's PyCapsule interface.

A release needs none of these libraries: whoever passes a frame has its library installed. Columns of strings are
converted to distinct values with codes, as from a Parquet file, so that a rule is checked once per distinct value.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.categorical import categorical
from seatrial.model.features import Array
from seatrial.model.shapley import Explanation
from seatrial.model.table_files import CHUNK, Chunk, RawChunk, check_chunks, from_arrow, raise_problems
from seatrial.model.table_validation import TableChecker
from seatrial.model.unseen import WARNINGS

EXACT = 2**53  # integers up to here are the same as float64
Output = Mapping[str, Any]


def is_frame(data: object) -> bool:
    """Whether `data` is a table of columns: a DataFrame, an Arrow table, or another object that exports Arrow."""
    if _library(data) == "polars" and hasattr(data, "collect"):
        raise SeatrialError("A polars LazyFrame has no rows yet.", hint="Call .collect() first.")
    if _library(data) in ("pandas", "polars") and not hasattr(data, "columns"):
        raise SeatrialError("A Series is not a table.", hint="Pass a DataFrame, as frame.head(1), or a dictionary.")
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def frame_chunks(
    frame: Any, checker: TableChecker, encode: Callable[[Iterator[Chunk]], Iterator[Chunk]] | None = None
) -> Iterator[Chunk]:
    """Check a frame by the schema, in chunks; raises DataError at the first chunk with rows that break it.

    `encode` derives their features, `Release.encode_chunks`.
    """
    name = Path(type(frame).__name__)
    chunks = check_chunks(_raw_chunks(_sliceable(frame)), name, checker)
    for chunk in encode(chunks) if encode else chunks:
        raise_problems(chunk.problems, name, rows=chunk.rows, hint="Fix the rows, or drop them.")
        yield chunk


def frame_like(frame: Any, columns: Output) -> Any:
    """Make a frame of these columns, of the same kind as `frame`, and with the same index if it has one."""
    library: Any = sys.modules.get(_library(frame))
    if _library(frame) == "pandas":
        return library.DataFrame(dict(columns), index=frame.index)
    if _library(frame) == "polars":
        texts = {name: library.String for name in columns if name == WARNINGS}
        return library.DataFrame(dict(columns), schema_overrides=texts)
    arrow = import_arrow()
    arrays = {
        name: arrow.array(values, type=arrow.string() if name == WARNINGS else None) for name, values in columns.items()
    }
    return arrow.record_batch(arrays) if isinstance(frame, arrow.RecordBatch) else arrow.table(arrays)


def explanation_columns(explanations: Sequence[Explanation], names: Sequence[str]) -> dict[str, Any]:
    """Write explanations as columns: what is explained, the row's score and the typical row's, the contributions."""
    columns: dict[str, Any] = {
        "score": [each.value for each in explanations],
        "typical_score": [each.typical_value for each in explanations],
    }
    if any(each.label is not None for each in explanations):
        columns = {"label": [each.label for each in explanations], **columns}
    shares = [{c.column: c.contribution for c in each.contributions} for each in explanations]
    for name in names:
        columns[f"contribution_{name}"] = [share[name] for share in shares]
    return columns


def _library(data: object) -> str:
    return type(data).__module__.partition(".")[0]


def import_arrow() -> Any:
    """Return pyarrow, which is optional for a release; raises SeatrialError where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        raise SeatrialError("This kind of table needs pyarrow.", hint="pip install pyarrow") from None
    return pyarrow


def _sliceable(frame: Any) -> Any:
    """A pandas frame as it is, everything else as an Arrow table; polars as it is where there is no pyarrow."""
    library = _library(frame)
    if library == "polars" and find_spec("pyarrow"):
        return frame.to_arrow()
    return frame if library in ("pandas", "polars") else import_arrow().table(frame)


def _raw_chunks(frame: Any) -> Iterator[RawChunk]:
    library = _library(frame)
    values = {"pandas": _pandas_values, "polars": _polars_values}.get(library, _arrow_values)
    names = [str(name) for name in (frame.column_names if library == "pyarrow" else frame.columns)]
    double = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if double:
        raise SeatrialError(f"The table has two columns called {double[0]!r}.", hint="Rename or drop one of them.")
    for start in range(0, max(len(frame), 1), CHUNK):
        part = frame.iloc[start : start + CHUNK] if library == "pandas" else frame.slice(start, CHUNK)
        yield RawChunk({name: values(part, place) for place, name in enumerate(names)}, len(part))


def pandas_chunks(frame: Any, names: Sequence[str], kept: Any) -> Iterator[tuple[RawChunk, list[Any]]]:
    """Divide a pandas frame into chunks of these columns, each with the arrays of the same rows of the table `kept`."""
    wanted = frame.loc[:, [str(name) in names for name in frame.columns]]
    start = 0
    for raw in _raw_chunks(wanted):
        rows = kept.slice(start, raw.rows) if kept is not None else None
        yield raw, [column.combine_chunks() for column in rows.columns] if rows is not None else []
        start += raw.rows


def _arrow_values(part: Any, place: int) -> list[Any] | Array:
    return from_arrow(part.column(place).combine_chunks(), part.column_names[place])


def _polars_values(part: Any, place: int) -> list[Any] | Array:
    series = part.to_series(place)
    if series.dtype.is_float() or (series.dtype.is_integer() and _exact(series.min(), series.max())):
        return np.asarray(series.cast(sys.modules["polars"].Float64).to_numpy(), dtype=np.float64)
    values: list[Any] = series.to_list()
    return _categorical_texts(values) if series.dtype == sys.modules["polars"].String else values


def _pandas_values(part: Any, place: int) -> list[Any] | Array:
    pandas: Any = sys.modules["pandas"]
    series = part.iloc[:, place]
    types = pandas.api.types
    if types.is_bool_dtype(series.dtype):
        return _without_missing(series)
    if types.is_float_dtype(series.dtype) or (
        types.is_integer_dtype(series.dtype) and _exact(series.min(), series.max())
    ):
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if isinstance(series.dtype, pandas.CategoricalDtype):
        return _with_codes(series.cat.categories.tolist(), series.cat.codes.to_numpy())
    if types.infer_dtype(series, skipna=True) == "string":
        codes, distinct = series.factorize()
        return _with_codes(distinct.tolist(), codes)
    return _without_missing(series)


def _without_missing(series: Any) -> list[Any]:
    """The values as Python objects, with None for everything that pandas treats as missing."""
    values: list[Any] = series.astype(object).where(series.notna(), None).tolist()
    return values


def _exact(low: Any, high: Any) -> bool:
    return all(end is None or end != end or abs(int(end)) <= EXACT for end in (low, high))  # noqa: PLR0124 - NaN


def _categorical_texts(values: list[Any]) -> Array:
    places: dict[Any, int] = {}
    codes = np.fromiter((places.setdefault(value, len(places)) for value in values), np.int64, len(values))
    return categorical(np.fromiter(places, dtype=object, count=len(places)), codes)


def _with_codes(distinct: list[Any], codes: Array) -> Array:
    """An array of distinct values by their codes; -1 is missing."""
    values = np.fromiter((*distinct, None), dtype=object, count=len(distinct) + 1)
    return categorical(values, np.where(codes < 0, len(distinct), codes).astype(np.int64))
