"""Refresh: a newer table in place of the project's own, or new rows added to it, read by the reading rules."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seatrial.core.errors import SeatrialError
from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.table_validation import TableChecker
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.train.training_table import TrainingTable

Mode = Literal["ask", "replace", "append"]
MOST_GONE = 0.5  # of the table's rows, missing in a smaller export; with more, it seems to be a delta


@dataclass(frozen=True)
class RefreshedTable:
    """How many rows the new table has, compared by the schema's columns and the target.

    `before` is None where the old table could not be read; `changes` is how the rows differ from their source.
    `written` says whether the table was changed.
    """

    rows: int
    before: int | None
    new: int
    gone: int
    changes: tuple[str, ...]
    written: bool = True


@alone
def refresh(
    project: "ProjectSettings",
    data: Any,
    *,
    query: str = "",
    sheet: str = "",
    options: "CsvOptions | None" = None,
    drop_bad_rows: bool = False,
    mode: Mode = "ask",
    progress: Progress = silent,
) -> RefreshedTable:
    """Replace the project's table with a newer one: a DataFrame, an Arrow table, or what `seatrial refresh` takes.

    It is read by the rules in reading.toml; `options` override those for CSV. With `mode="append"` its rows are added
    to the table, except those that the table has already. A smaller table without most of the old rows seems to be
    such a delta, and is refused unless the mode is "replace". If the table contradicts the rules or breaks the schema,
    SeatrialError (a DataError that lists the bad rows) is raised, and nothing is changed.
    """
    from seatrial.core.project import importable
    from seatrial.steps.exports import bad_rows, project_checker, project_rules, read_by_rules
    from seatrial.template.reading.table import content_of_export

    _require_own_table(project)
    with importable(project):
        checker = project_checker(project)
        rules = project_rules(project, checker)
        needed = [c.name for c in checker.columns if c.required or c.name in rules.listed] + [project.target]
        source, export = read_by_rules(
            data, rules, needed, query=query, sheet=sheet, options=options, progress=progress
        )
        bad = bad_rows(source, export, checker, drop=drop_bad_rows)
        own = rules.as_in_the_project()
        old = read_by_rules(project.data, own, [])[1] if mode == "append" and project.data.is_file() else None
        content, changes = content_of_export(source, export, project.data.suffix.lower(), project.target, bad, old)
        private = data if isinstance(data, Path) else None
        return _replace(project, checker, content, (*export.notes, *changes), mode, progress, like=private)


@alone
def refresh_from_log(
    project: "ProjectSettings", *, since: str = "", dry_run: bool = False, progress: Progress = silent
) -> RefreshedTable:
    """Add the labelled rows of the prediction log to the project's table: each prediction once, with its newest label.

    `since` is a moment, or how long ago, as "30d". A row that the table has already, by the schema's columns and the
    target, is not added again, so the same rows can be asked for twice; one with a label that was corrected since
    replaces the row with the older label. Rows that break the schema or are younger than the log's `label_delay` are
    left out, and counted. With `dry_run` nothing is written. Raises SeatrialError where the log does not keep what a
    row of the table needs.
    """
    from seatrial.core.project import importable
    from seatrial.steps.exports import bad_rows, project_checker, project_rules, read_by_rules
    from seatrial.steps.labelled_rows import read_labelled_rows
    from seatrial.template.reading.logged_rows import added_to_table

    _require_own_table(project)
    with importable(project):
        checker = project_checker(project)
        rules = project_rules(project, checker).as_in_the_project()
        old = read_by_rules(project.data, rules, [])[1] if project.data.is_file() else None
        logged = read_labelled_rows(project, checker, since, old=old, progress=progress)
        source, export = read_by_rules(logged.table, rules, [project.target])
        bad = bad_rows(source, export, checker, drop=True)
        names = [column.name for column in checker.columns]
        content, changes = added_to_table(
            export, bad, old, logged.earlier, names, project.target, project.data.suffix.lower()
        )
        told = (*logged.words, *changes)
        return _replace(project, checker, content, told, "append", progress, like=None, dry_run=dry_run)


def _require_own_table(project: "ProjectSettings") -> None:
    """Raise SeatrialError where the project's table is not a file that can be replaced."""
    from seatrial.stores.shown_urls import shown_url

    if project.data_url:
        raise SeatrialError(
            f"The project's table is {shown_url(project.data_url)}, which `seatrial train` downloads.",
            hint="Write the newer table there, and train again.",
        )
    if project.data.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise SeatrialError(
            f"{project.data.name} is neither CSV nor Parquet, so no other table can replace it.",
            hint="Set `data` under [tool.seatrial] to a file that ends in .csv or .parquet.",
        )


def _replace(
    project: "ProjectSettings",
    checker: "TableChecker",
    content: bytes,
    changes: tuple[str, ...],
    mode: Mode,
    progress: Progress,
    *,
    like: Path | None,
    dry_run: bool = False,
) -> RefreshedTable:
    from seatrial.core.files import write_atomic

    with tempfile.TemporaryDirectory(prefix="seatrial-refresh-") as folder:
        path = Path(folder) / project.data.name
        path.write_bytes(content)
        after = _read(replace(project, data=path), checker, False, progress)
    try:
        known = _read(project, checker, True, progress)
    except SeatrialError:
        known = None
    if known and known.classes and not {*map(str, known.classes)} & {*map(str, after.classes)}:
        raise SeatrialError(
            f"None of its labels is known: {_listed(after.classes)}; the project has {_listed(known.classes)}.",
            hint="Write them as in the project; or remove its table first if the labels have changed on purpose.",
        )
    before = _rows(known) if known else None
    rows, old_rows = _rows(after), before or Counter()
    new, gone = (rows - old_rows).total(), (old_rows - rows).total()
    if mode == "ask" and after.rows < old_rows.total() and gone > MOST_GONE * old_rows.total():
        stay = f"only {old_rows.total() - gone:,}" if gone < old_rows.total() else "none"
        raise SeatrialError(
            f"Of the {old_rows.total():,} rows of the table, {stay} would stay, and {new:,} would be new.",
            hint="Add the new rows to the table with --append, or replace it with --replace.",
        )
    if dry_run:
        return RefreshedTable(after.rows, None if before is None else before.total(), new, gone, changes, written=False)
    try:
        write_atomic(project.data, content, like=like)
    except OSError as error:
        raise SeatrialError(
            f"{project.data} cannot be written: {error.strerror}.", hint="Nothing was changed."
        ) from None
    return RefreshedTable(after.rows, None if before is None else before.total(), new, gone, changes)


def _listed(labels: tuple[Any, ...]) -> str:
    return ", ".join(repr(str(label)) for label in labels[:5]) + (", ..." if len(labels) > 5 else "")


def _read(
    project: "ProjectSettings", checker: "TableChecker", drop_bad_rows: bool, progress: Progress
) -> "TrainingTable":
    from seatrial.train.training_table import read_training_table

    return read_training_table(project, checker, drop_bad_rows=drop_bad_rows, progress=progress)


def _rows(table: "TrainingTable") -> "Counter[tuple[object, ...]]":
    """Count how often each row occurs, by its values."""
    columns = [
        [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
        for values in (*table.columns.values(), table.target)
    ]
    return Counter(zip(*columns, strict=True))
