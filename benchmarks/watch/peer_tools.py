"""Evidently and NannyML, with their defaults, on the same windows: in a Python of its own that has both installed.

This file is also what that Python runs, so it imports nothing of ours.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TOOLS = ("Evidently", "NannyML")
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}


def tool_alarms(python: Path, reference: Mapping[str, Any], windows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """In how many of the windows each tool alarms; both are columns (n,) by their names, numbers or texts.

    Raises RuntimeError where a tool cannot be run.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="seatrial-tools-") as folder:
        for number, columns in enumerate((reference, *windows)):
            arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
            pq.write_table(pa.table(arrays), f"{folder}/{number:05}.parquet")
        done = subprocess.run(
            [str(python), __file__, folder], capture_output=True, text=True, check=False, env={**os.environ, **QUIET}
        )
    if done.returncode:
        raise RuntimeError(f"{python}: {done.stderr.strip()[-2000:]}")
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def evidently_alarms(reference: Any, windows: Sequence[Any]) -> int:
    """Windows in which the preset for drift says that the data set drifted: half of the columns do."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    known, alarms = Dataset.from_pandas(reference), 0
    for window in windows:
        found = Report([DataDriftPreset()]).run(Dataset.from_pandas(window), known).dict()
        alarms += found["metrics"][0]["value"]["share"] >= found["metrics"][0]["config"]["drift_share"]
    return int(alarms)


def nannyml_alarms(reference: Any, windows: Sequence[Any]) -> int:
    """Windows in which the univariate drift of any column is beyond what the reference's own chunks differ by.

    A window is a day. The reference has as many rows a day as a window has on average, or three days.
    """
    import numpy as np
    import pandas as pd
    from nannyml import UnivariateDriftCalculator

    size = min(max(sum(map(len, windows)) // len(windows), 1), len(reference) // 3)
    days = [reference.iloc[start : start + size] for start in range(0, len(reference) - size + 1, size)]
    known, asked = (
        pd.concat(parts).assign(
            day=pd.Timestamp(begin) + pd.to_timedelta(np.repeat(range(len(parts)), [*map(len, parts)]), "D")
        )
        for parts, begin in ((days, "2024-01-01"), (windows, "2025-01-01"))
    )
    calculator = UnivariateDriftCalculator(
        column_names=list(reference.columns), timestamp_column_name="day", chunk_period="D"
    )
    found = calculator.fit(known).calculate(asked).filter(period="analysis").to_df()
    return int(found[[name for name in found.columns if name[-1] == "alert"]].any(axis=1).sum())


def main(folder: Path) -> None:
    """Read the windows of a folder, the reference first, and print the numbers of alarms."""
    import logging
    import warnings

    import pandas as pd

    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    reference, *windows = [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    made = evidently_alarms(reference, windows), nannyml_alarms(reference, windows)
    print(json.dumps(dict(zip(TOOLS, made, strict=True))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
