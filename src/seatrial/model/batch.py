"""Predicts whole files in chunks, so that a table of any length fits in memory."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import replacing
from seatrial.core.progress import Progress, silent
from seatrial.model.bad_rows import BadRows, OnBadRows
from seatrial.model.features import Array, Columns
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.model.table_files import Chunk, RawChunk, check_chunks, read_chunks
from seatrial.model.table_writers import WRITERS, Write, listed
from seatrial.model.unseen import WARNINGS, UnseenValue, texts_of


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
    raw = rows_read
    chunks = read_chunks(source, release.checker) if raw is None else check_chunks(raw, source, release.checker)
    with _open(output, as_json=as_json, like=source) as write:
        for part in predicted_parts(release, _parts(chunks, source, on_bad_rows, bad), on_bad_rows):
            columns = part.whole.columns if on_bad_rows == "keep" else part.good.columns
            own = {c.name: as_read(c, columns[c.name]) for c in release.columns} if keep else {}
            write(_beside(own, part.answers) | part.answers)
            rows += part.whole.rows if on_bad_rows == "keep" else part.good.rows
            warned += len({value.row for value in part.unseen})
            progress(f"predicted {rows:,} rows")
    return PredictedFile(rows, warned, bad)


@dataclass(frozen=True)
class PredictedPart:
    """A chunk, its rows that obey the schema with their scores, and the columns of the answer.

    `kept` (n,) says which rows of the chunk obey the schema.
    `unseen` are the values that training did not see, their rows counted among the good ones of this chunk.
    """

    whole: Chunk
    good: Chunk
    kept: Array
    scores: Any
    answers: dict[str, Any]
    unseen: list[UnseenValue]


def predicted_parts(release: Release, parts: Iterable["Part"], on_bad_rows: OnBadRows) -> Iterator[PredictedPart]:
    """Score parts in their order. With "keep", the answers have the bad rows too, with the reasons as warnings."""
    waiting: deque[Part] = deque()  # in the order of the table, until they are scored

    def good_chunks() -> Iterator[Chunk]:
        for part in parts:
            waiting.append(part)
            if part.good.rows:
                yield part.good

    def answered(part: Part, scores: Any) -> PredictedPart:
        unseen = release.unseen.values_in_table(part.good.columns)
        texts = texts_of(unseen, part.good.rows)
        answers = {**release.prediction_columns(scores), WARNINGS: texts}
        answers = part.expand(answers) if on_bad_rows == "keep" else answers
        return PredictedPart(part.whole, part.good, part.kept, scores, answers, unseen)

    unscored = np.empty((0, len(release.metadata.classes))) if release.metadata.classes else np.empty(0)
    for chunk, scores in release.score_chunks(good_chunks()):
        while (part := waiting.popleft()).good is not chunk:
            yield answered(part, unscored)
        yield answered(part, scores)
    while waiting:
        yield answered(waiting.popleft(), unscored)


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
class Part:
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


def _parts(chunks: Iterator[Chunk], path: Path, on_bad_rows: OnBadRows, bad: BadRows) -> Iterator[Part]:
    """Divide checked chunks. With "fail", chunks after a bad row are only counted, to report all causes at once."""
    read = 0
    for chunk in chunks:
        read += chunk.rows
        bad.add(chunk.problems)
        if not bad.rows or on_bad_rows != "fail":
            yield divided(chunk)
    if bad.rows and (on_bad_rows == "fail" or (on_bad_rows == "drop" and bad.rows == read)):
        hint = "Correct the rows, leave them out with --on-bad-rows drop, or see the reason beside each with keep."
        raise bad.error(path.name, read, hint if on_bad_rows == "fail" else "No row is left to predict.")


def divided(chunk: Chunk) -> Part:
    """Take the rows that obey the schema out of a checked chunk."""
    if not chunk.problems:
        return Part(chunk, chunk, np.ones(chunk.rows, dtype=bool))
    kept = np.ones(chunk.rows, dtype=bool)
    kept[[problem.row - chunk.before for problem in chunk.problems]] = False
    columns = {name: values[kept] for name, values in chunk.columns.items()}
    return Part(chunk, replace(chunk, columns=columns, problems=[], rows=int(kept.sum())), kept)


def as_read(column: Column, values: Any) -> Any:
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


def listed_rows(release: Release, table: Columns) -> list[tuple[Any, ...]]:
    """Checked columns as rows of Python values in the order of the release's columns, None for missing."""
    return list(zip(*(listed(as_read(c, table[c.name])) for c in release.columns), strict=True))


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
