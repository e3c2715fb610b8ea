"""`python -m benchmarks.trial_bounds`: what a trial takes on a wide, a many-class and a small table, and on large ones.

Each is a real project: trained, built, tried, published, and then tried again as a retrain with 15 % more rows. The
figures are of this second trial: processor seconds, and the peak memory of the largest of its processes. Those that
train the releases again are counted apart: their time is that of the estimator. Large tables are Parquet, and are
run only where --only names them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.detection.projects import Source
from benchmarks.detection.releasable import set_version, write_releasable
from benchmarks.tables.lifecycle import GIT

LARGE = 200_000  # rows from which a table is written as Parquet
SHOWN = 2_000  # rows that the schema is written from
TRAINING = "training_worker.py"  # in the command line of a process that trains
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE") / 2**20


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
        Bounds("columns", 3_000, 1_000, 2, 240, 2_500),
        Bounds("million", 1_000_000, 20, 2, 120, 2_000),
        Bounds("millions", 5_000_000, 20, 2, 300, 4_000),
    )
}
USUAL = [bounds.name for bounds in BOUNDS.values() if bounds.rows < LARGE and bounds.columns < 1_000]


@dataclass(frozen=True)
class Tried:
    """The trial of a retrain: processor seconds and peak memory in MB, without and for training; outcome and cause."""

    seconds: float
    megabytes: float
    training_seconds: float
    training_megabytes: float
    outcome: str
    cause: str


def main() -> int:
    """Run the trials and print a table; the exit code is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trial_bounds", description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(USUAL), choices=list(BOUNDS))
    parser.add_argument("--models", nargs="*", default=["boosted"], choices=["linear", "boosted"])
    options = parser.parse_args()
    missed = False
    print("| table | model | trial | peak memory | goals | training | its memory | outcome |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="seatrial-bounds-") as folder:
        for name in options.only:
            for model in options.models:
                bounds = BOUNDS[name]
                tried = try_table(bounds, model, Path(folder))
                missed |= tried.seconds > bounds.seconds or tried.megabytes > bounds.megabytes
                print(
                    f"| {name}: {bounds.rows:,} x {bounds.columns}, {bounds.classes} classes | {model} "
                    f"| {tried.seconds:.1f} s | {tried.megabytes:,.0f} MB "
                    f"| {bounds.seconds:.0f} s, {bounds.megabytes:,.0f} MB | {tried.training_seconds:.1f} s "
                    f"| {tried.training_megabytes:,.0f} MB | {tried.outcome}: {tried.cause} |",
                    flush=True,
                )
    return int(missed)


def made_up(bounds: Bounds) -> pa.Table:
    """Numbers with few relevant columns, every fifth column a category, a twentieth of the values missing."""
    g = np.random.default_rng(bounds.columns)
    weights = g.normal(size=(6, bounds.classes))
    signal = g.gumbel(size=(bounds.rows, bounds.classes))
    levels = pa.array([f"level {k}" for k in range(6)])
    table: dict[str, pa.Array] = {}
    for k in range(bounds.columns):
        values, gap = g.normal(size=bounds.rows).round(3), g.random(bounds.rows) < 0.05
        if k < 6:
            signal += values[:, None] * weights[k]
        if k % 5 == 4:
            codes = pa.array((values * 2).astype(np.int64) % 6, mask=gap)
            table[f"x{k}"] = pa.DictionaryArray.from_arrays(codes, levels).cast(pa.string())
        else:
            table[f"x{k}"] = pa.array(values, mask=gap)
    names = pa.array([f"class {k}" for k in range(bounds.classes)])
    table["label"] = pa.DictionaryArray.from_arrays(pa.array(signal.argmax(1)), names).cast(pa.string())
    return pa.table(table)


def try_table(bounds: Bounds, model: str, folder: Path) -> Tried:
    """Publish a first release on all but the last rows, and try a second one on all."""
    root, table = folder / f"{bounds.name}_{model}", made_up(bounds)
    source = Source(bounds.name, "label", "tests")
    init = write_releasable(source, model, _as_texts(table.slice(0, SHOWN)), root)
    home = folder / "home"
    for version, count in (("0.1.0", int(bounds.rows / 1.15)), ("0.1.1", bounds.rows)):
        set_version(init, version)
        _write(table.slice(0, count), root)
        for command in ("train", "build"):
            _run(root, home, command)
        watched = _run(root, home, "trial", "--json", may_fail=True)
        if version == "0.1.0":
            _run(root, home, "publish", "--allow-dirty")
    verdict = json.loads(watched.printed)
    trained = [process for process in watched.processes.values() if TRAINING in process.command]
    own = [process for process in watched.processes.values() if TRAINING not in process.command]
    return Tried(
        sum(process.seconds for process in own),
        max(process.megabytes for process in own),
        sum(process.seconds for process in trained),
        max((process.megabytes for process in trained), default=0.0),
        verdict["outcome"],
        verdict["cause"],
    )


def _as_texts(table: pa.Table) -> dict[str, list[str]]:
    return {
        name: ["" if value is None else str(value) for value in table[name].to_pylist()] for name in table.column_names
    }


def _write(table: pa.Table, root: Path) -> None:
    if len(table) < LARGE:
        pyarrow.csv.write_csv(table, root / "data.csv")
        return
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text("utf-8").replace('"data.csv"', '"data.parquet"'), "utf-8")
    (root / "data.csv").unlink(missing_ok=True)
    pyarrow.parquet.write_table(table, root / "data.parquet")


@dataclass
class _Process:
    """A process of a command: its command line, its processor seconds and its peak memory in MB."""

    command: str
    seconds: float = 0.0
    megabytes: float = 0.0


@dataclass
class _Watched:
    """A command that ran: what it printed, and all its processes."""

    printed: str = ""
    processes: dict[int, _Process] = field(default_factory=dict)

    def look(self, root: int) -> None:
        """Note what the process `root` and those below it took until now (Linux)."""
        below = {root}
        for entry in sorted(
            (path for path in Path("/proc").iterdir() if path.name.isdigit()), key=lambda p: int(p.name)
        ):
            try:
                facts = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(entry.name) != root and int(facts[1]) not in below:
                    continue
                below.add(int(entry.name))
                command = (entry / "cmdline").read_text().replace("\0", " ")
            except (OSError, ValueError):  # it has ended
                continue
            process = self.processes.setdefault(int(entry.name), _Process(command))
            process.command = command or process.command
            process.seconds = (int(facts[11]) + int(facts[12])) / TICKS
            process.megabytes = max(process.megabytes, int(facts[21]) * PAGE)


def _run(root: Path, home: Path, *words: str, may_fail: bool = False) -> _Watched:
    """Run a command of Seatrial, and watch what its processes take."""
    environment = {**os.environ, **GIT, "SEATRIAL_HOME": str(home), "PYTHONPATH": ""}
    command = [str(Path(sys.executable).parent / "seatrial"), *words]
    watched = _Watched()
    child = subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            watched.look(child.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    watched.printed, errors = child.communicate()
    ended.set()
    watcher.join()
    if child.returncode and not (may_fail and watched.printed):
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}: {errors[-800:]}")
    return watched


if __name__ == "__main__":
    sys.exit(main())
