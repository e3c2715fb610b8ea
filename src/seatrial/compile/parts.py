"""The estimators inside an ensemble: how an ensemble's converter gets them converted, and how it averages them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.compile.graph import Graph, Matrix


@dataclass(frozen=True)
class Parts:
    """Converts an estimator that is a part of another one, whatever it is: a pipeline, a search, an ensemble again.

    `scores` gives probabilities (n, n_classes) or predictions (n,), `decision` a classifier's decision function, (n, 1)
    for two classes and (n, n_classes) for more. Both raise CompileError where the part does not compile.
    """

    scores: Callable[[Any, Matrix], str]
    decision: Callable[[Any, Matrix], str]


def mean(tensors: Sequence[str], graph: Graph, weights: Sequence[float] | None = None) -> str:
    """The weighted mean of tensors of one shape: summed first and divided then, as numpy.average does."""
    total = float(len(tensors)) if weights is None else float(np.sum(np.asarray(weights, dtype=np.float64)))
    if weights is not None:
        pairs = zip(tensors, weights, strict=True)
        tensors = [graph.add("Mul", tensor, graph.constant(float(weight))) for tensor, weight in pairs]
    summed = graph.add("Sum", *tensors) if len(tensors) > 1 else tensors[0]
    return graph.add("Div", summed, graph.constant(total))
