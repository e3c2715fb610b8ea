"""Linear models: one Gemm, and one node for the link."""

from typing import Any

import numpy as np
from sklearn import dummy, linear_model, svm

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.model.features import Floats


def linear_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to predictions (n,)."""
    return column(_one_sum(model, matrix, graph), graph)


def log_link_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a generalised linear model to predictions (n,), with its link."""
    return column(by_link(model._base_loss.link, _one_sum(model, matrix, graph), graph), graph)


def logistic_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes) by softmax; for two classes, that is the logistic function."""
    weights, bias = _weights(model)
    if len(model.classes_) == 2:
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    both = graph.product(matrix, weights, bias)
    return graph.add("Softmax", both, axis=1)


def sgd_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a classifier that was fitted one-against-the-rest to probabilities."""
    if model.loss != "log_loss":
        raise Refused(f"its loss is {model.loss}, and only log_loss gives probabilities that compile")
    if len(model.classes_) == 2:
        return logistic_classifier(model, matrix, graph)
    return shares(graph.add("Sigmoid", sums(model, matrix, graph)), len(model.classes_), graph)


def shares(each: str, classes: int, graph: Graph, otherwise: float | None = None) -> str:
    """Divide (n, classes) by the sum of each row.

    Where it is 0, because all of them underflowed, each share is `otherwise`, by default an equal one.
    """
    equal = 1 / classes if otherwise is None else otherwise
    total = graph.add("ReduceSum", each, graph.constant([1], np.int64), keepdims=1)
    none = graph.add("Equal", total, graph.constant(0.0))
    return graph.add("Where", none, graph.constant(equal), graph.add("Div", each, total))


def constant_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a DummyClassifier to the same probabilities (n, n_classes) for each row."""
    if model._strategy == "stratified":
        raise Refused('its answers are random; strategy="prior" gives the same shares as probabilities')
    return graph.repeat(model.predict_proba(np.zeros((1, 1)))[0], matrix)


def constant_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a DummyRegressor to the same prediction for each row, (n,)."""
    if model.n_outputs_ != 1:
        raise Refused("it predicts several targets")
    return column(graph.repeat(model.constant_[0], matrix), graph)


def consensus_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert RANSAC to the predictions (n,) of the linear model that it fitted on its inliers."""
    if type(model.estimator_) not in PLAIN:
        raise Refused(f"its estimator is {type(model.estimator_).__name__}, and only a linear one compiles")
    return linear_regressor(model.estimator_, matrix, graph)


def column(single: str, graph: Graph) -> str:
    """Reshape (n, 1) to (n,)."""
    return graph.add("Squeeze", single, graph.constant([1], np.int64))


def by_link(link: Any, raw: str, graph: Graph) -> str:
    """Apply the inverse of a regression's link."""
    name = type(link).__name__
    if name == "IdentityLink":
        return raw
    if name == "LogLink":
        return graph.add("Exp", raw)
    raise Refused(f"its link {name} is not supported")


def sums(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to the weighted sums (n, n_outputs), a linear classifier's decision function."""
    weights, bias = _weights(model)
    return graph.product(matrix, weights, bias)


def _one_sum(model: Any, matrix: Matrix, graph: Graph) -> str:
    if _weights(model)[0].shape[1] != 1:
        raise Refused("it predicts several targets")
    return sums(model, matrix, graph)


def _weights(model: Any) -> tuple[Floats, Floats]:
    """Return weights (n_features, n_outputs) and intercepts (n_outputs,)."""
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
    bias = np.broadcast_to(np.ravel(np.asarray(model.intercept_, dtype=np.float64)), (weights.shape[1],))
    return weights, bias


PLAIN = (  # what others fit within themselves
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.HuberRegressor,
    linear_model.Lasso,
    linear_model.LinearRegression,
    linear_model.Ridge,
    linear_model.RidgeCV,
)
LINEAR_REGRESSORS = (
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LarsCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LassoLars,
    linear_model.LassoLarsCV,
    linear_model.LassoLarsIC,
    linear_model.LinearRegression,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.OrthogonalMatchingPursuitCV,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    svm.LinearSVR,
)

MODELS = {
    **dict.fromkeys(LINEAR_REGRESSORS, linear_regressor),
    dummy.DummyClassifier: constant_classifier,
    dummy.DummyRegressor: constant_regressor,
    linear_model.RANSACRegressor: consensus_regressor,
}
