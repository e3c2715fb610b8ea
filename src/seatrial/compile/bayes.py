"""Naive Bayes: sums of logarithms of probabilities, and a softmax."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn import naive_bayes

from seatrial.compile.discriminants import softmax_of_distances, squared_length
from seatrial.compile.graph import Graph, Matrix
from seatrial.compile.preprocessing import above
from seatrial.model.features import Floats


def gaussian_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes), by distances from each class's means in its standard deviations."""
    values = graph.numbers(matrix)
    distances = []
    for mean, variance in zip(model.theta_, model.var_, strict=True):
        centred = graph.add("Sub", values, graph.constant(mean))
        distances.append(squared_length(graph.add("Div", centred, graph.constant(np.sqrt(variance))), graph))
    bias = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * model.var_).sum(axis=1)
    return softmax_of_distances(distances, bias, 0.5, graph)


def multinomial_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes)."""
    return _softmax_of_sums(matrix, graph, model.feature_log_prob_, model.class_log_prior_)


def complement_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes); the prior counts only where there is a single class."""
    prior = model.class_log_prior_ if len(model.classes_) == 1 else np.zeros(len(model.classes_))
    return _softmax_of_sums(matrix, graph, model.feature_log_prob_, prior)


def bernoulli_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes), of flags above the model's threshold."""
    flags = matrix if model.binarize is None else above(matrix, model.binarize, graph)
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    return _softmax_of_sums(flags, graph, model.feature_log_prob_ - absent, model.class_log_prior_ + absent.sum(axis=1))


def categorical_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes): a row of a table for each category, which scikit-learn truncates.

    A category without a row, on which scikit-learn fails, gives NaN.
    """
    tables = [np.pad(table.T, ((1, 1), (0, 0)), constant_values=np.nan) for table in model.feature_log_prob_]
    sizes = np.array([len(table) for table in tables])
    codes = graph.add("Cast", graph.numbers(matrix), to=TensorProto.INT64)
    known = graph.add("Max", graph.add("Min", codes, _integers(sizes - 2, graph)), _integers([-1], graph))
    rows = graph.add("Add", known, _integers(np.cumsum(sizes) - sizes + 1, graph))
    logarithms = graph.add("Gather", graph.constant(np.concatenate(tables)), rows)  # (n, columns, classes)
    sums = graph.add("ReduceSum", logarithms, _integers([1], graph), keepdims=0)
    return graph.add("Softmax", graph.add("Add", sums, graph.constant(model.class_log_prior_)), axis=1)


def _integers(values: Any, graph: Graph) -> str:
    return graph.constant(values, np.int64)


def _softmax_of_sums(matrix: Matrix, graph: Graph, weights: Floats, bias: Floats) -> str:
    """Add the softmax of x @ weights.T + bias, with weights (classes, columns)."""
    sums = graph.product(matrix, weights.T, bias)
    return graph.add("Softmax", sums, axis=1)


MODELS = {
    naive_bayes.BernoulliNB: bernoulli_classifier,
    naive_bayes.CategoricalNB: categorical_classifier,
    naive_bayes.ComplementNB: complement_classifier,
    naive_bayes.GaussianNB: gaussian_classifier,
    naive_bayes.MultinomialNB: multinomial_classifier,
}
