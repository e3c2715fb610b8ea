"""`seatrial refresh`: a newer table in the place of the project's own, read as `seatrial new` reads one."""

import difflib
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption
from seatrial.cli.train import OnBadRows
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.table_validation import TableChecker
    from seatrial.template import TableSource
    from seatrial.train.training_table import TrainingTable

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Refreshed:
    """What came in, by rows of the schema's columns and the target; `before` is None where none could be read."""

    rows: int
    before: int | None
    new: int
    gone: int
    changes: tuple[str, ...]  # how the file differs from the source


def refresh(
    data: Annotated[
        str, typer.Argument(help="CSV, Parquet or Excel, a database URL with --query, sklearn:NAME, openml:NAME.")
    ],
    query: Annotated[str, typer.Option("--query", help="The SQL query, for a database.", show_default=False)] = "",
    sheet: Annotated[
        str, typer.Option("--sheet", help="The sheet of an Excel or OpenDocument file.", show_default=False)
    ] = "",
    separator: Annotated[str | None, typer.Option("--separator", help="Of a CSV file.", show_default=False)] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="Of a CSV file.", show_default=False)] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Of a CSV file.", show_default=False)
    ] = None,
    on_bad_rows: Annotated[
        OnBadRows,
        typer.Option("--on-bad-rows", help="Rows that break the schema: refuse the table, or leave them out."),
    ] = OnBadRows.fail,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Put a newer table in the place of the project's: an export as it comes, read as `seatrial new` read the first.

    Units, decimal commas, dates and title lines are cleaned as they were then. The table is held to the schema
    before anything is written.

    Example: [bold]seatrial refresh ~/Downloads/customers-july.csv[/]
    """
    from dataclasses import asdict

    from seatrial.cli.new import read_table
    from seatrial.core.project import find_project, importable

    found = find_project(project)
    source = read_table(data, query, separator, encoding, header, sheet)
    with show.steps(quiet=json) as step, importable(found):
        done = _put(found, source, drop=on_bad_rows is OnBadRows.drop, progress=step)
    if json:
        show.result({"data": found.data, **asdict(done)})
        return
    for change in done.changes:
        show.say(f"  {change}")
    was = "" if done.before is None else f", where {done.before:,} were: {done.new:,} new, {done.gone:,} gone"
    show.out.print(f"{show.place(found.data)} has {done.rows:,} rows{was}.")
    if done.before is not None and not done.new and not done.gone:
        show.say("The same rows: there is nothing to train again.")


def _put(project: "ProjectSettings", source: "TableSource", *, drop: bool, progress: Progress) -> Refreshed:
    """Write the table, if it holds to the schema; otherwise raise SeatrialError (DataError), and nothing is changed."""
    from seatrial.core.files import write_whole

    if project.data.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise SeatrialError(
            f"{project.data.name} is neither CSV nor Parquet, so that no other table is put in its place.",
            hint="Let `data` under [tool.seatrial] end in .csv or .parquet.",
        )
    content, changes = _content(source, project, progress)
    with tempfile.TemporaryDirectory(prefix="seatrial-refresh-") as folder:
        path = Path(folder) / project.data.name
        path.write_bytes(content)
        after = _read(replace(project, data=path), drop, progress)
    try:
        before = _rows(_read(project, True, progress))
    except SeatrialError:
        before = None
    try:
        write_whole(project.data, content)
    except OSError as error:
        raise SeatrialError(
            f"{project.data} cannot be written: {error.strerror}.", hint="Nothing was changed."
        ) from None
    rows, known = _rows(after), before or Counter()
    new, gone = (rows - known).total(), (known - rows).total()
    return Refreshed(after.rows, None if before is None else before.total(), new, gone, changes)


def _content(source: "TableSource", project: "ProjectSettings", progress: Progress) -> tuple[bytes, tuple[str, ...]]:
    """The new file, in the format of the old one, and how it differs from the source."""
    from seatrial.template import Overrides, examine
    from seatrial.template.inference.names import clean_names
    from seatrial.template.reading.table import content_of
    from seatrial.template.records import Kind

    names = clean_names(source.columns)
    columns = {column.name: column for column in _checker(project).columns}
    for name in [*(c.name for c in columns.values() if c.required), project.target]:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            raise SeatrialError(
                f"{source.name} has no column `{name}`, which the project reads.",
                hint=f"Did you mean `{near[0]}`? Rename it in the table."
                if near
                else f"It has {', '.join(names[:20])}.",
            )
    there = {name: columns[name].kind for name in names if name in columns}
    # What the schema has as a name stays one, though the newer table may have only such as look like numbers.
    texts: dict[str, Kind] = {name: kind for name, kind in there.items() if kind in ("category", "text")}
    target = source.columns[names.index(project.target)]
    examination = examine(source, target, Overrides(keep=tuple(there), kinds=texts), progress=progress)
    return content_of(examination, project.data.suffix.lower())


def _checker(project: "ProjectSettings") -> "TableChecker":
    import importlib

    from seatrial.model.schema import schema_in
    from seatrial.model.table_validation import TableChecker

    return TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))


def _read(project: "ProjectSettings", drop: bool, progress: Progress) -> "TrainingTable":
    from seatrial.train.training_table import read_training_table

    return read_training_table(project, _checker(project), drop_bad_rows=drop, progress=progress)


def _rows(table: "TrainingTable") -> "Counter[tuple[object, ...]]":
    """The rows, by what is in them, and how often each is there."""
    columns = [
        [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
        for values in (*table.columns.values(), table.target)
    ]
    return Counter(zip(*columns, strict=True))
