"""The proof that a graph equals its pipeline: both score the same rows, and all of the scores are compared."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.compile.leaf_proof import NOTHING, LeafProof, Paths, score
from seatrial.compile.reference import Reference, reference_of
from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import GraphEngine, Proof
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs

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
    paths: Paths


def prove(
    pipeline: Any,
    graph: bytes,
    inputs: Inputs,
    frame: Any,
    generated: Any,
    rule: DecisionRule,
    reference: Reference | None = None,
) -> Proof:
    """Compare the graph with the pipeline on two DataFrames: the training table and generated rows.

    `reference` is what `reference_of` made of the pipeline, if that was done before. The proof holds if no score
    differs by more than 1e-9 and no label differs, and for boosted trees of other libraries, if each path ends in the
    library's own leaf and its own scores are within its rounding. Rows at an exact tie, within 1e-12 of the threshold
    or between the two best classes, are counted separately. Raises CompileError where the graph cannot run, or where
    the pipeline itself fails on a row.
    """
    reference = reference or reference_of(pipeline)
    try:
        leaves = LeafProof(reference, inputs)
        engine = GraphEngine(graph, threads=0)
        single = GraphEngine(graph, threads=1)
        parts = [_compare(leaves, engine, inputs, rows, rule) for rows in (frame, generated)]
        _compare_single(engine, single, inputs, generated)
    except SeatrialError as error:
        raise CompileError(error.message, hint=error.hint) from None
    worst = max(parts, key=lambda part: part.largest)
    differ = sum(part.labels_differ for part in parts)
    paths = parts[0].paths + parts[1].paths
    holds = worst.largest <= TOLERANCE and differ == 0 and not paths.reason
    measure = "relative difference" if rule.task == "regression" else "difference in probability"
    reason = (
        f"the {measure} is up to {worst.largest:.2g} (allowed: {TOLERANCE:g}), {differ} labels differ; "
        f"worst row: {worst.worst_row}"
    )
    if paths.reason:
        reason = f"{paths.reason}; {reason}"
    return Proof(
        rows_table=parts[0].rows,
        rows_generated=parts[1].rows,
        largest_difference=worst.largest,
        labels_differ=differ,
        ties=sum(part.ties for part in parts),
        holds=holds,
        reason="" if holds else reason,
        paths=paths.paths,
        paths_differ=paths.differ,
        library_difference=paths.largest,
        library_labels=paths.decided,
        statement=reference.booster.statement if reference.booster else "",
    )


def _compare(leaves: LeafProof, engine: GraphEngine, inputs: Inputs, frame: Any, rule: DecisionRule) -> _Comparison:
    largest, worst = 0.0, ""
    differ = ties = 0
    paths = NOTHING
    step = leaves.rows_at_once(frame, CHUNK)
    for start in range(0, len(frame), step):
        chunk = frame.iloc[start : start + step]
        with ThreadPoolExecutor(1) as beside:  # the pipeline often keeps one core busy only
            scores = beside.submit(score, engine, inputs, chunk)
            expected, compared = leaves.compare(chunk, rule)
            actual = scores.result()
        paths += compared
        if actual.shape != expected.shape:
            raise CompileError(f"The graph gives scores {actual.shape} where the pipeline gives {expected.shape}.")
        difference = difference_of_scores(expected, actual, relative=rule.task == "regression")
        row = int(difference.argmax())
        if difference[row] > largest:
            largest, worst = float(difference[row]), _describe(inputs, chunk, row)
        unequal, tied = compare_labels(expected, actual, rule)
        differ += unequal
        ties += tied
    return _Comparison(len(frame), largest, differ, ties, worst, paths)


def difference_of_scores(expected: Floats, actual: Floats, *, relative: bool) -> Floats:
    """Return each row's largest difference, maybe `relative` to max(1, |expected|); infinity where only one is NaN."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected - actual)
    difference[expected == actual] = 0.0
    difference[np.isnan(expected) & np.isnan(actual)] = 0.0
    if relative:
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
    together = score(engine, inputs, chosen)
    for row in range(len(chosen)):
        alone = score(single, inputs, chosen.iloc[row : row + 1])
        if not np.allclose(alone[0], together[row], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise CompileError(
                f"The graph scores a row differently alone than in a batch: {_describe(inputs, chosen, row)}."
            )


def _describe(inputs: Inputs, frame: Any, row: int) -> str:
    values = frame.iloc[row]
    return ", ".join(f"{name}={values[name]!r}" for name in inputs.names).replace("np.float64(", "").replace(")", "")
