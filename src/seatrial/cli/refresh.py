"""`seatrial refresh`: a newer table in place of the project's own."""

from dataclasses import asdict
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    HERE,
    EncodingOption,
    HeaderOption,
    JsonOption,
    OnBadRows,
    OnBadRowsOption,
    ProjectOption,
    QueryOption,
    SeparatorOption,
    SheetOption,
    csv_options,
)


def refresh(
    data: Annotated[
        str, typer.Argument(help="CSV, Parquet or Excel, a database URL with --query, sklearn:NAME, openml:NAME.")
    ],
    query: QueryOption = "",
    sheet: SheetOption = "",
    separator: SeparatorOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = None,
    on_bad_rows: OnBadRowsOption = OnBadRows.fail,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Replace the project's table with a newer one: a raw export, read as `seatrial new` read the first.

    Units, decimal commas, dates and title lines are cleaned in the same way. The table is checked against the
    schema before anything is written.

    Example: [bold]seatrial refresh ~/Downloads/customers-july.csv[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.new import read_table
    from seatrial.steps.refresh import refresh as refresh_table

    settings = find_project(project)
    with show.progress(quiet=json) as progress:
        options = csv_options(separator, encoding, header)
        source = read_table(data, query=query, sheet=sheet, options=options, progress=progress)
        drop = on_bad_rows is OnBadRows.drop
        refreshed = refresh_table(settings, source, drop_bad_rows=drop, progress=progress)
    if json:
        show.print_json({"data": settings.data, **asdict(refreshed)})
        return
    for change in refreshed.changes:
        show.info(f"  {change}")
    before, new, gone = refreshed.before, refreshed.new, refreshed.gone
    comparison = "" if before is None else f"; it had {before:,}: {new:,} are new, {gone:,} are gone"
    show.plain(f"{show.short_path(settings.data)} has {refreshed.rows:,} rows{comparison}.")
    if before is not None and not new and not gone:
        show.info("The rows are the same: there is no need to train again.")
