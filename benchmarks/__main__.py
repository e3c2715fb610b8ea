"""`python -m benchmarks`: measure everything, print the figures, and write them as JSON with a machine description."""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import batch, bulk, grpc_serving, overload, serving, startup
from benchmarks.machine import describe
from benchmarks.models import ROOT, prepare

PARTS = ("serving", "grpc", "batch", "startup")
GOALS = {
    "share_of_bare": (">=", 0.7),
    "infer_share_of_bare": (">=", 0.4),
    "production_share_of_bare": (">=", 0.75),
    "production_p99_of_bare": ("<=", 1.4),
    "grpc_share_of_echo": (">=", 0.3),
    "times_seed": (">=", 100),
    "p99_of_bare": ("<=", 1.6),
    "cpu_of_copy": ("<=", 1.3),
    "times_pandas": (">=", 3),
    "times_pandas_checked": (">=", 3),
    "peak_mb.seatrial": ("<=", 1000),
    "arrow_share_of_predict": (">=", 0.7),
    "csv_share_of_predict": (">=", 0.5),
    "gigabyte_arrow.peak_mb": ("<=", 300),
    "gigabyte_csv.peak_mb": ("<=", 300),
    "first_answer_of_fastapi": ("<=", 1.5),
    "resident_mb": ("<=", 120),
    "environment_mb": ("<=", 250),
    "import_and_predict_extra_s": ("<=", 0.35),
    **{f"{name}.goodput_of_peak": (">=", 0.8) for name in ("alone", "beside_slow_and_idle")},
    **{f"{name}.health_worst_ms": ("<=", 100) for name in ("alone", "beside_slow_and_idle")},
    **{f"{name}.normal_after_s": ("<=", 1) for name in ("alone", "beside_slow_and_idle")},
}


def main() -> None:
    """Measure the requested parts."""
    if sys.argv[1:2] == ["auto"]:
        from benchmarks import auto

        auto.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["log-reading"]:
        from benchmarks import log_reading

        log_reading.main(int((sys.argv[2:] or ["20_000_000"])[0]), *map(Path, sys.argv[3:4]))
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", default=[*PARTS], help=f"{', '.join(PARTS)}, bulk, overload")
    parser.add_argument("--rounds", type=int, default=5, help="of each part; medians are reported (default: 5)")
    parser.add_argument("--seconds", type=float, default=5, help="of load in each round (default: 5)")
    parser.add_argument("--rows", type=int, default=batch.ROWS, help="of the batch (default: 1,000,000)")
    parser.add_argument("--keep", type=Path, help="a folder that keeps models and rows for the next run")
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": describe(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "models": {}}
    with tempfile.TemporaryDirectory(prefix="seatrial-bench-") as temporary:
        folder = (options.keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        kinds = ["logistic", "boosted"] if set(options.parts) - {"overload"} else ["logistic"]
        for kind in [*kinds, "native"] if "overload" in options.parts else kinds:
            say(f"{kind}: training, releasing and installing")
            model = prepare(kind, folder)
            figures = results["models"][kind] = {}
            if "overload" in options.parts and kind != "boosted":
                say(f"{kind}: overload, {options.rounds} rounds of {options.seconds:g} s")
                figures["overload"] = overload.measure(model, folder, rounds=options.rounds, seconds=options.seconds)
            if kind == "native":
                show(kind, figures)
                continue
            if "serving" in options.parts:
                say(f"{kind}: serving, {options.rounds} rounds of {options.seconds:g} s")
                figures["serving"] = serving.measure(model, folder, rounds=options.rounds, seconds=options.seconds)
            if "grpc" in options.parts:
                say(f"{kind}: serving over gRPC, {options.rounds} rounds of {options.seconds:g} s")
                figures["grpc"] = grpc_serving.measure(model, folder, rounds=options.rounds, seconds=options.seconds)
            if "batch" in options.parts:
                say(f"{kind}: {options.rows:,} rows from Parquet to Parquet")
                figures["batch"] = batch.measure(model, folder, rounds=min(options.rounds, 3), rows=options.rows)
            if "bulk" in options.parts:
                say(f"{kind}: {options.rows:,} rows over HTTP")
                figures["bulk"] = bulk.measure(model, folder, rounds=min(options.rounds, 3), rows=options.rows)
            if "startup" in options.parts:
                say(f"{kind}: start-up")
                figures["startup"] = startup.measure(model, folder, rounds=options.rounds)
            show(kind, figures)
    path = ROOT / "benchmarks" / "results" / "latest.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    say(f"written to {path.relative_to(ROOT)}")


def show(kind: str, parts: dict[str, Any]) -> None:
    """Print a model's figures, with their goals."""
    for part, figures in parts.items():
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
    named = []
    for name, value in figures.items():
        named += flat(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, value)]
    return named


def say(text: str) -> None:
    """Report progress on standard error."""
    print(text, file=sys.stderr, flush=True)


main()
