"""A job that wears a release out: batches of every size, and a thousand calls. Loaded by path, in the environment.

As in jobs.py, `installed` is worker.py's. What is written: the scores of the rows before anything, those of each single
call, those of each batch, and those of the rows at the end.
"""

import copy
import gc
import os
import sys
import time
from array import array
from pathlib import Path
from typing import Any

SAMPLES = 50  # of the memory, over all calls


def measure(installed: Any, job: dict[str, Any], out: Path, tools: Any) -> dict[str, Any]:
    """Predict single rows `calls` times or for `seconds`, and batches of the sizes; `tools` is jobs.py."""
    rows, width = job["rows"], installed.width
    sizes: list[int] = []
    memory: list[tuple[int, float]] = []
    blocks: list[tuple[int, int]] = []
    with tools.ScoreFile(out.with_suffix(".npy"), width) as matrix:
        matrix.add(_predicted(installed, rows, tools))
        seconds = array("d")  # a list would allocate with every call, as a leak does
        end = time.perf_counter() + job["seconds"]
        every = max(job["calls"] // SAMPLES, 1)
        marks = {int(job["calls"] * part) for part in (0.25, 0.5, 0.75)}
        for call in range(job["calls"]):
            row = [copy.copy(rows[call % len(rows)])]
            before = time.perf_counter()
            answer = installed.predict(row)
            seconds.append(time.perf_counter() - before)
            matrix.add(_scores(installed, answer, 1, tools))
            if call % every == 0:
                memory.append((call, resident_mb()))
            if call in marks:
                blocks.append((call, _allocated()))
            if before > end:
                break
        blocks.append((len(seconds), _allocated()))
        memory.append((len(seconds), resident_mb()))
        began = time.perf_counter()
        for size in job["sizes"]:
            spent = time.perf_counter() - began
            if sizes and spent * size / sum(sizes) > job["seconds"]:
                break  # it would take too long
            batch = [rows[place % len(rows)] for place in range(size)]
            matrix.add(_predicted(installed, batch, tools))
            sizes.append(size)
        matrix.add(_predicted(installed, rows, tools))
    return {"sizes": sizes, "seconds": list(seconds), "memory": memory, "blocks": blocks}


def _predicted(installed: Any, rows: list[Any], tools: Any) -> Any:
    return _scores(installed, installed.predict([copy.copy(row) for row in rows]), len(rows), tools)


def _scores(installed: Any, predictions: Any, count: int, tools: Any) -> Any:
    import numpy as np

    if not isinstance(predictions, list) or len(predictions) != count:
        answered = len(predictions) if isinstance(predictions, list) else "no list of"
        raise tools.JobError(f"gives {answered} predictions for a batch of {count:,} rows")
    return np.array([tools.scores_in(installed, prediction)[1] for prediction in predictions], dtype=np.float64)


def _allocated() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def resident_mb() -> float:
    """The memory of this process now, in MB; NaN where it cannot be read."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
