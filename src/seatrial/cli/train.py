"""`seatrial refresh` and `train`: a newer table, and the model trained on it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    HERE,
    DecimalOption,
    EncodingOption,
    HeaderOption,
    JsonOption,
    OnBadRowsOption,
    ProjectOption,
    QueryOption,
    SeparatorOption,
    SheetOption,
    csv_options,
    option,
)
from seatrial.core.errors import SeatrialError, UsageError
from seatrial.steps.project import Project
from seatrial.steps.refresh import Mode


def refresh(
    data: Annotated[
        str | None,
        typer.Argument(help="CSV, Parquet or Excel, a URL, a database with --query, sklearn:NAME, openml:NAME."),
    ] = None,
    query: QueryOption = "",
    sheet: SheetOption = "",
    decimal: DecimalOption = None,
    separator: SeparatorOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = None,
    append: Annotated[bool, typer.Option("--append", help="Add the new rows to the table.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the table, even if no row of it stays.")] = False,
    from_log: Annotated[
        bool, typer.Option("--from-log", help="Add the labelled rows of the prediction log to the table.")
    ] = False,
    since: Annotated[
        str, option("With --from-log, how far it looks back, as 30d or 2027-01-31; default: all.", "--since")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --from-log, only say what would be added.")] = False,
    on_bad_rows: OnBadRowsOption = "fail",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Replace the project's table with a newer one: a raw export, read as `seatrial new` read the first.

    The rules are in reading.toml: units, decimal commas, dates, words for yes and no, names of columns. The table is
    checked against them and the schema before anything is written.

    With --from-log, rows of the prediction log that have a label by now are added: each prediction once, with its
    newest label, and none that the table has already.

    Example: [bold]seatrial refresh ~/Downloads/customers-july.csv[/]
    """
    used = Project(project, progress=not json)
    options, drop = csv_options(separator, encoding, header, decimal), on_bad_rows == "drop"
    if append and replace:
        raise SeatrialError("--append and --replace exclude each other.", hint="Use one of the two.")
    mode: Mode = "append" if append else "replace" if replace else "ask"
    if from_log:
        given = {"FILE": data, "--query": query, "--sheet": sheet, "--replace": replace, "--separator": separator}
        given |= {"--encoding": encoding, "--decimal": decimal}
        if others := [name for name, value in given.items() if value]:
            raise UsageError(f"--from-log and {others[0]} exclude each other.", hint="Use one of the two.")
        refreshed = used.refresh_from_log(since=since, dry_run=dry_run)
    elif data is None:
        raise UsageError("There is no table to read.", hint="Name a file, or say --from-log.")
    elif since or dry_run:
        raise UsageError(
            f"{'--since' if since else '--dry-run'} needs --from-log.", hint="Without it, a table is read as a whole."
        )
    else:
        refreshed = used.refresh(data, query=query, sheet=sheet, options=options, drop_bad_rows=drop, mode=mode)
    if json:
        show.print_json({"data": used.settings.data, **asdict(refreshed)})
        return
    for change in refreshed.changes:
        show.info(f"  {change}")
    before, new, gone = refreshed.before, refreshed.new, refreshed.gone
    comparison = "" if before is None else f"; it had {before:,}: {new:,} are new, {gone:,} are gone"
    has = "has" if refreshed.written else "would have"
    show.plain(f"{show.short_path(used.settings.data)} {has} {refreshed.rows:,} rows{comparison}.")
    if before is not None and not new and not gone:
        show.info("The rows are the same: there is no need to train again.")


def train(
    project: ProjectOption = HERE,
    on_bad_rows: OnBadRowsOption = "fail",
    fitted: Annotated[
        Path | None,
        option(
            "A model fitted elsewhere: .json or .ubj of XGBoost, .txt of LightGBM, .cbm of CatBoost, .skops.",
            "--fitted",
        ),
    ] = None,
    held_out_only: Annotated[
        bool,
        typer.Option("--held-out-only", help="The model fitted elsewhere was not fitted on rows of the table."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Train the project's model on its table: fit, evaluate on held-out rows, compile exactly, write the report.

    Example: [bold]seatrial train --on-bad-rows drop[/]
    """
    from seatrial.model.bad_rows import BadRows
    from seatrial.model.row_split import split_words
    from seatrial.train.model_card import beside_the_model, how_it_runs, never_predicted

    used = Project(project, progress=not json)
    run = used.train(drop_bad_rows=on_bad_rows == "drop", fitted=fitted, held_out_only=held_out_only)
    if json:
        dropped = len(run.dropped)
        show.print_json({"run": run.id, "report": run.report, "dropped_rows": dropped, **asdict(run.metadata)})
        return
    if run.dropped:
        bad = BadRows()
        bad.add(run.dropped)
        show.info(f"  {bad.rows:,} of {run.rows_read:,} rows break the schema and were dropped:")
        for line in bad.lines():
            show.info(f"    {line}")
    show.table(
        f"{used.settings.requirement}, evaluated on {run.metadata.split['test_rows']:,} held-out rows",
        ("", "value", "95 % interval", "trivial baseline"),
        run.evaluation.terminal_rows(),
        right=(1, 2, 3),
    )
    if run.metadata.split["by"] != "rows" or "weight" in run.metadata.split:
        show.plain(f"\nHeld-out rows: {split_words(run.metadata.split)}.")
    show.plain(f"\n{beside_the_model(run.metadata)}")
    if missed := never_predicted(run.metadata):
        show.plain(missed)
    for doubt in run.metadata.doubts.values():
        show.plain(f"Doubtful: {doubt}")
    show.plain(how_it_runs(run.metadata))
    show.plain(f"Report: {show.short_path(run.report)}")
    show.next_step("seatrial build")
