"""Linear models: one Gemm, and one node for the link."""

from typing import Any

import numpy as np

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.model.features import Floats


def linear_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to predictions (n,)."""
    return column(_sums(model, matrix, graph), graph)


def log_link_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a generalised linear model to predictions (n,), with its link."""
    return column(by_link(model._base_loss.link, _sums(model, matrix, graph), graph), graph)


def logistic_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes) by softmax; for two classes, that is the logistic function."""
    weights, bias = _weights(model)
    if len(model.classes_) == 2:
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    sums = graph.add("Gemm", graph.numbers(matrix), graph.constant(weights), graph.constant(bias))
    return graph.add("Softmax", sums, axis=1)


def sgd_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a classifier that was fitted one-against-the-rest to probabilities."""
    if model.loss != "log_loss":
        raise Refused(f"its loss is {model.loss}, and only log_loss gives probabilities that compile")
    if len(model.classes_) == 2:
        return logistic_classifier(model, matrix, graph)
    weights, bias = _weights(model)
    sums = graph.add("Gemm", graph.numbers(matrix), graph.constant(weights), graph.constant(bias))
    each = graph.add("Sigmoid", sums)
    total = graph.add("ReduceSum", each, graph.constant([1], np.int64), keepdims=1)
    none = graph.add("Equal", total, graph.constant(0.0))  # all underflowed: equal probabilities, as in scikit-learn
    return graph.add("Where", none, graph.constant(1 / len(model.classes_)), graph.add("Div", each, total))


def column(sums: str, graph: Graph) -> str:
    """Reshape (n, 1) to (n,)."""
    return graph.add("Squeeze", sums, graph.constant([1], np.int64))


def by_link(link: Any, sums: str, graph: Graph) -> str:
    """Apply the inverse of a regression's link."""
    name = type(link).__name__
    if name == "IdentityLink":
        return sums
    if name == "LogLink":
        return graph.add("Exp", sums)
    raise Refused(f"its link {name} is not supported")


def _sums(model: Any, matrix: Matrix, graph: Graph) -> str:
    weights, bias = _weights(model)
    if weights.shape[1] != 1:
        raise Refused("it predicts several targets")
    return graph.add("Gemm", graph.numbers(matrix), graph.constant(weights), graph.constant(bias))


def _weights(model: Any) -> tuple[Floats, Floats]:
    """Return weights (n_features, n_outputs) and intercepts (n_outputs,)."""
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
    bias = np.broadcast_to(np.ravel(np.asarray(model.intercept_, dtype=np.float64)), (weights.shape[1],))
    return weights, bias
