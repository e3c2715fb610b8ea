"""`seatrial predict`: a table in, predictions out."""

from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


def predict(
    file: Annotated[
        Path, typer.Argument(help="A .csv, .parquet or .json file with a column for each column of the schema.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .json file; default: CSV on standard output."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the input columns next to the predictions.")] = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Predict every row of a file with the project's trained model, in the file's order.

    Example: [bold]seatrial predict passengers.parquet -o predictions.parquet[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.predict import predict as predict_rows

    settings = find_project(project)
    with show.progress(quiet=json or output is None) as progress:
        rows = predict_rows(settings, file, output, keep=keep, as_json=json, progress=progress)
    if output is not None and json:
        show.print_json({"rows": rows, "output": output})
    elif output is not None:
        show.plain(f"{rows:,} predictions in {show.short_path(output)}")
