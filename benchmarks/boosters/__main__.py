"""`python -m benchmarks.boosters`: all leaves of many models, and the speeds of their graphs; written as JSON."""

import argparse
import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.boosters import all_leaves, long_proof, speeds
from benchmarks.boosters.real_tables import FILES
from benchmarks.machine import describe

RESULTS = Path(__file__).parent.parent / "results" / "boosters.json"
PARTS = ("leaves", "speeds", "proof")
LIBRARIES = ("xgboost", "lightgbm", "catboost")
PACKAGES = ("xgboost-cpu", "lightgbm", "catboost")


def main() -> None:
    """Measure the requested parts, and write them beside those that were measured before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boosters", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: leaves)")
    parser.add_argument("--data", type=Path, help="the folder of real tables; without it, scikit-learn's only")
    parser.add_argument("--rows", type=int, default=all_leaves.ROWS, help="for each model (default: 100,000)")
    parser.add_argument("--models", type=int, help="at most so many models, for a quick run")
    parser.add_argument("--table", type=int, default=speeds.TABLE, help="rows of the speeds (default: 1,000,000)")
    parser.add_argument("--trees", type=int, default=long_proof.TREES, help="of the proof's models (default: 5,000)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results are written")
    options = parser.parse_args()
    if options.data and (lacking := [name for name in FILES if not (options.data / f"{name}.csv").is_file()]):
        parser.error(f"{options.data} lacks {', '.join(f'{name}.csv' for name in lacking)}")
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}, only {', '.join(PARTS)}")
    if not options.out.parent.is_dir():
        parser.error(f"{options.out.parent} is not a folder")
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    parts = options.parts or ["leaves"]
    for part in parts:
        measured = _measure(part, options)
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        results[part] = {"machine": describe(PACKAGES), "date": day, **measured}
        print(json.dumps({name: value for name, value in measured.items() if name != "models"}, indent=1))
        options.out.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if "leaves" in parts and not results["leaves"]["summary"]["all_hold"]:
        sys.exit("Not every model's graph is exact.")


def _measure(part: str, options: argparse.Namespace) -> dict[str, Any]:
    if part == "leaves":
        models = all_leaves.measure(options.data, rows=options.rows, most=options.models)
        return {"summary": summary_of(models), "models": models}
    load = round(os.getloadavg()[0], 1)
    return {"load": load, **(speeds.measure(options.table) if part == "speeds" else long_proof.measure(options.trees))}


def summary_of(models: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum the models up, by library and together."""
    by_library = {}
    for library in LIBRARIES:
        own = [each for each in models if each["library"] == library]
        if own:
            by_library[library] = {
                "models": len(own),
                "trees": sum(each["trees"] for each in own),
                "rows_each": min(each["rows"] for each in own),
                "leaves": sum(each["leaves"] for each in own),
                "leaves_differ": sum(each["leaves_differ"] for each in own),
                "largest": max(each["largest"] for each in own),
                "own": max(each["own"] for each in own),
                "labels_by_rounding": sum(each["labels_by_rounding"] for each in own),
                "without_infinities": sum(not each["infinities"] for each in own),
            }
    return {
        "models": len(models),
        "tables": dict(Counter(each["table"] for each in models)),
        "leaves": sum(each["leaves"] for each in models),
        "leaves_differ": sum(each["leaves_differ"] for each in models),
        "all_hold": all(each["holds"] for each in models),
        "libraries": by_library,
    }


main()
