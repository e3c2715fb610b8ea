"""The jobs that a worker does with the installed release. worker.py loads this file by path, in its environment.

`installed` is worker.py's: `release`, `package`, `predict`, `columns`, `metadata`, `classes` (as text) and `width`, the
number of scores per row. A job returns what becomes JSON, and writes scores to the .npy file that `out` names.
"""

import copy
import csv
import importlib.metadata
import math
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 65_536  # rows read at once
MOST_CELLS = 500_000  # of a chunk: more of them take more memory, and longer, since they are beyond the caches
REFUSED = 1.0  # in a column next to the scores: the schema rejects the row
FAILED_ROWS = 100  # rows that may fail before the whole table counts as failed
HEADER = 128  # bytes of a .npy header, which is written again once the rows are counted


class JobError(Exception):
    """The release cannot answer; the message is shown to people after the release's name."""


def _score(installed: Any, job: dict[str, Any], out: Path) -> dict[str, Any]:
    """Score a CSV table with the release's own checks; NaN without a score, and a last column for rejected rows."""
    import numpy as np

    failed: dict[int, str] = {}
    rows = 0
    with ScoreFile(out.with_suffix(".npy"), installed.width + 1) as matrix:
        for table, count in read_csv(out.parent / job["table"], installed.columns):
            columns, problems = installed.release.checker.check(table)
            scores = np.full((count, installed.width + 1), np.nan)
            scores[[p.row for p in problems], -1] = REFUSED
            good = np.flatnonzero(scores[:, -1] != REFUSED)
            for part, part_scores in _score_rows(installed, columns, good, rows, failed):
                scores[part, :-1] = part_scores
            matrix.add(scores)
            rows += count
    return {"failed": list(failed.items())}


def _score_rows(
    installed: Any, columns: dict[str, Any], rows: Any, before: int, failed: dict[int, str]
) -> Iterator[tuple[Any, Any]]:
    """Score these rows of checked columns; if that fails, by halves, until the rows that fail are found."""
    import numpy as np

    if not len(rows):
        return
    try:
        scores = np.asarray(installed.release.score_table({name: values[rows] for name, values in columns.items()}))
        scores = scores.astype(np.float64)
    except Exception as error:
        stop_out_of_memory(error)
        if len(rows) > 1:
            middle = len(rows) // 2
            yield from _score_rows(installed, columns, rows[:middle], before, failed)
            yield from _score_rows(installed, columns, rows[middle:], before, failed)
            return
        line = as_line(error, installed.package.__name__)
        failed[before + int(rows[0])] = line
        if len(failed) > FAILED_ROWS:
            raise JobError(f"fails on more than {FAILED_ROWS} rows: {line}") from error
        return
    if len(scores) != len(rows):
        raise JobError(f"answered {len(scores)} of {len(rows)} rows")
    if scores.size != len(rows) * installed.width:
        raise JobError(f"returned scores of the shape {scores.shape}, not {installed.width} per row")
    yield rows, scores.reshape(len(rows), installed.width)


