"""Refresh: a newer table in place of the project's own, read as `seatrial new` reads one."""

import difflib
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.table_validation import TableChecker
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.template.records import TableSource
    from seatrial.train.training_table import TrainingTable


@dataclass(frozen=True)
class RefreshedTable:
    """How many rows the new table has, compared by the schema's columns and the target.

    `before` is None where the old table could not be read; `changes` is how the new file differs from its source.
    """

    rows: int
    before: int | None
    new: int
    gone: int
    changes: tuple[str, ...]


def refresh(
    project: "ProjectSettings",
    data: Any,
    *,
    query: str = "",
    sheet: str = "",
    options: "CsvOptions | None" = None,
    drop_bad_rows: bool = False,
    progress: Progress = silent,
) -> RefreshedTable:
    """Replace the project's table with a newer one: a DataFrame, an Arrow table, or what `seatrial refresh` takes.

    `options` says how to read CSV. If the table breaks the schema, SeatrialError (a DataError that lists the bad rows)
    is raised, and nothing is changed.
    """
    from seatrial.core.project import importable
    from seatrial.steps.new import read_table

    if project.data.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise SeatrialError(
            f"{project.data.name} is neither CSV nor Parquet, so no other table can replace it.",
            hint="Set `data` under [tool.seatrial] to a file that ends in .csv or .parquet.",
        )
    source = read_table(data, query=query, sheet=sheet, options=options, progress=progress)
    with importable(project):
        return _replace(project, source, drop_bad_rows, progress)


def _replace(
    project: "ProjectSettings", source: "TableSource", drop_bad_rows: bool, progress: Progress
) -> RefreshedTable:
    from seatrial.core.files import write_atomic

    content, changes = _content(source, project, progress)
    with tempfile.TemporaryDirectory(prefix="seatrial-refresh-") as folder:
        path = Path(folder) / project.data.name
        path.write_bytes(content)
        after = _read(replace(project, data=path), drop_bad_rows, progress)
    try:
        before = _rows(_read(project, True, progress))
    except SeatrialError:
        before = None
    try:
        write_atomic(project.data, content)
    except OSError as error:
        raise SeatrialError(
            f"{project.data} cannot be written: {error.strerror}.", hint="Nothing was changed."
        ) from None
    rows, old_rows = _rows(after), before or Counter()
    new, gone = (rows - old_rows).total(), (old_rows - rows).total()
    return RefreshedTable(after.rows, None if before is None else before.total(), new, gone, changes)


def _content(source: "TableSource", project: "ProjectSettings", progress: Progress) -> tuple[bytes, tuple[str, ...]]:
    """The new file, in the format of the old one, and how it differs from the source."""
    from seatrial.template.column_names import clean_names
    from seatrial.template.inference.examination import examine
    from seatrial.template.reading.table import content_of
    from seatrial.template.records import Kind, Overrides

    names = clean_names(source.columns)
    columns = {column.name: column for column in _checker(project).columns}
    for name in [*(column.name for column in columns.values() if column.required), project.target]:
        if name not in names:
            raise _missing_column(source.name, name, names)
    kinds = {name: columns[name].kind for name in names if name in columns}
    # What is text in the schema stays text, even if the newer table has only values that look like numbers.
    texts: dict[str, Kind] = {name: kind for name, kind in kinds.items() if kind in ("category", "text")}
    target = source.columns[names.index(project.target)]
    examination = examine(source, target, Overrides(keep=tuple(kinds), kinds=texts), progress=progress)
    return content_of(examination, project.data.suffix.lower())


def _missing_column(table: str, name: str, names: "list[str] | tuple[str, ...]") -> SeatrialError:
    near = difflib.get_close_matches(name, names, 1)
    hint = f"Did you mean `{near[0]}`? Rename it in the table." if near else f"It has {', '.join(names[:20])}."
    return SeatrialError(f"{table} has no column `{name}`, which the project needs.", hint=hint)


def _checker(project: "ProjectSettings") -> "TableChecker":
    import importlib

    from seatrial.model.schema import schema_in
    from seatrial.model.table_validation import TableChecker

    return TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))


def _read(project: "ProjectSettings", drop_bad_rows: bool, progress: Progress) -> "TrainingTable":
    from seatrial.train.training_table import read_training_table

    return read_training_table(project, _checker(project), drop_bad_rows=drop_bad_rows, progress=progress)


def _rows(table: "TrainingTable") -> "Counter[tuple[object, ...]]":
    """Count how often each row occurs, by its values."""
    columns = [
        [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
        for values in (*table.columns.values(), table.target)
    ]
    return Counter(zip(*columns, strict=True))
