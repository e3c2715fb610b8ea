"""Train: the project's table in, a run out; and predict a file with what was trained."""

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.train.run import Run


def train(project: "ProjectSettings", *, drop_bad_rows: bool = False, progress: Progress = silent) -> "Run":
    """Fit, evaluate and compile the model; the run has `metrics`, and shows its report in a notebook."""
    progress("loading scikit-learn")
    from seatrial.compile import compile_release
    from seatrial.train.run import train as train_project

    return train_project(project, compile_release, drop_bad_rows=drop_bad_rows, progress=progress)


def predict(
    project: "ProjectSettings",
    file: Path,
    output: Path | None,
    *,
    keep: bool = False,
    as_json: bool = False,
    progress: Progress = silent,
) -> int:
    """Predict every row of a file into `output`, or to standard output; returns the number of rows."""
    from seatrial.core.project import importable
    from seatrial.core.results import results
    from seatrial.model.batch import predict_table
    from seatrial.model.release import Release

    with results() as printed, importable(project):
        progress("loading the model")
        release = Release(project.package)
        return predict_table(release, file, output or printed, keep=keep, as_json=as_json, progress=progress)
