"""Train: the project's table in, a run out."""

from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.train import Run


def train(project: "ProjectSettings", *, drop_bad_rows: bool = False, progress: Progress = silent) -> "Run":
    """Fit, evaluate and compile the project's model, and write the artifacts and the report."""
    progress("loading scikit-learn")
    from seatrial.compile import compile_release
    from seatrial.train import train as train_project

    return train_project(project, compile_release, drop_bad_rows=drop_bad_rows, progress=progress)
