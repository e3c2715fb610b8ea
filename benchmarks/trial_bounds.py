"""`python -m benchmarks.trial_bounds`: what a trial takes on a wide, a many-class and a small table.

Each is a real project: trained, built, tried, published, and then tried again as a retrain with 15 % more rows. The
figures are of this second trial: seconds of wall-clock time, and the peak memory of the largest of its processes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.detection.projects import Source
from benchmarks.detection.releasable import set_version, write_releasable
from benchmarks.tables.lifecycle import GIT

Table = dict[str, list[str]]


@dataclass(frozen=True)
class Bounds:
    """A made-up table, and the goals for its trial: seconds and MB."""

    name: str
    rows: int
    columns: int
    classes: int
    seconds: float
    megabytes: float


BOUNDS = {
    bounds.name: bounds
    for bounds in (
        Bounds("wide", 2_000, 300, 2, 60, 1_500),
        Bounds("classes", 4_000, 50, 16, 120, 4_000),
        Bounds("small", 150, 8, 2, 20, 1_500),
    )
}


@dataclass(frozen=True)
class Tried:
    """The trial of a retrain: its seconds, its peak memory in MB, its outcome and cause."""

    seconds: float
    megabytes: float
    outcome: str
    cause: str


def main() -> int:
    """Run the trials and print a table; the exit code is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trial_bounds", description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(BOUNDS), choices=list(BOUNDS))
    parser.add_argument("--models", nargs="*", default=["boosted"], choices=["linear", "boosted"])
    options = parser.parse_args()
    missed = False
    print("| table | model | trial | peak memory | goals | outcome |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="seatrial-bounds-") as folder:
        for name in options.only:
            for model in options.models:
                bounds = BOUNDS[name]
                tried = try_table(bounds, model, Path(folder))
                missed |= tried.seconds > bounds.seconds or tried.megabytes > bounds.megabytes
                print(
                    f"| {name}: {bounds.rows:,} x {bounds.columns}, {bounds.classes} classes | {model} "
                    f"| {tried.seconds:.1f} s | {tried.megabytes:,.0f} MB "
                    f"| {bounds.seconds:.0f} s, {bounds.megabytes:,.0f} MB | {tried.outcome}: {tried.cause} |",
                    flush=True,
                )
    return int(missed)


def made_up(bounds: Bounds) -> Table:
    """Numbers with few relevant columns, every fifth column a category, a twentieth of the values missing."""
    g = np.random.default_rng(bounds.columns)
    features = g.normal(size=(bounds.rows, bounds.columns)).round(3)
    signal = features[:, :6] @ g.normal(size=(6, bounds.classes)) + g.gumbel(size=(bounds.rows, bounds.classes))
    table: Table = {}
    for k in range(bounds.columns):
        values = [repr(v) for v in features[:, k].tolist()]
        if k % 5 == 4:
            values = [f"level {int(v * 2) % 6}" for v in features[:, k].tolist()]
        table[f"x{k}"] = ["" if gap else v for v, gap in zip(values, g.random(bounds.rows) < 0.05, strict=True)]
    table["label"] = [f"class {k}" for k in signal.argmax(1).tolist()]
    return table


def try_table(bounds: Bounds, model: str, folder: Path) -> Tried:
    """Publish a first release on all but the last rows, and try a second one on all."""
    root, table = folder / f"{bounds.name}_{model}", made_up(bounds)
    first = int(bounds.rows / 1.15)
    source = Source(bounds.name, "label", "tests")
    init = write_releasable(source, model, table, root)
    data = root / "data.csv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    home = folder / "home"
    for version, count in (("0.1.0", first), ("0.1.1", bounds.rows)):
        set_version(init, version)
        data.write_text("".join(lines[: count + 1]), encoding="utf-8")
        for command in ("train", "build"):
            _run(root, home, command)
        seconds, megabytes, printed = _run(root, home, "trial", "--json", may_fail=True)
        verdict = json.loads(printed)
        if version == "0.1.0":
            _run(root, home, "publish", "--allow-dirty")
    return Tried(seconds, megabytes, verdict["outcome"], verdict["cause"])


def _run(root: Path, home: Path, *words: str, may_fail: bool = False) -> tuple[float, float, str]:
    """Run a command of Seatrial: its seconds, the peak memory in MB of any of its processes, and what it printed."""
    environment = {**os.environ, **GIT, "SEATRIAL_HOME": str(home), "PYTHONPATH": ""}
    command = [str(Path(sys.executable).parent / "seatrial"), *words]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        clock = time.monotonic()
        child = subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=errors)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.monotonic() - clock
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        printed = output.read().decode()
        if child.returncode and not (may_fail and printed):
            raise SystemExit(f"{' '.join(words)} ended with {child.returncode}: {errors.read().decode()[-800:]}")
    return seconds, used.ru_maxrss / 1024, printed


if __name__ == "__main__":
    sys.exit(main())
