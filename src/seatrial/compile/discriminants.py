"""Discriminants: classifiers that compare densities of the classes, and the projection that separates them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.neighbors import NearestCentroid

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.compile.linear import logistic_classifier
from seatrial.compile.projections import project


def linear_projection(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert linear discriminant analysis used as a step."""
    center = model.xbar_ if model.solver == "svd" else None
    return project(matrix, graph, model.scalings_[:, : model._max_components], center=center)


def quadratic_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes): distances in the axes and scales of each class's own covariance."""
    distances = []
    for mean, rotation, scaling in zip(model.means_, model.rotations_, model.scalings_, strict=True):
        rotated = project(matrix, graph, rotation * scaling**-0.5, center=mean)
        distances.append(squared_length(graph.gather(rotated), graph))
    logarithms = np.array([np.log(scaling).sum() for scaling in model.scalings_])
    return softmax_of_distances(distances, -0.5 * logarithms + np.log(model.priors_), 0.5, graph)


def centroid_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes) by the distance from each class's centroid."""
    if model.metric != "euclidean":
        raise Refused(f"its metric is {model.metric}, which gives no probabilities")
    scale = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    scaled = graph.add("Div", graph.numbers(matrix), graph.constant(scale))
    distances = [
        squared_length(graph.add("Sub", scaled, graph.constant(centroid / scale)), graph)
        for centroid in model.centroids_
    ]
    return softmax_of_distances(distances, 2.0 * np.log(model.class_prior_), 1.0, graph)


def squared_length(tensor: str, graph: Graph) -> str:
    """Add the sum of squares of each row, (n, 1)."""
    return graph.add("ReduceSumSquare", tensor, graph.constant([1], np.int64), keepdims=1)


def softmax_of_distances(distances: Sequence[str], bias: Any, factor: float, graph: Graph) -> str:
    """Add the softmax of bias - factor * distances, each of which is (n, 1)."""
    together = graph.add("Concat", *distances, axis=1)
    scores = graph.add("Sub", graph.constant(bias), graph.add("Mul", together, graph.constant(factor)))
    return graph.add("Softmax", scores, axis=1)


TRANSFORMERS = {LinearDiscriminantAnalysis: linear_projection}
MODELS = {
    LinearDiscriminantAnalysis: logistic_classifier,
    NearestCentroid: centroid_classifier,
    QuadraticDiscriminantAnalysis: quadratic_classifier,
}
