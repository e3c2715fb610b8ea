"""Rows exactly on and next to the values where a model's answer turns, found as the pipeline sees them.

A threshold lies behind the preprocessing, where rounding decides on which side a value falls. So it is searched from
the front: between a value that falls on one side and one on the other, halve until they are adjacent doubles.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.compile.proof import expected_scores, matrices
from seatrial.compile.trees import thresholds_of
from seatrial.model.engines import to_frame
from seatrial.model.features import Array
from seatrial.model.inputs import Inputs

Floats = npt.NDArray[np.float64]

THRESHOLDS = 3_000  # of a tree model's own, drawn evenly if there are more
PAIRS = 1_000  # of two values of one column, with the answer turning somewhere between them
HALVINGS = 64  # that many bring any two doubles next to each other
PROBES = 9
NUDGE = 2**20  # steps between doubles: a smooth model notices them, a step function almost never


def boundary_rows(pipeline: Any, inputs: Inputs, frame: Any, generated: Any, *, seed: int = 0) -> Any:
    """Give a DataFrame of rows on both sides of thresholds, in float64 and float32; empty for smooth models.

    `frame` and `generated` are DataFrames of rows to start from. Raises CompileError if the pipeline fails on them.
    """
    rows = _Rows(inputs, frame, generated, np.random.default_rng(seed + 1))
    parts = []
    if inputs.numbers:
        parts = [_on_thresholds(pipeline, rows), _on_turns(pipeline, rows)]
    numbers = np.concatenate([numbers for numbers, _ in parts]) if parts else np.empty((0, len(inputs.numbers)))
    strings = np.concatenate([strings for _, strings in parts]) if parts else np.empty((0, len(inputs.strings)), object)
    return to_frame(inputs, numbers, strings)


class _Rows:
    """The rows to start from, as matrices, and a generator to draw from them."""

    def __init__(self, inputs: Inputs, frame: Any, generated: Any, generator: np.random.Generator) -> None:
        self.inputs = inputs
        self.generator = generator
        (few, words), (many, more) = matrices(inputs, frame), matrices(inputs, generated)
        self.numbers = np.concatenate([few, many])
        self.strings = np.concatenate([words, more])
        self.table = len(few)

    def draw(self, count: int) -> tuple[Floats, Array]:
        """Give that many rows, half of them from the table."""
        half = self.generator.integers(self.table, size=count // 2)
        rest = self.generator.integers(len(self.numbers), size=count - count // 2)
        chosen = np.concatenate([half, rest])
        return self.numbers[chosen], self.strings[chosen]

    def draw_values(self, column: int, count: int) -> Floats:
        """Give values of one column, none missing; fewer, or none, if it has no others."""
        values = self.numbers[:, column]
        values = values[~np.isnan(values)]
        return self.generator.choice(values, count) if len(values) else np.empty(0)

    def frame(self, numbers: Floats, strings: Array) -> Any:
        """Give matrices as the pipeline sees them."""
        return to_frame(self.inputs, numbers, strings)


def _on_thresholds(pipeline: Any, rows: _Rows) -> tuple[Floats, Array]:
    """For each threshold that a tree model holds: the input at which its feature passes it."""
    before, thresholds = _before_model(pipeline)
    wanted = [(feature, value) for feature, values in thresholds.items() for value in values.tolist()]
    if len(wanted) > THRESHOLDS:
        chosen = np.sort(rows.generator.permutation(len(wanted))[:THRESHOLDS])
        wanted = [wanted[i] for i in chosen.tolist()]
    found = []
    for column in range(len(rows.inputs.numbers)):
        probes = np.unique(rows.draw_values(column, 200))
        if len(probes) < 2:
            continue
        spread = probes[np.linspace(0, len(probes) - 1, PROBES, dtype=int)]
        numbers, strings = _repeat(rows, len(spread))
        numbers[:, column] = spread
        steps = np.diff(_transformed(before, rows.frame(numbers, strings)), axis=0)
        moves = np.flatnonzero(((steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)) & (steps != 0).any(axis=0))
        moving = set(moves.tolist())
        found += [(column, feature, value, spread[0], spread[-1]) for feature, value in wanted if feature in moving]
    if not found:
        return rows.draw(0)
    columns, features = (np.array([each[i] for each in found]) for i in (0, 1))
    values, low, high = (np.array([each[i] for each in found], dtype=np.float64) for i in (2, 3, 4))
    base, words = _repeat(rows, len(found))
    index = np.arange(len(found))

    def passes(at: Floats) -> Array:
        numbers = base.copy()
        numbers[index, columns] = at
        below: Array = _transformed(before, rows.frame(numbers, words))[index, features] <= values
        return below

    low, high, turning = _halve(passes, low, high)
    return _surround(rows.draw(len(found)), columns, low, high, turning)


def _on_turns(pipeline: Any, rows: _Rows) -> tuple[Floats, Array]:
    """For pairs of values in real rows: the place between them where the scores change."""
    each = max(PAIRS // len(rows.inputs.numbers), 1)
    drawn = [(c, rows.draw_values(c, 2 * each)) for c in range(len(rows.inputs.numbers))]
    drawn = [(column, values) for column, values in drawn if len(values)]
    if not drawn:
        return rows.draw(0)
    columns = np.repeat([column for column, _ in drawn], each)
    low = np.concatenate([values[:each] for _, values in drawn])
    high = np.concatenate([values[each:] for _, values in drawn])
    base, words = rows.draw(len(columns))

    def scores(at: Floats, chosen: Array) -> Floats:
        numbers = base[chosen]
        numbers[np.arange(len(chosen)), columns[chosen]] = at
        return expected_scores(pipeline, rows.frame(numbers, words[chosen])).reshape(len(chosen), -1)

    every = np.arange(len(columns))
    at_low = scores(low, every)
    nudged = scores(_value(_ordinal(low) + NUDGE), every)
    steps = np.flatnonzero((at_low != scores(high, every)).any(axis=1) & (at_low == nudged).all(axis=1))
    if not len(steps):
        return rows.draw(0)
    start = at_low[steps]
    lower, upper, turning = _halve(lambda at: (scores(at, steps) == start).all(axis=1), low[steps], high[steps])
    return _surround((base[steps], words[steps]), columns[steps], lower, upper, turning)


def _before_model(pipeline: Any) -> tuple[Any, dict[int, Floats]]:
    """Split a pipeline into what comes before its model and the model's thresholds."""
    pipeline = getattr(pipeline, "best_estimator_", pipeline)
    if not hasattr(pipeline, "steps"):
        return None, thresholds_of(pipeline)
    return (pipeline[:-1] if len(pipeline.steps) > 1 else None), thresholds_of(pipeline.steps[-1][1])


