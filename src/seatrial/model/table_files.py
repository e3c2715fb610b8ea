"""Reads tables from CSV, Parquet and JSON files in chunks, checks them by the schema, and locates invalid values."""

import csv
import difflib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.bad_rows import BadRows
from seatrial.model.categorical import categorical
from seatrial.model.features import Array, Columns
from seatrial.model.file_formats import refuse_pointers
from seatrial.model.table_validation import EXACT, TableChecker

CHUNK = 65_536
FEW = 1_024  # distinct values, that are converted although fewer rows may use them
Record = tuple[int, list[str]]  # a row's first line, and its cells
LONGEST_CELL = 2**30  # characters; the csv module's own limit is 128 KiB


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table: the checked columns, the target's raw values if requested, and the problems.

    `before` is the number of rows before them, which the rows of problems include. `further` are the raw values of
    other columns that were requested, and `lines` each row's first line in a CSV.
    """

    columns: Columns
    target: list[Any]
    problems: list[Problem]
    rows: int
    before: int = 0
    further: dict[str, list[Any] | Array] = field(default_factory=dict)
    lines: list[int] | None = None
    kept: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RawChunk:
    """Rows as read: a value per row and column, each row's first line, and the rows with the wrong number of cells."""

    columns: dict[str, list[Any] | Array]
    rows: int
    lines: list[int] | None = None
    ragged: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()  # of all columns of the file, where only some are read
    kept: dict[str, Any] = field(default_factory=dict)  # columns that are passed through as they are


def read_chunks(
    path: Path,
    checker: TableChecker,
    *,
    target: str | None = None,
    further: Mapping[str, str] | None = None,
    size: int = CHUNK,
) -> Iterator[Chunk]:
    """Read a table in chunks of at most `size` rows, each checked by the schema.

    Columns that the schema does not name are ignored, except the target and those in `further`, which says of each what
    needs it. Problems name the line (CSV) and the row, counted over the whole file. Raises SeatrialError for a file
    that is not a table, and for a missing column that is required.
    """
    wanted = {column.name for column in checker.columns} | {*(further or ()), *([target] if target else ())}
    raw = read_raw_chunks(path, wanted, size)
    yield from check_chunks(raw, path, checker, target=target, further=further or {})


def read_raw_chunks(path: Path, wanted: Collection[str], size: int = CHUNK) -> Iterator[RawChunk]:
    """Read a table in chunks of at most `size` rows, as they are; other columns than those `wanted` may be missing."""
    yield from _reader(path)(path, size, wanted)


def with_columns(
    chunks: Iterable[RawChunk], path: Path, keep: Sequence[str], constants: Mapping[str, str]
) -> Iterator[RawChunk]:
    """Add columns of one value, where a table has none of that name, and pass those that `keep` names through."""
    for raw in chunks:
        added = {name: constant(value, raw.rows) for name, value in constants.items() if name not in raw.columns}
        columns = {**raw.columns, **added}
        for name in keep:
            if name not in columns:
                raise missing_column(path, name, list(raw.names or raw.columns), ", which --key names")
        yield replace(raw, columns=columns, kept={name: columns[name] for name in keep})


def constant(value: str, rows: int) -> Array:
    """A column of one text."""
    return categorical(np.array([value], dtype=object), np.zeros(rows, dtype=np.int64))


