"""Training on large tables: `python -m benchmarks.large_tables --rows 50_000_000 --sample 2_000_000 --folder FOLDER`.

Makes a Parquet file of 20 columns in a stream, and a project around it as `seatrial new` makes it. Measures
`seatrial train`, and the `fit` of the same estimator alone on a frame that is there already.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe

NUMBERS, WHOLE, NAMES = 13, 3, 4
CHUNK = 500_000
FEW = 20_000  # rows that `seatrial new` looks at
FIT = """
import sys, time, importlib
sys.path.insert(0, "src")
from pathlib import Path
from seatrial.core.project import find_project
from seatrial.train import fitting
from seatrial.train.recipe import read_recipe
project = find_project(Path("."))
recipe = read_recipe(project)
frame, target = recipe._frame_of(recipe.split.train), recipe.table.target[recipe.split.train]
began = time.process_time()
fitting.fit(project, frame, target)
print(time.process_time() - began)
"""


def chunks(rows: int) -> Any:
    """The table in parts: numbers with missing values, whole numbers, categories, and a yes or no that follows."""
    import pyarrow as pa

    generator = np.random.default_rng(0)
    towns = np.array([f"town {n:02d}" for n in range(40)])
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        numbers = np.round(generator.normal(size=(NUMBERS, size)), 4)
        whole = generator.integers(0, 100, size=(WHOLE, size))
        codes = generator.integers(0, len(towns), size=(NAMES, size))
        score = numbers[0] - numbers[1] * numbers[2] + (whole[0] - 50) / 40 + (codes[0] % 5 - 2) / 2
        target = (score + generator.logistic(size=size) > 1).astype(np.int64)
        mask = generator.random(size) < 0.02
        columns: dict[str, Any] = {f"amount_{n}": pa.array(values) for n, values in enumerate(numbers)}
        columns["amount_3"] = pa.array(numbers[3], mask=mask)
        columns |= {f"count_{n}": pa.array(values) for n, values in enumerate(whole)}
        columns |= {
            f"town_{n}": pa.DictionaryArray.from_arrays(pa.array(part, pa.int32()), towns).cast(pa.string())
            for n, part in enumerate(codes)
        }
        yield pa.table({**columns, "bought": pa.array(target)})


def make_table(path: Path, rows: int) -> None:
    """Write the Parquet file in a stream."""
    import pyarrow.parquet as pq

    writer = None
    for part in chunks(rows):
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    assert writer is not None
    writer.close()


def make_project(folder: Path, table: Path, model: str, sample: int) -> Path:
    """A project as `seatrial new` makes it from the table's first rows, with the table in its place."""
    import pyarrow.parquet as pq

    few = folder / "few.parquet"
    pq.write_table(next(chunks(FEW)), few)
    shutil.rmtree(folder / model, ignore_errors=True)
    _run(
        [*COMMAND, "new", model, "--data", str(few), "--target", "bought", "--model", model, "--yes", "--no-git"],
        folder,
    )
    root = folder / model
    settings = (root / "pyproject.toml").read_text("utf-8")
    data = root / re.search(r'^data = "(.*)"', settings, re.MULTILINE)[1]  # type: ignore[index]
    data.unlink()
    os.link(table, data)
    if sample:
        settings = re.sub(r"^(target = .*)$", rf"\1\nsample = {sample}", settings, count=1, flags=re.MULTILINE)
        (root / "pyproject.toml").write_text(settings, "utf-8")
    return root


COMMAND = (sys.executable, "-m", "seatrial")


def _run(command: list[str], folder: Path) -> dict[str, float]:
    """Run a command; the processor seconds and the peak of memory of its process."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(output)
    print(output, file=sys.stderr)
    seconds = used.ru_utime + used.ru_stime
    return {
        "cpu_s": round(seconds, 1),
        "wall_s": round(time.monotonic() - began, 1),
        "peak_gb": round(used.ru_maxrss / 1e6, 2),
    }


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_tables", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=["boosting", "logistic"])
    parser.add_argument("--folder", type=Path, required=True, help="for the table, which stays there")
    parser.add_argument("--fit", action="store_true", help="measure the estimator's own fit too")
    parser.add_argument("--json", type=Path, help="a file that the figures are added to")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    table = options.folder.absolute() / f"rows-{options.rows}.parquet"
    if not table.exists():
        make_table(table, options.rows)
    for model in options.models:
        root = make_project(options.folder.absolute(), table, model, options.sample)
        figures: dict[str, Any] = {"rows": options.rows, "sample": options.sample, "model": model}
        figures |= _run([*COMMAND, "train"], root)
        if options.fit:
            alone = subprocess.run([sys.executable, "-c", FIT], cwd=root, capture_output=True, text=True, check=True)
            figures["fit_cpu_s"] = round(float(alone.stdout.split()[-1]), 1)
        shutil.rmtree(root)
        print(json.dumps(figures))
        if options.json:
            known = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {"runs": []}
            known["runs"].append(figures)
            options.json.write_text(json.dumps({**known, "machine": describe()}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
