"""Reads exports by a project's reading rules: one way for all that takes a table after `seatrial new`."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seatrial.core.project import ProjectSettings
    from seatrial.model.schema import Column
    from seatrial.model.table_files import RawChunk
    from seatrial.model.table_validation import TableChecker
    from seatrial.template.reading.conversion import Export
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.template.reading.rules import ReadingRules
    from seatrial.template.records import ColumnRules, Kind, TableSource

AT_ONCE = 512 * 2**20  # bytes
AS_IN_THE_API = (".json", ".jsonl", ".ndjson", ".arrow", ".feather")
NOTHING: Mapping[str, str] = {}


def project_checker(project: "ProjectSettings") -> "TableChecker":
    """The rules of the project's schema; its package must be importable."""
    import importlib

    from seatrial.model.schema import schema_in
    from seatrial.model.table_validation import TableChecker

    module = importlib.import_module(f"{project.package}.schema")
    try:
        return TableChecker(schema_in(module))
    except TypeError as error:  # Pydantic's, of a rule that does not fit its type
        raise SeatrialError(f"{module.__file__}: {error}", hint="Correct the field's type or its rules.") from None


def project_rules(project: "ProjectSettings", checker: "TableChecker") -> "ReadingRules":
    """The rules of reading.toml. Where the schema has another kind for a column, or a column more, it is right."""
    from seatrial.template.reading.rules import FILE, ReadingRules, read_rules
    from seatrial.template.records import ColumnRules

    rules = read_rules(project.root / FILE) or ReadingRules()
    columns = dict(rules.columns)
    for column in checker.columns:
        known = columns.get(column.name) or ColumnRules(column.name, "text")
        columns[column.name] = replace(known, kind=_kind(column, checker, known))
    columns.setdefault(project.target, ColumnRules(project.target, "category"))
    return replace(rules, columns=columns)


def rules_digest(project: "ProjectSettings") -> str:
    """The beginning of the SHA-256 of reading.toml; "none" without one."""
    from seatrial.template.reading.rules import FILE

    path = project.root / FILE
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else "none"


def _kind(column: "Column", checker: "TableChecker", rules: "ColumnRules") -> "Kind":
    if column.kind in ("integer", "number", "boolean"):
        return column.kind
    if column.kind == "other":
        return rules.kind if rules.kind in ("date", "moment") else checker.moment_kind(column)
    names = ("category", "code", "text")
    return rules.kind if rules.kind in names else "category" if column.kind == "category" else "text"


def read_by_rules(
    data: Any,
    rules: "ReadingRules",
    needed: Collection[str],
    *,
    only: Collection[str] | None = None,
    constants: Mapping[str, str] = NOTHING,
    query: str = "",
    sheet: str = "",
    options: "CsvOptions | None" = None,
    progress: Progress = silent,
) -> "tuple[TableSource, Export]":
    """Read an export: a DataFrame, an Arrow table, or what `seatrial refresh` takes; `options` override the rules.

    `constants` are columns of one value that are added where the table has none of that name.

    Raises SeatrialError where a column that is `needed` is missing, and where the table contradicts the rules.
    """
    from seatrial.steps.new import read_table
    from seatrial.template.reading.conversion import project_names, read_export
    from seatrial.template.reading.csv_file import CsvOptions

    given = options or CsvOptions()
    usual = replace(
        given,
        separator=given.separator or rules.separator or None,
        header=rules.header if given.header is None and not rules.header else given.header,
        usual_encoding=rules.encoding,
    )

    def read(tried: "CsvOptions") -> "TableSource":
        return read_table(data, query=query, sheet=sheet, options=tried, progress=progress)

    detected = replace(usual, separator=given.separator)
    try:
        source = read(usual)
        again = usual != detected and not {*needed} <= {*project_names(source, rules), *constants}
    except SeatrialError:
        if usual == detected:
            raise
        again = True
    source = read(detected) if again else source  # exports may have another separator now
    source = _with_constants(source, constants)
    export = read_export(source, rules, [*needed], only=only)
    encoding = source.facts.get("encoding", "")
    notes = (f"encoding {encoding}: look at its letters",) if "a guess" in encoding else ()
    return source, replace(export, notes=(*notes, *export.notes))


def _with_constants(source: "TableSource", constants: Mapping[str, str]) -> "TableSource":
    import numpy as np
    import pyarrow as pa

    table = source.table
    for name, value in constants.items():
        if name not in source.columns:
            codes = np.zeros(source.rows, dtype=np.int32)
            table = table.append_column(name, pa.DictionaryArray.from_arrays(codes, [value]))
    return replace(source, table=table)


def bad_rows(
    source: "TableSource", export: "Export", checker: "TableChecker", *, drop: bool = False
) -> "npt.NDArray[np.bool_]":
    """A mask of the rows that break the schema. Raises DataError, with their lines, unless they are to be dropped."""
    import numpy as np

    from seatrial.model.table_files import CHUNK, check_chunks, raise_problems

    path = source.path or Path(source.name)
    names = [column.name for column in checker.columns]
    present = replace(export, columns={name: export.columns[name] for name in names if name in export.columns})
    problems = [p for chunk in check_chunks(_chunks(source, present, CHUNK), path, checker) for p in chunk.problems]
    if not drop:
        hint = "Correct the rows or the schema, or leave such rows out with --on-bad-rows drop."
        raise_problems(problems, path, rows=export.rows, hint=hint)
    mask: npt.NDArray[np.bool_] = np.zeros(export.rows, dtype=bool)
    mask[[problem.row for problem in problems]] = True
    return mask


