"""`python -m benchmarks`: measure everything, print it, and write it as JSON with the machine's description."""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import batch, serving, startup
from benchmarks.machine import describe
from benchmarks.workshop import ROOT, prepare

GOALS = {
    "share_of_bare": (">=", 0.7),
    "times_seed": (">=", 100),
    "p99_of_bare": ("<=", 1.6),
    "times_pandas": (">=", 3),
    "times_pandas_checked": (">=", 3),
    "peak_mb.seatrial": ("<=", 1000),
    "first_answer_of_fastapi": ("<=", 1.5),
    "resident_mb": ("<=", 120),
    "environment_mb": ("<=", 250),
    "import_and_predict_extra_s": ("<=", 0.35),
}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["serving", "batch", "startup"], help="serving, batch, startup")
    parser.add_argument("--rounds", type=int, default=5, help="of each, in turn; medians are given (default: 5)")
    parser.add_argument("--seconds", type=float, default=5, help="of load in each round (default: 5)")
    parser.add_argument("--rows", type=int, default=batch.ROWS, help="of the batch (default: 1,000,000)")
    parser.add_argument("--keep", type=Path, help="a folder to keep models and rows in, for the next time")
    given = parser.parse_args()
    results: dict[str, Any] = {"machine": describe(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "models": {}}
    with tempfile.TemporaryDirectory(prefix="seatrial-bench-") as temporary:
        folder = (given.keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("logistic", "boosted"):
            say(f"{kind}: training, releasing and installing")
            model = prepare(kind, folder)
            found = results["models"][kind] = {}
            if "serving" in given.parts:
                say(f"{kind}: serving, {given.rounds} rounds of {given.seconds:g} s")
                found["serving"] = serving.measure(model, folder, rounds=given.rounds, seconds=given.seconds)
            if "batch" in given.parts:
                say(f"{kind}: {given.rows:,} rows from Parquet to Parquet")
                found["batch"] = batch.measure(model, folder, rounds=min(given.rounds, 3), rows=given.rows)
            if "startup" in given.parts:
                say(f"{kind}: start-up")
                found["startup"] = startup.measure(model, folder, rounds=given.rounds)
            show(kind, found)
    path = ROOT / "benchmarks" / "results" / "latest.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    say(f"written to {path.relative_to(ROOT)}")


def show(kind: str, found: dict[str, Any]) -> None:
    """Print a model's figures, with the goals they are held to."""
    for part, figures in found.items():
        print(f"\n{kind}, {part}")
        for name, value in flat(figures):
            goal = GOALS.get(name)
            mark = ""
            if goal:
                reached = value >= goal[1] if goal[0] == ">=" else value <= goal[1]
                mark = f"   goal {goal[0]} {goal[1]}: {'reached' if reached else 'MISSED'}"
            print(f"  {name:34} {value:>12}{mark}")


def flat(figures: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Name nested figures by their path."""
    found = []
    for name, value in figures.items():
        found += flat(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, value)]
    return found


def say(text: str) -> None:
    """Tell what happens, on standard error."""
    print(text, file=sys.stderr, flush=True)


main()
