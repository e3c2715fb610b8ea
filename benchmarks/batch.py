"""One million rows from Parquet to Parquet, against scikit-learn with pandas: seconds, and peak memory."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import ROOT, Model

PEER = ROOT / "benchmarks" / "contenders" / "pandas_batch.py"
ROWS = 1_000_000


def measure(model: Model, folder: Path, *, rounds: int, rows: int = ROWS) -> dict[str, Any]:
    """Run all in turn, each in its own process."""
    source = folder / f"rows-{rows}.parquet"
    if not source.exists():
        make_rows(model, source, rows)
    ours, peer_output = folder / f"{model.kind}-ours.parquet", folder / f"{model.kind}-peer_output.parquet"
    commands = {
        "seatrial": [sys.executable, "-m", "seatrial", "predict", str(source), "-o", str(ours),
                     "--project", str(model.project)],
        "pandas": [sys.executable, str(PEER), str(model.pipeline), str(source), str(peer_output)],
        "pandas_checked": [sys.executable, str(PEER), str(model.pipeline), str(source), str(peer_output), "--checked"],
    }  # fmt: skip
    peers = {"PYTHONPATH": str(model.project / "src")}
    environment = {"seatrial": {}, "pandas": peers, "pandas_checked": peers}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peak: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            took, memory = _run(command, environment[name])
            seconds[name].append(took)
            peak[name].append(memory)
    times = {
        f"times_{peer}": round(
            statistics.median(t / o for o, t in zip(seconds["seatrial"], seconds[peer], strict=True)), 2
        )
        for peer in ("pandas", "pandas_checked")
    }
    return {
        "rows": rows,
        "seconds": {name: round(statistics.median(values), 2) for name, values in seconds.items()},
        "peak_mb": {name: round(statistics.median(values)) for name, values in peak.items()},
        **times,
        "largest_difference": _difference(ours, peer_output),
    }


def make_rows(model: Model, path: Path, rows: int) -> None:
    """Draw passengers from the table, and change every number a little so that few rows are equal."""
    import pandas as pd

    known = pd.read_csv(model.project / "data" / "titanic.csv")
    generator = np.random.default_rng(0)
    drawn = known.iloc[generator.integers(len(known), size=rows)].reset_index(drop=True)
    drawn["age"] = (drawn["age"] + generator.uniform(-0.1, 0.1, rows)).clip(0, 100)
    drawn["fare"] = (drawn["fare"] + generator.uniform(-1, 1, rows)).clip(0, 600)
    names = ["pclass", "name", "sex", "age", "sibsp", "parch", "ticket", "fare", "cabin", "embarked"]
    drawn[names].to_parquet(path, index=False)


def _run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a process; give its seconds and its peak resident memory in MB."""
    clock = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - clock, usage.ru_maxrss * 1024 / 1e6


def _difference(ours: Path, peer_output: Path) -> float:
    """Compare both answers: they must be equal for the times to be comparable."""
    import pandas as pd

    first, second = pd.read_parquet(ours), pd.read_parquet(peer_output)
    largest = float((first["probability_1"] - second["probability_1"]).abs().max())
    if largest > 1e-9 or not (first["prediction"] == second["prediction"]).all():
        raise SystemExit(f"the contenders disagree: {largest}")
    return largest
