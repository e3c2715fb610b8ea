"""`python -m benchmarks.boosters`: all leaves of many models, and the speeds of their graphs; written as JSON."""

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.boosters import all_leaves
from benchmarks.machine import describe

RESULTS = Path(__file__).parent.parent / "results" / "boosters.json"
LIBRARIES = ("xgboost", "lightgbm", "catboost")
PACKAGES = ("xgboost-cpu", "lightgbm", "catboost")


def main() -> None:
    """Measure the requested parts, and write them beside those that were measured before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boosters", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["leaves"], help="leaves, speeds, proof")
    parser.add_argument("--data", type=Path, help="the folder of real tables; without it, scikit-learn's only")
    parser.add_argument("--rows", type=int, default=all_leaves.ROWS, help="for each model (default: 100,000)")
    parser.add_argument("--models", type=int, help="at most so many models, for a quick run")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results are written")
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for part in options.parts:
        measured = _measure(part, options)
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        results[part] = {"machine": describe(PACKAGES), "date": day, **measured}
        options.out.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if "leaves" in options.parts and not results["leaves"]["summary"]["all_hold"]:
        sys.exit("Not every model's graph is exact.")


def _measure(part: str, options: argparse.Namespace) -> dict[str, Any]:
    if part == "leaves":
        models = all_leaves.measure(options.data, rows=options.rows, most=options.models)
        summary = summary_of(models)
        print(json.dumps(summary, indent=1))
        return {"summary": summary, "models": models}
    raise SystemExit(f"There is no part {part}.")


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
