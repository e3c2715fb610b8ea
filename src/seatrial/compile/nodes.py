"""The nodes and constants of a graph under construction; equal ones are added once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"
DOUBLE = int(TensorProto.DOUBLE)


class Nodes:
    """What a graph consists of: named results, each of a node or a constant."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self._constants: dict[tuple[Any, ...], onnx.TensorProto] = {}

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        """Add a constant tensor."""
        array: npt.NDArray[Any] = np.ascontiguousarray(values, dtype=dtype).reshape(np.shape(values))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, f"c{len(self._constants)}")
        return str(self._constants[key].name)

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        return self.add_several(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def add_several(
        self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs, and return their names."""
        node = helper.make_node(operator, inputs, ["?"] * outputs, domain=domain, **attributes)
        key = (node.SerializeToString(deterministic=True),)
        if key not in self._made:
            name = f"t{len(self._made)}"
            node.output[:] = self._made[key] = (name, *(f"{name}_{i}" for i in range(1, outputs)))
            self._nodes.append(node)
        return self._made[key]

    def integers(self, *values: int) -> str:
        """Add a constant tensor of whole numbers, such as a shape or axes."""
        return self.constant(values, np.int64)

    def subgraph(self, body: Callable[[str], str], width: int, outputs: int) -> onnx.GraphProto:
        """Collect the nodes that `body` adds; constants and earlier results are read from the graph around them."""
        around, known = self._nodes, self._made
        self._nodes, self._made = [], dict(known)
        source = f"block{len(known)}"
        result = body(source)
        given = helper.make_tensor_value_info(source, DOUBLE, [None, width])
        made = helper.make_tensor_value_info(result, DOUBLE, [None, outputs])
        subgraph = helper.make_graph(self._nodes, "block", [given], [made])
        inside = {("in a block", *key): name for key, name in self._made.items() if key not in known}
        self._nodes, self._made = around, known | inside  # their names stay taken, and are not read from outside
        return subgraph
