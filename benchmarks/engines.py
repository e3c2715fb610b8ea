"""A release inside Polars, DuckDB, Dask, Spark and Ray: what it takes beyond the engine's own copy of the data.

Beside it, in the same run, scikit-learn with pandas in the engine's own user function, and a function that only hands
the rows back. The engines use several processes and threads, and so may others on this machine: all figures are seconds
of the processor, of the whole process tree. What a job takes to begin does not grow with its rows: two sizes give the
seconds of each further million rows as well.

    python -m benchmarks.engines --rows 1_000_000 4_000_000 --rounds 3
"""

import argparse
import ctypes
import json
import os
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.models import ROOT, Model, prepare

JOB = ROOT / "benchmarks" / "contenders" / "engine_job.py"
START = ROOT / "benchmarks" / "contenders" / "worker_start.py"
RESULTS = ROOT / "benchmarks" / "results" / "engines.json"
ENGINES = ("polars", "duckdb", "dask", "spark", "ray")
WAYS = ("copy", "handed", "seatrial", "pandas")
FILES = 16
FIRST_BATCH = 65_536
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what a job leaves behind is counted as well


def main() -> None:
    """Measure all engines, or those that are named, and write benchmarks/results/engines.json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=main.__doc__)
    parser.add_argument("engines", nargs="*", default=[*ENGINES], help=f"default: {', '.join(ENGINES)}")
    parser.add_argument("--rows", type=int, nargs=2, default=[1_000_000, 4_000_000], help="two sizes of the table")
    parser.add_argument("--models", nargs="+", default=["logistic", "boosted"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="for the models and the rows, to be used again")
    options = parser.parse_args()
    found: dict[str, Any] = {"machine": describe(("polars", "duckdb", "dask", "pyspark", "ray", "pyarrow"))}
    found |= {"rows": options.rows, "rounds": options.rounds, "models": {}}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for kind in options.models:
            model = prepare(kind, folder)
            figures: dict[str, Any] = {}
            found["models"][kind] = figures
            for engine in options.engines:
                figures[engine] = measure(model, options.rows, engine, folder, options.rounds)
                print(kind, engine, json.dumps(figures[engine]), flush=True)
                RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def make_folder(model: Model, folder: Path, rows: int) -> Path:
    """A folder of Parquet files with a key, whose rows are the table's own, changed a little."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.batch import make_rows

    target = folder / f"rows-{rows}"
    if target.exists():
        return target
    whole = folder / f"rows-{rows}.parquet"
    make_rows(model, whole, rows)
    table = pq.read_table(whole).replace_schema_metadata()
    table = table.add_column(0, "id", pa.array(range(rows), pa.int64()))
    whole.unlink()
    target.mkdir()
    size = -(-rows // FILES)
    for number in range(FILES):
        pq.write_table(table.slice(number * size, size), target / f"part-{number:02}.parquet")
    return target


def measure(model: Model, sizes: list[int], engine: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Measure both sizes: the processor's seconds of each way, and of each further million rows."""
    found: dict[str, Any] = {}
    for size in sizes:
        found[str(size)] = measure_size(model, make_folder(model, folder, size), engine, folder, rounds)
    first, second = (found[str(size)]["cpu"] for size in sizes)
    millions = (sizes[1] - sizes[0]) / 1e6
    further = {way: round((second[way] - first[way]) / millions, 2) for way in WAYS}
    worker = worker_start(model, make_folder(model, folder, sizes[0]), engine, folder)
    return {**found, "further_million": {"cpu": further, **shares(further)}, "worker": worker}


def shares(cpu: dict[str, float]) -> dict[str, float | None]:
    """What the release takes of what pandas takes, beyond the engine's copy and beyond handing the rows back."""

    def share(base: str) -> float | None:
        ours, theirs = cpu["seatrial"] - cpu[base], cpu["pandas"] - cpu[base]
        return round(ours / theirs, 2) if theirs > 0 else None

    return {"beyond_copy_of_pandas": share("copy"), "beyond_handed_of_pandas": share("handed")}


def measure_size(model: Model, rows: Path, engine: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Run the ways in turn, each in its own process, and compare what they answered."""
    used: dict[str, list[float]] = {way: [] for way in WAYS}
    answers = {way: folder / f"{model.kind}-{engine}-{way}" for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            shutil.rmtree(answers[way], ignore_errors=True)
            used[way].append(
                tree_cpu([str(JOB), engine, way, str(model.pipeline), str(rows), str(answers[way])], model)
            )
    cpu = {way: round(statistics.median(times), 2) for way, times in used.items()}
    return {
        "cpu": cpu,
        **shares(cpu),
        "largest_difference": difference(answers["seatrial"], answers["pandas"]),
    }


def tree_cpu(arguments: list[str], model: Model) -> float:
    """The processor's seconds of a Python process and of all that it started, also if they outlive it."""
    path = os.pathsep.join([str(model.project / "src"), str(JOB.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    with suppress(ChildProcessError):
        while True:
            os.wait()
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def difference(ours: Path, theirs: Path) -> float:
    """The largest difference of the probabilities, by key; ends the run where the answers disagree."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    first, second = (pq.read_table(each, partitioning=None).sort_by("id") for each in (ours, theirs))
    largest = pc.max(pc.abs(pc.subtract(first["probability_1"], second["probability_1"]))).as_py()
    if first["id"] != second["id"] or largest > 1e-9:
        raise SystemExit(f"the contenders disagree: {largest}")
    return float(largest)


def worker_start(model: Model, rows: Path, engine: str, folder: Path) -> dict[str, float]:
    """Seconds of the processor, and MB beyond the engine's own, until a worker has predicted its first batch."""
    import pyarrow.parquet as pq

    from seatrial.core.project import find_project, importable
    from seatrial.model.release import Release

    batch, pickled = folder / "first-batch.parquet", folder / f"{model.kind}-release.pickle"
    pq.write_table(pq.read_table(next(iter(sorted(rows.iterdir())))).slice(0, FIRST_BATCH), batch)
    project = find_project(model.project)
    with importable(project):
        pickled.write_bytes(pickle.dumps(Release(project.package).load()))
    environment = {**os.environ, "PYTHONPATH": str(model.project / "src")}
    command = [sys.executable, str(START), engine, str(pickled), str(batch)]
    runs = [json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout) for _ in "123"]
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in ("cpu", "mb")}


if __name__ == "__main__":
    main()
