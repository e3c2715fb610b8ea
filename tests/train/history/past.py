"""Projects with two runs, whose models differ."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.train.projects import PIPELINE, compiles, table, two, write_project

from seatrial.core.project import ProjectSettings
from seatrial.train.history.run_records import RunRecord, read_run
from seatrial.train.run import train

WEAK = PIPELINE.replace("LogisticRegression()", "LogisticRegression(C=1e-06)").replace('["half"]', "[]")


def trained(project: ProjectSettings) -> RunRecord:
    return read_run(train(project, compiles).folder)


def two_runs(
    root: Path, pipeline: str = WEAK, *, labels: Callable[..., Any] = two, first: str = PIPELINE, rows: int = 400
) -> tuple[ProjectSettings, RunRecord, RunRecord]:
    """A project, the run of `first`, and the run of `pipeline` on the same table."""
    project = write_project(root, table(labels, rows=rows), pipeline=first)
    one = trained(project)
    (project.source / "little_model" / "pipeline.py").write_text(pipeline)
    return project, one, trained(project)
