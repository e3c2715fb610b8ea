"""`python -m benchmarks.watch report --data FOLDER`: measure the watch on streams.

`speed` measures one look at a large log.

FOLDER has the real tables. A run can be stopped and continued: finished cases are lines of the file that --out names.
`development` uses the tables and seeds that the watch was tuned on, `report` others.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402 - threads are set before numpy is loaded
import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from itertools import islice, zip_longest  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.watch.cases import Case, fault_cases, quiet_cases, stream_of  # noqa: E402
from benchmarks.watch.figures import document, render  # noqa: E402
from benchmarks.watch.measure import measure_fault, measure_quiet  # noqa: E402
from benchmarks.watch.speed import measure_speed  # noqa: E402

RESULTS = Path(__file__).parent.parent / "results"


def main() -> None:
    """Run what is missing, and write the table."""
    options = _parsed()
    warnings.filterwarnings("ignore")
    if options.of == "speed":
        with tempfile.TemporaryDirectory(prefix="seatrial-watch-") as folder:
            print(json.dumps(measure_speed(options.keep or Path(folder), options.rows, options.data), indent=1))
        return
    out = options.out or RESULTS / f"watch-{options.of}.jsonl"
    if not options.only_render:
        end = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
        with tempfile.TemporaryDirectory(prefix="seatrial-watch-") as folder, out.open("a", encoding="utf-8") as file:
            work = options.keep or Path(folder)
            for case in _missing(_cases(options, work), _lines(out), options.part):
                if time.monotonic() > end:
                    break
                line = _measured(case, options.data, work, options.every, options.tools)
                file.write(json.dumps(line) + "\n")
                file.flush()
                print(case.name, line.get("error") or _short(line), f"{line['seconds']:.0f} s", file=sys.stderr)
    lines = [line for path in (out, *options.merge) for line in _lines(path)]
    text = render(lines)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    out.with_suffix(".json").write_text(json.dumps(document(lines), indent=1) + "\n", encoding="utf-8")
    print(text)


def _cases(options: argparse.Namespace, work: Path) -> Iterator[Case]:
    """Quiet streams and faults in turn, one of the former for each four of the latter."""
    quiet = quiet_cases(options.of, options.seeds) if "quiet" in options.kinds else iter(())
    faults = fault_cases(options.of, options.seeds, options.data, work) if "faults" in options.kinds else iter(())
    if options.faults:
        faults = (case for case in faults if any(name in case.fault for name in options.faults))
    for one, *more in zip_longest(quiet, *[faults] * 4):
        yield from (case for case in (one, *more) if case)


def _missing(cases: Iterator[Case], lines: list[dict[str, Any]], part: str) -> Iterator[Case]:
    done = {line["case"] for line in lines}
    number, parts = map(int, part.split("/"))
    return (case for case in islice(cases, number - 1, None, parts) if case.name not in done)


def _measured(case: Case, data: Path, work: Path, every: int, tools: Path | None) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        stream = stream_of(case, data, work)
        found = measure_fault(stream) if case.fault else measure_quiet(stream, every, tools)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        found = {"error": f"{type(error).__name__}: {error}"}
    return {"case": case.name, **vars(case), **found, "seconds": time.perf_counter() - began}


def _short(line: dict[str, Any]) -> str:
    if not line["fault"]:
        return f"{len(line['alarms'])} alarms in {line['looks']} looks"
    return f"found: {line['summary']}" if line["found"] else "missed"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=__doc__)
    parser.add_argument("of", choices=("development", "report", "speed"))
    parser.add_argument("--data", type=Path, required=True, help="the folder with the tables")
    parser.add_argument("--kinds", nargs="*", default=["quiet", "faults"], choices=("quiet", "faults"))
    parser.add_argument("--faults", nargs="*", default=[], help="only faults whose names contain one of these")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each table (default: 2)")
    parser.add_argument("--every", type=int, default=1, help="days between looks at quiet streams (default: 1)")
    parser.add_argument("--tools", type=Path, metavar="PYTHON", help="one that has Evidently and NannyML, as peers")
    parser.add_argument("--part", default="1/1", help="one part of all cases, for several processes, such as 1/2")
    parser.add_argument("--minutes", type=float, help="end after these minutes")
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the log, for `speed` (default: 10 million)")
    parser.add_argument("--keep", type=Path, help="a folder in which projects stay for the next time")
    parser.add_argument("--out", type=Path, help="the file of finished cases, beside which the table is written")
    parser.add_argument("--merge", type=Path, nargs="*", default=[], help="further ones to report")
    parser.add_argument("--only-render", action="store_true", help="write the table without running anything")
    parser.add_argument("--debug", action="store_true", help="stop at the first error")
    return parser.parse_args()


if __name__ == "__main__":
    main()
