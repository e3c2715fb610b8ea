"""`python -m benchmarks.watch speed`: how long a look at a large log takes, in a process of its own, and its memory."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.watch.populations import make_population
from benchmarks.watch.real_tables import TABLES
from benchmarks.watch.releases import train_release
from benchmarks.watch.streams import Stream, write_log
from benchmarks.watch.traffic import BEGIN, Traffic

DAYS, COLUMNS, LABELLED = 30, 20, 0.1
LOOK = """
import json, resource, sys, time
from seatrial.cli.app import run
began = time.perf_counter()
code = run(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": peak, "code": code}), file=sys.stderr)
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


def timed(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run a command of seatrial in a project; its seconds after the start of Python, its memory, and its exit code."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    try:
        result: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}") from None
    return {**result, "with_python": time.perf_counter() - began}


def measure_speed(folder: Path, rows: int, data: Path) -> dict[str, Any]:
    """Look at a large log; the log is made if the folder does not have it."""
    project = folder / "project"
    if not (project / ".seatrial" / "log" / "labels").exists():
        write_large_log(folder, rows, data)
    at = f"{end_of_log():%Y-%m-%dT%H:%M}"
    return {"rows": rows, "columns": COLUMNS, "look": timed(["watch", "--at", at], project)}
