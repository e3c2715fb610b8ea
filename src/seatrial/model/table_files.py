"""Reads tables from files of any format in chunks, checks them by the schema, and locates invalid values."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import Problem, SeatrialError
from seatrial.model.arrow_reader import read_arrow, read_parquet
from seatrial.model.bad_rows import BadRows
from seatrial.model.csv_reader import csv_chunks, read_csv
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.file_formats import refuse_pointers
from seatrial.model.json_reader import read_json, read_lines
from seatrial.model.raw_chunks import CHUNK, FEW, RawChunk, from_arrow, import_pyarrow, missing_column
from seatrial.model.table_validation import TableChecker

__all__ = [
    "CHUNK",
    "FEW",
    "Chunk",
    "RawChunk",
    "check_chunks",
    "csv_chunks",
    "from_arrow",
    "import_pyarrow",
    "raise_problems",
    "read_chunks",
    "read_raw_chunks",
]


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table: the checked columns, the target's raw values if requested, and the problems.

    `before` is the number of rows before them, which the rows of problems include. `further` are the raw values of
    other columns that were requested, and `lines` each row's first line in a CSV. `inputs` has the engine's
    matrices of the rows without problems, if their features have been derived, until the engine takes them.
    """

    columns: Columns
    target: list[Any]
    problems: list[Problem]
    rows: int
    before: int = 0
    further: dict[str, list[Any] | Array] = field(default_factory=dict)
    lines: list[int] | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    inputs: list[tuple[Floats, Array]] = field(default_factory=list)


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
        wrong = "is a folder" if path.is_dir() else "is not a file" if path.exists() else "does not exist"
        raise SeatrialError(f"{path} {wrong}.", hint="Give the path of a CSV, Parquet or JSON file.")
    readers = {
        ".csv": read_csv,
        **dict.fromkeys((".parquet", ".pq"), read_parquet),
        ".json": read_json,
        **dict.fromkeys((".jsonl", ".ndjson"), read_lines),
        **dict.fromkeys((".arrow", ".feather"), read_arrow),
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
