"""Writes the data file of a project: the source file itself if a project can read it, else a clean copy."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.template.reading.conversion import LARGEST_WHOLE, Export, ExportColumn
from seatrial.template.records import Examination, TableSource

LARGE = 200_000  # rows; above it, Parquet is read several times as fast


@dataclass(frozen=True)
class DataFile:
    """The file written, and how it differs from its source; without `changes` it is the same file."""

    path: Path
    changes: tuple[str, ...]


def write_data(examination: Examination, folder: Path, name: str) -> DataFile:
    """Write `folder/name.csv`, or `.parquet` for a large table; the source is not changed.

    A file that a project can read is copied. Otherwise all columns are written under their clean names: numbers plain,
    booleans as true and false, dates in ISO format, missing values empty; columns left out are included for later use.
    """
    source = examination.source
    suffix = source.path.suffix.lower() if source.path else ""
    if not (_unchanged(examination) and (suffix != ".csv" or source.rows <= LARGE)):
        suffix = ".parquet" if examination.rows > LARGE else ".csv"
    content, changes = content_of(examination, suffix)
    path = folder / f"{name}{suffix}"
    write_atomic(path, content, like=source.path)
    return DataFile(path, changes)


def content_of(examination: Examination, suffix: str) -> tuple[bytes, tuple[str, ...]]:
    """The data file as `.csv` or `.parquet`, and how it differs from its source; the source itself if possible."""
    source = examination.source
    if _unchanged(examination) and source.path is not None and source.path.suffix.lower() == suffix:
        return _content(source.path, source.sha256), ()
    changes = list(examination.changes)
    if not source.clean:
        facts = ", ".join(f"{name} {value}" for name, value in source.facts.items())
        changes.insert(0, f"converted to a plain table (the source: {facts})")
    table = clean_table(examination)
    if suffix == ".csv":
        return _csv(table), tuple(changes) or ("written as CSV, the format of the previous table",)
    return _parquet(table), tuple(changes) or ("written as Parquet, which is faster to read",)


def content_of_export(
    source: TableSource, export: Export, suffix: str, target: str, bad: Any, old: Export | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """The data file of an export, and how its rows differ; with `old`, the rows of that table and those that are new.

    Rows without a label and those that `bad` (a boolean array) marks are left out.
    """
    table, changes = export_table(export, ~bad), []
    if bad.any():
        changes.append(f"{int(bad.sum()):,} rows that break the schema left out")
    labelled = pc.is_valid(table.column(target))
    if not pc.all(labelled).as_py():
        changes.append(f"{len(table) - pc.sum(labelled).as_py():,} rows without a label left out")
        table = table.filter(labelled)
    same_format = source.path is not None and source.path.suffix.lower() == suffix
    if source.path is not None and same_format and source.clean and export.plain and not changes and old is None:
        return _content(source.path, source.sha256), ()
    if old is not None:
        table, known = _appended(export_table(old), table)
        changes += [f"{known:,} rows are in the table already, and are not added again"] if known else []
        absent = [name for name in old.columns if name not in export.columns]
        changes += [f"missing in the new rows: {', '.join(absent)}"] if absent else []
    return table_bytes(table, suffix), tuple(changes)


def table_bytes(table: Any, suffix: str) -> bytes:
    """A pyarrow.Table as a file, `.csv` or `.parquet`."""
    return _csv(table) if suffix == ".csv" else _parquet(table)


def csv_of_export(export: Export) -> bytes:
    """An export as the project's own table would have it, in CSV."""
    return _csv(export_table(export))


def export_table(export: Export, kept: Any = None) -> Any:
    """An export as the project's table has it, a pyarrow.Table of the rows that are `kept` (a boolean array), or all.

    A column with an unreadable value is text.
    """
    return pa.table({name: _export_column(column, kept) for name, column in export.columns.items()})