def _transformed(before: Any, frame: Any) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = frame if before is None else before.transform(frame)
    result = result.toarray() if hasattr(result, "toarray") else result
    if before is None:
        result = result.select_dtypes("number")
    return np.asarray(result, dtype=np.float64)


def _repeat(rows: _Rows, count: int) -> tuple[Floats, Array]:
    """Repeat one row of the table; which one does not matter where columns are transformed one by one."""
    return np.repeat(rows.numbers[:1], count, axis=0), np.repeat(rows.strings[:1], count, axis=0)


def _halve(holds: Callable[[Floats], Array], low: Floats, high: Floats) -> tuple[Floats, Floats, Array]:
    """Bring each pair together until it is adjacent, `holds` keeping the answer it has at `low` on that side.

    Returns both ends, and for which pairs the answer turns at all.
    """
    first = holds(low)
    turning = first != holds(high)
    lower, upper = _ordinal(low), _ordinal(high)
    for _ in range(HALVINGS):
        middle = lower // 2 + upper // 2 + (lower % 2 + upper % 2) // 2  # without overflow
        if bool(((middle == lower) | (middle == upper)).all()):
            break
        same = holds(_value(middle)) == first
        lower, upper = np.where(same, middle, lower), np.where(same, upper, middle)
    # With low above high, rounding down may leave them two apart; the neighbours below cover that.
    return _value(lower), _value(upper), turning


def _surround(
    base: tuple[Floats, Array], columns: Array, low: Floats, high: Floats, turning: Array
) -> tuple[Floats, Array]:
    """Put both ends, their neighbours, and the neighbours in float32, into the base rows."""
    numbers, strings = base[0][turning], base[1][turning]
    low, high, columns = low[turning], high[turning], columns[turning]
    single = low.astype(np.float32)
    around = [
        low,
        high,
        np.nextafter(np.minimum(low, high), -np.inf),
        np.nextafter(np.maximum(low, high), np.inf),
        single.astype(np.float64),
        np.nextafter(single, np.float32(-np.inf)).astype(np.float64),
        np.nextafter(single, np.float32(np.inf)).astype(np.float64),
    ]
    parts = []
    for values in around:
        part = numbers.copy()
        part[np.arange(len(part)), columns] = values
        parts.append(part)
    return np.concatenate(parts), np.concatenate([strings] * len(around))


def _ordinal(values: Floats) -> npt.NDArray[np.int64]:
    """Number the doubles in their order, so that adjacent ones differ by 1."""
    bits = np.ascontiguousarray(values + 0.0, dtype=np.float64).view(np.int64)  # + 0.0 makes -0.0 the one zero
    ordered: npt.NDArray[np.int64] = np.where(bits < 0, np.int64(-(2**63)) - bits, bits)
    return ordered


def _value(ordinals: npt.NDArray[np.int64]) -> Floats:
    bits = np.where(ordinals < 0, np.int64(-(2**63)) - ordinals, ordinals)
    values: Floats = bits.astype(np.int64).view(np.float64)
    return values