def check_chunks(
    raw_chunks: Iterable[RawChunk],
    path: Path,
    checker: TableChecker,
    *,
    target: str | None = None,
    further: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """Check chunks by the schema; `path` names the table in errors."""
    before = 0
    for raw in raw_chunks:
        existing = list(raw.names or raw.columns)
        for name, needed_by in (further or {}).items():
            if name not in raw.columns:
                raise missing_column(path, name, existing, f", which {needed_by} names")
        wanted = [column.name for column in checker.columns] + ([target] if target else [])
        table: dict[str, Any] = {
            name: raw.columns[name] if name in raw.columns else [_default(path, checker, name, existing)] * raw.rows
            for name in wanted
        }
        labels = table.pop(target) if target else []
        columns, problems = checker.check(table)
        problems = [_located(p, raw.lines, before) for p in problems]
        problems += [replace(p, row=before + p.row) for p in raw.ragged]
        labels = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
        others = {name: raw.columns[name] for name in further or ()}
        yield Chunk(
            columns, labels, sorted(problems, key=lambda p: p.row), raw.rows, before, others, raw.lines, raw.kept
        )
        before += raw.rows


def _located(problem: Problem, lines: Sequence[int] | None, before: int) -> Problem:
    line = lines[problem.row] if lines is not None else None
    return replace(problem, row=before + problem.row, line=line)


def _default(path: Path, checker: TableChecker, name: str, existing: list[str]) -> Any:
    column = next((column for column in checker.columns if column.name == name), None)
    if column is not None and not column.required:
        return column.default
    raise missing_column(path, name, existing)


def missing_column(path: Path, name: str, existing: list[str], needed_by: str = "") -> SeatrialError:
    """The error for a table without a column; `needed_by` says what names it."""
    near = difflib.get_close_matches(name, existing, 1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Its columns are: {', '.join(existing[:30])}."
    return SeatrialError(f"{path.name} has no column `{name}`{needed_by}.", hint=hint)


def raise_problems(problems: Sequence[Problem], path: Path, *, rows: int, hint: str = "Correct the rows.") -> None:
    """Raise a DataError with the problems grouped by their cause, if there are any; `hint` says what to do next."""
    if problems:
        bad = BadRows()
        bad.add(problems)
        error = bad.error(path.name, rows, hint)
        error.problems = tuple(problems)
        raise error


def _reader(path: Path) -> Any:
    if not path.is_file():
        wrong = "is a folder" if path.is_dir() else "does not exist"
        raise SeatrialError(f"{path} {wrong}.", hint="Give the path of a CSV, Parquet or JSON file.")
    readers = {
        ".csv": _read_csv,
        **dict.fromkeys((".parquet", ".pq"), _read_parquet),
        ".json": _read_json,
        **dict.fromkeys((".jsonl", ".ndjson"), _read_lines),
        **dict.fromkeys((".arrow", ".feather"), _read_arrow),
    }
    if path.suffix.lower() not in readers:
        raise SeatrialError(
            f"{path.name}: files that end in {path.suffix or 'nothing'} cannot be read.",
            hint="Use .csv, .parquet, .json, .jsonl or .arrow.",
        )
    if path.stat().st_size == 0:
        raise SeatrialError(f"{path} is empty.", hint="Give a file with rows.")
    json_endings = dict.fromkeys((".json", ".jsonl", ".ndjson"), "JSON")
    arrow_endings = dict.fromkeys((".arrow", ".feather"), "a Feather file")
    wanted = {".csv": "", **json_endings, **arrow_endings}.get(path.suffix.lower(), "a Parquet file")
    refuse_pointers(path, wanted)
    return readers[path.suffix.lower()]


def _read_csv(path: Path, size: int, _: Collection[str]) -> Iterator[RawChunk]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            chunks = csv_chunks(file, path.name, lambda rows: list(islice(rows, size)))
            first = next(chunks, None)
            if first is None:
                raise SeatrialError(f"{path.name} has a header but no rows.", hint="Give a file with rows.")
            yield first
            yield from chunks
    except UnicodeDecodeError as error:
        with path.open("rb") as file:
            utf_16 = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
        what = "is UTF-16, not UTF-8" if utf_16 else f"is not UTF-8 (byte {error.start})"
        raise SeatrialError(f"{path.name} {what}.", hint="Save it as UTF-8.") from None


def csv_chunks(
    lines: Iterable[str],
    name: str,
    some: Callable[[Iterator[Record]], list[Record]],
    on_header: Callable[[list[str]], None] | None = None,
) -> Iterator[RawChunk]:
    """Read CSV with a header from lines that keep their ends; `name` is for errors.

    `some` takes the rows of a chunk out of all that follow, and `on_header` gets the names of the columns. Raises
    SeatrialError for what is not CSV.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        if on_header:
            on_header(header)
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise SeatrialError(f"{name} has two columns named {repeated[0]!r}.", hint="Rename one of them.")
        numbered = _numbered(reader)
        while records := some(numbered):
            yield _chunk_of(header, records)
    except csv.Error as error:
        raise SeatrialError(
            f"{name} is not valid CSV, line {reader.line_num}: {error}.",
            hint="Fix that line, or save the table as CSV again.",
        ) from None


def _numbered(reader: Any) -> Iterator[Record]:
    """Number the records by their first line, skipping empty lines."""
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _chunk_of(header: list[str], records: list[Record]) -> RawChunk:
    ragged = tuple(
        Problem(row, "", "", f"the row has {len(cells)} cells, the header has {len(header)}", line, "wrong_length")
        for row, (line, cells) in enumerate(records)
        if len(cells) != len(header)
    )
    width = len(header)
    even = [cells if len(cells) == width else (cells + [""] * width)[:width] for _, cells in records]
    columns: dict[str, list[Any] | Array] = {
        name: list(values) for name, values in zip(header, zip(*even, strict=True), strict=True)
    }
    return RawChunk(columns, len(records), [line for line, _ in records], ragged)


def _read_parquet(path: Path, size: int, wanted: Collection[str]) -> Iterator[RawChunk]:
    names = tuple(parquet_schema(path).names)
    if repeated := [name for name in wanted if names.count(name) > 1]:
        raise SeatrialError(f"{path.name} has two columns named {repeated[0]!r}.", hint="Rename one of them.")
    for batch in parquet_batches(path, [name for name in dict.fromkeys(names) if name in wanted], size):
        columns = {name: from_arrow(batch.column(n)) for n, name in enumerate(batch.schema.names)}
        yield RawChunk(columns, batch.num_rows, names=names)


def parquet_schema(path: Path) -> Any:
    """The Arrow schema of a Parquet file. Raises SeatrialError where it is not one, or has no rows."""
    with _parquet_errors(path):
        file = _parquet_file(path)
        if file.metadata.num_rows == 0:
            raise SeatrialError(f"{path.name} has no rows.", hint="Give a file with rows.")
        return file.schema_arrow


def parquet_batches(path: Path, names: Sequence[str], size: int) -> Iterator[Any]:
    """Read these columns of a Parquet file, in their order, in batches of at most `size` rows; texts as dictionaries."""
    with _parquet_errors(path):
        schema = _parquet_file(path).schema_arrow
        texts = [name for name in names if str(schema.field(name).type) in ("string", "large_string")]
        for batch in _parquet_file(path, texts).iter_batches(batch_size=size, columns=list(names)):
            yield batch.select(names)


def _parquet_file(path: Path, texts: Sequence[str] = ()) -> Any:
    import_pyarrow()
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, read_dictionary=list(texts))


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    import_pyarrow()
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise SeatrialError(f"{path.name} cannot be read as Parquet: {error}", hint="Write the file again.") from None


def import_pyarrow() -> None:
    """Raise SeatrialError where pyarrow is not installed: Parquet is optional for a release."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise SeatrialError("Parquet files need pyarrow.", hint="pip install pyarrow") from None


def from_arrow(values: Any) -> list[Any] | Array:
    """Convert numbers to float64 with NaN for null, and strings to objects that are shared by equal values."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers: Array = values.to_numpy(zero_copy_only=False).astype(np.float64)
        if pa.types.is_floating(kind) or not bool((np.abs(numbers) >= EXACT).any()):  # NaN, for null, is not
            return numbers
        return np.array(values.to_pylist(), dtype=object)  # checked value by value
    if pa.types.is_string_view(kind):  # to cast a damaged one ends the process: pyarrow reads the views of nulls
        values = pa.array(values.to_pylist(), pa.string())
    if pa.types.is_string(values.type) or pa.types.is_large_string(kind):
        values = values.dictionary_encode()
    if pa.types.is_dictionary(values.type) and len(values.dictionary) > max(len(values), FEW):
        values = values.dictionary_decode().dictionary_encode()  # a slice uses few of the values
    if pa.types.is_dictionary(values.type):
        distinct = np.array([*values.dictionary.to_pylist(), None], dtype=object)
        codes = values.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
        return categorical(distinct, codes.astype(np.int64))
    listed: list[Any] = values.to_pylist()
    return listed


def _read_json(path: Path, size: int, _: Collection[str]) -> Iterator[RawChunk]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SeatrialError(
            f"{path.name} is not valid JSON: {error}", hint='Write [{"column": value, ...}, ...].'
        ) from None
    rows = document.get("inputs", [document]) if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise SeatrialError(f"{path.name} contains no rows.", hint='Write [{"column": value, ...}, ...].')
    names = list(dict.fromkeys(name for row in rows for name in row))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield RawChunk({name: [row.get(name) for row in part] for name in names}, len(part))


def _read_lines(path: Path, size: int, _: Collection[str]) -> Iterator[RawChunk]:
    names: dict[str, None] = {}
    before = 0
    with path.open("rb") as file:
        while lines := list(islice(file, size)):
            rows, numbers = [], []
            for number, line in enumerate(lines, before + 1):
                if line.strip():
                    rows.append(_row_of(path, number, line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"")))
                    numbers.append(number)
            before += len(lines)
            if rows:
                names |= dict.fromkeys(name for row in rows for name in row)
                yield RawChunk({name: [row.get(name) for row in rows] for name in names}, len(rows), numbers)
    if not names:
        raise SeatrialError(f"{path.name} contains no rows.", hint='Write {"column": value, ...} in each line.')


def _row_of(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SeatrialError(
            f"{path.name} is not valid JSON, line {number:,}: {error}",
            hint='Write {"column": value, ...} in each line.',
        ) from None
    if not isinstance(row, dict):
        raise SeatrialError(
            f"{path.name}, line {number:,} is not an object.", hint='Write {"column": value, ...} in each line.'
        )
    return row


def _read_arrow(path: Path, size: int, wanted: Collection[str]) -> Iterator[RawChunk]:
    """Read an Arrow IPC file, or a stream."""
    import_pyarrow()
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file:
            stream = file.read(6) != b"ARROW1"
            file.seek(0)
            reader = pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file)
            names = tuple(reader.schema.names)
            if repeated := [name for name in wanted if names.count(name) > 1]:
                raise SeatrialError(f"{path.name} has two columns named {repeated[0]!r}.", hint="Rename one of them.")
            read = [name for name in names if name in wanted]
            batches = reader if stream else (reader.get_batch(n) for n in range(reader.num_record_batches))
            rows = 0
            for whole in batches:
                for start in range(0, whole.num_rows, size):
                    batch = whole.select(read).slice(start, size)
                    rows += batch.num_rows
                    columns = {name: from_arrow(batch.column(n)) for n, name in enumerate(read)}
                    yield RawChunk(columns, batch.num_rows, names=names)
            if not rows:
                raise SeatrialError(f"{path.name} has no rows.", hint="Give a file with rows.")
    except (pa.ArrowException, OSError) as error:
        raise SeatrialError(f"{path.name} cannot be read as Arrow: {error}", hint="Write the file again.") from None