def read_csv(path: Path, columns: Any, *, whole: bool = False) -> Iterator[tuple[dict[str, list[Any]], int]]:
    """Read a table in chunks, or as a `whole`: a list of cells for each column, and the number of rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        places = {name: place for place, name in enumerate(header)}
        rows = CHUNK if whole else min(CHUNK, max(MOST_CELLS // max(len(header), 1), 1))
        while records := list(islice((cells for cells in reader if cells), rows)):
            if any(len(cells) != len(header) for cells in records):
                raise JobError(f"received a damaged table: {path.name}")
            by_column = list(zip(*records, strict=True))
            table = {}
            for column in columns:
                place = places.get(column.name)
                if place is None and column.required:
                    raise JobError(f"needs a column `{column.name}`, which {path.name} does not have")
                if place is None:
                    table[column.name] = [column.default] * len(records)
                else:
                    table[column.name] = list(by_column[place])
            yield table, len(records)


def _predict(installed: Any, job: dict[str, Any], out: Path) -> dict[str, Any]:
    """Ask predict() for rows together, again, permuted, and some of them alone; each call gets new copies."""
    import numpy as np

    rows, alone = job["rows"], job["alone"]
    originals = [repr(row) for row in rows]
    changed: set[str] = set()
    everything = list(range(len(rows)))
    # The rows of each call, and where its answers belong.
    calls = [
        [(everything, everything)],
        [(everything, everything)],
        [(job["order"], job["order"])],
        [([row], [place]) for place, row in enumerate(alone)],
    ]
    parts = []
    with ScoreFile(out.with_suffix(".npy"), installed.width) as matrix:
        for batches, count in zip(calls, (len(rows), len(rows), len(rows), len(alone)), strict=True):
            part: dict[str, Any] = {"labels": [None] * count, "errors": [], "answered": 0}
            scores = np.full((count, installed.width), np.nan)
            for asked, places in batches if rows else []:
                rows_copy = [copy.copy(rows[row]) for row in asked]
                _ask(installed, rows_copy, places, part, scores)
                if [repr(row) for row in rows_copy] != [originals[row] for row in asked]:
                    changed |= _changed([rows[row] for row in asked], rows_copy)
            parts.append(part)
            matrix.add(scores)
    return {"parts": parts, "changed": sorted(changed)}


def _ask(installed: Any, rows_copy: list[Any], places: list[int], part: dict[str, Any], scores: Any) -> None:
    """Ask predict() once; with too few or too many answers, it is unknown which row each belongs to."""
    count = len(rows_copy)
    try:
        predictions = installed.predict(rows_copy)
    except Exception as error:
        stop_out_of_memory(error)
        part["errors"] += [(place, as_line(error)) for place in places]
        return
    if not isinstance(predictions, list):
        raise JobError(f"returned something other than a list of predictions: {_shortened(repr(predictions))}")
    part["answered"] += len(predictions)
    if len(predictions) != count:
        part["errors"] += [(place, f"answered {len(predictions)} of {count} rows") for place in places]
        return
    for place, prediction in zip(places, predictions, strict=True):
        part["labels"][place], scores[place] = scores_in(installed, prediction)


def _changed(rows: list[Any], rows_copy: list[Any]) -> set[str]:
    """Name the columns whose values were changed; "" if whole rows were added or removed."""
    if len(rows_copy) != len(rows):
        return {""}
    pairs = [(row, after) for row, after in zip(rows, rows_copy, strict=True) if isinstance(after, dict)]
    names = {name for row, after in pairs for name in {*row, *after} if repr(row.get(name)) != repr(after.get(name))}
    return names | ({""} if len(pairs) < len(rows) else set())


def scores_in(installed: Any, prediction: Any) -> tuple[Any, list[float]]:
    """Read one prediction: its label, and its scores in the order of the classes."""
    try:
        label = prediction["prediction"]
        if not installed.classes:
            return None, [float(label)]
        label = label.item() if hasattr(label, "item") else label
        return label, [float(prediction["probabilities"][name]) for name in installed.classes]
    except (KeyError, TypeError, ValueError, IndexError):
        raise JobError(f"returned an invalid prediction: {_shortened(repr(prediction))}") from None


def _validate(installed: Any, job: dict[str, Any], _: Path) -> dict[str, Any]:
    """Find out whether predict() accepts each row, and if not, whether it says so properly."""
    results = []
    for row in job["rows"]:
        try:
            (prediction,) = installed.predict([copy.copy(row)])
            scores_in(installed, prediction)
        except JobError:
            raise
        except Exception as error:
            stop_out_of_memory(error)
            proper = {"SeatrialError", "RowError"} & {kind.__name__ for kind in type(error).__mro__}
            results.append(("refused" if proper else "failed", as_line(error)))
        else:
            results.append(("accepted", ""))
    return {"rows": results}


def _describe(installed: Any, _: dict[str, Any], __: Path) -> dict[str, Any]:
    return {
        "version": str(installed.package.__version__),
        "metadata": asdict(installed.metadata),
        "columns": [asdict(column) for column in installed.columns],
        "libraries": {
            d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()
        },
    }


JOBS = {"score": _score, "predict": _predict, "validate": _validate, "describe": _describe}  # worker.py adds others


class ScoreFile:
    """An .npy file (n, width) of float64 that grows by chunks, and gets its name when it is complete."""

    def __init__(self, path: Path, width: int) -> None:
        self._path, self._width, self._rows = path, width, 0
        self._part = path.with_suffix(".part")

    def __enter__(self) -> "ScoreFile":
        self._file: BinaryIO = self._part.open("wb")
        self._file.write(b" " * HEADER)
        return self

    def add(self, scores: Any) -> None:
        """Append rows (n, width)."""
        self._file.write(scores.astype("<f8").tobytes())
        self._rows += len(scores)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._file as file:
            shape = f"({self._rows}, {self._width})"
            text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(HEADER - 11) + "\n"
            file.seek(0)
            file.write(b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.encode())
        if kind is None:
            self._part.replace(self._path)


def stop_out_of_memory(error: BaseException | None) -> None:
    """Raise MemoryError if that is the cause of an error: then nothing more can be asked."""
    while error:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            raise MemoryError from None
        error = error.__cause__ or error.__context__


def as_line(error: BaseException, package: str = "") -> str:
    """An exception in one line, for people, with the place in the code of `package` that it came from."""
    text = _shortened(f"{type(error).__name__}: {error}".strip().rstrip(":"))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if package and package in file.parent.parts:
            return f"{text} ({file.name}, line {frame.lineno})"
    return text


def _shortened(text: str) -> str:
    return text if len(text) <= 500 else text[:497] + "..."


def memory_mb() -> float:
    """The peak memory of this process so far, in MB."""
    try:  # on Linux, getrusage includes the process that started this one
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(float(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return math.nan
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10
