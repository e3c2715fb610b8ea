"""`seatrial refresh`, `train` and `predict`: a newer table, the model trained on it, and its predictions for a file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    HERE,
    EncodingOption,
    HeaderOption,
    JsonOption,
    OnBadRowsOption,
    ProjectOption,
    QueryOption,
    SeparatorOption,
    SheetOption,
    csv_options,
)
from seatrial.steps.project import Project


def refresh(
    data: Annotated[
        str, typer.Argument(help="CSV, Parquet or Excel, a database URL with --query, sklearn:NAME, openml:NAME.")
    ],
    query: QueryOption = "",
    sheet: SheetOption = "",
    separator: SeparatorOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = None,
    on_bad_rows: OnBadRowsOption = "fail",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Replace the project's table with a newer one: a raw export, read as `seatrial new` read the first.

    Units, decimal commas, dates and title lines are cleaned in the same way. The table is checked against the
    schema before anything is written.

    Example: [bold]seatrial refresh ~/Downloads/customers-july.csv[/]
    """
    used = Project(project, progress=not json)
    options, drop = csv_options(separator, encoding, header), on_bad_rows == "drop"
    refreshed = used.refresh(data, query=query, sheet=sheet, options=options, drop_bad_rows=drop)
    if json:
        show.print_json({"data": used.settings.data, **asdict(refreshed)})
        return
    for change in refreshed.changes:
        show.info(f"  {change}")
    before, new, gone = refreshed.before, refreshed.new, refreshed.gone
    comparison = "" if before is None else f"; it had {before:,}: {new:,} are new, {gone:,} are gone"
    show.plain(f"{show.short_path(used.settings.data)} has {refreshed.rows:,} rows{comparison}.")
    if before is not None and not new and not gone:
        show.info("The rows are the same: there is no need to train again.")


def train(project: ProjectOption = HERE, on_bad_rows: OnBadRowsOption = "fail", json: JsonOption = False) -> None:
    """Train the project's model on its table: fit, evaluate on held-out rows, compile exactly, write the report.

    Example: [bold]seatrial train --on-bad-rows drop[/]
    """
    from seatrial.model.bad_rows import BadRows
    from seatrial.train.model_card import beside_the_model, how_it_runs, never_predicted

    used = Project(project, progress=not json)
    run = used.train(drop_bad_rows=on_bad_rows == "drop")
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
    show.plain(f"\n{beside_the_model(run.metadata)}")
    if missed := never_predicted(run.metadata):
        show.plain(missed)
    for doubt in run.metadata.doubts.values():
        show.plain(f"Doubtful: {doubt}")
    show.plain(how_it_runs(run.metadata))
    show.plain(f"Report: {show.short_path(run.report)}")
    show.next_step("seatrial build")


def predict(
    file: Annotated[
        Path, typer.Argument(help="A .csv, .parquet or .json file with a column for each column of the schema.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .json file; default: CSV on standard output."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the input columns next to the predictions.")] = False,
    on_bad_rows: Annotated[
        Literal["fail", "drop", "keep"],
        typer.Option(help="Rows that break the schema: reject the file, drop the rows, or keep them unpredicted."),
    ] = "fail",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Predict every row of a file with the project's trained model, in the file's order.

    Example: [bold]seatrial predict passengers.parquet -o predictions.parquet[/]
    """
    used = Project(project, progress=output is not None and not json)
    predicted = used.predict(file, output, keep=keep, as_json=json, on_bad_rows=on_bad_rows)
    if output is not None and json:
        counts = {"rows": predicted.rows, "rows_with_warnings": predicted.warned, "bad_rows": predicted.bad.rows}
        show.print_json({**counts, "output": output})
        return
    if output is not None:
        show.plain(f"{predicted.rows:,} predictions in {show.short_path(output)}")
    for note in predicted.notes(on_bad_rows):
        show.info(note)
