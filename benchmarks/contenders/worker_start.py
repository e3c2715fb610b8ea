"""What a worker of an engine takes to begin: python worker_start.py ENGINE RELEASE BATCH.

RELEASE is a pickled release and BATCH a Parquet file. The libraries that the engine's own worker has loaded are loaded
first; prints as JSON the seconds from there to the first predicted batch, and by how much the largest memory grew.
"""

import importlib
import json
import pickle
import sys
import time
from pathlib import Path

LOADED = {
    "polars": ["polars", "pyarrow.parquet"],
    "duckdb": ["duckdb", "pyarrow.parquet"],
    "dask": ["dask.dataframe", "pyarrow.parquet"],
    "spark": ["pyspark.worker", "pandas", "pyarrow.parquet"],
    "ray": ["ray.data", "pandas", "pyarrow.parquet"],
}


def main(engine: str, release: str, batch: str) -> None:
    """Load what the engine has, then the release, and predict one batch."""
    for name in LOADED[engine]:
        importlib.import_module(name)
    table = sys.modules["pyarrow.parquet"].read_table(batch)
    Path("/proc/self/clear_refs").write_text("5")  # the largest memory so far is that of now
    before, clock = largest_kb(), time.process_time()
    answered = pickle.loads(Path(release).read_bytes()).predict_table(table, keep=["id"])
    used = time.process_time() - clock
    grown = (largest_kb() - before) * 1024 / 1e6
    print(json.dumps({"rows": answered.num_rows, "cpu": used, "mb": grown}))


def largest_kb() -> int:
    """The largest resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


if __name__ == "__main__":
    main(*sys.argv[1:])
