"""Arrow in, Arrow out: predicts tables and streams of any length, for an engine such as Spark, DuckDB or Polars.

Bad rows raise, are dropped, or stay without a prediction, with the reason.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.arrow_sources import ArrowSource, kept_field, names_of, open_source
from seatrial.model.bad_rows import BadRows, OnBadRows
from seatrial.model.features import Array, Floats
from seatrial.model.frames import import_arrow, is_frame
from seatrial.model.metadata import Metadata
from seatrial.model.table_files import Chunk, RawChunk, check_chunks
from seatrial.model.table_parts import Part, divided, scored_parts
from seatrial.model.table_validation import TableChecker
from seatrial.model.table_writers import prediction_fields
from seatrial.model.unseen import UnseenValues, texts_of

REASONS = ("bad_column", "bad_value", "bad_rule")  # of a bad row that is kept
POLICIES = ("fail", "drop", "keep")
NAME = Path("The table")  # for messages
KEY_SHOWN = 200  # characters


class TableModel(Protocol):
    """What is used of a release here."""

    @property
    def metadata(self) -> Metadata:
        """Its task and classes."""

    @property
    def checker(self) -> TableChecker:
        """Checks raw columns by the schema."""

    @property
    def unseen(self) -> UnseenValues:
        """Finds values that no training row had."""

    def encode_chunks(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Derive the features of checked chunks."""

    def score_chunks(self, chunks: Iterable[Chunk], threads: int = 0) -> Iterator[tuple[Chunk, Floats]]:
        """Score chunks in their order."""

    def decide_index(self, scores: Floats) -> Array:
        """Turn scores into positions in the classes, or a regression's predictions."""


def predicted_table(
    release: TableModel, data: Any, keep: str | Sequence[str], on_bad_rows: OnBadRows, bad: BadRows
) -> Any:
    """`Release.predict_table`: a pyarrow.Table of the predictions."""
    arrow = import_arrow()
    source = open_source(_columns(release), data, names_of(keep))
    schema = arrow.schema(_fields(release, source.fields, on_bad_rows))
    return arrow.Table.from_batches(list(_predicted(release, source, schema, on_bad_rows, bad, 0)), schema=schema)


def predicted_batches(
    release: TableModel, batches: Any, keep: str | Sequence[str], on_bad_rows: OnBadRows, bad: BadRows
) -> Iterator[Any]:
    """`Release.predict_batches`: the predictions as record batches of at most 65,536 rows."""
    arrow = import_arrow()
    check_policy(on_bad_rows)
    if not is_frame(batches):
        parts = iter(batches) if isinstance(batches, Iterable) else iter((batches,))
        nothing = object()
        first = next(parts, nothing)
        if first is nothing:
            return
        if not isinstance(first, arrow.RecordBatch):
            raise SeatrialError(
                f"Not a record batch: {type(first).__name__}.", hint="For a whole table call predict_table()."
            )
        batches = arrow.RecordBatchReader.from_batches(first.schema, chain([first], parts))
    source = open_source(_columns(release), batches, names_of(keep))
    schema = arrow.schema(_fields(release, source.fields, on_bad_rows))
    yield from _predicted(release, source, schema, on_bad_rows, bad, 1)  # an engine has a worker per core


def _columns(release: TableModel) -> list[str]:
    return [column.name for column in release.checker.columns]


def output_schema(release: TableModel, keep: str | Sequence[str], on_bad_rows: OnBadRows, source: Any) -> Any:
    """`Release.output_schema`: the pyarrow.Schema of the predictions."""
    arrow = import_arrow()
    keep = names_of(keep)
    if keep and not isinstance(source, arrow.Schema):
        raise SeatrialError(
            f"The types of the kept columns {', '.join(keep)} are not known.",
            hint="Pass the pyarrow.Schema of the input as `source`.",
        )
    return arrow.schema(_fields(release, [kept_field(source, name) for name in keep], on_bad_rows))


def check_policy(on_bad_rows: str) -> None:
    """Refuse an unknown policy for bad rows."""
    if on_bad_rows not in POLICIES:
        raise SeatrialError(f"on_bad_rows is {on_bad_rows!r}.", hint='Use "fail", "drop" or "keep".')


