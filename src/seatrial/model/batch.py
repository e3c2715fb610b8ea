"""Predicts whole files in chunks, so that a table of any length fits in memory."""

import csv
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import replacing
from seatrial.core.progress import Progress, silent
from seatrial.model.bad_rows import BadRows, OnBadRows
from seatrial.model.features import Array
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.model.table_files import Chunk, RawChunk, check_chunks, import_pyarrow, read_chunks
from seatrial.model.unseen import WARNINGS

Write = Callable[[dict[str, Any]], None]  # writes some rows, given as columns


@dataclass(frozen=True)
class PredictedFile:
    """What was written: its rows, how many of them have warnings, and the rows that break the schema.

    `read` is how the values of the file were converted.
    """

    rows: int
    warned: int
    bad: BadRows
    read: tuple[str, ...] = ()

    def notes(self, on_bad_rows: OnBadRows) -> list[str]:
        """Lines for a person about the rows that were not predicted, or only with a warning."""
        notes = [f"{self.warned:,} rows have values that training did not see: the column {WARNINGS} names them."]
        notes = notes if self.warned else []
        if self.bad.rows:
            done = "were left out" if on_bad_rows == "drop" else "have no prediction"
            notes.append(f"{self.bad.rows:,} rows break the schema and {done}:")
            notes += [f"  {line}" for line in self.bad.lines()]
        return notes


def predict_table(
    release: Release,
    source: Path,
    output: Path | TextIO | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    on_bad_rows: OnBadRows = "fail",
    rows_read: Iterator[RawChunk] | None = None,
    progress: Progress = silent,
) -> PredictedFile:
    """Predict every row of a CSV, Parquet or JSON file, in its order; or the rows that were read from it.

    The predictions and their warnings go to the file `output`, or as CSV or JSON to this stream, or to standard output;
    `keep` writes the rows' own columns too, with the prefix `input_` where a prediction has the same name. A file is
    written completely or not at all. Rows that break the schema raise DataError; or they are dropped; or they are kept,
    without a prediction and with the reason as their warning.
    """
    rows = warned = 0
    bad = BadRows()
    waiting: deque[_Part] = deque()  # in the order of the file, until they are scored

    def good_chunks() -> Iterator[Chunk]:
        raw = rows_read
        chunks = read_chunks(source, release.checker) if raw is None else check_chunks(raw, source, release.checker)
        for part in _parts(chunks, source, on_bad_rows, bad):
            waiting.append(part)
            if part.good.rows:
                yield part.good

    with _open(output, as_json=as_json, like=source) as write:

        def finish(part: _Part, scores: Any) -> None:
            nonlocal rows, warned
            texts = release.unseen.in_table(part.good.columns)
            answers = {**release.prediction_columns(scores), WARNINGS: texts}
            columns = part.whole.columns if on_bad_rows == "keep" else part.good.columns
            own = {c.name: _as_read(c, columns[c.name]) for c in release.columns} if keep else {}
            written = part.expand(answers) if on_bad_rows == "keep" else answers
            write(_beside(own, written) | written)
            rows += part.whole.rows if on_bad_rows == "keep" else part.good.rows
            warned += len(texts) - texts.count(None)
            progress(f"predicted {rows:,} rows")

        unscored = np.empty((0, len(release.metadata.classes))) if release.metadata.classes else np.empty(0)
        for chunk, scores in release.score_chunks(good_chunks()):
            while (part := waiting.popleft()).good is not chunk:
                finish(part, unscored)
            finish(part, scores)
        while waiting:
            finish(waiting.popleft(), unscored)
    return PredictedFile(rows, warned, bad)


def _beside(columns: dict[str, Any], predictions: dict[str, Any]) -> dict[str, Any]:
    """The rows' own columns; one that is called like a prediction gets the prefix `input_`."""
    taken, renamed = {*columns, *predictions}, {}
    for name, values in columns.items():
        own = name
        while own in predictions or (own != name and own in taken):
            own = f"input_{own}"
        renamed[own] = values
    return renamed


@dataclass(frozen=True)
class _Part:
    """A chunk, and its rows that obey the schema, at these positions."""

    whole: Chunk
    good: Chunk
    kept: Array

    def expand(self, answers: dict[str, Any]) -> dict[str, Any]:
        """Give the bad rows answers too: no prediction, and the reasons as the warning."""
        expanded: dict[str, Any] = {}
        for name, values in answers.items():
            if isinstance(values, np.ndarray):
                expanded[name] = np.full(self.whole.rows, np.nan)
                expanded[name][self.kept] = values
            else:
                given = iter(values)
                expanded[name] = [next(given) if kept else None for kept in self.kept.tolist()]
        for problem in self.whole.problems:
            row = problem.row - self.whole.before
            value = f" {problem.value!r}" if problem.value else ""
            text = f"refused: {problem.column}{value}: {problem.rule}"
            earlier = expanded[WARNINGS][row]
            expanded[WARNINGS][row] = f"{earlier}; {text}" if earlier else text
        return expanded


def _parts(chunks: Iterator[Chunk], path: Path, on_bad_rows: OnBadRows, bad: BadRows) -> Iterator[_Part]:
    """Divide checked chunks. With "fail", chunks after a bad row are only counted, to report all causes at once."""
    read = 0
    for chunk in chunks:
        read += chunk.rows
        bad.add(chunk.problems)
        kept = np.ones(chunk.rows, dtype=bool)
        kept[[problem.row - chunk.before for problem in chunk.problems]] = False
        columns = {name: values[kept] for name, values in chunk.columns.items()} if chunk.problems else chunk.columns
        good = replace(chunk, columns=columns, problems=[], rows=int(kept.sum()))
        if not bad.rows or on_bad_rows != "fail":
            yield _Part(chunk, good, kept)
    if bad.rows and (on_bad_rows == "fail" or (on_bad_rows == "drop" and bad.rows == read)):
        hint = "Correct the rows, leave them out with --on-bad-rows drop, or see the reason beside each with keep."
        raise bad.error(path.name, read, hint if on_bad_rows == "fail" else "No row is left to predict.")


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


WRITERS: dict[str, Callable[[Any], AbstractContextManager[Write]]] = {
    ".csv": _csv_writer,
    ".json": _json_writer,
    ".parquet": _parquet_writer,
}


def _rows(table: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(_listed(values) for values in table.values()), strict=True)


def _listed(values: Any) -> list[Any]:
    """The values of a column, None for missing."""
    if not isinstance(values, np.ndarray):
        return list(values)
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        for row in np.flatnonzero(np.isnan(values)).tolist():
            listed[row] = None
    return listed


@contextmanager
def _open(output: Path | TextIO | None, *, as_json: bool, like: Path) -> Iterator[Write]:
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
    with replacing(output, like=like) as file:
        text = TextIOWrapper(file, "utf-8", newline="")
        with WRITERS[suffix](text) as write:
            yield write
        text.detach()
