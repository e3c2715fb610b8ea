"""`python -m benchmarks.detection --data FOLDER`: try faults and harmless changes, and write how the trial did.

FOLDER is made by `python -m benchmarks.tables.fetch`. A run can be stopped and continued: finished cases are lines of
the file that --out names. Scenarios come in such an order that the part of a run that is done is a fair part of it.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402 - threads are set before numpy is loaded
import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.detection.groups_report import render_groups, write_between_markers  # noqa: E402
from benchmarks.detection.projects import MODELS, ROOT  # noqa: E402
from benchmarks.detection.report import read_lines, render  # noqa: E402
from benchmarks.detection.sampling import KINDS, Plan, run_plan, share_of  # noqa: E402
from benchmarks.tables.gathered import FRESH, GROUPS, REPORTED, TUNED  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Run what is missing and render the tables."""
    options = _parsed()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if not options.only_render:
        plan = Plan(
            folder=options.fresh or options.data, groups=(FRESH,) if options.fresh else tuple(options.groups),
            tables=() if options.fresh else tuple(options.tables), count=_count(options), models=tuple(options.models),
            first_seed=options.seed if options.fresh else 0, seeds=options.seeds, kinds=tuple(options.kinds),
            share=share_of(options.share), new_row_share=share_of(options.new_row_share),
            end=time.monotonic() + 60 * options.minutes if options.minutes else None, commit=_commit(),
        )  # fmt: skip
        warnings.filterwarnings("ignore")
        with (
            tempfile.TemporaryDirectory(prefix="seatrial-detection-") as folder,
            options.out.open("a", encoding="utf-8") as out,
        ):
            for line in run_plan(
                plan, Path(folder), read_lines(options.out), lambda text: print(text, file=sys.stderr)
            ):
                out.write(json.dumps(line) + "\n")
                out.flush()
    lines = [line for path in (options.out, *options.merge) for line in read_lines(path)]
    groups, figures = render_groups(lines)
    markdown, document = render(lines)
    options.out.with_suffix(".md").write_text(f"{groups}\n{markdown}", encoding="utf-8")
    options.out.with_suffix(".json").write_text(json.dumps({**document, **figures}, indent=1) + "\n", encoding="utf-8")
    if options.write_docs:
        write_between_markers(ROOT / "docs" / "evidence.md", render_groups(lines, short=True)[0])
    print(groups)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with the tables and their catalogue")
    parser.add_argument("--groups", nargs="*", default=[TUNED, REPORTED], choices=GROUPS)
    parser.add_argument("--fresh", type=Path, help="draw fresh tables from this folder; see --seed and --tables")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of fresh tables")
    parser.add_argument("--tables", nargs="*", default=[], help="names of tables; with --fresh, how many are drawn")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--kinds", nargs="*", default=["harmless", "new-rows"], choices=KINDS)
    parser.add_argument("--seeds", type=int, default=5, help="splits of each table (default: 5)")
    parser.add_argument("--share", default="1", help="the share of all cases that is tried, such as 1/4 (default: 1)")
    parser.add_argument("--new-row-share", default="1/3", help="the same for faults of new rows (default: 1/3)")
    parser.add_argument("--minutes", type=float, help="end after these minutes")
    parser.add_argument("--out", type=Path, default=RESULTS / "detection.jsonl")
    parser.add_argument("--merge", type=Path, nargs="*", default=[], help="further results to report")
    parser.add_argument("--only-render", action="store_true", help="render the tables without running anything")
    parser.add_argument("--write-docs", action="store_true", help="write the tables into docs/evidence.md")
    options = parser.parse_args()
    if not options.only_render and not (options.data or options.fresh):
        parser.error("name the folder with the tables by --data or --fresh")
    return options


def _count(options: argparse.Namespace) -> int | None:
    return int(options.tables[0]) if options.fresh and options.tables else None


def _commit() -> str:
    """The commit that is measured, with a plus sign if files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks/detection")
    return git("rev-parse", "HEAD") + ("+" if changed else "")


if __name__ == "__main__":
    main()
