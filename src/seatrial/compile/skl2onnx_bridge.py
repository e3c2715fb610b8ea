"""Conversion by skl2onnx, for the estimators that version 1.20 converts correctly in double precision.

They were reviewed, and each is tested with the proof.
"""

from typing import Any

from onnx import GraphProto, NodeProto, TensorProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType

from seatrial.compile.graph import OPSET, Graph, Matrix, Refused

SKL2ONNX_ML_OPSET = 3  # the newest that skl2onnx writes; a graph that uses ai.onnx.ml is refused anyway


def transformer(estimator: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert a transformer."""
    tensor = _convert(estimator, matrix, graph, "variable")
    names = estimator.get_feature_names_out()
    return graph.matrix(tensor, len(names))


def classifier(estimator: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a classifier to probabilities, without the nodes that only compute labels."""
    return _convert(estimator, matrix, graph, "probabilities")


def regressor(estimator: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert a regressor to predictions (n,)."""
    import numpy as np

    return graph.add("Reshape", _convert(estimator, matrix, graph, "variable"), graph.constant([-1], np.int64))


def _convert(estimator: Any, matrix: Matrix, graph: Graph, result: str) -> str:
    tensor = graph.numbers(matrix)
    options = {"zipmap": False} if hasattr(estimator, "classes_") else None
    try:
        model = to_onnx(
            estimator,
            initial_types=[("X", DoubleTensorType([None, matrix.width]))],
            target_opset={"": OPSET, "ai.onnx.ml": SKL2ONNX_ML_OPSET},
            options=options,
        )
    except Exception as error:  # skl2onnx raises whatever its converters raise
        raise Refused(f"skl2onnx cannot convert it: {str(error).splitlines()[0]}") from None
    nodes = _needed(model.graph, result)
    for node in nodes:
        if node.domain:
            raise Refused(f"skl2onnx uses {node.op_type}, which uses float32")
        if any(a.name == "to" and a.i == TensorProto.FLOAT for a in node.attribute):
            raise Refused("skl2onnx computes it in float32")
    used = {name for node in nodes for name in node.input}
    constants = [c for c in model.graph.initializer if c.name in used]
    if any(c.data_type == TensorProto.FLOAT for c in constants):
        raise Refused("skl2onnx stores its constants in float32")
    return graph.adopt(nodes, constants, tensor, result)


def _needed(graph: GraphProto, result: str) -> list[NodeProto]:
    """Keep the nodes that the result depends on, in their order."""
    wanted, kept = {result}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]
