"""CalibratedClassifierCV: the mean of calibrated classifiers, by a sigmoid, an isotonic regression or a temperature.

As in scikit-learn, a calibrator reads the decision function of its classifier, and its probabilities where it has none.
"""

from typing import Any

import numpy as np

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.compile.linear import shares
from seatrial.compile.parts import Parts, mean
from seatrial.compile.pieces import add_pieces, isotonic_line

EPSILON = 1e-12  # what scikit-learn adds to a probability before it takes the logarithm


def calibrated_classifier(model: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    """Convert to probabilities (n, n_classes)."""
    each = [_calibrated(one, matrix, graph, parts) for one in model.calibrated_classifiers_]
    return mean(each, graph)


def _calibrated(one: Any, matrix: Matrix, graph: Graph, parts: Parts) -> str:
    classes = len(one.classes)
    if len(one.estimator.classes_) != classes:
        raise Refused("one of its folds has no row of one of the classes")
    decides = hasattr(one.estimator, "decision_function")
    read = parts.decision(one.estimator, matrix) if decides else parts.scores(one.estimator, matrix)
    if one.method == "temperature":
        return _temperature(one.calibrators[0], read, classes, graph, decides=decides)
    if classes == 2 and not decides:
        read = part(read, [1], graph)
    columns = [part(read, [i], graph) if classes > 2 else read for i in range(len(one.calibrators))]
    each = [_calibrator(one.method, *pair, graph) for pair in zip(one.calibrators, columns, strict=True)]
    if classes == 2:
        return both_classes(each[0], graph)
    return shares(graph.add("Concat", *each, axis=1), classes, graph)


def both_classes(share: str, graph: Graph) -> str:
    """Turn the second class's probability (n, 1) into those of both (n, 2)."""
    return graph.add("Gemm", share, graph.constant([[-1.0, 1.0]]), graph.constant([1.0, 0.0]))


def part(tensor: str, positions: list[int], graph: Graph) -> str:
    """Select columns of a tensor (n, k)."""
    return graph.add("Gather", tensor, graph.constant(positions, np.int64), axis=1)


def _calibrator(method: str, calibrator: Any, read: str, graph: Graph) -> str:
    """Map a classifier's output (n, 1) to a probability (n, 1)."""
    if method == "isotonic":
        return add_pieces([isotonic_line(calibrator)], graph.matrix(read, 1), graph)
    scaled = graph.add("Mul", read, graph.constant(float(calibrator.a_)))
    return graph.add("Sigmoid", graph.add("Neg", graph.add("Add", scaled, graph.constant(float(calibrator.b_)))))


def _temperature(calibrator: Any, read: str, classes: int, graph: Graph, *, decides: bool) -> str:
    """Scale logits by an inverse temperature (Guo et al. 2017): a decision function, or logarithms of probabilities."""
    if not decides:
        read = graph.add("Log", graph.add("Add", read, graph.constant(EPSILON)))
    elif classes == 2:
        read = graph.add("Mul", read, graph.constant([[-1.0, 1.0]]))
    return graph.add("Softmax", graph.add("Mul", read, graph.constant(float(calibrator.beta_))), axis=1)
