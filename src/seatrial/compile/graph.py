"""Builds the graph: nodes, constants, and matrices that are concatenated only where an operator needs it.

Every column is numeric from the start: one LabelEncoder at the input gives each string that any step knows an id, and
0 to all others. No step distinguishes unknown strings, so nothing is lost, and one operator serves both kinds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from seatrial.model.inputs import Inputs

OPSET = 21
ML_OPSET = 5  # the first with TreeEnsemble, which takes thresholds and leaves in double
IR_VERSION = 10
ML = "ai.onnx.ml"
DOUBLE, FLOAT = int(TensorProto.DOUBLE), int(TensorProto.FLOAT)


class Refused(Exception):  # noqa: N818 - caught by the converter, which knows the step's name
    """Raised by a converter: the reason why this estimator cannot be converted exactly."""


@dataclass(frozen=True)
class Cell:
    """One column: its position in a tensor, and whether it contains ids of strings."""

    tensor: str
    position: int
    text: bool = False


@dataclass(frozen=True)
class Matrix:
    """Columns in order, from any tensors; selecting and reordering them costs nothing until it is needed.

    `sparse` says that scikit-learn has them as a sparse matrix, of which some models take the zeros for missing.
    """

    cells: tuple[Cell, ...]
    names: tuple[str, ...] = ()  # only the pipeline's own input has names
    sparse: bool = False

    def take(self, positions: Iterable[int]) -> "Matrix":
        """Select columns by position."""
        return Matrix(tuple(self.cells[int(position)] for position in positions), sparse=self.sparse)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.cells)


def join(matrices: Iterable[Matrix]) -> Matrix:
    """Put matrices side by side; if one of them is sparse, the result is."""
    parts = list(matrices)
    return Matrix(tuple(cell for part in parts for cell in part.cells), sparse=any(part.sparse for part in parts))


class Graph:
    """A graph under construction; equal nodes and equal constants are added once."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self._constants: dict[tuple[Any, ...], onnx.TensorProto] = {}
        self._widths: dict[str, int] = {"numbers": len(inputs.numbers), "ids": len(inputs.strings)}
        self._ids: dict[str, int] = {}

    @property
    def root(self) -> Matrix:
        """The pipeline's input."""
        numbers = [Cell("numbers", i) for i in range(len(self._inputs.numbers))]
        strings = [Cell("ids", i, text=True) for i in range(len(self._inputs.strings))]
        return Matrix((*numbers, *strings), self._inputs.names)

    def id_of(self, value: Any) -> float:
        """Return what represents a value in the graph: the number itself, or the id of a string."""
        if isinstance(value, str):
            return float(self._ids.setdefault(value, len(self._ids) + 1))
        return float(value)

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

    def matrix(self, tensor: str, width: int, *, text: bool = False) -> Matrix:
        """Return a matrix of a tensor with `width` columns, numbers or ids of strings."""
        self._widths[tensor] = width
        return Matrix(tuple(Cell(tensor, position, text) for position in range(width)))

    def packed(self, matrix: Matrix) -> tuple[str, list[int], int]:
        """Return one tensor that contains all columns, their positions in it, and its width; it may contain others."""
        tensors = list(dict.fromkeys(cell.tensor for cell in matrix.cells))
        if not tensors:
            raise Refused("it has no input columns")
        widths = [self._widths[tensor] for tensor in tensors]
        starts = dict(zip(tensors, np.cumsum([0, *widths[:-1]]).tolist(), strict=True))
        whole = tensors[0] if len(tensors) == 1 else self.add("Concat", *tensors, axis=1)
        self._widths[whole] = sum(widths)
        return whole, [starts[cell.tensor] + cell.position for cell in matrix.cells], sum(widths)

    def gather(self, matrix: Matrix) -> str:
        """Return one tensor with exactly these columns, in their order."""
        whole, positions, width = self.packed(matrix)
        if positions == list(range(width)):
            return whole
        gathered = self.add("Gather", whole, self.constant(positions, np.int64), axis=1)
        self._widths[gathered] = matrix.width
        return gathered

    def numbers(self, matrix: Matrix) -> str:
        """Return one tensor with exactly these columns, none of which may be strings."""
        refuse_text(matrix)
        return self.gather(matrix)

    def repeat(self, values: Any, matrix: Matrix) -> str:
        """Return a tensor (n, len(values)) that repeats these constants for every row of a matrix."""
        rows = self.add("Shape", self.packed(matrix)[0], start=0, end=1)
        shape = self.add("Concat", rows, self.constant([len(values)], np.int64), axis=0)
        return self.add("Expand", self.constant([values]), shape)

    def in_blocks(self, matrix: Matrix, size: int, body: Callable[[str], str], *, outputs: int) -> str:
        """Compute (n, outputs) by `body` for at most `size` rows at a time, for which memory has to be enough.

        `body` gets the name of a tensor (rows, columns), adds nodes, and returns the name of their result
        (rows, outputs).
        """
        whole = self.numbers(matrix)
        rows = self.add("Shape", whole, start=0, end=1)
        zero, one = self._integers(0), self._integers(1)
        least = self.add("Max", rows, one)  # Scan needs a block even for no rows
        block = self.add("Min", least, self._integers(size))
        count = self.add("Add", self.add("Div", self.add("Sub", least, one), block), one)
        spare = self.add("Sub", self.add("Mul", count, block), rows)
        padded = self.add("Pad", whole, self.add("Concat", zero, zero, spare, zero, axis=0), self.constant(0.0))
        shape = self.add("Concat", count, block, self._integers(matrix.width), axis=0)
        blocks = self.add("Reshape", padded, shape)
        computed = self.add("Scan", blocks, body=self._subgraph(body, matrix.width, outputs), num_scan_inputs=1)
        together = self.add("Reshape", computed, self._integers(-1, outputs))
        return self.add("Slice", together, zero, rows, zero)

    def _subgraph(self, body: Callable[[str], str], width: int, outputs: int) -> onnx.GraphProto:
        """Collect the nodes that `body` adds; constants and earlier results are read from the graph around them."""
        around, known = self._nodes, self._made
        self._nodes, self._made = [], dict(known)
        source = f"block{len(known)}"
        result = body(source)
        given = helper.make_tensor_value_info(source, TensorProto.DOUBLE, [None, width])
        made = helper.make_tensor_value_info(result, TensorProto.DOUBLE, [None, outputs])
        subgraph = helper.make_graph(self._nodes, "block", [given], [made])
        inside = {("in a block", *key): name for key, name in self._made.items() if key not in known}
        self._nodes, self._made = around, known | inside  # their names stay taken, and are not read from outside
        return subgraph

    def _integers(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def finish(self, scores: str, rank: int) -> onnx.ModelProto:
        """Complete the graph: put the encoder of strings in front, and name the result `scores`."""
        numbers = ("numbers", TensorProto.DOUBLE, ["N", len(self._inputs.numbers)])
        strings = ("strings", TensorProto.STRING, ["N", len(self._inputs.strings)])
        inputs = [helper.make_tensor_value_info(*each) for each in (numbers, strings) if each[2][1]]
        encoder = [self._string_encoder()] if self._inputs.strings else []
        for node in self._nodes:
            node.output[:] = ["scores" if name == scores else name for name in node.output]
            node.input[:] = ["scores" if name == scores else name for name in node.input]
        result = helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["N"] if rank == 1 else ["N", None])
        body = helper.make_graph([*encoder, *self._nodes], "pipeline", inputs, [result], list(self._constants.values()))
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        return helper.make_model(body, opset_imports=sets, ir_version=IR_VERSION, producer_name="seatrial")

    def _string_encoder(self) -> onnx.NodeProto:
        known = list(self._ids) or [""]
        return helper.make_node(
            "LabelEncoder",
            ["strings"],
            ["ids"],
            domain=ML,
            keys_tensor=helper.make_tensor("keys", TensorProto.STRING, [len(known)], [k.encode() for k in known]),
            values_tensor=numpy_helper.from_array(np.arange(1.0, len(known) + 1), "values"),
            default_tensor=numpy_helper.from_array(np.zeros(1), "default"),
        )


def refuse_text(matrix: Matrix) -> None:
    """Raise Refused where an arithmetic step gets strings."""
    if any(cell.text for cell in matrix.cells):
        raise Refused("it receives strings but needs numbers")
