"""Predicts whole files in chunks, so that a table of any length fits in memory."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import starmap
from pathlib import Path
from typing import Any, TextIO, TypeVar

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.core.files import replacing
from seatrial.core.overlap import ahead
from seatrial.core.progress import Progress, silent
from seatrial.model.bad_rows import BadLimit, BadRows, OnBadRows
from seatrial.model.features import Array, Columns
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.model.table_files import Chunk, RawChunk, check_chunks, import_pyarrow, read_chunks
from seatrial.model.table_parts import Part, divided, scored_parts
from seatrial.model.table_writers import ALIASES, TYPED, WRITERS, Write, arrow_stream_writer, listed, prediction_fields
from seatrial.model.unseen import WARNINGS, UnseenValue, texts_of

T = TypeVar("T")
BAD_COLUMNS = ("row", "bad_column", "bad_value", "bad_rule")  # of a table of bad rows, behind the key


@dataclass(frozen=True)
class PredictedFile:
    """What was written: its rows, how many of them have warnings, and the rows that break the schema.

    `read` is how the values of the file were converted, `rows_in` how many rows it has.
    """

    rows: int
    warned: int
    bad: BadRows
    read: tuple[str, ...] = ()
    rows_in: int = 0

    def notes(self, on_bad_rows: str) -> list[str]:
        """Lines for a person about the rows that were not predicted, or only with a warning."""
        notes = [f"{self.warned:,} rows have values that training did not see: the column {WARNINGS} names them."]
        notes = notes if self.warned else []
        if self.bad.rows:
            done = {"drop": "were left out", "quarantine": "are in a table of their own"}
            notes.append(f"{self.bad.rows:,} rows break the schema and {done.get(on_bad_rows, 'have no prediction')}:")
            notes += [f"  {line}" for line in self.bad.lines()]
        return notes


@dataclass(frozen=True)
class RowPolicy:
    """What becomes of a row: `keep` writes its own columns, `on_bad_rows` says what to do where it breaks the schema.

    `limit` is the most bad rows, and `bad` writes each of them, with the reason, to a table of their own.
    """

    keep: bool = False
    on_bad_rows: OnBadRows = "fail"
    limit: BadLimit | None = None
    bad: Write | None = None
    all_may_be_bad: bool = False  # else a table of which nothing is left raises an error


Share = Callable[[Iterable[RawChunk], Path, RowPolicy], Iterator["PredictedPart"]]


def predict_file(
    release: Release,
    source: Path,
    output: Path | TextIO | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    on_bad_rows: OnBadRows = "fail",
    rows_read: Iterable[RawChunk] | None = None,
    progress: Progress = silent,
) -> PredictedFile:
    """Predict every row of a table file, in its order; or the rows that were read from it.

    The predictions and their warnings go to the file `output`, or as CSV or JSON to this stream, or to standard output;
    `keep` writes the rows' own columns too, with the prefix `input_` where a prediction has the same name. A file is
    written completely or not at all. Rows that break the schema raise DataError; or they are dropped; or they are kept,
    without a prediction and with the reason as their warning.
    """
    with open_output(release, output, suffix=".json" if as_json else ".csv", like=source) as write:
        policy = RowPolicy(keep, on_bad_rows)
        return predict_rows(release, source, write, policy, rows_read=rows_read, progress=progress)


def predict_rows(
    release: Release,
    source: Path,
    write: Write,
    policy: RowPolicy,
    *,
    name: str = "",
    rows_read: Iterable[RawChunk] | None = None,
    share: Share | None = None,
    progress: Progress = silent,
) -> PredictedFile:
    """Predict every row of a file, or the rows that were read from it, and `write` them part by part.

    Rows are read in one thread, checked and scored in others, and written in this one; or `share` has what was read
    checked and scored in other processes. `name` is the file's in errors.
    """
    rows = warned = 0
    bad = BadRows()
    on_bad_rows = policy.on_bad_rows
    path = Path(name) if name else source
    raw = ahead(rows_read) if rows_read is not None else None
    counted = _Counted(path.name, policy, bad)
    if share and raw is not None:
        parts = counted.passing(share(raw, path, policy), lambda part: part.whole)
    else:
        chunks = read_chunks(source, release.checker) if raw is None else check_chunks(raw, path, release.checker)
        encoded = counted.passing(release.encode_chunks(chunks), lambda chunk: chunk)
        parts = predicted_parts(release, map(divided, encoded), on_bad_rows)
    with closing(ahead(parts)) as predicted:
        for part in predicted:
            columns = part.whole.columns if on_bad_rows == "keep" else part.good.columns
            own = _kept(part, dropped=on_bad_rows != "keep")
            own |= {c.name: as_read(c, columns[c.name]) for c in release.columns} if policy.keep else {}
            write(_beside(own, part.answers) | part.answers)
            if policy.bad and part.whole.problems:
                policy.bad(_reasons(part.whole))
            rows += part.whole.rows if on_bad_rows == "keep" else part.good.rows
            warned += len({value.row for value in part.unseen})
            progress(f"predicted {rows:,} rows")
    return PredictedFile(rows, warned, bad, rows_in=counted.read)


def _kept(part: "PredictedPart", *, dropped: bool) -> dict[str, Any]:
    """The columns that are passed through, without the bad rows where these are dropped."""
    if part.good is part.whole or not dropped:
        return dict(part.whole.kept)
    return {name: _chosen(values, np.flatnonzero(part.kept)) for name, values in part.whole.kept.items()}


def _chosen(values: Any, rows: Array) -> Any:
    if hasattr(values, "take"):  # an array of Arrow or of numpy
        return values.take(rows)
    return [values[row] for row in rows.tolist()]


def _reasons(chunk: Chunk) -> dict[str, Any]:
    """The bad rows of a chunk: their kept columns, where each is, and column, value and rule of its first problem."""
    first: dict[int, Problem] = {}
    for problem in chunk.problems:
        first.setdefault(problem.row, problem)
    places = np.array([row - chunk.before for row in first])
    kept = {name: _chosen(values, places) for name, values in chunk.kept.items()}
    said = [(problem.row + 1, problem.column, problem.value, problem.rule) for problem in first.values()]
    return kept | dict(zip(BAD_COLUMNS, map(list, zip(*said, strict=True)), strict=True))


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


def predicted_parts(release: Release, parts: Iterable[Part], on_bad_rows: OnBadRows) -> Iterator[PredictedPart]:
    """Score parts in their order. With "keep", the answers have the bad rows too, with the reasons as warnings."""

    def answered(part: Part, scores: Any) -> PredictedPart:
        unseen = release.unseen.values_in_table(part.good.columns)
        texts = texts_of(unseen, part.good.rows)
        answers = {**release.prediction_columns(scores), WARNINGS: texts}
        answers = part.expand(answers) if on_bad_rows == "keep" else answers
        return PredictedPart(part.whole, part.good, part.kept, scores, answers, unseen)

    yield from starmap(answered, scored_parts(parts, release.score_chunks, len(release.metadata.classes)))


def _beside(columns: dict[str, Any], predictions: dict[str, Any]) -> dict[str, Any]:
    """The rows' own columns; one that is called like a prediction gets the prefix `input_`."""
    taken, renamed = {*columns, *predictions}, {}
    for name, values in columns.items():
        own = name
        while own in predictions or (own != name and own in taken):
            own = f"input_{own}"
        renamed[own] = values
    return renamed


