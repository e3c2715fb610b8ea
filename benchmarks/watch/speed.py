"""`python -m benchmarks.watch speed`: how long a look at a large log takes, in a process of its own, and its memory."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.watch.our_watch import reference_of
from benchmarks.watch.populations import make_population
from benchmarks.watch.real_tables import TABLES
from benchmarks.watch.releases import Trained, train_release
from benchmarks.watch.streams import Stream, write_log
from benchmarks.watch.traffic import BEGIN, Traffic

DAYS, COLUMNS, LABELLED = 30, 20, 0.1
LOOK = """
import json, resource, sys, time
from benchmarks.watch.speed import look
began = time.perf_counter()
result = look(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({**result, "seconds": time.perf_counter() - began, "peak_mb": peak}))
"""


def write_large_log(folder: Path, rows: int, data: Path) -> Path:
    """Write a project with a log of 30 days of `churn`, with so many rows of 20 columns, and return its folder."""
    source = TABLES["churn"]
    bare = make_population(source, data, 1)
    population = make_population(source, data, 1, wide=max(0, COLUMNS - len(bare.columns)))
    trained = train_release(population, folder / "project", 1)
    stream = Stream("speed", population, trained, Traffic("plain", rows / DAYS), DAYS, 1, labelled=LABELLED)
    write_log(stream, trained.folder / ".seatrial" / "log")
    return trained.folder


def end_of_log() -> datetime:
    """The moment of the look: the end of the log."""
    return datetime.fromtimestamp(BEGIN / 1e6, UTC) + timedelta(days=DAYS)


def look(folder: str) -> dict[str, Any]:
    """Look once, as `seatrial watch` does; the release is that of the project's folder, in place of an index."""
    from seatrial.core.project import find_project, importable
    from seatrial.model.release import Release
    from seatrial.steps import watch as step

    project = find_project(Path(folder))
    with importable(project):
        release = Release(project.package).load()
        reference = reference_of(Trained(project.root, release, {}, np.empty(0)))
        step._references = lambda *_: step.KnownReleases({release.version: reference})
        watched = step.watch(project, at=end_of_log())
    return {"rows": watched.rows, "findings": [each.summary for each in watched.findings], "cpu": time.process_time()}


def measure_speed(folder: Path, rows: int, data: Path) -> dict[str, Any]:
    """Look at a large log in a process of its own; the log is made if the folder does not have it."""
    project = folder / "project"
    if not (project / ".seatrial" / "log" / "labels").exists():
        write_large_log(folder, rows, data)
    done = subprocess.run([sys.executable, "-c", LOOK, str(project)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return {"rows": rows, "columns": COLUMNS, "look": json.loads(done.stdout.splitlines()[-1])}
