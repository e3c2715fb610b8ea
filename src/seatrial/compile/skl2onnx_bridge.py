"""The estimators that skl2onnx 1.20 converts correctly in double: reviewed, each tested through the proof."""

from typing import Any

from onnx import GraphProto, NodeProto, TensorProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType

from seatrial.compile.graph import OPSET, Graph, Matrix, Refused

ONLY_OPSET = 3  # of ai.onnx.ml, the newest that skl2onnx writes; none of its nodes is kept anyway


def borrowed_transformer(transformer: Any, given: Matrix, graph: Graph) -> Matrix:
    """Transform with skl2onnx's nodes."""
    tensor = _borrow(transformer, given, graph, "variable")
    names = transformer.get_feature_names_out()
    return graph.matrix(tensor, len(names))


def borrowed_classifier(model: Any, given: Matrix, graph: Graph) -> str:
    """Probabilities with skl2onnx's nodes, without those that only make a label."""
    return _borrow(model, given, graph, "probabilities")


def borrowed_regressor(model: Any, given: Matrix, graph: Graph) -> str:
    """Predictions (n,) with skl2onnx's nodes, whatever their rank."""
    import numpy as np

    return graph.add("Reshape", _borrow(model, given, graph, "variable"), graph.constant([-1], np.int64))


def _borrow(estimator: Any, given: Matrix, graph: Graph, result: str) -> str:
    tensor = graph.numbers(given)
    options = {"zipmap": False} if hasattr(estimator, "classes_") else None
    try:
        made = to_onnx(
            estimator,
            initial_types=[("X", DoubleTensorType([None, given.width]))],
            target_opset={"": OPSET, "ai.onnx.ml": ONLY_OPSET},
            options=options,
        )
    except Exception as error:  # skl2onnx raises whatever its converters raise
        raise Refused(f"skl2onnx cannot convert it: {str(error).splitlines()[0]}") from None
    nodes = _needed(made.graph, result)
    for node in nodes:
        if node.domain:
            raise Refused(f"skl2onnx uses {node.op_type}, which holds float32")
        if any(a.name == "to" and a.i == TensorProto.FLOAT for a in node.attribute):
            raise Refused("skl2onnx calculates it in float32")
    used = {name for node in nodes for name in node.input}
    constants = [c for c in made.graph.initializer if c.name in used]
    if any(c.data_type == TensorProto.FLOAT for c in constants):
        raise Refused("skl2onnx holds its constants in float32")
    return graph.adopt(nodes, constants, tensor, result)


def _needed(graph: GraphProto, result: str) -> list[NodeProto]:
    """Keep the nodes that the result depends on, in their order."""
    wanted, kept = {result}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]
