"""`seatrial log`: what servers were asked and what they answered; export, labels, and forgetting a person's rows."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    DEFAULT_COMMAND,
    HERE,
    JsonOption,
    ProjectOption,
    RunsByDefault,
    argument,
    option,
    project_if_any,
)
from seatrial.core.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.steps.log import ProjectLog

log = typer.Typer(
    cls=RunsByDefault,
    help="The prediction log: what servers were asked and what they answered.\n\n"
    'Example: [bold]seatrial log --since 7d --where "fare > 100"[/]',
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
SinceOption = Annotated[str, option("The begin, as 7d, 12h, 2027-01-31 or 2027-01-31T12:00 (UTC).", "--since")]
UntilOption = Annotated[str, option("The end, in the same forms; it is not in the window itself.", "--until")]
ReleaseOption = Annotated[
    str, option("A version of the project's release, or name==version; default: all.", "--release")
]
WhereOption = Annotated[
    list[str] | None,
    option(
        'Comparisons joined by `and`, on inputs and on the log\'s columns, as "fare > 100 and sex = female"; null is '
        "a missing value. Repeat it for more.",
        "--where",
    ),
]
ColumnsOption = Annotated[str, option("Columns, separated by commas.", "--columns")]
RefusedOption = Annotated[
    bool, typer.Option("--refused", help="Requests that were refused, with the rule of each error.")
]
FromOption = Annotated[
    str, option("Where the log is kept: a folder, s3://, gs:// or postgresql://; default: the project's.", "--from")
]
REFUSED = ("time", "version", "status", "column", "rule", "row", "request_id")


@log.command(DEFAULT_COMMAND)
def run(
    limit: Annotated[int, option("How many rows; default: 20.", "--limit", "-n", min=1, max=100_000)] = 20,
    since: SinceOption = "",
    until: UntilOption = "",
    release: ReleaseOption = "",
    where: WhereOption = None,
    columns: ColumnsOption = "",
    refused: RefusedOption = False,
    request_id: Annotated[str, option("The rows of one request.", "--request-id")] = "",
    json: JsonOption = False,
    from_: FromOption = "",
    project: ProjectOption = HERE,
) -> None:
    """Show the newest rows, the newest first. Those that are not delivered yet have a star.

    Example: [bold]seatrial log --since 7d --where "fare > 100 and sex = female" --limit 50[/]
    """
    opened = _open(project, from_)
    conditions = [*(where or []), *([_same("request_id", request_id)] if request_id else [])]
    table = opened.read(
        since=since,
        until=until,
        release=release,
        where=conditions,
        columns=_names(columns),
        limit=limit,
        refused=refused,
    )
    if json:
        from seatrial.prediction_log.log_export import json_line

        sys.stdout.writelines(json_line(row) for row in table.to_pylist())
        return
    if not table.num_rows:
        show.info("No rows." if conditions or since or until or release else "The log has no rows yet.")
        return
    shown = _names(columns) or ([name for name in REFUSED if name in table.column_names] if refused else [])
    _print(table, chosen=bool(shown), names=shown)


@log.command()
def export(
    file: Annotated[str, argument("The file: .csv, .parquet or .jsonl; - for standard output.")],
    since: SinceOption = "",
    until: UntilOption = "",
    release: ReleaseOption = "",
    where: WhereOption = None,
    columns: ColumnsOption = "",
    refused: RefusedOption = False,
    format_: Annotated[
        Literal["csv", "parquet", "jsonl"], option("The format of standard output; default: csv.", "--format")
    ] = "csv",
    from_: FromOption = "",
    project: ProjectOption = HERE,
) -> None:
    """Write rows to a file, whole or not at all. Inputs have `input_` before their names.

    Example: [bold]seatrial log export november.parquet --since 2026-11-01 --until 2026-12-01[/]
    """
    opened = _open(project, from_)
    asked: Any = {"since": since, "until": until, "release": release, "where": where or [], "refused": refused}
    if file == "-":
        opened.write(sys.stdout.buffer, format_, columns=_names(columns), **asked)
        return
    with show.progress() as progress:
        progress("reading the log")
        rows = opened.export(file, columns=_names(columns), **asked)
    show.info(f"{rows:,} row{'s' * (rows != 1)} in {file}.")


def _open(project: Path, to: str) -> "ProjectLog":
    from seatrial.core.project import find_project
    from seatrial.steps.log import open_log

    return open_log(project_if_any(project) if to else find_project(project), to)


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",") if name.strip()]


def _same(column: str, value: str) -> str:
    if not value.strip():
        raise UsageError(f"--{column.replace('_', '-')} is empty.")
    quoted = value.replace("'", "''")
    return f"{column} = '{quoted}'"


def _print(table: "pa.Table", *, chosen: bool, names: list[str]) -> None:
    """Print rows for people: the time and the answer first, then the inputs."""
    from seatrial.prediction_log.conditions import column_of

    known = table.column_names
    columns = [column for name in names if (column := column_of(name, known))] if chosen else _usual(table)
    heads = [name.removeprefix("input_") for name in columns]
    rows = []
    for row in table.to_pylist():
        cells = [_cell(row[name]) for name in columns]
        cells[0] += " *" if row.get("spooled") else ""
        rows.append(cells)
    right = [place for place, name in enumerate(columns) if _is_number(table, name)]
    show.table("", heads, rows, right)
    if any(row.get("spooled") for row in table.select([n for n in ("spooled",) if n in known]).to_pylist()):
        show.info("* not delivered yet")


def _usual(table: "pa.Table") -> list[str]:
    """The columns for people: those of every row that say something."""
    import pyarrow.compute as pc

    versions = ["version"] if len(pc.unique(table["version"])) > 1 else []
    several = ["row"] if pc.any(pc.not_equal(table["row"], 0)).as_py() else []
    shares = [name for name in table.column_names if name.startswith("probability_")]
    shares = shares[-1:] if len(shares) == 2 else shares[:0]
    inputs = [name for name in table.column_names if name.startswith("input_")]
    return ["time", *versions, *several, "prediction", *shares, *inputs]


def _is_number(table: "pa.Table", name: str) -> bool:
    import pyarrow as pa

    kind = table.schema.field(name).type
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _cell(value: Any) -> str:
    import datetime as dt

    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
