"""Kernel methods: support vector regression, kernel ridge, Gaussian processes, and steps by kernels or distances.

Distances are sums of squared differences, as libsvm and SciPy compute them: the shorter form by products loses half of
the digits of two points that are near each other. They take a number for each row, vector and column, so the rows go
through in blocks, and memory stays bounded.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn import cluster, kernel_approximation, kernel_ridge, semi_supervised, svm
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process import kernels as gp
from sklearn.preprocessing import normalize

from seatrial.compile.graph import DOUBLE, Graph, Matrix, Refused
from seatrial.compile.linear import column
from seatrial.compile.preprocessing import unit_rows
from seatrial.model.features import Floats

BLOCK = 2**17  # numbers in a block's largest tensor: 1 MiB, which stays in a processor's cache

Kernel = Callable[[str], str]  # from rows (n, columns) to kernel values (n, vectors)


def support_vector_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert SVR and NuSVR to predictions (n,)."""
    return column(_support_vector_sums(model, model.dual_coef_, model.intercept_, matrix, graph), graph)


def ridge_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert kernel ridge regression to predictions (n,)."""
    weights = model.dual_coef_
    if weights.ndim != 1 and weights.shape[1] != 1:
        raise Refused("it predicts several targets")
    kernel = _pairwise(model.kernel, model, model.X_fit_, graph)
    return column(_weighted(kernel, model.X_fit_, weights.reshape(-1, 1), np.zeros(1), matrix, graph), graph)


def gaussian_process_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert the mean of a Gaussian process, (n,) (C. Rasmussen and C. Williams, 2006, algorithm 2.1)."""
    weights = model.alpha_.reshape(len(model.alpha_), -1)
    if weights.shape[1] != 1:
        raise Refused("it predicts several targets")
    kernel = partial(_process_kernel, model.kernel_, vectors=model.X_train_, graph=graph)
    mean = _weighted(kernel, model.X_train_, weights, np.zeros(1), matrix, graph)
    scaled = graph.add("Mul", mean, graph.constant(np.ravel(model._y_train_std)))
    return column(graph.add("Add", scaled, graph.constant(np.ravel(model._y_train_mean))), graph)


