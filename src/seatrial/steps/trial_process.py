"""Chooses the process for a trial: the judge must not share one with a project's code."""

from contextlib import nullcontext
from pathlib import Path

from seatrial.core.progress import Progress, silent
from seatrial.core.project_code import loaded_from
from seatrial.steps.lockfile import LOCKFILE
from seatrial.steps.own_process import run_apart
from seatrial.steps.trial import TrialResult, run_trial
from seatrial.steps.trial_setup import TrialPair
from seatrial.stores.remote_tables import open_source
from seatrial.trial.gate import read_result
from seatrial.trial.records import ExitCode, Kind


def judge_pair(
    pair: TrialPair,
    *,
    data: str | Path | None = None,
    traffic: str = "",
    kind: Kind | None = None,
    progress: Progress = silent,
) -> TrialResult:
    """Run a project's trial: in a process of its own where code of the project ran in this one, as in a notebook."""
    project = pair.project
    if not loaded_from(project.root):
        return run_trial(pair, data=data, traffic=traffic, kind=kind, progress=progress)
    progress("running the trial")
    words = ["trial", "--json", "--project", str(project.root)]
    if project.index != project.indexes[0]:
        words += ["--index", project.index.name if project.index in project.indexes else str(project.index)]
    words += ["--kind", kind] if kind else []
    words += ["--traffic", traffic] if traffic else []
    with open_source(data, progress) if data else nullcontext() as rows:  # a URL may have a secret: it is no argument
        words += ["--data", str(rows.absolute())] if rows else []
        run_apart(words, expected=(ExitCode.passed, ExitCode.blocked, ExitCode.undecided))
    lockfile = pair.folder / LOCKFILE
    text = lockfile.read_text("utf-8") if lockfile.exists() else ""
    return TrialResult(read_result(pair.folder), text, pair.folder)
