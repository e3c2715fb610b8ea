"""Run as a script: predicts into a folder, is killed at file operations of it in turn, and goes on with --resume.

It prints how many operations a whole run has, and what differs between the folder of a run that was never killed and
each of the others. Each run is a fork of this process, which has loaded the modules and started no threads.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime  # noqa: F401 - once, for all runs
import pyarrow.parquet  # noqa: F401

from seatrial.core.project import find_project
from seatrial.steps import export_streams, exports, predict_folder  # noqa: F401
from seatrial.steps.predict import predict

OPERATIONS = ("replace", "fsync", "unlink", "rmdir")


def run(project: Path, inputs: list[str], output: Path, *, kill_at: int, resume: bool) -> int:
    """Predict in a process that is killed before its operation `kill_at`; return how many it has begun, or -1."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return operation(*arguments, **options)

            return call

        for name in OPERATIONS:
            setattr(os, name, counted(getattr(os, name)))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            predict(find_project(project), inputs, output, on_bad_rows="quarantine", key=["ticket"], resume=resume)
            os.write(writing, str(seen).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as result:
        text = result.read()
    return int(text) if status == 0 else -1


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def main(project: str, work: str, step: str, *inputs: str) -> None:
    """Kill a run at every `step`th operation."""
    folder = Path(work)
    operations = run(Path(project), [*inputs], folder / "whole", kill_at=0, resume=False)
    whole = content(folder / "whole")
    differing: dict[int, list[str]] = {}
    points = range(1, operations + 1, int(step))
    for point in points:
        output = folder / "killed"
        shutil.rmtree(output, ignore_errors=True)
        killed = run(Path(project), [*inputs], output, kill_at=point, resume=False)
        resumed = run(Path(project), [*inputs], output, kill_at=0, resume=True)
        found = content(output)
        wrong = [name for name in {**whole, **found} if whole.get(name) != found.get(name)]
        if killed != -1 or resumed == -1 or wrong:
            differing[point] = [f"killed {killed}, resumed {resumed}", *wrong]
    result = {"operations": operations, "points": len(points), "files": len(whole), "differing": differing}
    sys.stdout.write(json.dumps(result) + "\n")


main(*sys.argv[1:])
