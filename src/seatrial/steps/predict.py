"""Predict: a table's file in, predictions out, by the project as it was last trained."""

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings


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
    from seatrial.model.batch import predict_table
    from seatrial.model.release import Release

    with importable(project):
        progress("loading the model")
        release = Release(project.package)
        return predict_table(release, file, output, keep=keep, as_json=as_json, progress=progress)
