"""`python -m benchmarks.detection`: try every fault and every harmless change, and write how the trial did.

A run can be stopped and continued: finished cases are lines of benchmarks/results/detection.jsonl.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402 - threads are set before numpy is loaded
import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.detection.projects import MODELS, ROOT, SOURCES, read_source, write_project  # noqa: E402
from benchmarks.detection.report import read_lines, render  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
RUN = [name for name, source in SOURCES.items() if source.role != "tests"]


def main() -> None:
    """Run what is missing and render the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with churn.csv, penguins.csv, mpg.csv and ames.csv")
    parser.add_argument("--sources", nargs="*", default=RUN, choices=list(SOURCES))
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--seeds", type=int, default=5, help="splits of each table (default: 5)")
    parser.add_argument("--out", type=Path, default=RESULTS / "detection.jsonl")
    parser.add_argument("--only-render", action="store_true", help="render the tables without running anything")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if not options.only_render:
        run(options)
    markdown, document = render(read_lines(options.out))
    options.out.with_suffix(".md").write_text(markdown, encoding="utf-8")
    options.out.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(markdown)


def run(options: argparse.Namespace) -> None:
    """Run the missing scenarios, one split of all tables after another, so that a part of the run is a fair part."""
    from benchmarks.detection.cases import cases, timed
    from benchmarks.detection.scenarios import open_scenario
    from seatrial.trial.policy import Policy

    warnings.filterwarnings("ignore", message="ks_2samp")
    done = {(r["source"], r["model"], r["seed"], r["kind"], r["name"]) for r in read_lines(options.out)}
    finished = {(s, m, d) for s, m, d, kind, _ in done if kind == "end"}
    with (
        tempfile.TemporaryDirectory(prefix="seatrial-detection-") as folder,
        options.out.open("a", encoding="utf-8") as out,
    ):
        for seed in range(options.seeds):
            for name in options.sources:
                table, _ = read_source(SOURCES[name], options.data)
                for model in options.models:
                    if (name, model, seed) in finished:
                        continue
                    print(f"{name}, {model}, split {seed}", file=sys.stderr, flush=True)
                    project = Path(folder) / f"{name}_{model}"
                    if not project.exists():
                        write_project(SOURCES[name], model, table, project)
                    scenario = open_scenario(project, seed, Policy())
                    about = {"source": name, "role": SOURCES[name].role, "model": model, "seed": seed}
                    for case in cases(scenario):
                        if (name, model, seed, case.kind, case.name) not in done:
                            out.write(json.dumps({**about, **timed(case)}) + "\n")
                            out.flush()
                    out.write(json.dumps({**about, "kind": "end", "name": ""}) + "\n")
                    out.flush()


if __name__ == "__main__":
    main()
