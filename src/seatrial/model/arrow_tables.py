"""Arrow in, Arrow out: predicts tables and streams of any length, for an engine such as Spark, DuckDB or Polars.

Only the columns of the schema and those that the caller keeps are converted. Batches of any size are put together, or
divided, into chunks of 65,536 rows: a call for 2,048 rows costs more than twice as much per row.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.bad_rows import BadRows, OnBadRows
from seatrial.model.features import Array, Floats
from seatrial.model.frames import import_arrow, is_frame, pandas_chunks
from seatrial.model.metadata import Metadata
from seatrial.model.table_files import CHUNK, Chunk, RawChunk, check_chunks, from_arrow
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


@dataclass(frozen=True)
class ArrowSource:
    """A table as chunks of raw columns, each with the arrays of the columns that are kept, of these fields."""

    fields: tuple[Any, ...]
    chunks: Iterator[tuple[RawChunk, list[Any]]]


def predicted_table(release: TableModel, data: Any, keep: Sequence[str], on_bad_rows: OnBadRows, bad: BadRows) -> Any:
    """`Release.predict_table`: a pyarrow.Table of the predictions."""
    arrow = import_arrow()
    source = open_source(release, data, keep)
    schema = arrow.schema(_fields(release, source.fields, on_bad_rows))
    return arrow.Table.from_batches(list(_predicted(release, source, schema, on_bad_rows, bad, 0)), schema=schema)


def predicted_batches(
    release: TableModel, batches: Any, keep: Sequence[str], on_bad_rows: OnBadRows, bad: BadRows
) -> Iterator[Any]:
    """`Release.predict_batches`: the predictions as record batches of at most 65,536 rows."""
    arrow = import_arrow()
    check_policy(on_bad_rows)
    if not is_frame(batches):
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return
        batches = arrow.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    source = open_source(release, batches, keep)
    schema = arrow.schema(_fields(release, source.fields, on_bad_rows))
    yield from _predicted(release, source, schema, on_bad_rows, bad, 1)  # an engine has a worker per core


def output_schema(release: TableModel, keep: Sequence[str], on_bad_rows: OnBadRows, source: Any) -> Any:
    """`Release.output_schema`: the pyarrow.Schema of the predictions."""
    arrow = import_arrow()
    if keep and source is None:
        raise SeatrialError(
            f"The types of the kept columns {', '.join(keep)} are not known.",
            hint="Pass the pyarrow.Schema of the input as `source`.",
        )
    return arrow.schema(_fields(release, [_kept_field(source, name) for name in keep], on_bad_rows))


def open_source(release: TableModel, data: Any, keep: Sequence[str]) -> ArrowSource:
    """Read any kind of table: Arrow and what exports it, pandas, a dictionary of arrays, a structured array."""
    arrow = import_arrow()
    names = [column.name for column in release.checker.columns]
    if type(data).__module__.partition(".")[0] == "pandas" and is_frame(data):
        kept: Any = arrow.Table.from_pandas(data[[*keep]], preserve_index=False) if keep else None
        return ArrowSource(tuple(kept.schema) if keep else (), pandas_chunks(data, names, kept))
    if type(data).__module__.partition(".")[0] == "polars" and is_frame(data):
        data = data.select([name for name in data.columns if name in {*names, *keep}]).to_arrow()
    reader = _reader(data, {*names, *keep})
    columns = reader.schema.names
    if double := [name for name in [*names, *keep] if columns.count(name) > 1]:
        raise SeatrialError(f"The table has two columns called {double[0]!r}.", hint="Rename or drop one of them.")
    fields = tuple(_kept_field(reader.schema, name) for name in keep)
    return ArrowSource(fields, _arrow_chunks(reader, names, keep))


def _reader(data: Any, wanted: set[str]) -> Any:
    arrow = import_arrow()
    if isinstance(data, np.ndarray) and data.dtype.names:
        data = {name: data[name] for name in data.dtype.names}
    if isinstance(data, Mapping):
        arrays = {str(name): arrow.array(values, from_pandas=True) for name, values in data.items() if name in wanted}
        data = arrow.table(arrays)
    if isinstance(data, arrow.RecordBatch):
        data = arrow.Table.from_batches([data])
    if isinstance(data, arrow.Table):
        return data.select([i for i, name in enumerate(data.column_names) if name in wanted]).to_reader(CHUNK)
    if not is_frame(data):
        raise SeatrialError(
            f"A {type(data).__name__} is not a table.",
            hint="Pass an Arrow table, a DataFrame, or a dictionary of arrays; lists of rows go to predict().",
        )
    return arrow.RecordBatchReader.from_stream(data)


def _kept_field(schema: Any, name: str) -> Any:
    if name not in schema.names:
        raise SeatrialError(
            f"The table has no column {name!r} to keep.", hint=f"Its columns are: {', '.join(schema.names[:30])}."
        )
    return schema.field(name)


def _arrow_chunks(reader: Any, names: Sequence[str], keep: Sequence[str]) -> Iterator[tuple[RawChunk, list[Any]]]:
    columns = reader.schema.names
    read = [name for name in names if name in columns]
    wanted = list(dict.fromkeys([*read, *keep]))
    rows = 0
    for batch in rechunked((batch.select(wanted) for batch in reader), CHUNK):
        rows += batch.num_rows
        raw = {name: from_arrow(batch.column(wanted.index(name))) for name in read}
        yield RawChunk(raw, batch.num_rows), [batch.column(wanted.index(name)) for name in keep]
    if not rows:  # the columns are checked even so
        yield RawChunk({name: [] for name in read}, 0), []


def rechunked(batches: Iterable[Any], size: int) -> Iterator[Any]:
    """Put small record batches together, and divide large ones, so that all but the last have `size` rows."""
    arrow = import_arrow()
    waiting: list[Any] = []
    rows = 0
    for batch in batches:
        start = 0
        while batch.num_rows - start >= size - rows:
            waiting.append(batch.slice(start, size - rows))
            yield _joined(arrow, waiting)
            start += size - rows
            waiting, rows = [], 0
        if start < batch.num_rows:
            waiting.append(batch.slice(start))
            rows += waiting[-1].num_rows
    if rows:
        yield _joined(arrow, waiting)


def _joined(arrow: Any, batches: list[Any]) -> Any:
    if len(batches) == 1:
        return batches[0]
    (joined,) = arrow.Table.from_batches(batches).combine_chunks().to_batches()
    return joined


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
