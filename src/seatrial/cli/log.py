"""`seatrial log`: what servers were asked and what they answered; export, labels, and forgetting a person's rows."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    DEFAULT_COMMAND,
    HERE,
    EncodingOption,
    JsonOption,
    ProjectOption,
    QueryOption,
    RunsByDefault,
    SeparatorOption,
    argument,
    csv_options,
    option,
    project_if_any,
)
from seatrial.core.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.prediction_log.forgetting import Forgotten
    from seatrial.prediction_log.labels import LabelsResult
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
        columns=_names(columns) + ["spooled"] * bool(columns and not json),
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


@log.command()
def forget(
    where: WhereOption = None,
    request_id: Annotated[str, option("The rows of one request, or its refusal.", "--request-id")] = "",
    since: SinceOption = "",
    until: UntilOption = "",
    release: ReleaseOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    from_: FromOption = "",
    project: ProjectOption = HERE,
) -> None:
    """Take a person's rows out of the log for good, and their labels: out of the spool and of the destination.

    A value of a hashed column is hashed likewise. Backups, exports and other copies are not reached.

    Example: [bold]seatrial log forget --where "name = 'Brown, Mrs. Ann'"[/]
    """
    opened = _open(project, from_)
    conditions = [*(where or []), *([_same("request_id", request_id)] if request_id else [])]
    window: Any = {"since": since, "until": until, "release": release}
    with show.progress() as progress:
        progress("looking for the rows")
        found = opened.forget(conditions, dry_run=True, **window)
    if not found.predictions and not found.refused:
        show.info("No rows.")
        return
    show.info(f"{_amount(found)}: {' and '.join(map(str, opened.query(where=conditions).conditions))}")
    if dry_run:
        return
    if not yes:
        typer.confirm("Remove them for good?", abort=True, err=True)
    with show.progress() as progress:
        progress("removing the rows")
        opened.forget(conditions, **window)
    left = opened.forget(conditions, dry_run=True, **window)
    show.info(
        "Removed." if not left.predictions else f"Removed, but {left.predictions:,} new rows have come meanwhile."
    )


@log.command()
def labels(
    data: Annotated[str, argument("A CSV or Parquet file, here or at a URL, or a database with --query.")],
    label: Annotated[str, option("The column with the labels; default: the project's target.", "--label")] = "",
    key: Annotated[
        str,
        option("Join by this input, and by the time: the newest prediction before it; default: by request.", "--key"),
    ] = "",
    time: Annotated[
        str, option("With --key, the column with the time of the label; default: time.", "--time")
    ] = "time",
    zone: Annotated[str, option("The zone of times that have none, as Europe/Berlin.", "--zone")] = "",
    within: Annotated[str, option("With --key, how old the prediction may be, as 30d; default: any.", "--within")] = "",
    request_id: Annotated[
        str, option("The column with the IDs of requests; default: request_id.", "--request-id")
    ] = "request_id",
    row: Annotated[
        str, option("The column with the row in the request, if there is one; default: row.", "--row")
    ] = "row",
    since: Annotated[str, option("Look only at predictions since then, which is faster.", "--since")] = "",
    release: ReleaseOption = "",
    query: QueryOption = "",
    separator: SeparatorOption = None,
    encoding: EncodingOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    json: JsonOption = False,
    from_: FromOption = "",
    project: ProjectOption = HERE,
) -> None:
    """Record what turned out to be right. The newest label of a prediction counts, the older ones stay.

    Example: [bold]seatrial log labels outcomes.csv --key customer_id --time observed_at --zone UTC[/]
    """
    opened = _open(project, from_)
    with show.progress(quiet=json) as progress:
        progress("joining labels")
        result = opened.add_labels(
            data,
            label=label,
            key=key,
            time=time,
            zone=zone,
            within=within,
            request_id=request_id,
            row=row,
            since=since,
            release=release,
            query=query,
            options=csv_options(separator, encoding, None),
            dry_run=dry_run,
        )
    if json:
        show.print_json({**asdict(result), "joined": result.joined})
    else:
        _print_labels(result)
    if result.rows and not result.joined:
        raise typer.Exit(1)


@log.command()
def summary(
    since: SinceOption = "",
    until: UntilOption = "",
    release: ReleaseOption = "",
    json: JsonOption = False,
    from_: FromOption = "",
    project: ProjectOption = HERE,
) -> None:
    """Count rows by day and version, the newest first.

    Example: [bold]seatrial log summary --since 30d[/]
    """
    days = _open(project, from_).summary(since=since, until=until, release=release)
    if json:
        show.print_json([asdict(day) for day in days])
        return
    if not days:
        show.info("The log has no rows yet.")
        return
    heads = ("Day", "Release", "Predictions", "Errors refused", "Not delivered yet")
    cells = [(day.predictions, day.refused, day.spooled) for day in days]
    rows = [
        (str(day.day), f"{day.release} {day.version}", *(f"{count:,}" if count else "" for count in counts))
        for day, counts in zip(days, cells, strict=True)
    ]
    show.table("", heads, rows, (2, 3, 4))


def _amount(found: "Forgotten") -> str:
    counts = {"prediction": found.predictions, "refused row": found.refused, "label": found.labels}
    return ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts.items() if count)


OUTCOMES = {
    "new": "had no label yet",
    "corrected": "had another label, which stays in the history",
    "known": "had this label already",
    "not_found": "found no prediction",
    "ambiguous": "fit several predictions",
    "repeated": "repeat another row of the table",
    "without_label": "have no label",
}


def _print_labels(result: "LabelsResult") -> None:
    show.info(f"{result.joined:,} of {result.rows:,} rows joined.")
    for name, words in OUTCOMES.items():
        if count := getattr(result, name):
            places = ", ".join(place.rpartition(", ")[2] for place in result.examples.get(name, ()))
            show.info(f"  {count:,} {words}{f' ({places})' if places else ''}")
    if result.ambiguous:
        show.info("Requests with several rows need a column with the row; --row names it.")


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
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


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
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)  # nothing that controls a terminal
    return text if len(text) <= 60 else f"{text[:59]}…"
