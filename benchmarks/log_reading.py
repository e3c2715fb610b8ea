"""`python -m benchmarks log-reading ROWS [FOLDER]`: questions to a large prediction log in a folder.

The log has 30 days of one release, in files as the shipper makes them from segments of 16 MB. Each question is asked in
a process of its own, as the command does, so that its peak of memory is its own. The files may be in the page cache. A
FOLDER keeps the log for the next time.
"""

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAYS, FILE_ROWS = 30, 55_000
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = ("--since", "2026-11-15", "--until", "2026-11-16")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "the newest 20 rows": (),
    "the newest 20 of a day, by an input": (*DAY, "--where", "fare > 499.9"),
    "the month, by a rare value of an input": ("--where", "ticket = 4711"),
    "the month, by a condition on two inputs": ("--where", "fare > 499.9 and sex = female"),
    "one request of the month": ("--request-id", "{request_id}"),
}
EXPORTS = {
    "all rows of a day by two conditions, as CSV": (*DAY, "--where", "fare > 400 and sex = female"),
    "a day, as Parquet": DAY,
    "three days, as Parquet": (*DAY[:3], "2026-11-18"),
}
ASK = """
import json, resource, sys, time
from seatrial.cli.app import run
began = time.perf_counter()
code = run(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": peak, "code": code}), file=sys.stderr)
"""


def main(rows: int, keep: Path | None = None) -> dict[str, Any]:
    """Make a log with so many rows, ask it everything three times, and return medians."""
    with tempfile.TemporaryDirectory(prefix="seatrial-log-") as temporary:
        root = keep or Path(temporary)
        began = time.perf_counter()
        if not (root / "predictions").exists():
            write_log(root, rows)
        every = sorted(root.rglob("*.parquet"))
        files, request_id = len(every), pq.read_table(every[len(every) // 2])["request_id"][7].as_py()
        size = sum(file.stat().st_size for file in root.rglob("*.parquet"))
        figures: dict[str, Any] = {"rows": rows, "files": files, "gigabytes": round(size / 1e9, 2)}
        print(f"{rows:,} rows in {files:,} files, {size / 1e9:.1f} GB, made in {time.perf_counter() - began:.0f} s")
        for name, options in QUESTIONS.items():
            words = [word.format(request_id=request_id) for word in options]
            figures[name] = ask(["log", "--from", str(root), "--json", *words])
        for name, options in EXPORTS.items():
            file = root / ("rows.csv" if "--where" in options else "rows.parquet")
            figures[name] = ask(["log", "export", str(file), "--from", str(root), *options])
            file.unlink()
        for name, figure in figures.items():
            if isinstance(figure, dict):
                print(f"  {name:45} {figure['seconds']:8.2f} s {figure['peak_mb']:8.0f} MB")
    return figures


def ask(words: list[str]) -> dict[str, float]:
    """Run a command three times; the medians of its time, without the start of Python, and of its peak memory."""
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", ASK, *words], capture_output=True, text=True, check=True)
        result = json.loads(done.stderr.strip().splitlines()[-1])
        if result["code"]:
            raise RuntimeError(f"{words}: {done.stderr}")
        runs.append(result)
    return {name: round(float(np.median([run[name] for run in runs])), 3) for name in ("seconds", "peak_mb")}


def write_log(root: Path, rows: int) -> None:
    """Write the files."""
    random = np.random.default_rng(13)
    files = max(DAYS, round(rows / FILE_ROWS))
    for number in range(files):
        count = rows // files + (number < rows % files)
        begin = BEGIN + timedelta(days=DAYS) * (number / files)
        seconds = DAYS * 86_400 / files
        table = made_up(random, count, begin, seconds)
        folder = root / "predictions/release=titanic-model/version=0.1.0" / f"day={begin:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{begin:%Y%m%dT%H%M%S%f}-{random.bytes(8).hex()}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=100_000)


def made_up(random: np.random.Generator, count: int, begin: datetime, seconds: float) -> pa.Table:
    """A file's rows, in the layout of docs/prediction-log.md."""
    micros = int(begin.timestamp() * 1e6) + np.sort(random.integers(0, int(seconds * 1e6), count))
    day_end = (int(begin.timestamp()) // 86_400 + 1) * 86_400 * 10**6 - 1
    share = random.random(count)
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(random.bytes(16 * count))])
    constant = {"wheel": "9f" * 16, "route": "/api/v1/predict", "key": "web"}
    columns: dict[str, Any] = {
        "time": pa.array(np.minimum(micros, day_end), pa.int64()).cast(pa.timestamp("us", "UTC")),
        "request_id": pa.array([value.hex() for value in ids.to_pylist()]),
        "row": pa.array(np.zeros(count, np.int32)),
        **{name: pa.repeat(pa.scalar(text), count) for name, text in constant.items()},
        "trace": pa.nulls(count, pa.string()),
        "seconds": pa.array(random.gamma(2, 2e-4, count)),
        "input_pclass": pa.array(random.integers(1, 4, count)),
        "input_sex": pa.array(["female", "male"]).take(pa.array(random.integers(0, 2, count))),
        "input_age": pa.array(np.round(random.gamma(4, 8, count), 1)),
        "input_sibsp": pa.array(random.poisson(0.5, count)),
        "input_parch": pa.array(random.poisson(0.4, count)),
        "input_ticket": pa.array(random.integers(0, 10**6, count).astype(str)),
        "input_fare": pa.array(np.round(random.random(count) * 500, 4)),
        "input_embarked": pa.array(["S", "C", "Q", None]).take(pa.array(random.integers(0, 4, count))),
        "prediction": pa.array(["no", "yes"]).take(pa.array((share > 0.5).astype(int))),
        "probability_no": pa.array(1 - share),
        "probability_yes": pa.array(share),
        "unseen": pa.nulls(count, pa.string()),
        "other_values": pa.nulls(count, pa.string()),
    }
    return pa.table(columns)
