"""`python -m benchmarks.leaks`: what `seatrial new` says about made-up tables with a leak, and about honest ones.

The rules were developed on one set of tables. The figures that count are those of the other set, which has other
shapes, sizes and seeds.
"""

import argparse
import os
import time
from collections import Counter, defaultdict

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pyarrow as pa  # noqa: E402 - threads are set before numpy is loaded

from benchmarks.leaks.tables import LeakTable, tables  # noqa: E402
from seatrial.template.inference.examination import examine  # noqa: E402
from seatrial.template.reading.arrow_types import plain_table  # noqa: E402
from seatrial.template.records import DOUBT, TableSource  # noqa: E402


def judged(table: LeakTable) -> str:
    """Caught, doubted or missed a leak; dropped or doubted an honest column, or silent, as it should be."""
    examination = examine(TableSource(table.name, plain_table(pa.table(table.columns))), table.target)
    dropped = {column.name for column in examination.unused}
    doubted = {decision.column for decision in examination.decisions if decision.what == DOUBT}
    if dropped - table.leaks:
        return "dropped honest"
    if table.leaks:
        return "left out" if dropped else "doubted" if doubted & table.leaks else "missed"
    return "doubted honest" if doubted else "silent"


def main() -> None:
    """Print a line for each kind and size of table, and the totals."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    parser.add_argument("--set", choices=("developed", "held out"), default="held out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    results: dict[str, Counter[str]] = defaultdict(Counter)
    slowest = 0.0
    for table in tables(options.set, range(options.first, options.first + options.seeds)):
        started = time.perf_counter()
        results[table.name][judged(table)] += 1
        slowest = max(slowest, time.perf_counter() - started)
    for name, counts in results.items():
        print(f"{name:30}", ", ".join(f"{what} {count}" for what, count in counts.most_common()))
    print(f"all {sum(results.values(), Counter())}; the slowest table took {slowest:.2f} s")


main()