def _predicted(
    release: TableModel, source: ArrowSource, schema: Any, policy: OnBadRows, bad: BadRows, threads: int
) -> Iterator[Any]:
    kept: deque[list[Any]] = deque()  # the arrays of each chunk that is not answered yet

    def raw() -> Iterator[RawChunk]:
        for chunk, arrays in source.chunks:
            kept.append(arrays)
            yield chunk

    def parts() -> Iterator[Part]:
        for chunk in release.encode_chunks(check_chunks(raw(), NAME, release.checker)):
            names = [field.name for field in source.fields]
            problems = [replace(p, key=_key(names, kept[-1], p.row - chunk.before)) for p in chunk.problems]
            bad.add(problems)
            if problems and policy == "fail":
                hint = 'Fix these rows, or leave them out with on_bad_rows="drop", or mark them with "keep".'
                raise bad.error(str(NAME), chunk.before + chunk.rows, hint)
            yield divided(replace(chunk, problems=problems))

    def score(chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Floats]]:
        return release.score_chunks(chunks, threads)

    for part, scores in scored_parts(parts(), score, len(release.metadata.classes)):
        arrays = kept.popleft()
        if part.whole.rows:
            yield _answer(release, part, scores, arrays, schema, policy)


def _key(names: Sequence[str], arrays: Sequence[Any], row: int) -> str:
    """How a message names a row: by the values of the kept columns, since its place in a batch says nothing."""
    return ", ".join(f"{n} {array[row].as_py()!r}" for n, array in zip(names, arrays, strict=True))[:KEY_SHOWN]


def _answer(release: TableModel, part: Part, scores: Floats, arrays: list[Any], schema: Any, policy: OnBadRows) -> Any:
    import pyarrow as pa

    answers = prediction_arrays(release, scores, schema.field("prediction").type)
    unseen = release.unseen.values_in_table(part.good.columns)
    texts = pa.array(texts_of(unseen, part.good.rows), pa.string()) if unseen else None
    answers.append(pa.nulls(part.good.rows, pa.string()) if texts is None else texts)
    some = part.good is not part.whole
    if some and policy == "drop":
        mask = pa.array(part.kept)
        arrays = [array.filter(mask) for array in arrays]
    if some and policy == "keep":
        places = pa.array(np.cumsum(part.kept) - 1, mask=~part.kept)  # null where there is no prediction
        answers = [answer.take(places) for answer in answers]
    reasons = _reasons(part.whole) if policy == "keep" else []
    return pa.record_batch([*arrays, *answers, *reasons], schema=schema)


def prediction_arrays(release: TableModel, scores: Floats, kind: Any) -> list[Any]:
    """Convert scores to Arrow arrays: the prediction, of this type, and the probability of each class."""
    import pyarrow as pa

    decided = release.decide_index(scores)
    if not release.metadata.classes:
        return [pa.array(decided, kind)]
    labels = pa.array(release.metadata.classes, kind)
    prediction = pa.DictionaryArray.from_arrays(pa.array(decided.astype(np.int32)), labels).dictionary_decode()
    return [prediction, *(pa.array(np.ascontiguousarray(column)) for column in scores.T)]


def _reasons(chunk: Chunk) -> list[Any]:
    """Why each row of a chunk is bad: column, value and rule of its first problem; null for a good row."""
    import pyarrow as pa

    first: dict[int, Problem] = {}
    for problem in chunk.problems:
        first.setdefault(problem.row - chunk.before, problem)
    getters: tuple[Callable[[Problem], str], ...] = (lambda p: p.column, lambda p: p.value, lambda p: p.rule)
    if not first:
        return [pa.nulls(chunk.rows, pa.string()) for _ in getters]
    places = np.full(chunk.rows, -1)
    places[list(first)] = np.arange(len(first))
    taken = pa.array(places, mask=places < 0)
    return [pa.array([get(problem) for problem in first.values()], pa.string()).take(taken) for get in getters]


def _fields(release: TableModel, kept: Sequence[Any], on_bad_rows: OnBadRows) -> list[Any]:
    import pyarrow as pa

    check_policy(on_bad_rows)
    fields = [pa.field(name, kind) for name, kind in prediction_fields(release.metadata.classes)]
    fields += [pa.field(name, pa.string()) for name in REASONS if on_bad_rows == "keep"]
    names = [field.name for field in (*kept, *fields)]
    if double := [name for name in names if names.count(name) > 1]:
        raise SeatrialError(
            f"The predictions would have two columns called {double[0]!r}.", hint="Rename the column of the table."
        )
    return [*kept, *fields]
