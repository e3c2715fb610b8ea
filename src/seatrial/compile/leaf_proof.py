"""The part of the proof that is about boosted trees of other libraries: every path, and the library's own scores.

That the scores agree does not show that every tree was read correctly: two errors may cancel out. So a second graph of
the same trees gives the number of the leaf in place of its value, and the library says which leaf it reaches.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.compile.converter import compile_leaves
from seatrial.compile.reference import Reference
from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import GraphEngine
from seatrial.model.features import Array, Floats
from seatrial.model.inputs import Inputs, stack_columns

CELLS = 10_000_000  # rows x trees at a time: a bound on memory, not on the proof


@dataclass(frozen=True)
class Paths:
    """What was compared with a library: paths through its trees, and its own scores where it rounds.

    `beyond` counts the rows whose score is further from the reference than the library's rounding explains, `decided`
    the rows whose label its rounding decides.
    """

    paths: int = 0
    differ: int = 0
    largest: float = 0.0
    beyond: int = 0
    decided: int = 0

    def __add__(self, other: "Paths") -> "Paths":
        return Paths(
            self.paths + other.paths,
            self.differ + other.differ,
            max(self.largest, other.largest),
            self.beyond + other.beyond,
            self.decided + other.decided,
        )

    @property
    def reason(self) -> str:
        """Why the proof fails; "" if it holds."""
        if self.differ:
            return f"{self.differ:,} of {self.paths:,} paths end in another leaf than the library's"
        if self.beyond:
            return f"the library's own scores of {self.beyond:,} rows differ by more than its rounding explains"
        return ""


NOTHING = Paths()


class LeafProof:
    """Compares the paths of a booster; nothing for other models."""

    def __init__(self, reference: Reference, inputs: Inputs) -> None:
        self._reference = reference
        self._inputs = inputs
        self._booster = reference.booster
        if self._booster is not None:
            self._engine = GraphEngine(compile_leaves(reference.pipeline, inputs, self._booster), threads=0)

    def rows_at_once(self, frame: Any, most: int) -> int:
        """How many rows of a DataFrame fit into memory with all of their paths."""
        return max(min(CELLS // max(self._reference.trees(frame), 1), most), 1)

    def compare(self, frame: Any, rule: DecisionRule) -> tuple[Floats, Paths]:
        """Return the reference scores of a DataFrame, and what was compared."""
        if self._booster is None:
            return self._reference.scores(frame), NOTHING
        rows = self._reference.rows(frame)
        with ThreadPoolExecutor(1) as beside:  # the library often keeps one core busy only
            numbers = beside.submit(score, self._engine, self._inputs, frame)
            theirs = self._booster.leaves(rows)
            ours = numbers.result()
        if ours.shape != theirs.shape:
            raise CompileError(f"The library has {theirs.shape[1]} trees where the graph has {ours.shape[1]}.")
        expected = self._booster.reference(rows)
        bounds = self._booster.bounds(rows)
        paths = Paths(theirs.size, int((ours != theirs).sum()))
        if bounds is None:
            return expected, paths
        return expected, paths + _rounding(self._reference.own_scores(frame), expected, bounds, rule)


def _rounding(own: Floats, expected: Floats, bounds: Floats, rule: DecisionRule) -> Paths:
    """Compare a library's own scores with the reference: none may be further from it than its bound."""
    own, expected, bounds = (each.reshape(len(each), -1) for each in (own, expected, bounds))
    difference = np.abs(own - expected)
    beyond = int((~(difference <= bounds)).any(axis=1).sum())  # NaN is beyond
    if rule.task == "regression":
        return Paths(largest=float((difference / np.maximum(1.0, np.abs(expected))).max(initial=0.0)), beyond=beyond)
    decided = int((rule.decide(own) != rule.decide(expected)).sum())
    return Paths(largest=float(difference.max(initial=0.0)), beyond=beyond, decided=decided)


def matrices(inputs: Inputs, frame: Any) -> tuple[Floats, Array]:
    """Convert a DataFrame to the engine's matrices."""
    return stack_columns(inputs, {name: frame[name].to_numpy() for name in inputs.names})


def score(engine: GraphEngine, inputs: Inputs, frame: Any) -> Floats:
    """Run a graph on a DataFrame. Raises CompileError where onnxruntime cannot."""
    try:
        return np.asarray(engine(*matrices(inputs, frame)), dtype=np.float64)
    except SeatrialError:
        raise
    except Exception as error:  # onnxruntime raises its own classes
        raise CompileError(f"onnxruntime cannot run the graph: {str(error).splitlines()[0]}") from None
