"""`seatrial predict`: a table in, predictions out."""

from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


def predict(
    file: Annotated[
        Path, typer.Argument(help="A .csv, .parquet or .json file with a column per column of the schema.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .json file; default: CSV on standard output."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the rows' own columns beside the predictions.")] = False,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Predict every row of a file with the project's trained model, in the file's order.

    Example: [bold]seatrial predict passengers.parquet -o predictions.parquet[/]
    """
    from seatrial.core.project import find_project, importable
    from seatrial.model.batch import predict_table
    from seatrial.model.release import Release

    found = find_project(project)
    with show.steps(quiet=json or output is None) as step, importable(found):
        step("loading the model")
        release = Release(found.package)
        rows = predict_table(release, file, output, keep=keep, as_json=json, progress=step)
    if output is not None and json:
        show.result({"rows": rows, "output": output})
    elif output is not None:
        show.out.print(f"{rows:,} predictions in {show.place(output)}")
