"""The proof that a graph equals its pipeline: both score the same rows, and all of the scores are compared."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import GraphEngine, Proof
from seatrial.model.features import Array, Floats
from seatrial.model.inputs import Inputs, stack_columns

TOLERANCE = 1e-9  # in probability; for a regression relative to max(1, |value|)
TIE = 1e-12  # scores closer than this to the threshold, or to each other, are decided by the last bit
CHUNK = 50_000  # rows at a time: a bound on memory, not on the proof
SINGLE_ROWS = 100  # rows that are also scored one by one, as a server does


@dataclass(frozen=True)
class _Comparison:
    rows: int
    largest: float
    labels_differ: int
    ties: int
    worst_row: str


def prove(pipeline: Any, graph: bytes, inputs: Inputs, frame: Any, generated: Any, rule: DecisionRule) -> Proof:
    """Compare the graph with the pipeline on two DataFrames: the training table and generated rows.

    The proof holds if no score differs by more than 1e-9 and no label differs; rows at an exact tie, within 1e-12 of
    the threshold or between the two best classes, are counted separately. Raises CompileError where the graph cannot
    run, or where the pipeline itself fails on a row.
    """
    try:
        engine = GraphEngine(graph, threads=0)
        single = GraphEngine(graph, threads=1)
        parts = [_compare(pipeline, engine, inputs, rows, rule) for rows in (frame, generated)]
        _compare_single(engine, single, inputs, generated)
    except SeatrialError as error:
        raise CompileError(error.message, hint=error.hint) from None
    worst = max(parts, key=lambda part: part.largest)
    differ = sum(part.labels_differ for part in parts)
    holds = worst.largest <= TOLERANCE and differ == 0
    measure = "relative difference" if rule.task == "regression" else "difference in probability"
    reason = (
        f"the {measure} is up to {worst.largest:.2g} (allowed: {TOLERANCE:g}), {differ} labels differ; "
        f"worst row: {worst.worst_row}"
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
    """Score with the pipeline itself, as the native engine does; CompileError where it fails on allowed rows."""
    score = getattr(pipeline, "predict_proba", None) or pipeline.predict
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns about unknown categories, which are here on purpose
            return np.asarray(score(frame), dtype=np.float64)
    except (ValueError, TypeError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise CompileError(
            f"The pipeline itself fails on rows that the schema allows: {line}.",
            hint="Impute missing values, and set handle_unknown in encoders; the server would fail on such rows too.",
        ) from None


def matrices(inputs: Inputs, frame: Any) -> tuple[Floats, Array]:
    """Convert a DataFrame to the engine's matrices."""
    return stack_columns(inputs, {name: frame[name].to_numpy() for name in inputs.names})


def _compare(pipeline: Any, engine: GraphEngine, inputs: Inputs, frame: Any, rule: DecisionRule) -> _Comparison:
    largest, worst = 0.0, ""
    differ = ties = 0
    for start in range(0, len(frame), CHUNK):
        chunk = frame.iloc[start : start + CHUNK]
        expected = expected_scores(pipeline, chunk)
        actual = _score(engine, inputs, chunk)
        if actual.shape != expected.shape:
            raise CompileError(f"The graph gives scores {actual.shape} where the pipeline gives {expected.shape}.")
        difference = _difference(expected, actual, rule)
        row = int(difference.argmax())
        if difference[row] > largest:
            largest, worst = float(difference[row]), _describe(inputs, chunk, row)
        unequal, tied = compare_labels(expected, actual, rule)
        differ += unequal
        ties += tied
    return _Comparison(len(frame), largest, differ, ties, worst)


def _score(engine: GraphEngine, inputs: Inputs, chunk: Any) -> Floats:
    try:
        return np.asarray(engine(*matrices(inputs, chunk)), dtype=np.float64)
    except SeatrialError:
        raise
    except Exception as error:  # onnxruntime raises its own classes
        raise CompileError(f"onnxruntime cannot run the graph: {str(error).splitlines()[0]}") from None


def _difference(expected: Floats, actual: Floats, rule: DecisionRule) -> Floats:
    """Return each row's largest difference; infinity where only one of the two is NaN."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected - actual)
    difference[expected == actual] = 0.0
    difference[np.isnan(expected) & np.isnan(actual)] = 0.0
    if rule.task == "regression":
        difference = difference / np.maximum(1.0, np.abs(np.nan_to_num(expected, posinf=1.0, neginf=1.0)))
    difference[np.isnan(difference)] = np.inf
    rows: Floats = difference if difference.ndim == 1 else difference.max(axis=1)
    return rows


def compare_labels(expected: Floats, actual: Floats, rule: DecisionRule) -> tuple[int, int]:
    """Count the labels that differ, and the ties, which do not count as differing."""
    if rule.task == "regression":
        return 0, 0
    tied = np.minimum(rule.margin(expected), rule.margin(actual)) <= TIE
    unequal = rule.decide(expected) != rule.decide(actual)
    return int((unequal & ~tied).sum()), int(tied.sum())


def _compare_single(engine: GraphEngine, single: GraphEngine, inputs: Inputs, frame: Any) -> None:
    """Compare one row alone with the same row among many, for which a runtime may compute differently."""
    chosen = frame.iloc[np.linspace(0, len(frame) - 1, min(SINGLE_ROWS, len(frame)), dtype=int)]
    together = _score(engine, inputs, chosen)
    for row in range(len(chosen)):
        alone = _score(single, inputs, chosen.iloc[row : row + 1])
        if not np.allclose(alone[0], together[row], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise CompileError(
                f"The graph scores a row differently alone than in a batch: {_describe(inputs, chosen, row)}."
            )


def _describe(inputs: Inputs, frame: Any, row: int) -> str:
    values = frame.iloc[row]
    return ", ".join(f"{name}={values[name]!r}" for name in inputs.names).replace("np.float64(", "").replace(")", "")