def label_spreading(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert label propagation to probabilities (n, n_classes): the labels of all training rows, by nearness."""
    if model.kernel != "rbf":
        raise Refused(f"its kernel is {model.kernel}, and only rbf compiles")
    kernel = _named("rbf", {"gamma": model.gamma, "coef0": 0.0, "degree": 0.0}, _dense(model.X_), graph)
    labels = model.label_distributions_
    sums = _weighted(kernel, model.X_, labels, np.zeros(labels.shape[1]), matrix, graph)
    total = graph.add("ReduceSum", sums, graph.constant([1], np.int64), keepdims=1)
    return graph.add("Div", sums, total)


def kernel_map(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert Nystroem's approximate map of a kernel."""
    kernel = _pairwise(model.kernel, model, model.components_, graph)
    weights = model.normalization_.T
    sums = _weighted(kernel, model.components_, weights, np.zeros(weights.shape[1]), matrix, graph)
    return graph.matrix(sums, weights.shape[1])


def kernel_components(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert the projection of kernel PCA, with the centring of the kernel folded into weights and bias."""
    positive = model.eigenvalues_ > 0
    axes = np.zeros_like(model.eigenvectors_)
    axes[:, positive] = model.eigenvectors_[:, positive] / np.sqrt(model.eigenvalues_[positive])
    totals = axes.sum(axis=0)
    centre = model._centerer
    bias = centre.K_fit_all_ * totals - centre.K_fit_rows_ @ axes
    kernel = _pairwise(model.kernel, model, model.X_fit_, graph)
    sums = _weighted(kernel, model.X_fit_, axes - totals / len(axes), bias, matrix, graph)
    return graph.matrix(sums, axes.shape[1])


def distances_from_centres(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert k-means used as a step: the distance from each cluster's centre."""
    centres = _dense(model.cluster_centers_)

    def block(rows: str) -> str:
        return graph.add("Sqrt", _squared_distances(rows, centres, graph))

    distances = graph.in_blocks(matrix, max(BLOCK // centres.size, 1), block, outputs=len(centres))
    return graph.matrix(distances, len(centres))


def support_vector_decision(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert the decision function of SVC and NuSVC: (n, 1) for two classes, else (n, n_classes) by votes of pairs."""
    classes = len(model.classes_)
    if classes == 2:
        return _support_vector_sums(model, model.dual_coef_, model.intercept_, matrix, graph)
    if model.decision_function_shape != "ovr":
        raise Refused('its decision_function_shape is "ovo"')
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    owner = np.repeat(np.arange(classes), model.n_support_)
    coefficients = _dense(model.dual_coef_)
    weights = np.array(
        [np.where(owner == i, coefficients[j - 1], 0) + np.where(owner == j, coefficients[i], 0) for i, j in pairs]
    )
    sums = _support_vector_sums(model, weights, model.intercept_, matrix, graph)
    first, second = (np.array([[pair[k] == c for c in range(classes)] for pair in pairs], dtype=float) for k in (0, 1))
    lost = graph.add("Cast", graph.add("Less", sums, graph.constant(0.0)), to=DOUBLE)
    votes = graph.add("Gemm", lost, graph.constant(second - first), graph.constant(first.sum(axis=0)))
    confidence = graph.add("MatMul", sums, graph.constant(first - second))
    size = graph.add("Add", graph.add("Abs", confidence), graph.constant(1.0))
    return graph.add("Add", votes, graph.add("Div", confidence, graph.add("Mul", size, graph.constant(3.0))))


def _support_vector_sums(model: Any, weights: Any, bias: Floats, matrix: Matrix, graph: Graph) -> str:
    """Add the sums of weights (outputs, vectors) times kernel, plus bias: (n, outputs)."""
    vectors, weights = _dense(model.support_vectors_), _dense(weights)
    if model.kernel == "linear":
        return graph.product(matrix, vectors.T @ weights.T, bias)
    parameters = {"gamma": model._gamma, "coef0": model.coef0, "degree": model.degree}
    kernel = _named(model.kernel, parameters, vectors, graph)
    return _weighted(kernel, vectors, weights.T, bias, matrix, graph)


def _weighted(kernel: Kernel, vectors: Any, weights: Floats, bias: Floats, matrix: Matrix, graph: Graph) -> str:
    """Add kernel values times weights (vectors, outputs), plus bias: (n, outputs), in blocks of rows."""
    largest = vectors.shape[0] * vectors.shape[1]

    def block(rows: str) -> str:
        return graph.add("Gemm", kernel(rows), graph.constant(weights), graph.constant(bias))

    return graph.in_blocks(matrix, max(BLOCK // largest, 1), block, outputs=weights.shape[1])


def _pairwise(name: Any, model: Any, vectors: Any, graph: Graph) -> Kernel:
    """Return the kernel of an estimator that calls scikit-learn's `pairwise_kernels`, with its defaults."""
    vectors = _dense(vectors)
    given = {each: getattr(model, each) for each in ("gamma", "coef0", "degree")}
    if isinstance(model, KernelPCA) and hasattr(model, "gamma_"):
        given["gamma"] = model.gamma_
    defaults = {"gamma": 1.0 / vectors.shape[1], "coef0": 1.0, "degree": 3}
    return _named(name, {k: defaults[k] if v is None else v for k, v in given.items()}, vectors, graph)


def _named(name: Any, parameters: Mapping[str, float], vectors: Floats, graph: Graph) -> Kernel:
    """Return one of scikit-learn's kernels by its name."""
    gamma, shift, degree = (graph.constant(float(parameters[each])) for each in ("gamma", "coef0", "degree"))

    def scaled_products(rows: str) -> str:
        return graph.add("Add", graph.add("Mul", _products(rows, vectors, graph), gamma), shift)

    def decay(distances: str) -> str:
        return graph.add("Exp", graph.add("Neg", graph.add("Mul", distances, gamma)))

    known: dict[str, Kernel] = {
        "linear": lambda rows: _products(rows, vectors, graph),
        "poly": lambda rows: graph.add("Pow", scaled_products(rows), degree),
        "polynomial": lambda rows: graph.add("Pow", scaled_products(rows), degree),
        "sigmoid": lambda rows: graph.add("Tanh", scaled_products(rows)),
        "rbf": lambda rows: decay(_squared_distances(rows, vectors, graph)),
        "cosine": lambda rows: _products(unit_rows(rows, "l2", graph), normalize(vectors), graph),
        "laplacian": lambda rows: decay(_absolute_distances(rows, vectors, graph)),
    }
    if not isinstance(name, str) or name not in known:
        raise Refused(f"its kernel is {getattr(name, '__name__', name)}; {', '.join(known)} compile")
    return known[name]


def _process_kernel(kernel: Any, rows: str, *, vectors: Floats, graph: Graph) -> str:
    """Add the values of a Gaussian process's kernel between rows and vectors."""
    again = partial(_process_kernel, rows=rows, vectors=vectors, graph=graph)
    if type(kernel) in (gp.Sum, gp.Product):
        return graph.add("Add" if type(kernel) is gp.Sum else "Mul", again(kernel.k1), again(kernel.k2))
    if type(kernel) is gp.Exponentiation:
        return graph.add("Pow", again(kernel.kernel), graph.constant(float(kernel.exponent)))
    if type(kernel) is gp.ConstantKernel:
        return graph.constant([[float(kernel.constant_value)]])
    if type(kernel) is gp.WhiteKernel:  # noise belongs to the training rows alone
        return graph.constant([[0.0]])
    if type(kernel) is gp.DotProduct:
        return graph.add("Add", _products(rows, vectors, graph), graph.constant(float(kernel.sigma_0) ** 2))
    stationary = STATIONARY.get(type(kernel))
    if stationary is None:
        raise Refused(f"its kernel contains {type(kernel).__name__}")
    return stationary(kernel, rows, vectors, graph)


def _radial(kernel: Any, rows: str, vectors: Floats, graph: Graph) -> str:
    squares = _scaled_squares(kernel, rows, vectors, graph)
    return graph.add("Exp", graph.add("Mul", squares, graph.constant(-0.5)))


def _matern(kernel: Any, rows: str, vectors: Floats, graph: Graph) -> str:
    """Add a Matern kernel, for the smoothness that has a closed form (Rasmussen and Williams, equation 4.17)."""
    if kernel.nu == np.inf:
        return _radial(kernel, rows, vectors, graph)
    if kernel.nu not in (0.5, 1.5, 2.5):
        raise Refused(f"its Matern kernel has nu={kernel.nu:g}, and only 0.5, 1.5, 2.5 and infinity have a closed form")
    distance = graph.add("Sqrt", _scaled_squares(kernel, rows, vectors, graph))
    distance = graph.add("Mul", distance, graph.constant(np.sqrt(2 * kernel.nu)))
    decay = graph.add("Exp", graph.add("Neg", distance))
    if kernel.nu == 0.5:
        return decay
    polynomial = graph.add("Add", distance, graph.constant(1.0))
    if kernel.nu == 2.5:
        square = graph.add("Mul", distance, distance)
        polynomial = graph.add("Add", polynomial, graph.add("Div", square, graph.constant(3.0)))
    return graph.add("Mul", polynomial, decay)


def _rational_quadratic(kernel: Any, rows: str, vectors: Floats, graph: Graph) -> str:
    squares = _squared_distances(rows, vectors, graph)
    base = graph.add("Div", squares, graph.constant(2.0 * kernel.alpha * kernel.length_scale**2))
    return graph.add("Pow", graph.add("Add", base, graph.constant(1.0)), graph.constant(-float(kernel.alpha)))


def _periodic(kernel: Any, rows: str, vectors: Floats, graph: Graph) -> str:
    distance = graph.add("Sqrt", _squared_distances(rows, vectors, graph))
    angle = graph.add("Mul", distance, graph.constant(np.pi / kernel.periodicity))
    ratio = graph.add("Div", graph.add("Sin", angle), graph.constant(float(kernel.length_scale)))
    return graph.add("Exp", graph.add("Mul", graph.add("Mul", ratio, ratio), graph.constant(-2.0)))


STATIONARY = {
    gp.RBF: _radial,
    gp.Matern: _matern,
    gp.RationalQuadratic: _rational_quadratic,
    gp.ExpSineSquared: _periodic,
}


def _scaled_squares(kernel: Any, rows: str, vectors: Floats, graph: Graph) -> str:
    scale = np.asarray(kernel.length_scale, dtype=np.float64)
    return _squared_distances(graph.add("Div", rows, graph.constant(scale)), vectors / scale, graph)


def _products(rows: str, vectors: Floats, graph: Graph) -> str:
    return graph.add("MatMul", rows, graph.constant(vectors.T))


def _squared_distances(rows: str, vectors: Floats, graph: Graph) -> str:
    return graph.add("ReduceSumSquare", _differences(rows, vectors, graph), graph.constant([2], np.int64), keepdims=0)


def _absolute_distances(rows: str, vectors: Floats, graph: Graph) -> str:
    return graph.add("ReduceL1", _differences(rows, vectors, graph), graph.constant([2], np.int64), keepdims=0)


def _differences(rows: str, vectors: Floats, graph: Graph) -> str:
    """Add the differences of all rows and vectors: (rows, vectors, columns)."""
    return graph.add("Sub", graph.add("Unsqueeze", rows, graph.constant([1], np.int64)), graph.constant(vectors))


def _dense(values: Any) -> Floats:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


TRANSFORMERS = {
    cluster.BisectingKMeans: distances_from_centres,
    cluster.KMeans: distances_from_centres,
    cluster.MiniBatchKMeans: distances_from_centres,
    kernel_approximation.Nystroem: kernel_map,
    KernelPCA: kernel_components,
}
MODELS = {
    GaussianProcessRegressor: gaussian_process_regressor,
    kernel_ridge.KernelRidge: ridge_regressor,
    semi_supervised.LabelPropagation: label_spreading,
    semi_supervised.LabelSpreading: label_spreading,
    svm.NuSVR: support_vector_regressor,
    svm.SVR: support_vector_regressor,
}
DECISIONS = {svm.NuSVC: support_vector_decision, svm.SVC: support_vector_decision}