def _export_column(column: ExportColumn, kept: Any) -> Any:
    codes = column.codes if kept is None else column.codes[kept]
    if kept is not None:  # a value of no row that is kept does not make a column text
        used = np.unique(codes)
        column = replace(column, distinct=[column.distinct[n] for n in used.tolist()])
        codes = np.searchsorted(used, codes)
    kinds = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    kind = pa.string() if column.unreadable else kinds.get(column.rules.kind, pa.string())
    values = column.distinct
    if kind == pa.string():
        values = [value if value is None or isinstance(value, str) else _plain_text(value) for value in values]
    distinct = pa.array(values, kind)
    return distinct.take(pa.array(codes))


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if value == int(value) and abs(value) < LARGEST_WHOLE else repr(value)


def _appended(before: Any, table: Any) -> tuple[Any, int]:
    """The rows of both tables; and how many of the second are left out, since the first has them already."""
    shared = [name for name in table.column_names if name in before.column_names]
    complete = len(shared) == before.num_columns
    # Without all columns, nobody can say whether a row is known.
    has = Counter(rows_as_texts(before, shared)) if complete else Counter()
    new: list[bool] = []
    for row in rows_as_texts(table, shared):
        new.append(has[row] == 0)
        has[row] -= not new[-1]
    return concatenated([before, table.filter(pa.array(new, pa.bool_()))]), new.count(False)


def concatenated(parts: list[Any]) -> Any:
    """The rows of several tables, the columns of all of them; a column of several types is text."""
    names = dict.fromkeys(name for part in parts for name in part.column_names)
    types = {name: {part.schema.field(name).type for part in parts if name in part.column_names} for name in names}
    mixed = [name for name, kinds in types.items() if len(kinds) > 1]
    parts = [_with_texts(part, mixed) for part in parts]
    return pa.concat_tables(parts, promote_options="default")


def rows_as_texts(table: Any, names: list[str]) -> Iterator[tuple[Any, ...]]:
    """The values of these columns as texts, row by row."""
    return zip(*(pc.cast(table.column(name), pa.string()).to_pylist() for name in names), strict=True)


def _with_texts(table: Any, names: list[str]) -> Any:
    """The table with these columns as text."""
    for name in set(names) & {*table.column_names}:
        position = table.column_names.index(name)
        table = table.set_column(position, name, pc.cast(table.column(name), pa.string()))
    return table


def _content(path: Path, digest: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise SeatrialError(f"{path.name} changed while it was being read.", hint="Run it again.")
    return content


def _unchanged(examination: Examination) -> bool:
    """Whether a project can read the source file unchanged."""
    return examination.source.clean and not examination.changes and examination.source.path is not None


def clean_table(examination: Examination) -> Any:
    """The table under its clean names, in the source's order, with the target; a pyarrow.Table."""
    arrays: dict[str, Any] = {}
    by_source = {column.source: column for column in examination.columns}
    for name in examination.source.columns:
        if name == examination.target.source:
            values = examination.target.values
            arrays[examination.target.name] = _whole_labels(values)
            continue
        column = by_source[name]
        values = column.values
        if column.kind == "date":
            values = values.cast(pa.date32()).cast(pa.string())
        elif column.kind == "moment":
            plain = pc.cast(values, pa.timestamp("us"))
            texts = pc.strftime(plain, format="%Y-%m-%dT%H:%M:%S")  # arrow writes microseconds with %S
            trimmed = pc.replace_substring_regex(texts, r"\.0+$", "")
            values = pc.binary_join_element_wise(trimmed, "Z", "") if column.aware else trimmed
        arrays[column.name] = values
    return pa.table(arrays)


def _whole_labels(values: Any) -> Any:
    try:
        return values.cast(pa.int64()) if pa.types.is_string(values.type) else values
    except pa.ArrowInvalid:
        return values


def _csv(table: Any) -> bytes:
    """A table as CSV, with quotes only where needed; arrow's own writer quotes every text."""
    columns = []
    for name in table.column_names:
        texts = pc.cast(table.column(name), pa.string())
        if not pa.types.is_string(table.column(name).type):
            columns.append(texts)
            continue
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
        columns.append(pc.if_else(pc.match_substring_regex(texts, '[",\\r\\n]'), quoted, texts))
    lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    return "\n".join([",".join(table.column_names), *lines.to_pylist(), ""]).encode()


def _parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
