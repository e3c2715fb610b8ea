"""Train: the project's table in, a run out; and predict a file with what was trained."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.bad_rows import OnBadRows
    from seatrial.model.batch import PredictedFile
    from seatrial.model.metadata import Metadata
    from seatrial.template.reading.csv_file import CsvOptions
    from seatrial.train.run import Run


@alone
def train(project: "ProjectSettings", *, drop_bad_rows: bool = False, progress: Progress = silent) -> "Run":
    """Fit, evaluate and compile the model; the run has `metrics`, and shows its report in a notebook."""
    progress("loading scikit-learn")
    from seatrial.compile import compile_release, reference_scorer
    from seatrial.steps.overview import write_overview
    from seatrial.steps.project_table import fetch_project_table
    from seatrial.train.run import train as train_project

    fetched = fetch_project_table(project, progress)
    run = train_project(
        project,
        compile_release,
        reference=reference_scorer,
        drop_bad_rows=drop_bad_rows,
        fetched=fetched,
        progress=progress,
    )
    write_overview(project)
    return run


def train_apart(project: "ProjectSettings", *, drop_bad_rows: bool = False, progress: Progress = silent) -> "Metadata":
    """Train as `train` does, in a process of its own: then none of the project's code has run in this one."""
    from seatrial.model.metadata import read_metadata
    from seatrial.steps.own_process import run_apart

    progress("training")
    run_apart(["train", "--project", str(project.root), "--on-bad-rows", "drop" if drop_bad_rows else "fail"])
    return read_metadata(project.artifacts)


def predict(
    project: "ProjectSettings",
    file: Path,
    output: Path | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    on_bad_rows: "OnBadRows" = "fail",
    sheet: str = "",
    options: "CsvOptions | None" = None,
    progress: Progress = silent,
) -> "PredictedFile":
    """Predict every row of a file into `output`, or to standard output.

    The file is an export, read by the rules in reading.toml (`sheet` and `options` as in `refresh`), or rows as the API
    takes them, in CSV, Parquet or JSON. Rows that break the schema fail the call (`on_bad_rows="fail"`), are left out
    ("drop"), or have the reason in place of a prediction ("keep").
    """
    from seatrial.core.project import importable
    from seatrial.core.results import results
    from seatrial.model.batch import predict_file
    from seatrial.model.release import Release
    from seatrial.steps.exports import rows_to_predict

    with results() as printed, importable(project):
        progress("loading the model")
        release = Release(project.package)
        rows, notes = rows_to_predict(file, project, release.checker, sheet=sheet, options=options, progress=progress)
        predicted = predict_file(
            release,
            file,
            output or printed,
            keep=keep,
            as_json=as_json,
            on_bad_rows=on_bad_rows,
            rows_read=rows,
            progress=progress,
        )
    return replace(predicted, read=tuple(notes))
