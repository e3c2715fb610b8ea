"""A sandbox's answers, read from what its worker wrote and checked against what was asked."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.model.metadata import Metadata, metadata_from
from seatrial.model.schema import Column
from seatrial.trial.sandbox.jobs import REFUSED
from seatrial.trial.sandbox.outside_reads import READS_KEPT
from seatrial.trial.sandbox.queries import (
    Describe,
    Job,
    MeasureCost,
    MeasureEndurance,
    Predict,
    Score,
    Validate,
    alone_rows,
)

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
GROWN_KEPT = 5  # names of what grows
LONGEST_NAME = 200


@dataclass(frozen=True)
class Scored:
    """Scores (n, k), k classes or 1 for a regression; NaN for a row that was rejected or that failed.

    `refused` (n,) marks the rows that the schema rejects; `errors` says by row what the others raised.
    """

    scores: Floats
    refused: Mask
    errors: dict[int, str]


@dataclass(frozen=True)
class Predictions:
    """What predict() returned: scores (n, k), labels (None for a regression), and what it raised, by row.

    `answered` counts the predictions. If it is not n, it is unknown which row each belongs to, and all are NaN.
    """

    scores: Floats
    labels: tuple[Any, ...]
    errors: dict[int, str]
    answered: int


@dataclass(frozen=True)
class RepeatedPredictions:
    """The same rows, asked in several ways, each in the rows' own order; `alone` in the order of the query.

    `changed` names the columns that predict() changed in the caller's rows; "" if it added or removed rows.
    """

    together: Predictions
    again: Predictions
    permuted: Predictions
    alone: Predictions
    changed: tuple[str, ...]


@dataclass(frozen=True)
class RowResult:
    """What predict() did with a row that may be invalid: "accepted", or "refused" or "failed" with its `error`."""

    outcome: str
    error: str


@dataclass(frozen=True)
class Description:
    """The installed release, and the versions of the libraries that it runs on."""

    version: str
    metadata: Metadata
    columns: tuple[Column, ...]
    libraries: dict[str, str]


@dataclass(frozen=True)
class EnduranceMeasurements:
    """What a release did under load; scores are (n, k), in the order of the rows asked.

    `before` and `after` are the scores of the rows at the start and at the end; `batches` those by the batch's size,
    `calls` those of single rows, one after the other, with their `seconds`. `memory` has the MB in use, and `blocks`
    the number of pieces of memory that Python has in use, both (m, 2): after how many calls, and how many.
    """

    before: Floats
    batches: dict[int, Floats]
    calls: Floats
    after: Floats
    seconds: Floats
    memory: Floats
    blocks: Floats
    new_rows: "NewRowMeasurements | None" = None


@dataclass(frozen=True)
class NewRowMeasurements:
    """What calls with a row that differs each time took and left: as in `EnduranceMeasurements`.

    `grown` names what the package keeps, as far as that is known: caches without a limit, and global variables.
    """

    seconds: Floats
    memory: Floats
    blocks: Floats
    grown: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutsideRead:
    """Something that a model read besides its arguments: its `kind` (such as clock, file or random), and what it is.

    `file` and `function` of the model's package caused it; without a function, importing the module did.
    """

    kind: str
    what: str
    file: str
    function: str


@dataclass(frozen=True)
class Elsewhere:
    """What a worker under other conditions found out: what it could apply, what was read, and which globals changed.

    `changed_globals` are the variables, by file and name, whose values changed while the same rows were asked again.
    """

    clock_moved: bool = False
    locale: str = ""
    reads: tuple[OutsideRead, ...] = ()
    changed_globals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answers:
    """A sandbox's answers, by the jobs' names. `attempts` is what the model tried and was refused: network, processes.

    `failures` says why a job with an injected fault has no answer; all other jobs have one. `load_seconds` is import
    and load in a fresh process. `namespace` says whether the network was blocked by the system, or only in Python.
    """

    scored: dict[str, Scored]
    predicted: dict[str, RepeatedPredictions]
    row_results: dict[str, tuple[RowResult, ...]]
    descriptions: dict[str, Description]
    endurance: dict[str, EnduranceMeasurements]
    elsewhere: Elsewhere
    load_seconds: float
    memory_mb: float
    attempts: tuple[str, ...]
    namespace: bool
    failures: dict[str, str]
    printed: str

    @property
    def description(self) -> Description:
        """The answer to a `Describe` with the default name."""
        return self.descriptions[Describe.name]


class NoAnswerError(Exception):
    """A worker's output does not answer what was asked; the message says why."""


def read_answers(folder: Path, jobs: Sequence[Job], printed: str) -> Answers:
    """Read what a worker wrote and check it against what was asked. Raises NoAnswerError."""
    try:
        document = read_json(folder / "answer.json")
        parts = document["jobs"]
        if len(parts) != len(jobs):
            raise NoAnswerError(f"answered {len(parts)} of {len(jobs)} jobs")
        read: dict[str, dict[str, Any]] = {kind: {} for kind in _READERS}
        failures = {}
        for position, (job, part) in enumerate(zip(jobs, parts, strict=True)):
            if job.fault and "failure" in part:
                failures[job.name] = str(part["failure"])
                continue
            read[job.kind][job.name] = _READERS[job.kind](job, part, folder / f"{position}.npy")
        return Answers(
            scored=read["score"],
            predicted=read["predict"],
            row_results=read["validate"],
            descriptions=read["describe"],
            endurance=read["endurance"],
            elsewhere=_elsewhere(document["elsewhere"]),
            load_seconds=float(document["load_seconds"]),
            memory_mb=float(document["memory_mb"]),
            attempts=tuple(map(str, document["attempts"])),
            namespace=bool(document["namespace"]),
            failures=failures,
            printed=printed,
        )
    except (SeatrialError, KeyError, TypeError, ValueError, IndexError, AttributeError, EOFError, OSError) as error:
        detail = str(error).replace(f"{folder}{os.sep}", "")
        raise NoAnswerError(f"wrote an invalid answer: {type(error).__name__}: {detail}") from None


