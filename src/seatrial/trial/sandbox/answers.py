"""What a side answers, read from what its worker wrote and held against what was asked."""

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
from seatrial.trial.sandbox.jobs import FAILED, REFUSED
from seatrial.trial.sandbox.queries import Describe, Job, MeasureCost, Predict, Score, Validate, alone_rows

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rejection:
    """A value that the release's schema refuses, by its own words."""

    row: int
    column: str
    value: str
    rule: str


@dataclass(frozen=True)
class Scored:
    """Scores (n, k), k classes or 1 for a regression; NaN for a row that was refused or that failed.

    `not_finite` marks rows that were answered, with NaN or infinity. `refusals` has the first ten thousand reasons.
    """

    scores: Floats
    refused: Mask
    failed: Mask
    not_finite: Mask
    refusals: tuple[Rejection, ...]
    errors: dict[int, str]


@dataclass(frozen=True)
class Predictions:
    """What predict() answered: scores (n, k), labels (None for a regression), and what it raised, by row.

    `answered` counts the predictions that came; where that is not n, whose they are is not known, and all are NaN.
    """

    scores: Floats
    labels: tuple[Any, ...]
    errors: dict[int, str]
    answered: int


@dataclass(frozen=True)
class RepeatedPredictions:
    """The same rows, asked for in several ways, each in the rows' own order, `alone` in that of the question.

    `changed` names the columns that predict() changed in the caller's rows; "" where rows themselves came or went.
    """

    together: Predictions
    again: Predictions
    permuted: Predictions
    alone: Predictions
    changed: tuple[str, ...]


@dataclass(frozen=True)
class RowResult:
    """What a row that may be bad got from predict(): "accepted" with `scores`, "refused", or "failed" with `error`.

    `rules` is what the API answers to it: (place, type of rule, message) each; empty where it takes the row.
    """

    outcome: str
    scores: tuple[float, ...] | None
    error: str
    rules: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Description:
    """The installed release; `features` maps each feature that is used to what it reads, `files` to bytes."""

    version: str
    package: str
    metadata: Metadata
    columns: tuple[Column, ...]
    json_schema: dict[str, Any]
    features: dict[str, tuple[str, ...]]
    files: dict[str, int]
    python: str
    libraries: dict[str, str]


@dataclass(frozen=True)
class CostMeasurements:
    """Seconds of single rows and of batches of `rows` rows, as measured one after the other; memory at its most."""

    single: Floats
    batch: Floats
    rows: int
    memory_mb: float


@dataclass(frozen=True)
class Answers:
    """A side's answers, by the jobs' names. `attempts` tells what the model tried and was refused: network, processes.

    `failures` says why a job with a fault has no answer; a job without one has an answer, or the side has none at all.
    `load_seconds` is import and load in a fresh process. `namespace` says whether the network was shut off by the
    system, or only in Python.
    """

    scored: dict[str, Scored]
    predicted: dict[str, RepeatedPredictions]
    judged: dict[str, tuple[RowResult, ...]]
    descriptions: dict[str, Description]
    costs: dict[str, CostMeasurements]
    load_seconds: float
    seconds: float
    memory_mb: float
    attempts: tuple[str, ...]
    namespace: bool
    failures: dict[str, str]
    printed: str

    @property
    def description(self) -> Description:
        """The answer to a `Describe` without a name of its own."""
        return self.descriptions[Describe.name]

    @property
    def cost(self) -> CostMeasurements:
        """The answer to a `Cost` without a name of its own."""
        return self.costs[MeasureCost.name]


class NoAnswerError(Exception):
    """What a worker left behind is no answer to what was asked; the message says why."""


