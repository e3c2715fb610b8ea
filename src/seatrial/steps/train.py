"""Train: the project's table in, a run out; and predict a file with what was trained."""

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.bad_rows import OnBadRows
    from seatrial.model.batch import PredictedFile
    from seatrial.train.run import Run


def train(project: "ProjectSettings", *, drop_bad_rows: bool = False, progress: Progress = silent) -> "Run":
    """Fit, evaluate and compile the model; the run has `metrics`, and shows its report in a notebook."""
    progress("loading scikit-learn")
    from seatrial.compile import compile_release
    from seatrial.steps.overview import write_overview
    from seatrial.train.run import train as train_project

    run = train_project(project, compile_release, drop_bad_rows=drop_bad_rows, progress=progress)
    write_overview(project)
    return run


def predict(
    project: "ProjectSettings",
    file: Path,
    output: Path | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    on_bad_rows: "OnBadRows" = "fail",
    progress: Progress = silent,
) -> "PredictedFile":
    """Predict every row of a file into `output`, or to standard output.

    Rows that break the schema fail the call (`on_bad_rows="fail"`), are left out ("drop"), or have the reason in place
    of a prediction ("keep").
    """
    from seatrial.core.project import importable
    from seatrial.core.results import results
    from seatrial.model.batch import predict_table
    from seatrial.model.release import Release

    with results() as printed, importable(project):
        progress("loading the model")
        release = Release(project.package)
        to = output or printed
        return predict_table(release, file, to, keep=keep, as_json=as_json, on_bad_rows=on_bad_rows, progress=progress)
