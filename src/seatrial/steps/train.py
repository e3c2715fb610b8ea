"""Train: the project's table in, a run out; and predict a file with what was trained."""

from typing import TYPE_CHECKING

from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.metadata import Metadata
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
