"""`seatrial predict`: a model's predictions for files of any size and number."""

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
    ProjectOption,
    QueryOption,
    SeparatorOption,
    SheetOption,
    csv_options,
    option,
)
from seatrial.core.errors import UsageError
from seatrial.steps.predict import TableFormat
from seatrial.steps.predict_input import OnBadFileRows
from seatrial.steps.project import Project
from seatrial.stores.shown_urls import shown_url


def predict(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files, here or at URLs, a database with --query, patterns, folders whose names may be partitions "
            "(year=2026), or - for standard input: exports as `refresh` takes them, or rows in .csv, .parquet, .json, "
            ".jsonl or .arrow.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,
        option(
            "A file for all rows, here or at a URL, a table (postgresql://host/shop?table=scores), or a folder with a "
            "part for each file; default: standard output.",
            "--output",
            "-o",
        ),
    ] = None,
    query: QueryOption = "",
    keep: Annotated[bool, typer.Option("--keep", help="Write the input columns next to the predictions.")] = False,
    key: Annotated[
        list[str] | None,
        option("A column of the files to write as it is, as an id; repeat it for several.", "--key"),
    ] = None,
    table_format: Annotated[
        TableFormat | None,
        option("The format of standard input and output (default: csv) and of parts (default: parquet).", "--format"),
    ] = None,
    on_bad_rows: Annotated[
        OnBadFileRows,
        typer.Option(
            help="Rows that break the schema: reject the file, drop the rows, keep them unpredicted, or put them into "
            "a table of their own."
        ),
    ] = "fail",
    max_bad: Annotated[str, option("Fail if more rows than this break the schema: 100, or 1%.", "--max-bad")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a folder whose run was interrupted.")] = False,
    processes: Annotated[
        int, typer.Option("--processes", help="How many processes predict: a file each, into a folder, or together.")
    ] = 1,
    sheet: SheetOption = "",
    decimal: DecimalOption = None,
    separator: SeparatorOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Predict every row of files with the project's trained model, in their order.

    An export is read by the rules in reading.toml, as `seatrial refresh` reads one.

    Example: [bold]seatrial predict passengers.parquet -o predictions.parquet[/]
    """
    if json and table_format and output is None:
        raise UsageError("--json and --format exclude each other.", hint="Use one of the two.")
    predicted = Project(project, progress=output is not None and not json).predict(
        files,
        output,
        query=query,
        keep=keep,
        key=key or (),
        as_json=json,
        table_format=table_format,
        on_bad_rows=on_bad_rows,
        max_bad=max_bad,
        resume=resume,
        processes=processes,
        sheet=sheet,
        options=csv_options(separator, encoding, header, decimal),
    )
    if output is not None and json:
        counts = {"rows": predicted.rows, "rows_with_warnings": predicted.warned, "bad_rows": predicted.bad_rows}
        resumed = (
            {"files": len(predicted.files), "files_done_before": predicted.resumed} if Path(output).is_dir() else {}
        )
        show.print_json({**counts, **resumed, "output": shown_url(output)})
        return
    if output is not None:
        place = shown_url(output) if "://" in output else show.short_path(Path(output))
        before = f", beside {predicted.rows_resumed:,} of an earlier run" if predicted.resumed else ""
        show.plain(f"{predicted.rows:,} predictions in {place}{before}")
    for note in predicted.notes(on_bad_rows):
        show.info(note)
