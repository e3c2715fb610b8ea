"""Runs a command of Seatrial in a process of its own, so that a project's code and the judge never share one."""

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError
from seatrial.trial.records import ExitCode, NotComparedError, PolicyError
from seatrial.wheels.installer import last_lines

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

KINDS: dict[int, type[SeatrialError]] = {ExitCode.usage: PolicyError, ExitCode.not_compared: NotComparedError}


def run_apart(words: Sequence[str], *, expected: Collection[int] = (0,)) -> str:
    """Run `seatrial` with these words and return what it printed as its result.

    Raises SeatrialError with the command's own message and hint where it ends with another exit code than `expected`.
    """
    command = [sys.executable, "-P", "-m", "seatrial", *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode == 0 or (done.returncode in expected and done.stdout.strip()):
        return done.stdout
    _, found, said = done.stderr.rpartition("error: ")
    message, _, hint = said.partition("\nhint: ")
    if not found:
        message = f"`seatrial {words[0]}` ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}"
    kind = KINDS.get(done.returncode, SeatrialError)
    raise kind(message.strip(), hint=hint.strip())


def copy_export(project: "ProjectSettings", data: Path, folder: Path) -> Path:
    """Write an export into a folder as the project's own table would have it; its schema runs in another process."""
    command = [sys.executable, "-P", "-m", "seatrial.steps.export_worker", str(project.root), str(data), str(folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = last_lines(done.stderr)
        raise SeatrialError(f"{data} could not be read (exit code {done.returncode}): {said}") from None
    if "path" not in answer:
        raise SeatrialError(answer["message"], hint=answer["hint"])
    return Path(answer["path"])