def _score(job: Score, part: Any, path: Path) -> Scored:
    matrix, rows = _matrix(path), len(next(iter(job.table.values()), ()))
    if len(matrix) != rows:
        raise NoAnswerError(f"answered {len(matrix)} of {rows} rows")
    return Scored(np.ascontiguousarray(matrix[:, :-1]), matrix[:, -1] == REFUSED, _errors(part["failed"]))


def _errors(listed: Any) -> dict[int, str]:
    return {int(row): str(text) for row, text in listed}


def _predict(job: Predict, part: Any, path: Path) -> RepeatedPredictions:
    matrix, rows, calls = _matrix(path), len(job.rows), []
    for count, call in zip((rows, rows, rows, len(alone_rows(job))), part["parts"], strict=True):
        scores, matrix = matrix[:count], matrix[count:]
        if len(scores) != count or len(call["labels"]) != count:
            raise NoAnswerError(f"answered {len(scores)} of {count} rows")
        calls.append(Predictions(scores, tuple(call["labels"]), _errors(call["errors"]), int(call["answered"])))
    together, again, permuted, alone = calls
    return RepeatedPredictions(together, again, permuted, alone, tuple(map(str, part["changed"])))


def _validate(job: Validate, part: Any, _: Path) -> tuple[RowResult, ...]:
    if len(part["rows"]) != len(job.rows):
        raise NoAnswerError(f"answered {len(part['rows'])} of {len(job.rows)} rows")
    return tuple(RowResult(str(outcome), str(error)) for outcome, error in part["rows"])


def _describe(_: Describe, part: Any, __: Path) -> Description:
    known = {f.name for f in fields(Column)}
    columns = [{name: value for name, value in each.items() if name in known} for each in part["columns"]]
    return Description(
        version=str(part["version"]),
        metadata=metadata_from(part["metadata"], "The description of the installed release"),
        columns=tuple(Column(**{**each, "categories": tuple(each["categories"])}) for each in columns),
        libraries=dict(part["libraries"]),
    )


def _cost(_: MeasureCost, __: Any, ___: Path) -> None:
    """Its answers were read after each turn."""


def _endurance(job: MeasureEndurance, part: Any, path: Path) -> EnduranceMeasurements:
    matrix, count, sizes = _matrix(path), len(job.rows), [int(size) for size in part["sizes"]]
    if sizes != list(job.sizes)[: len(sizes)]:
        raise NoAnswerError("predicted batches of other sizes")
    seconds, memory, blocks = (np.array(part[name], dtype=np.float64) for name in ("seconds", "memory", "blocks"))
    lengths = [count, len(seconds), *sizes, count]
    if len(matrix) != sum(lengths):
        raise NoAnswerError(f"answered {len(matrix)} of {sum(lengths)} rows")
    before, calls, *batches, after = np.split(matrix, np.cumsum(lengths)[:-1])
    return EnduranceMeasurements(
        before, dict(zip(sizes, batches, strict=True)), calls, after,
        seconds, memory.reshape(-1, 2), blocks.reshape(-1, 2), _new_rows(part.get("new_rows")),
    )  # fmt: skip


def _new_rows(part: Any) -> NewRowMeasurements | None:
    if not part:
        return None
    seconds, memory, blocks = (np.array(part[name], dtype=np.float64) for name in ("seconds", "memory", "blocks"))
    grown = tuple(str(name)[:LONGEST_NAME] for name in part["grown"][:GROWN_KEPT])
    return NewRowMeasurements(seconds, memory.reshape(-1, 2), blocks.reshape(-1, 2), grown)


def _elsewhere(part: Any) -> Elsewhere:
    if not part:
        return Elsewhere()
    reads = (OutsideRead(*(str(text)[:LONGEST_NAME] for text in read)) for read in part["reads"][:READS_KEPT])
    changed = ((str(file)[:LONGEST_NAME], str(name)[:LONGEST_NAME]) for file, name in part["changed_globals"])
    return Elsewhere(bool(part["clock_moved"]), str(part["locale"]), tuple(reads), tuple(changed))


_READERS: dict[str, Any] = {
    "score": _score,
    "predict": _predict,
    "validate": _validate,
    "describe": _describe,
    "cost": _cost,
    "endurance": _endurance,
}


def _matrix(path: Path) -> Floats:
    if not path.is_file():  # a pipe would never end
        raise NoAnswerError(f"wrote no {path.name}")
    matrix = np.load(path, allow_pickle=False)
    if not isinstance(matrix, np.ndarray) or matrix.dtype != np.float64 or matrix.ndim != 2:
        raise NoAnswerError(f"wrote an invalid matrix of scores: {path.name}")
    return matrix
