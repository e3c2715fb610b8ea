"""Predicts whole files in chunks, so that a table of any length fits in memory."""

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Columns, Floats
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.model.scoring import score_chunks
from seatrial.model.table_files import Chunk, import_pyarrow, raise_problems, read_chunks

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Predicted:
    """Predictions for consecutive rows of a table: labels (or numbers), scores, and the rows' columns."""

    predictions: list[Any]
    scores: Floats
    columns: Columns


class _Writer(Protocol):
    def write(self, table: dict[str, Any]) -> None: ...

    def finish(self) -> None: ...


def predict_table(
    release: Release,
    source: Path,
    output: Path | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    progress: Progress = lambda _: None,
) -> int:
    """Predict every row of `source` and write the predictions to `output`, or to standard output as CSV or JSON.

    `keep` writes the rows' own columns too. A file is written completely or not at all. Returns the number of rows.
    """
    rows = 0
    with _open(output, as_json=as_json) as writer:
        for chunk in predict_file(release, source):
            writer.write(_output_table(release, chunk, keep=keep))
            rows += len(chunk.predictions)
            progress(f"predicted {rows:,} rows")
    return rows


def predict_file(release: Release, path: Path) -> Iterator[Predicted]:
    """Predict a CSV, Parquet or JSON file chunk by chunk, in its order.

    Raises DataError at the first chunk with rows that break the schema.
    """

    def valid_chunks() -> Iterator[Chunk]:
        for chunk in read_chunks(path, release.checker):
            raise_problems(chunk.problems, path, rows=chunk.rows)
            yield chunk

    for chunk, scores in score_chunks(release, valid_chunks()):
        yield Predicted(release.decide(scores), scores, chunk.columns)


def _output_table(release: Release, chunk: Predicted, *, keep: bool) -> dict[str, Any]:
    table = {c.name: _as_read(c, chunk.columns[c.name]) for c in release.columns} if keep else {}
    table["prediction"] = chunk.predictions
    for position, label in enumerate(release.metadata.classes):
        table[f"probability_{label}"] = chunk.scores[:, position]
    return table


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


class _CsvWriter:
    def __init__(self, file: Any) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._started = False

    def write(self, table: dict[str, Any]) -> None:
        if not self._started:
            self._writer.writerow(table)
            self._started = True
        self._writer.writerows(_rows(table))

    def finish(self) -> None:
        """Nothing follows the last row."""


class _JsonWriter:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._separator = "[\n"

    def write(self, table: dict[str, Any]) -> None:
        for row in _rows(table):
            named = {n: None if v != v else v for n, v in zip(table, row, strict=True)}  # noqa: PLR0124 - NaN
            self._file.write(self._separator + json.dumps(named, ensure_ascii=False, default=str))
            self._separator = ",\n"

    def finish(self) -> None:
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        import_pyarrow()
        self._path = path
        self._writer: Any = None

    def write(self, table: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, arrow.schema)
        self._writer.write_table(arrow.cast(self._writer.schema))

    def finish(self) -> None:
        if self._writer is not None:
            self._writer.close()


TEXT_WRITERS: dict[str, Callable[[Any], _Writer]] = {".csv": _CsvWriter, ".json": _JsonWriter}


def _rows(table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(v.tolist() if isinstance(v, np.ndarray) else v for v in table.values()), strict=True)


@contextmanager
def _open(output: Path | None, *, as_json: bool) -> Iterator[_Writer]:
    if output is None:
        printed = (_JsonWriter if as_json else _CsvWriter)(sys.stdout)
        yield printed
        printed.finish()
        return
    suffix = output.suffix.lower()
    if suffix != ".parquet" and suffix not in TEXT_WRITERS:
        raise SeatrialError(
            f"{output.name}: files that end in {suffix or 'nothing'} cannot be written.",
            hint="Use .csv, .parquet or .json.",
        )
    if not output.parent.is_dir():
        raise SeatrialError(f"The folder {output.parent} does not exist.", hint="Create it first.")
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer: _Writer = _ParquetWriter(temporary) if suffix == ".parquet" else TEXT_WRITERS[suffix](file)
            yield writer
            writer.finish()
        temporary.chmod(0o644)
        temporary.replace(output)
    finally:
        with suppress(OSError):
            temporary.unlink()
