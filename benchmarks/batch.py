"""One million rows from Parquet to Parquet, against scikit-learn with pandas: seconds, and peak memory.

Beside them are the floors: what pyarrow alone needs to read the same input and to write the same answers, and what
onnxruntime's own call needs for the same rows. Seconds of a shared machine differ from run to run; those of the
processor (`cpu`) hardly do.

    python -m benchmarks.batch stream 100_000_000 --project titanic    # many rows in constant memory
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import ROOT, Model

PEER = ROOT / "benchmarks" / "contenders" / "pandas_batch.py"
COPY = ROOT / "benchmarks" / "contenders" / "pyarrow_copy.py"
ROWS = 1_000_000


def measure(model: Model, folder: Path, *, rounds: int, rows: int = ROWS) -> dict[str, Any]:
    """Run all in turn, each in its own process."""
    source = folder / f"rows-{rows}.parquet"
    if not source.exists():
        make_rows(model, source, rows)
    ours, peer_output = folder / f"{model.kind}-ours.parquet", folder / f"{model.kind}-peer_output.parquet"
    commands = {
        "seatrial": [sys.executable, "-m", "seatrial", "predict", str(source), "-o", str(ours),
                     "--project", str(model.project)],
        "pandas": [sys.executable, str(PEER), str(model.pipeline), str(source), str(peer_output)],
        "pandas_checked": [sys.executable, str(PEER), str(model.pipeline), str(source), str(peer_output), "--checked"],
    }  # fmt: skip
    peers = {"PYTHONPATH": str(model.project / "src")}
    environment = {"seatrial": {}, "pandas": peers, "pandas_checked": peers, "copy": {}}
    copied = [sys.executable, str(COPY), str(source), str(ours), str(folder / f"{model.kind}-copy.parquet")]
    commands["copy"] = copied  # behind ours, whose answers it writes
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    peak: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            took, processor, memory = _run(command, environment[name])
            seconds[name].append(took)
            cpu[name].append(processor)
            peak[name].append(memory)
    times = {
        f"times_{peer}": round(
            statistics.median(t / o for o, t in zip(seconds["seatrial"], seconds[peer], strict=True)), 2
        )
        for peer in ("pandas", "pandas_checked")
    }
    return {
        "rows": rows,
        "seconds": {name: round(statistics.median(values), 2) for name, values in seconds.items()},
        "cpu": {name: round(statistics.median(values), 2) for name, values in cpu.items()},
        "cpu_of_copy": round(statistics.median(o / c for o, c in zip(cpu["seatrial"], cpu["copy"], strict=True)), 2),
        "seconds_of_copy": round(
            statistics.median(o / c for o, c in zip(seconds["seatrial"], seconds["copy"], strict=True)), 2
        ),
        "engine_alone_cpu": round(_engine_alone(model, source), 2),
        "peak_mb": {name: round(statistics.median(values)) for name, values in peak.items()},
        **times,
        "largest_difference": _difference(ours, peer_output),
    }


def make_rows(model: Model, path: Path, rows: int) -> None:
    """Draw passengers from the table, and change every number a little so that few rows are equal."""
    import pandas as pd

    known = pd.read_csv(model.project / "data" / "titanic.csv")
    generator = np.random.default_rng(0)
    drawn = known.iloc[generator.integers(len(known), size=rows)].reset_index(drop=True)
    drawn["age"] = (drawn["age"] + generator.uniform(-0.1, 0.1, rows)).clip(0, 100)
    drawn["fare"] = (drawn["fare"] + generator.uniform(-1, 1, rows)).clip(0, 600)
    names = ["pclass", "name", "sex", "age", "sibsp", "parch", "ticket", "fare", "cabin", "embarked"]
    drawn[names].to_parquet(path, index=False)


def _run(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run a process; give its seconds, those of the processor, and its peak resident memory in MB."""
    clock = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def _engine_alone(model: Model, source: Path) -> float:
    """The processor's seconds of onnxruntime's own calls for these rows, in chunks as they are read."""
    from seatrial.core.project import find_project, importable
    from seatrial.model.release import Release
    from seatrial.model.table_files import read_chunks

    project = find_project(model.project)
    used = 0.0
    with importable(project):
        release = Release(project.package).load()
        for chunk in read_chunks(source, release.checker):
            inputs = release.encode_table(chunk.columns)
            clock = time.process_time()
            release.engine(*inputs)
            used += time.process_time() - clock
    return used


def stream(project: Path, rows: int) -> dict[str, Any]:
    """Predict a stream of made-up rows, which no disk has, from Arrow to Arrow; the answers are thrown away."""
    command = [sys.executable, "-m", "benchmarks.batch", "worker", str(rows), "--project", str(project)]
    took, processor, memory = _run(command, {})
    return {"rows": rows, "seconds": round(took, 1), "cpu": round(processor, 1), "peak_mb": round(memory)}


def predict_stream(project: Path, rows: int) -> None:
    """Predict `rows` rows that are the project's own, changed a little in each round, and write them to /dev/null."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.parquet as pq

    from seatrial.core.project import find_project, importable
    from seatrial.model.release import Release

    settings = find_project(project)
    with importable(settings), Path(os.devnull).open("wb") as nowhere:
        release = Release(settings.package).load()
        table = pa.csv.read_csv(settings.data).select([column.name for column in release.columns])
        block = pa.concat_tables([table] * (2**20 // len(table))).combine_chunks()
        fare = block.column_names.index("fare")

        def batches() -> Iterator[Any]:
            left, turn = rows, 0
            while left:
                turn += 1
                changed = pc.add(block["fare"], turn % 97 / 1000)
                taken = block.set_column(fare, "fare", changed).slice(0, min(left, len(block)))
                left -= len(taken)
                yield from taken.to_batches(max_chunksize=65_536)

        writer = pq.ParquetWriter(nowhere, release.output_schema(), use_dictionary=["prediction"])
        answered = 0
        for batch in release.predict_batches(batches()):
            writer.write_batch(batch)
            answered += batch.num_rows
        writer.close()
    if answered != rows:
        raise SystemExit(f"{rows:,} rows came, and {answered:,} were answered")


def _difference(ours: Path, peer_output: Path) -> float:
    """Compare both answers: they must be equal for the times to be comparable."""
    import pandas as pd

    first, second = pd.read_parquet(ours), pd.read_parquet(peer_output)
    largest = float((first["probability_1"] - second["probability_1"]).abs().max())
    if largest > 1e-9 or not (first["prediction"] == second["prediction"]).all():
        raise SystemExit(f"the contenders disagree: {largest}")
    return largest


def main() -> None:
    """Measure a stream: python -m benchmarks.batch stream ROWS --project FOLDER."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=main.__doc__)
    parser.add_argument("what", choices=["stream", "worker"])
    parser.add_argument("rows", type=int)
    parser.add_argument("--project", type=Path, required=True, help="a copy of titanic/ that is trained")
    options = parser.parse_args()
    if options.what == "worker":
        predict_stream(options.project, options.rows)
    else:
        print(json.dumps(stream(options.project, options.rows)))


if __name__ == "__main__":
    main()
