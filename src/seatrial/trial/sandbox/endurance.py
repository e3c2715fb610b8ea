"""A job that wears a release out: batches of every size, and thousands of calls. Loaded by path, in the environment.

As in jobs.py, `installed` is worker.py's. What is written: the scores of the rows before anything, those of each single
call, those of each batch, and those of the rows at the end.
"""

import copy
import functools
import gc
import os
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SAMPLES = 50  # of the memory, over all calls
FEW_CACHED = 16  # results: a cache with fewer holds what is loaded once


def measure(installed: Any, job: dict[str, Any], out: Path, tools: Any) -> dict[str, Any]:
    """Predict single rows `calls` times or for `seconds`, and batches of the sizes; `tools` is jobs.py."""
    rows, width = job["rows"], installed.width
    sizes: list[int] = []
    with tools.ScoreFile(out.with_suffix(".npy"), width) as matrix:
        matrix.add(_predicted(installed, rows, tools))
        calls = _Calls(job["calls"], job["seconds"])
        for call in calls:
            row = [copy.copy(rows[call % len(rows)])]
            before = time.perf_counter()
            answer = installed.predict(row)
            calls.note(call, time.perf_counter() - before)
            matrix.add(_scores(installed, answer, 1, tools))
        found = calls.result()
        new_rows = _with_new_rows(installed, rows, job) if job.get("varied") else None
        began = time.perf_counter()
        for size in job["sizes"]:
            spent = time.perf_counter() - began
            if sizes and spent * size / sum(sizes) > job["seconds"]:
                break  # it would take too long
            batch = [rows[place % len(rows)] for place in range(size)]
            matrix.add(_predicted(installed, batch, tools))
            sizes.append(size)
        matrix.add(_predicted(installed, rows, tools))
    return {**found, "sizes": sizes, "new_rows": new_rows}


class _Calls:
    """Numbers of calls until these or the seconds are over, with the time and the memory that they take."""

    def __init__(self, count: int, seconds: float, before_counting: Callable[[], None] = lambda: None) -> None:
        self._count, self._end = count, time.perf_counter() + seconds
        self._seconds = array("d")  # a list would allocate with every call, as a leak does
        self._memory: list[tuple[int, float]] = []
        self._blocks: list[tuple[int, int]] = []
        self._every = max(count // SAMPLES, 1)
        self._marks = {int(count * part) for part in (0.25, 0.5, 0.75)}
        self._before_counting = before_counting

    def __iter__(self) -> Iterator[int]:
        for call in range(self._count):
            yield call
            if time.perf_counter() > self._end:
                return

    def note(self, call: int, seconds: float) -> None:
        """Note a call's seconds, and after some of them what is kept."""
        self._seconds.append(seconds)
        if call % self._every == 0:
            self._before_counting()
            self._memory.append((call, resident_mb()))
        if call in self._marks:
            self._blocks.append((call, _allocated()))

    def result(self) -> dict[str, Any]:
        """What was measured, with a last sample."""
        count = len(self._seconds)
        self._before_counting()
        self._blocks.append((count, _allocated()))
        self._memory.append((count, resident_mb()))
        return {"seconds": list(self._seconds), "memory": self._memory, "blocks": self._blocks}


def _with_new_rows(installed: Any, rows: list[Any], job: dict[str, Any]) -> dict[str, Any] | None:
    """Predict rows that differ each time; None where the release accepts none of the columns' values."""
    accepted = {name: values for name, values in job["varied"].items() if _accepts(installed, rows[0], name, values)}
    if not accepted:
        return None
    count = min(job["calls"], *(len(values) for values in accepted.values()))
    package = installed.package.__name__
    limited = [cache for cache in _caches() if cache.cache_parameters()["maxsize"] is not None]

    def forget() -> None:
        """Empty the caches that have a limit, which would grow until they reach it."""
        for cache in limited:
            if cache.cache_info().currsize >= FEW_CACHED:
                cache.cache_clear()

    before, calls = _sizes(package), _Calls(count, job["seconds"], forget)
    refused = 0
    for call in calls:
        row = {**rows[call % len(rows)], **{name: values[call] for name, values in accepted.items()}}
        start = time.perf_counter()
        try:
            installed.predict([row])
        except Exception:
            refused += 1  # what rows are accepted is not the question here
        calls.note(call, time.perf_counter() - start)
    found = calls.result()
    asked = len(found["seconds"])
    if refused > asked / 2:
        return None
    grown = [name for name, size in _sizes(package).items() if size - before.get(name, 0) > asked / 4]
    return {**found, "grown": grown}


def _accepts(installed: Any, row: dict[str, Any], name: str, values: list[Any]) -> bool:
    try:
        for value in values[:3]:
            installed.predict([{**row, name: value}])
    except Exception:
        return False
    return True


def _caches() -> list[Any]:
    """All caches of functools in this process."""
    return [each for each in gc.get_objects() if type(each) is functools._lru_cache_wrapper]


def _sizes(package: str) -> dict[str, int]:
    """How much the package keeps, by what it is: its caches without a limit, and its global variables."""
    sizes = {
        f"the cache of `{getattr(cache, '__qualname__', 'a function')}`": cache.cache_info().currsize
        for cache in _caches()
        if cache.cache_parameters()["maxsize"] is None and str(cache.__module__).partition(".")[0] == package
    }
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for variable, value in list(vars(module).items()):
                if isinstance(value, (list, dict, set, bytearray)) and not variable.startswith("__"):
                    sizes[f"`{variable}` of {name.removeprefix(package).lstrip('.') or package}"] = len(value)
    return sizes


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