def read_answers(folder: Path, jobs: Sequence[Job], printed: str) -> Answers:
    """Read what a worker wrote and hold it against what was asked. Raises NoAnswerError."""
    try:
        document = read_json(folder / "answer.json")
        told = document["jobs"]
        if len(told) != len(jobs):
            raise NoAnswerError(f"answered {len(told)} of {len(jobs)} questions")
        read: dict[str, dict[str, Any]] = {kind: {} for kind in _READERS}
        failures = {}
        for position, (job, part) in enumerate(zip(jobs, told, strict=True)):
            if job.fault and "failure" in part:
                failures[job.name] = str(part["failure"])
                continue
            read[job.kind][job.name] = _READERS[job.kind](job, part, folder / f"{position}.npy")
        return Answers(
            scored=read["score"],
            predicted=read["predict"],
            judged=read["bad"],
            descriptions=read["describe"],
            costs=read["cost"],
            load_seconds=float(document["load_seconds"]),
            seconds=float(document["seconds"]),
            memory_mb=float(document["memory_mb"]),
            attempts=tuple(map(str, document["attempts"])),
            namespace=bool(document["namespace"]),
            failures=failures,
            printed=printed,
        )
    except (SeatrialError, KeyError, TypeError, ValueError, IndexError, AttributeError, EOFError, OSError) as error:
        told = str(error).replace(f"{folder}{os.sep}", "")
        raise NoAnswerError(f"wrote something that is no answer: {type(error).__name__}: {told}") from None


def _score(job: Score, part: Any, path: Path) -> Scored:
    matrix = _matrix(path)
    rows = job.rows if isinstance(job.table, Path) else len(next(iter(job.table.values()), ()))
    if rows is not None and len(matrix) != rows:
        raise NoAnswerError(f"answered {len(matrix)} of {rows} rows")
    scores, state = np.ascontiguousarray(matrix[:, :-1]), matrix[:, -1]
    refused, failed = state == REFUSED, state == FAILED
    return Scored(
        scores=scores,
        refused=refused,
        failed=failed,
        not_finite=~np.isfinite(scores).all(axis=1) & ~refused & ~failed,
        refusals=tuple(Rejection(*each) for each in part["refused"]),
        errors={int(row): str(text) for row, text in part["failed"]},
    )


def _predict(job: Predict, part: Any, path: Path) -> RepeatedPredictions:
    matrix, rows, calls = _matrix(path), len(job.rows), []
    for count, told in zip((rows, rows, rows, len(alone_rows(job))), part["parts"], strict=True):
        scores, matrix = matrix[:count], matrix[count:]
        if len(scores) != count or len(told["labels"]) != count:
            raise NoAnswerError(f"answered {len(scores)} of {count} rows")
        errors = {int(row): str(text) for row, text in told["errors"]}
        calls.append(Predictions(scores, tuple(told["labels"]), errors, int(told["answered"])))
    together, again, permuted, alone = calls
    return RepeatedPredictions(together, again, permuted, alone, tuple(map(str, part["changed"])))


def _bad(job: Validate, part: Any, _: Path) -> tuple[RowResult, ...]:
    if len(part["rows"]) != len(job.rows):
        raise NoAnswerError(f"answered {len(part['rows'])} of {len(job.rows)} rows")
    return tuple(
        RowResult(
            outcome=str(each["outcome"]),
            scores=None if each["scores"] is None else tuple(map(float, each["scores"])),
            error=str(each["error"]),
            rules=tuple((str(place), str(kind), str(said)) for place, kind, said in each["rules"]),
        )
        for each in part["rows"]
    )


def _describe(_: Describe, part: Any, __: Path) -> Description:
    known = {f.name for f in fields(Column)}
    columns = [{name: value for name, value in each.items() if name in known} for each in part["columns"]]
    return Description(
        version=str(part["version"]),
        package=str(part["package"]),
        metadata=metadata_from(part["metadata"], "What the side says of itself"),
        columns=tuple(Column(**{**each, "categories": tuple(each["categories"])}) for each in columns),
        json_schema=dict(part["json_schema"]),
        features={name: tuple(reads) for name, reads in part["features"].items()},
        files={name: int(size) for name, size in part["files"].items()},
        python=str(part["python"]),
        libraries=dict(part["libraries"]),
    )


def _cost(_: MeasureCost, part: Any, __: Path) -> CostMeasurements:
    single, batch = (np.array(part[name], dtype=np.float64) for name in ("single", "batch"))
    return CostMeasurements(single, batch, int(part["rows"]), float(part["memory_mb"]))


_READERS: dict[str, Any] = {"score": _score, "predict": _predict, "bad": _bad, "describe": _describe, "cost": _cost}


def _matrix(path: Path) -> Floats:
    matrix = np.load(path, allow_pickle=False)
    if not isinstance(matrix, np.ndarray) or matrix.dtype != np.float64 or matrix.ndim != 2:
        raise NoAnswerError(f"wrote something that is no matrix of scores: {path.name}")
    return matrix
