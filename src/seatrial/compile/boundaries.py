"""Rows exactly on and next to a model's thresholds, in terms of the pipeline's input.

A threshold applies after the preprocessing, where rounding decides on which side a value falls. So it is searched from
the input: between a value on one side and a value on the other, bisect until they are adjacent doubles.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.compile.leaf_proof import matrices
from seatrial.compile.reference import Reference, reference_of
from seatrial.compile.trees import thresholds_of
from seatrial.model.engines import to_frame
from seatrial.model.features import Array, Floats
from seatrial.model.inputs import Inputs

THRESHOLDS = 3_000  # of a tree model, sampled if there are more
PAIRS = 1_000  # of two values of one column, between which the scores may change
PATHS = 100_000_000  # through trees of other libraries, for which there are fewer pairs if necessary
STEPS = 64  # calls for each pair: a double has as many bits
CALL_ROWS = 6_000  # a pipeline's fixed cost for a call, in rows
ROW_TREES = 30  # trees that take as long as the steps before them, row by row
PARTS = 31  # into which an interval is divided at most
PROBES = 9
NUDGE = 2**20  # doubles: a smooth model's scores change over this distance, a step function's almost never


def boundary_rows(
    pipeline: Any, inputs: Inputs, frame: Any, generated: Any, *, seed: int = 0, reference: Reference | None = None
) -> Any:
    """Return a DataFrame of rows on both sides of thresholds, in float64 and float32; empty for smooth models.

    `frame` and `generated` are DataFrames of rows to start from, `reference` is what `reference_of` made of the
    pipeline, if that was done before. Raises CompileError if the pipeline fails on the rows.
    """
    if not inputs.numbers:
        return generated.iloc[:0]
    rows = _Rows(inputs, frame, generated, np.random.default_rng(seed + 1))
    reference = reference or reference_of(pipeline)
    parts = [_on_thresholds(reference, rows), _on_score_changes(reference, rows)]
    return rows.frame(*(np.concatenate(each) for each in zip(*parts, strict=True)))


class _Rows:
    """The rows to start from, as matrices, and a random generator to sample them."""

    def __init__(self, inputs: Inputs, frame: Any, generated: Any, generator: np.random.Generator) -> None:
        self.inputs = inputs
        self.generator = generator
        (few, words), (many, more) = matrices(inputs, frame), matrices(inputs, generated)
        self.numbers = np.concatenate([few, many])
        self.strings = np.concatenate([words, more])
        self.table = len(few)

    def draw(self, count: int) -> tuple[Floats, Array]:
        """Sample `count` rows, half of them from the table."""
        half = self.generator.integers(self.table, size=count // 2)
        rest = self.generator.integers(len(self.numbers), size=count - count // 2)
        chosen = np.concatenate([half, rest])
        return self.numbers[chosen], self.strings[chosen]

    def draw_values(self, column: int, count: int) -> Floats:
        """Sample `count` present values of one column; none if all are missing."""
        values = self.numbers[:, column]
        values = values[~np.isnan(values)]
        return self.generator.choice(values, count) if len(values) else np.empty(0)

    def frame(self, numbers: Floats, strings: Array) -> Any:
        """Convert matrices to the DataFrame that the pipeline takes."""
        return to_frame(self.inputs, numbers, strings)


def _on_thresholds(reference: Reference, rows: _Rows) -> tuple[Floats, Array]:
    """Find the input value at which a feature crosses each threshold of a tree model."""
    before, thresholds = reference.before, _thresholds(reference)
    wanted = [(feature, value) for feature, values in thresholds.items() for value in values.tolist()]
    if len(wanted) > THRESHOLDS:
        chosen = np.sort(rows.generator.permutation(len(wanted))[:THRESHOLDS])
        wanted = [wanted[i] for i in chosen.tolist()]
    searches = []
    for column in range(len(rows.inputs.numbers)):
        probes = np.unique(rows.draw_values(column, 200))
        if len(probes) < 2:
            continue
        spread = probes[np.linspace(0, len(probes) - 1, PROBES, dtype=int)]
        numbers, strings = _repeat(rows, len(spread))
        numbers[:, column] = spread
        steps = np.diff(_transformed(before, rows.frame(numbers, strings)), axis=0)
        monotonic = np.flatnonzero(((steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)) & (steps != 0).any(axis=0))
        moving = set(monotonic.tolist())
        searches += [(column, feature, value, spread[0], spread[-1]) for feature, value in wanted if feature in moving]
    if not searches:
        return rows.draw(0)
    columns, features = (np.array([search[i] for search in searches]) for i in (0, 1))
    values, low, high = (np.array([search[i] for search in searches], dtype=np.float64) for i in (2, 3, 4))
    base, words = _repeat(rows, len(searches))

    def passes(at: Floats, chosen: Array) -> Array:
        numbers, index = base[chosen], np.arange(len(chosen))
        numbers[index, columns[chosen]] = at
        below: Array = (
            _transformed(before, rows.frame(numbers, words[chosen]))[index, features[chosen]] <= values[chosen]
        )
        return below

    low, high, turning = _bisect(passes, low, high, CALL_ROWS)
    return _surround(rows.draw(len(searches)), columns, low, high, turning)


def _on_score_changes(reference: Reference, rows: _Rows) -> tuple[Floats, Array]:
    """Find the value between two values of a column at which the scores of real rows change."""
    trees = reference.trees(rows.frame(*rows.draw(2)))
    each = max(min(PAIRS, PATHS // STEPS // max(trees, 1)) // len(rows.inputs.numbers), 1)
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
        return reference.scores(rows.frame(numbers, words[chosen])).reshape(len(chosen), -1)

    every = np.arange(len(columns))
    at_low = scores(low, every)
    nudged = scores(_value(_ordinal(low) + NUDGE), every)
    steps = np.flatnonzero((at_low != scores(high, every)).any(axis=1) & (at_low == nudged).all(axis=1))
    if not len(steps):
        return rows.draw(0)
    start = at_low[steps]

    def unchanged(at: Floats, chosen: Array) -> Array:
        same: Array = (scores(at, steps[chosen]) == start[chosen]).all(axis=1)
        return same

    lower, upper, turning = _bisect(unchanged, low[steps], high[steps], CALL_ROWS // (1 + trees // ROW_TREES))
    return _surround((base[steps], words[steps]), columns[steps], lower, upper, turning)


def _thresholds(reference: Reference) -> dict[int, Floats]:
    return thresholds_of(reference.model) if reference.booster is None else reference.booster.thresholds()


def _transformed(before: Any, frame: Any) -> Floats:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = frame if before is None else before.transform(frame)
    result = result.toarray() if hasattr(result, "toarray") else result
    if isinstance(result, np.ndarray) and result.dtype.kind in "fiub":
        return result.astype(np.float64, copy=False)
    columns = pd.DataFrame(result).items()  # text keeps its place, since features are counted
    return np.stack([pd.to_numeric(values, errors="coerce").to_numpy(np.float64) for _, values in columns], axis=1)


def _repeat(rows: _Rows, count: int) -> tuple[Floats, Array]:
    """Repeat one row of the table; any row will do where columns are transformed separately."""
    return np.repeat(rows.numbers[:1], count, axis=0), np.repeat(rows.strings[:1], count, axis=0)


def _bisect(
    holds: Callable[[Floats, Array], Array], low: Floats, high: Floats, call_rows: int
) -> tuple[Floats, Floats, Array]:
    """Divide each interval until its ends are adjacent; at `low`, `holds` has another result than at `high`.

    `holds` gets values and the intervals that they belong to. A call costs as much as `call_rows` rows, so that few
    intervals are divided into many parts at once. Returns both ends, and which intervals have two results.
    """
    every = np.arange(len(low))
    first = holds(low, every)
    turning = first != holds(high, every)
    lower, upper = _ordinal(low), _ordinal(high)
    rising = upper >= lower
    while True:
        gap = np.where(rising, upper - lower, lower - upper).view(np.uint64)  # modulo 2^64, since it may exceed 2^63
        left = np.flatnonzero(turning & (gap > 1))
        if not len(left):
            return _value(lower), _value(upper), turning
        parts = np.arange(1, 1 + min(max(call_rows // len(left), 1), PARTS), dtype=np.uint64)
        widths = np.maximum(gap[left] // np.uint64(len(parts) + 1), np.uint64(1))
        offsets = np.minimum(widths[:, None] * parts, gap[left][:, None] - np.uint64(1)).view(np.int64)
        inner = lower[left][:, None] + np.where(rising[left][:, None], offsets, -offsets)
        same = holds(_value(inner.ravel()), np.repeat(left, len(parts))).reshape(inner.shape) == first[left][:, None]
        ends = np.column_stack([lower[left], inner, upper[left]])
        changed = np.column_stack([same, np.zeros(len(left), dtype=bool)]).argmin(axis=1)
        lower[left], upper[left] = ends[np.arange(len(left)), changed], ends[np.arange(len(left)), changed + 1]


def _surround(
    base: tuple[Floats, Array], columns: Array, low: Floats, high: Floats, turning: Array
) -> tuple[Floats, Array]:
    """Put both ends, their neighbours, and their neighbours in float32 into the base rows."""
    low, high = low[turning], high[turning]
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
    rows = np.tile(np.flatnonzero(turning), len(around))
    numbers, strings = base[0][rows], base[1][rows]
    numbers[np.arange(len(rows)), columns[rows]] = np.concatenate(around)
    return numbers, strings


def _ordinal(values: Floats) -> npt.NDArray[np.int64]:
    """Number the doubles in order, so that adjacent ones differ by 1."""
    bits = np.ascontiguousarray(values + 0.0, dtype=np.float64).view(np.int64)  # + 0.0 turns -0.0 into 0.0
    ordered: npt.NDArray[np.int64] = np.where(bits < 0, np.int64(-(2**63)) - bits, bits)
    return ordered


def _value(ordinals: npt.NDArray[np.int64]) -> Floats:
    bits = np.where(ordinals < 0, np.int64(-(2**63)) - ordinals, ordinals)
    values: Floats = bits.astype(np.int64).view(np.float64)
    return values
