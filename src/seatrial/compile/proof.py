"""The proof that a graph is its pipeline: both are asked about the same rows, and every answer is compared."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.engines import GraphEngine
from seatrial.model.features import Array
from seatrial.model.inputs import Inputs, stack_columns
from seatrial.model.metadata import Task

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-9  # in probability; of a regression relative to max(1, |value|)
TIE = 1e-12  # labels closer to the threshold, or to one another, are decided by the last bit
CHUNK = 50_000  # rows at a time: a bound on memory, not on the proof
SINGLE_ROWS = 100  # rows that are also asked for one by one, as a server does


@dataclass(frozen=True)
class Proof:
    """What was compared, and how close it was; `reason` says why it does not hold."""

    rows_table: int
    rows_generated: int
    largest_difference: float
    labels_differ: int
    ties: int
    holds: bool
    reason: str = ""


@dataclass(frozen=True)
class _Compared:
    rows: int
    largest: float
    differ: int
    ties: int
    worst: str


def prove(
    pipeline: Any,
    graph: bytes,
    inputs: Inputs,
    frame: Any,
    generated: Any,
    *,
    task: Task,
    threshold: float = 0.5,
    positive: int | None = 1,
) -> Proof:
    """Compare the graph with the pipeline on two DataFrames: the training table and generated rows.

    It holds if no score differs by more than 1e-9 and no label differs; rows at an exact tie, within 1e-12 of the
    threshold or between the two best classes, are counted apart. `positive` is the column whose probability meets the
    threshold. Raises CompileError where the graph cannot run, or where the pipeline itself fails on a row.
    """
    try:
        engine = GraphEngine(graph, threads=0)
        single = GraphEngine(graph, threads=1)
        parts = [
            _compare(pipeline, engine, inputs, rows, task, threshold, positive or 0) for rows in (frame, generated)
        ]
        _compare_single(engine, single, inputs, generated)
    except CompileError:
        raise
    except SeatrialError as error:
        raise CompileError(error.message, hint=error.hint) from None
    worst = max(parts, key=lambda part: part.largest)
    differ = sum(part.differ for part in parts)
    holds = worst.largest <= TOLERANCE and differ == 0
    measure = "relative difference" if task == "regression" else "difference in probability"
    reason = (
        f"the {measure} is up to {worst.largest:.2g} (allowed: {TOLERANCE:g}), {differ} labels differ; "
        f"worst row: {worst.worst}"
    )
    return Proof(
        rows_table=parts[0].rows,
        rows_generated=parts[1].rows,
        largest_difference=worst.largest,
        labels_differ=differ,
        ties=sum(part.ties for part in parts),
        holds=holds,
        reason="" if holds else reason,
    )


def expected_scores(pipeline: Any, frame: Any) -> Floats:
    """Ask the pipeline itself, as the native engine does; CompileError where it fails on rows that may come."""
    score = getattr(pipeline, "predict_proba", None) or pipeline.predict
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of unknown categories, and these are here on purpose
            return np.asarray(score(frame), dtype=np.float64)
    except (ValueError, TypeError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise CompileError(
            f"The pipeline itself fails on rows that the schema allows: {line}.",
            hint="Impute missing values, and give encoders handle_unknown; the server would fail on such rows too.",
        ) from None


def matrices(inputs: Inputs, frame: Any) -> tuple[Floats, Array]:
    """Give a DataFrame as the engine takes it."""
    return stack_columns(inputs, {name: frame[name].to_numpy() for name in inputs.names})


def _compare(
    pipeline: Any,
    engine: GraphEngine,
    inputs: Inputs,
    frame: Any,
    task: Task,
    threshold: float,
    positive: int,
) -> _Compared:
    largest, worst = 0.0, ""
    differ = ties = 0
    for chunk in _chunks(frame):
        expected = expected_scores(pipeline, chunk)
        got = _ask(engine, inputs, chunk)
        if got.shape != expected.shape:
            raise CompileError(f"The graph gives scores {got.shape} where the pipeline gives {expected.shape}.")
        difference = _difference(expected, got, task)
        row = int(difference.argmax())
        if difference[row] > largest:
            largest, worst = float(difference[row]), _describe(inputs, chunk, row)
        unequal, tied = _labels(expected, got, task, threshold, positive)
        differ += unequal
        ties += tied
    return _Compared(len(frame), largest, differ, ties, worst)


def _chunks(frame: Any) -> Iterator[Any]:
    for start in range(0, len(frame), CHUNK):
        yield frame.iloc[start : start + CHUNK]


def _ask(engine: GraphEngine, inputs: Inputs, chunk: Any) -> Floats:
    try:
        return np.asarray(engine(*matrices(inputs, chunk)), dtype=np.float64)
    except SeatrialError:
        raise
    except Exception as error:  # onnxruntime raises classes of its own
        raise CompileError(f"onnxruntime cannot run the graph: {str(error).splitlines()[0]}") from None


def _difference(expected: Floats, got: Floats, task: Task) -> Floats:
    """Give each row's largest difference; NaN on one side alone is infinitely far away."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected - got)
    difference[expected == got] = 0.0
    difference[np.isnan(expected) & np.isnan(got)] = 0.0
    if task == "regression":
        difference = difference / np.maximum(1.0, np.abs(np.nan_to_num(expected, posinf=1.0, neginf=1.0)))
    difference[np.isnan(difference)] = np.inf
    rows: Floats = difference if difference.ndim == 1 else difference.max(axis=1)
    return rows


def _labels(expected: Floats, got: Floats, task: Task, threshold: float, positive: int) -> tuple[int, int]:
    """Count the labels that differ, and the ties, which do not count as differing."""
    if task == "regression":
        return 0, 0
    if task == "binary":
        ours, theirs = got[:, positive], expected[:, positive]
        tied = np.minimum(np.abs(ours - threshold), np.abs(theirs - threshold)) <= TIE
        unequal = (ours >= threshold) != (theirs >= threshold)
    else:
        tied = np.minimum(_lead(expected), _lead(got)) <= TIE
        unequal = expected.argmax(axis=1) != got.argmax(axis=1)
    return int((unequal & ~tied).sum()), int(tied.sum())


def _lead(scores: Floats) -> Floats:
    """How far the best class is ahead of the second."""
    ordered = np.sort(scores, axis=1)
    lead: Floats = ordered[:, -1] - ordered[:, -2]
    return lead


def _compare_single(engine: GraphEngine, single: GraphEngine, inputs: Inputs, frame: Any) -> None:
    """A runtime may take another path for one row than for many: both have to give the same."""
    chosen = frame.iloc[np.linspace(0, len(frame) - 1, min(SINGLE_ROWS, len(frame)), dtype=int)]
    together = _ask(engine, inputs, chosen)
    for row in range(len(chosen)):
        alone = _ask(single, inputs, chosen.iloc[row : row + 1])
        if not np.allclose(alone[0], together[row], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise CompileError(
                f"The graph answers a row alone otherwise than among others: {_describe(inputs, chosen, row)}"
            )


def _describe(inputs: Inputs, frame: Any, row: int) -> str:
    values = frame.iloc[row]
    return ", ".join(f"{name}={values[name]!r}" for name in inputs.names).replace("np.float64(", "").replace(")", "")
