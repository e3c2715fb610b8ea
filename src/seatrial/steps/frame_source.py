"""A data frame as the source of a project's table: pandas, polars, or anything that exports Arrow."""

from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.template.records import TableSource


def frame_source(frame: Any) -> "TableSource":
    """Read a data frame as a table file is read; a pandas index is ignored."""
    from seatrial.template.reading.arrow_types import plain_table
    from seatrial.template.records import TableSource

    library = type(frame).__module__.partition(".")[0]
    name = type(frame).__name__
    table = plain_table(_arrow_table(frame, library))
    if table.num_columns < 2 or not table.num_rows:
        raise SeatrialError(
            f"The {name} has {table.num_rows} rows and {table.num_columns} columns.",
            hint="A table needs rows, a target, and at least one more column.",
        )
    return TableSource(name, table, {"format": f"{library} {name}"})


def _arrow_table(frame: Any, library: str) -> Any:
    import pyarrow as pa

    if library == "pandas" and hasattr(frame, "columns"):
        names = [str(name) for name in frame.columns]
        return pa.table([_pandas_column(frame.iloc[:, position]) for position in range(len(names))], names=names)
    if library == "polars" and hasattr(frame, "to_arrow") and hasattr(frame, "columns"):
        return frame.to_arrow()
    if hasattr(frame, "__arrow_c_stream__") and library not in ("pandas", "polars"):
        return pa.table(frame)
    name = type(frame).__name__ if library == "builtins" else f"{library}.{type(frame).__name__}"
    raise SeatrialError(f"A {name} is not a table.", hint="Pass a DataFrame, an Arrow table, or a path.")


def _pandas_column(series: Any) -> Any:
    """A column as an Arrow array; values of several types become text, as they would in a CSV file."""
    import pyarrow as pa

    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        values = series.astype(object).where(series.notna(), None).tolist()
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
