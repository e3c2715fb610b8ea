"""Projections of columns: principal components and their kin, random projections, partial least squares.

Sums over columns may differ from scikit-learn's in the last bit, since a matrix product may add in another order.
"""

from typing import Any

import numpy as np
from sklearn import cluster, cross_decomposition, decomposition, kernel_approximation, random_projection
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.compile.linear import column
from seatrial.model.features import Floats


def project(
    matrix: Matrix,
    graph: Graph,
    weights: Any,
    *,
    center: Floats | None = None,
    scale: Floats | None = None,
    offset: Floats | None = None,
) -> Matrix:
    """Add ((x - center) / scale) @ weights + offset, with weights (columns, outputs)."""
    weights = np.asarray(weights.toarray() if hasattr(weights, "toarray") else weights)
    if weights.dtype != np.float64:
        raise Refused(f"it was fitted in {weights.dtype}")
    for operator, values in (("Sub", center), ("Div", scale)):
        if values is not None:
            moved = graph.add(operator, graph.numbers(matrix), graph.constant(np.ravel(values)))
            matrix = graph.matrix(moved, matrix.width)
    bias = None if offset is None else np.ravel(offset)
    return graph.matrix(graph.product(matrix, weights, bias), weights.shape[1])


def principal_components(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert PCA: the mean is subtracted after the projection, as in scikit-learn."""
    components = model.components_
    projected = project(matrix, graph, components.T, offset=-(model.mean_.reshape(1, -1) @ components.T))
    if not model.whiten:
        return projected
    scale = np.maximum(np.sqrt(model.explained_variance_), np.finfo(np.float64).eps)
    return graph.matrix(graph.add("Div", graph.gather(projected), graph.constant(scale)), projected.width)


def components(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert a projection on `components_` without a mean."""
    return project(matrix, graph, model.components_.T)


def independent_components(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert FastICA."""
    return project(matrix, graph, model.components_.T, center=model.mean_ if model.whiten else None)


def factor_analysis(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert the latent variables of FactorAnalysis (C. Bishop, Pattern Recognition, equation 12.66)."""
    weighted = model.components_ / model.noise_variance_
    covariance = np.linalg.inv(np.eye(len(weighted)) + weighted @ model.components_.T)
    return project(matrix, graph, weighted.T @ covariance, center=model.mean_)


def latent_scores(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert the scores of partial least squares used as a step."""
    return project(matrix, graph, model.x_rotations_, center=model._x_mean, scale=model._x_std)


def latent_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert partial least squares to predictions (n,)."""
    if len(model.coef_) != 1:
        raise Refused("it predicts several targets")
    if not model._predict_1d:
        raise Refused("it was fitted on targets in two dimensions")
    predicted = project(matrix, graph, model.coef_.T, center=model._x_mean, offset=model.intercept_)
    return column(graph.gather(predicted), graph)


def sparse_components(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert SparsePCA: a ridge regression on the components, which is a projection."""
    axes = model.components_
    inner = axes @ axes.T + model.ridge_alpha * np.eye(len(axes))
    return project(matrix, graph, np.linalg.solve(inner, axes).T, center=model.mean_)


def cluster_means(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert FeatureAgglomeration: the mean of each cluster of columns."""
    if model.pooling_func is not np.mean:
        raise Refused("its pooling_func is a function of Python's")
    member = model.labels_[:, None] == np.arange(model.n_clusters_)
    sums = project(matrix, graph, member.astype(np.float64))
    means = graph.add("Div", graph.gather(sums), graph.constant(member.sum(axis=0)))
    return graph.matrix(means, sums.width)


def hidden_units(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert BernoulliRBM: the probabilities of its hidden units."""
    projected = project(matrix, graph, model.components_.T, offset=model.intercept_hidden_)
    return graph.matrix(graph.add("Sigmoid", graph.gather(projected)), projected.width)


def fourier_features(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert RBFSampler: cosines of random projections (A. Rahimi and B. Recht, NIPS 2007)."""
    projected = project(matrix, graph, model.random_weights_, offset=model.random_offset_)
    waves = graph.add("Cos", graph.gather(projected))
    factor = graph.constant((2.0 / model.n_components) ** 0.5)
    return graph.matrix(graph.add("Mul", waves, factor), projected.width)


TRANSFORMERS = {
    cluster.FeatureAgglomeration: cluster_means,
    cross_decomposition.CCA: latent_scores,
    cross_decomposition.PLSCanonical: latent_scores,
    cross_decomposition.PLSRegression: latent_scores,
    decomposition.FactorAnalysis: factor_analysis,
    decomposition.FastICA: independent_components,
    decomposition.IncrementalPCA: principal_components,
    decomposition.MiniBatchSparsePCA: sparse_components,
    decomposition.PCA: principal_components,
    decomposition.SparsePCA: sparse_components,
    decomposition.TruncatedSVD: components,
    kernel_approximation.RBFSampler: fourier_features,
    BernoulliRBM: hidden_units,
    NeighborhoodComponentsAnalysis: components,
    random_projection.GaussianRandomProjection: components,
    random_projection.SparseRandomProjection: components,
}
MODELS = {
    cross_decomposition.CCA: latent_regressor,
    cross_decomposition.PLSCanonical: latent_regressor,
    cross_decomposition.PLSRegression: latent_regressor,
}
