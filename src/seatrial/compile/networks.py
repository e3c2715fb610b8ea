"""Neural networks: one Gemm and one activation for each layer."""

from typing import Any

from sklearn import neural_network

from seatrial.compile.graph import Graph, Matrix, Refused
from seatrial.compile.linear import column

ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "exp": "Exp", "softmax": "Softmax"}


def network_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to probabilities (n, n_classes)."""
    outputs = _outputs(model, matrix, graph)
    if model.n_outputs_ == 1:
        return graph.add("Gemm", outputs, graph.constant([[-1.0, 1.0]]), graph.constant([1.0, 0.0]))  # 1 - p, p
    if model.out_activation_ != "softmax":
        raise Refused("it predicts several labels")
    return outputs


def network_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to predictions (n,)."""
    if model.n_outputs_ != 1:
        raise Refused("it predicts several targets")
    return column(_outputs(model, matrix, graph), graph)


def _outputs(model: Any, matrix: Matrix, graph: Graph) -> str:
    tensor = ""
    activations = [*[model.activation] * (len(model.coefs_) - 1), model.out_activation_]
    for weights, bias, activation in zip(model.coefs_, model.intercepts_, activations, strict=True):
        if tensor:
            tensor = graph.add("Gemm", tensor, graph.constant(weights), graph.constant(bias))
        else:
            tensor = graph.product(matrix, weights, bias)
        if activation != "identity":
            tensor = graph.add(ACTIVATIONS[activation], tensor)
    return tensor


MODELS = {
    neural_network.MLPClassifier: network_classifier,
    neural_network.MLPRegressor: network_regressor,
}
