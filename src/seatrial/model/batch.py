"""Predicts whole files: chunks in, chunks out, so that a table of any length fits in memory."""

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.release import Predicted, Release, predict_file
from seatrial.model.schema import Column

Progress = Callable[[str], None]


class _Writer(Protocol):
    def write(self, table: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


def predict_table(
    release: Release,
    source: Path,
    output: Path | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    progress: Progress = lambda _: None,
) -> int:
    """Predict every row of `source` and write the answers to `output`, or to standard output as CSV or JSON.

    `keep` writes the rows' own columns too. A file appears whole or not at all. Returns the number of rows.
    """
    rows = 0
    with _open(output, as_json=as_json) as writer:
        for chunk in predict_file(release, source):
            writer.write(_answers(release, chunk, keep=keep))
            rows += len(chunk.predictions)
            progress(f"predicted {rows:,} rows")
    return rows


def _answers(release: Release, chunk: Predicted, *, keep: bool) -> dict[str, Any]:
    table = {c.name: _own(c, chunk.columns[c.name]) for c in release.columns} if keep else {}
    table["prediction"] = chunk.predictions
    for position, label in enumerate(release.metadata.classes):
        table[f"probability_{label}"] = chunk.scores[:, position]
    return table


def _own(column: Column, values: Any) -> Any:
    """Give a checked column in the type a person would expect to find: whole numbers as such."""
    if not column.numeric or column.kind == "number":
        return values
    kind: Any = np.bool_ if column.kind == "boolean" else np.int64
    present = ~np.isnan(values)
    whole = np.where(present, values, 0).astype(kind)
    if bool(present.all()):
        return whole
    mixed = whole.astype(object)
    mixed[~present] = None
    return mixed


@contextmanager
def _open(output: Path | None, *, as_json: bool) -> Iterator[_Writer]:
    if output is None:
        printed = _JsonWriter(sys.stdout) if as_json else _CsvWriter(sys.stdout)
        yield printed
        printed.finish()
        return
    writers: dict[str, Any] = {".csv": _csv_file, ".parquet": _ParquetWriter, ".json": _json_file}
    if output.suffix.lower() not in writers:
        raise SeatrialError(f"{output.name}: files that end so are not written.", hint="Use .csv, .parquet or .json.")
    if not output.parent.is_dir():
        raise SeatrialError(f"The folder {output.parent} does not exist.")
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        writer: _Writer = writers[output.suffix.lower()](temporary)
        yield writer
        writer.close()
        temporary.chmod(0o644)
        temporary.replace(output)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _csv_file(path: Path) -> "_CsvWriter":
    return _CsvWriter(path.open("w", encoding="utf-8", newline=""))


def _json_file(path: Path) -> "_JsonWriter":
    return _JsonWriter(path.open("w", encoding="utf-8"))


class _CsvWriter:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._writer = csv.writer(file, lineterminator="\n")
        self._begun = False

    def write(self, table: dict[str, Any]) -> None:
        if not self._begun:
            self._writer.writerow(table)
            self._begun = True
        listed = [values.tolist() if isinstance(values, np.ndarray) else values for values in table.values()]
        self._writer.writerows(zip(*listed, strict=True))

    def finish(self) -> None:
        """Write what comes last."""

    def close(self) -> None:
        self._file.close()


class _JsonWriter:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._between = "[\n"

    def write(self, table: dict[str, Any]) -> None:
        listed = [values.tolist() if isinstance(values, np.ndarray) else values for values in table.values()]
        for row in zip(*listed, strict=True):
            named = {n: None if v != v else v for n, v in zip(table, row, strict=True)}  # noqa: PLR0124 - NaN
            self._file.write(self._between + json.dumps(named, ensure_ascii=False, default=str))
            self._between = ",\n"

    def finish(self) -> None:
        """Close the list."""
        self._file.write("\n]\n" if self._between == ",\n" else "[]\n")

    def close(self) -> None:
        self.finish()
        self._file.close()


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise SeatrialError("Parquet files need pyarrow.", hint="pip install pyarrow") from None
        self._path = path
        self._writer: Any = None

    def write(self, table: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, arrow.schema)
        self._writer.write_table(arrow.cast(self._writer.schema))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