class _Counted:
    """Counts the rows and the bad rows of checked chunks."""

    def __init__(self, name: str, policy: RowPolicy, bad: BadRows) -> None:
        self.read = 0
        self._name, self._policy, self._bad = name, policy, bad

    def passing(self, items: Iterable[T], chunk_of: Callable[[T], Chunk]) -> Iterator[T]:
        """Pass items on. With "fail", those after a bad row are only counted, to report all causes at once."""
        policy, bad = self._policy, self._bad
        for item in items:
            chunk = chunk_of(item)
            self.read += chunk.rows
            bad.add(chunk.problems)
            if policy.limit:
                policy.limit.check(bad.rows, self.read, self._name, complete=False)
            if not bad.rows or policy.on_bad_rows != "fail":
                yield item
        none_left = policy.on_bad_rows == "drop" and bad.rows == self.read and not policy.all_may_be_bad
        if bad.rows and (policy.on_bad_rows == "fail" or none_left):
            hint = "Correct the rows, leave them out with --on-bad-rows drop, or see the reason beside each with keep."
            hint = hint if policy.on_bad_rows == "fail" else "No row is left to predict."
            raise bad.error(self._name, self.read, hint)


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
def open_output(
    release: Release, output: Path | TextIO | None, *, suffix: str = "", like: Path | Sequence[Path] | None = None
) -> Iterator[Write]:
    """Open a file, which is written whole or not at all, a stream, or standard output, for a table of predictions.

    `suffix` is the format of a stream, and of a file whose name has none. With `like`, nobody gets access to the file
    who has none to that one, or to one of those.
    """
    if not isinstance(output, Path):
        writer = arrow_stream_writer if suffix == ".arrow" else WRITERS[suffix]
        with writer(output or sys.stdout, column_types(release, suffix)) as write:
            yield write
        return
    suffix = ALIASES.get(output.suffix.lower(), output.suffix.lower()) or suffix
    if suffix not in WRITERS:
        raise SeatrialError(
            f"{output.name}: files that end in {suffix or 'nothing'} cannot be written.",
            hint=f"Use {', '.join([*WRITERS][:-1])} or {[*WRITERS][-1]}.",
        )
    if not output.parent.is_dir():
        raise SeatrialError(f"The folder {output.parent} does not exist.", hint="Create it first.")
    with replacing(output, like=like) as file:
        text = TextIOWrapper(file, "utf-8", newline="")
        with WRITERS[suffix](text, column_types(release, suffix)) as write:
            yield write
        text.detach()


def column_types(release: Release, suffix: str) -> dict[str, Any]:
    """The Arrow types of the predictions and of the rows' own columns; none for a format without types."""
    if suffix not in TYPED:
        return {}
    import_pyarrow()
    import pyarrow as pa

    kinds = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "text": pa.string()}
    own = {column.name: kinds[column.kind] for column in release.columns if column.kind in kinds}
    answers = dict(prediction_fields(release.metadata.classes))
    bad = {name: pa.int64() if name == "row" else pa.string() for name in BAD_COLUMNS}
    return bad | {name: kind for name, kind in own.items() if name not in answers} | answers