def rows_to_predict(
    file: Path,
    project: "ProjectSettings",
    checker: "TableChecker",
    *,
    keep: Sequence[str] = (),
    constants: Mapping[str, str] = NOTHING,
    sheet: str = "",
    options: "CsvOptions | None" = None,
    progress: Progress = silent,
) -> "tuple[Iterator[RawChunk], Sequence[str]]":
    """The rows of an export in chunks, and notes on how it was read, which are complete when the rows are read.

    Rows in JSON and Arrow are as in the API. A Parquet file is read in chunks where the rules allow it. Another file
    too large to be read at once is too, so it must be as the project's own table. `keep` names columns of the file that
    are in the chunks as they are, and `constants` has columns of one value, as the partitions of a folder are.
    """
    from seatrial.model.raw_chunks import CHUNK, missing_column, with_columns
    from seatrial.model.table_files import read_raw_chunks

    def plain() -> "Iterator[RawChunk]":
        wanted = {*(column.name for column in checker.columns), *keep}
        return with_columns(read_raw_chunks(file, wanted), file, keep, constants)

    if file.suffix.lower() in AS_IN_THE_API:
        return plain(), ()
    rules = project_rules(project, checker)
    own = file.exists() and project.data.exists() and file.samefile(project.data)
    rules = rules.as_in_the_project() if own else rules
    names = [column.name for column in checker.columns]
    needed = [column.name for column in checker.columns if column.required]
    parquet = file.suffix.lower() in (".parquet", ".pq") and file.is_file()
    if parquet and (streamed := _streamed(file, rules, checker, keep, constants)):
        return streamed
    if file.is_file() and file.stat().st_size > AT_ONCE:
        return plain(), ()
    source, export = read_by_rules(
        str(file), rules, needed, only=names, constants=constants, sheet=sheet, options=options, progress=progress
    )
    for name in keep:
        if name not in source.columns:
            raise missing_column(file, name, list(source.columns), ", which --key names")
    left_out = source.facts.get("rows left out")
    notes = (f"rows left out: {left_out}", *export.notes) if left_out else export.notes
    return _chunks(source, export, CHUNK, keep), (*_absent(file, names, export.columns), *notes)


def _streamed(
    file: Path, rules: "ReadingRules", checker: "TableChecker", keep: Sequence[str], constants: Mapping[str, str]
) -> "tuple[Iterator[RawChunk], list[str]] | None":
    """The rows of a Parquet file in chunks; None where the file has to be read at once to be understood."""
    from seatrial.model.arrow_reader import parquet_schema
    from seatrial.model.raw_chunks import missing_column
    from seatrial.steps.export_streams import streamed_chunks, streamed_columns

    schema = parquet_schema(file)
    if missing := [name for name in keep if name not in schema.names and name not in constants]:
        raise missing_column(file, missing[0], schema.names, ", which --key names")
    constants = {name: value for name, value in constants.items() if name not in schema.names}
    columns = streamed_columns(schema, file.name, rules, [column.name for column in checker.columns], constants)
    if columns is None or any(c.required and c.name not in columns.sources for c in checker.columns):
        return None
    renamed = [f"{old!r} renamed to {own}" for own, old in columns.sources.items() if own != old]
    notes = [*_absent(file, [column.name for column in checker.columns], columns.sources), *renamed]
    return streamed_chunks(file, columns, rules, notes, keep), notes


def _absent(file: Path, names: Collection[str], found: Collection[str]) -> list[str]:
    absent = [name for name in names if name not in found]
    return [f"not in {file.name}, so missing in every row: {', '.join(absent)}"] if absent else []


def plain_copy(project: "ProjectSettings", data: Path, folder: Path) -> Path:
    """Write an export into a folder as the project's own table would have it, in CSV."""
    from seatrial.core.project import importable
    from seatrial.template.reading.table import csv_of_export

    with importable(project):
        checker = project_checker(project)
        rules = project_rules(project, checker)
        needed = [column.name for column in checker.columns if column.required]
        source, export = read_by_rules(str(data), rules, needed)
        bad_rows(source, export, checker)
    path = folder / f"{data.stem}.csv"
    path.write_bytes(csv_of_export(export))
    return path


def _chunks(source: "TableSource", export: "Export", size: int, keep: Sequence[str] = ()) -> Iterator["RawChunk"]:
    from seatrial.model.table_files import RawChunk

    for start in range(0, export.rows, size):
        end = min(start + size, export.rows)
        raw: dict[str, Any] = {name: column.as_array(start, end) for name, column in export.columns.items()}
        lines = list(range(source.first_line + start, source.first_line + end)) if source.first_line else None
        kept = {name: source.table.column(name).slice(start, end - start).combine_chunks() for name in keep}
        yield RawChunk(raw, end - start, lines, kept=kept)
