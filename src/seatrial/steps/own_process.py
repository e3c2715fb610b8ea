"""Runs a command of Seatrial in a process of its own, so that a project's code and the judge never share one."""

import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.core.project_code import loaded_from
from seatrial.trial.records import ExitCode, NotComparedError

if TYPE_CHECKING:
    from seatrial.steps.trial import TrialResult
    from seatrial.steps.trial_setup import TrialPair
    from seatrial.trial.records import Kind


def run_apart(words: Sequence[str], *, expected: Collection[int] = (0,)) -> str:
    """Run `seatrial` with these words and return what it printed as its result.

    Raises SeatrialError with the command's own message and hint where it ends with another exit code than `expected`.
    """
    command = [sys.executable, "-P", "-m", "seatrial", *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode in expected and (done.stdout or 0 in expected):
        return done.stdout
    _, found, said = done.stderr.rpartition("error: ")
    message, _, hint = said.partition("\nhint: ")
    if not found:
        message = f"`seatrial {words[0]}` ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}"
    kind = NotComparedError if done.returncode == ExitCode.not_compared else SeatrialError
    raise kind(message.strip(), hint=hint.strip())


def judge_pair(
    pair: "TrialPair", *, data: Path | None = None, kind: "Kind | None" = None, progress: Progress = silent
) -> "TrialResult":
    """Run a project's trial: in a process of its own where code of the project ran in this one, as in a notebook."""
    from seatrial.steps.lockfile import LOCKFILE
    from seatrial.steps.trial import TrialResult, run_trial
    from seatrial.trial.gate import read_result

    project = pair.project
    if not loaded_from(project.root):
        return run_trial(pair, data=data, kind=kind, progress=progress)
    progress("running the trial")
    words = ["trial", "--json", "--project", str(project.root)]
    if project.index != project.indexes[0]:
        words += ["--index", project.index.name if project.index in project.indexes else str(project.index)]
    words += [*(["--data", str(data.absolute())] if data else []), *(["--kind", kind] if kind else [])]
    run_apart(words, expected=(ExitCode.passed, ExitCode.blocked, ExitCode.undecided))
    lockfile = pair.folder / LOCKFILE
    text = lockfile.read_text("utf-8") if lockfile.exists() else ""
    return TrialResult(read_result(pair.folder), text, pair.folder)
