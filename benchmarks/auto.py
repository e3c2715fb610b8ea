"""`python -m benchmarks auto FOLDER`: the models that `seatrial new --model auto` writes, next to each plain library.

Each split holds other rows out. The parameters in `template/codegen/model_code.py` were chosen by cross-validation on
other tables than these.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.tables.quality import BASELINES, measure_table

REPORTED = {"ames": "price", "churn": "churn", "mpg": "mpg"}
RESULT = Path(__file__).parent / "results" / "auto.md"


def main(arguments: list[str]) -> None:
    """Measure the tables, and write the Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks auto", description=__doc__)
    parser.add_argument("folder", type=Path, help="with ames.csv, churn.csv and mpg.csv")
    parser.add_argument("--seeds", type=int, default=3, help="splits of each table (default: 3)")
    options = parser.parse_args(arguments)
    measured = {}
    for name, target in REPORTED.items():
        measured[name] = measure_table(str(options.folder / f"{name}.csv"), target, "", options.seeds)
        print(f"{name}: {measured[name]}", flush=True)
    RESULT.write_text(markdown(measured, options.seeds), encoding="utf-8")


def markdown(measured: dict[str, dict[str, Any]], seeds: int) -> str:
    """The tables as Markdown: `auto`, each plain library, and how far the best of them is ahead, beside the noise."""
    lines = [
        "# `auto` next to plain libraries",
        "",
        f"`python -m benchmarks auto FOLDER`: R² or ROC AUC of held-out rows, means of {seeds} splits. The noise is",
        "the standard error of the difference between `auto` and the best plain library on one split's held-out rows,",
        "from bootstrap samples.",
        "",
        "| table | chosen | auto | " + " | ".join(BASELINES) + " | auto less the best | noise |",
        "| --- " * (len(BASELINES) + 5) + "|",
    ]
    for name, figures in measured.items():
        plain = [figures[baseline] for baseline in BASELINES]
        shown = " | ".join(f"{value:.4f}" for value in (figures["auto"], *plain))
        lead = figures["auto"] - max(plain)
        lines.append(f"| {name} | {figures['chosen']} | {shown} | {lead:+.4f} | {figures['noise']:.4f} |")
    return "\n".join(lines) + "\n"
