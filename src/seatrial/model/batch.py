"""Predicts whole files in chunks, so that a table of any length fits in memory."""

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.model.table_files import Chunk, import_pyarrow, raise_problems, read_chunks

Write = Callable[[dict[str, Any]], None]  # writes some rows, given as columns


def predict_table(
    release: Release,
    source: Path,
    output: Path | TextIO | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    progress: Progress = silent,
) -> int:
    """Predict every row of a CSV, Parquet or JSON file, in its order; returns the number of rows.

    The predictions go to the file `output`, or as CSV or JSON to this stream, or to standard output. `keep` writes the
    rows' own columns too, with the prefix `input_` where a prediction has the same name. A file is written completely
    or not at all. Raises DataError at the first chunk with rows that break the schema.
    """
    rows = 0
    with _open(output, as_json=as_json) as write:
        for chunk, scores in release.score_chunks(_valid_chunks(release, source)):
            predictions = release.prediction_columns(scores)
            columns = {c.name: _as_read(c, chunk.columns[c.name]) for c in release.columns} if keep else {}
            write(_beside(columns, predictions) | predictions)
            rows += chunk.rows
            progress(f"predicted {rows:,} rows")
    return rows


def _beside(columns: dict[str, Any], predictions: dict[str, Any]) -> dict[str, Any]:
    """The rows' own columns; one that is called like a prediction gets the prefix `input_`."""
    taken, renamed = {*columns, *predictions}, {}
    for name, values in columns.items():
        own = name
        while own in predictions or (own != name and own in taken):
            own = f"input_{own}"
        renamed[own] = values
    return renamed


def _valid_chunks(release: Release, path: Path) -> Iterator[Chunk]:
    for chunk in read_chunks(path, release.checker):
        raise_problems(chunk.problems, path, rows=chunk.rows)
        yield chunk


def _as_read(column: Column, values: Any) -> Any:
    """Return a checked column in the type it had in the file: integers and booleans, not floats."""
    if not column.numeric or column.kind == "number":
        return values
    kind: Any = np.bool_ if column.kind == "boolean" else np.int64
    present = ~np.isnan(values)
    converted = np.where(present, values, 0).astype(kind)
    if bool(present.all()):
        return converted
    objects = converted.astype(object)
    objects[~present] = None
    return objects


@contextmanager
def _csv_writer(file: Any) -> Iterator[Write]:
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
def _json_writer(file: Any) -> Iterator[Write]:
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
def _parquet_writer(file: Any) -> Iterator[Write]:
    import_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(table: dict[str, Any]) -> None:
        nonlocal writer
        arrow = pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})
        writer = writer or pq.ParquetWriter(file.buffer, arrow.schema)
        writer.write_table(arrow.cast(writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


WRITERS: dict[str, Callable[[Any], AbstractContextManager[Write]]] = {
    ".csv": _csv_writer,
    ".json": _json_writer,
    ".parquet": _parquet_writer,
}


def _rows(table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(v.tolist() if isinstance(v, np.ndarray) else v for v in table.values()), strict=True)


@contextmanager
def _open(output: Path | TextIO | None, *, as_json: bool) -> Iterator[Write]:
    if not isinstance(output, Path):
        with WRITERS[".json" if as_json else ".csv"](output or sys.stdout) as write:
            yield write
        return
    suffix = output.suffix.lower()
    if suffix not in WRITERS:
        raise SeatrialError(
            f"{output.name}: files that end in {suffix or 'nothing'} cannot be written.",
            hint="Use .csv, .parquet or .json.",
        )
    if not output.parent.is_dir():
        raise SeatrialError(f"The folder {output.parent} does not exist.", hint="Create it first.")
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file, WRITERS[suffix](file) as write:
            yield write
        temporary.chmod(0o644)
        temporary.replace(output)
    finally:
        with suppress(OSError):
            temporary.unlink()
