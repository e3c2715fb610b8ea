"""The graph while it is built: nodes, constants, and matrices that are only put together where an operator needs it.

Every column is a number from the start: one LabelEncoder at the door gives each string that any step knows an id, and
0 to all others. No step can tell unknown strings apart, so nothing is lost, and one operator serves both kinds.
"""

from collections.abc import Iterable, Sequence
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
DOUBLE = int(TensorProto.DOUBLE)


class Refused(Exception):  # noqa: N818 - it is caught by the walker, which knows the step's name
    """What a converter raises: the reason why this estimator cannot be exact."""


@dataclass(frozen=True)
class Cell:
    """One column: where it lies, and whether it holds ids of strings."""

    tensor: str
    position: int
    text: bool = False


@dataclass(frozen=True)
class Matrix:
    """Columns in order, wherever they lie; choosing and reordering them costs nothing until it is needed."""

    cells: tuple[Cell, ...]
    names: tuple[str, ...] = ()  # only the pipeline's own input has names

    def take(self, positions: Iterable[int]) -> "Matrix":
        """Choose columns by position."""
        return Matrix(tuple(self.cells[int(position)] for position in positions))

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.cells)


def join(matrices: Iterable[Matrix]) -> Matrix:
    """Put matrices side by side."""
    return Matrix(tuple(cell for matrix in matrices for cell in matrix.cells))


class Graph:
    """A graph under construction; equal nodes and equal constants are made once."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[tuple[Any, ...], str] = {}
        self._constants: dict[tuple[Any, ...], onnx.TensorProto] = {}
        self._widths: dict[str, int] = {"numbers": len(inputs.numbers), "ids": len(inputs.strings)}
        self._ids: dict[str, int] = {}
        self._count = 0

    @property
    def root(self) -> Matrix:
        """The pipeline's input."""
        numbers = [Cell("numbers", i) for i in range(len(self._inputs.numbers))]
        strings = [Cell("ids", i, text=True) for i in range(len(self._inputs.strings))]
        return Matrix((*numbers, *strings), self._inputs.names)

    def id_of(self, value: Any) -> float:
        """Give what stands for a value of a column in the graph: a number for itself, an id for a string."""
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
        """Add a node with one output, and give the output's name."""
        made = helper.make_node(operator, inputs, ["?"], domain=domain, **attributes)
        key = (made.SerializeToString(deterministic=True),)
        if key not in self._made:
            made.output[0] = self._made[key] = f"t{len(self._made)}"
            self._nodes.append(made)
        return self._made[key]

    def adopt(
        self, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto], given: str, result: str
    ) -> str:
        """Take over the nodes of a foreign graph that reads `X`, and give the name of its `result` here."""
        self._count += 1
        names = {"X": given, "": ""}
        for constant in constants:
            copy = onnx.TensorProto()
            copy.CopyFrom(constant)
            copy.name = names[constant.name] = f"f{self._count}_{constant.name}"
            self._constants[(copy.name,)] = copy
        for node in nodes:
            foreign = onnx.NodeProto()
            foreign.CopyFrom(node)
            names.update({name: f"f{self._count}_{name}" for name in node.output if name})
            foreign.name = ""
            foreign.input[:] = [names[name] for name in node.input]
            foreign.output[:] = [names[name] for name in node.output]
            self._nodes.append(foreign)
        return names[result]

    def matrix(self, tensor: str, width: int, *, text: bool = False) -> Matrix:
        """Make a new matrix from a tensor of that many columns, numbers or ids of strings."""
        self._widths[tensor] = width
        return Matrix(tuple(Cell(tensor, position, text) for position in range(width)))

    def packed(self, matrix: Matrix) -> tuple[str, list[int], int]:
        """Give one tensor that holds all columns, their positions in it, and its width; it may hold others too."""
        tensors = list(dict.fromkeys(cell.tensor for cell in matrix.cells))
        if not tensors:
            raise Refused("it is given no columns")
        widths = [self._widths[tensor] for tensor in tensors]
        starts = dict(zip(tensors, np.cumsum([0, *widths[:-1]]).tolist(), strict=True))
        whole = tensors[0] if len(tensors) == 1 else self.add("Concat", *tensors, axis=1)
        self._widths[whole] = sum(widths)
        return whole, [starts[cell.tensor] + cell.position for cell in matrix.cells], sum(widths)

    def gather(self, matrix: Matrix) -> str:
        """Give one tensor that holds exactly these columns, in their order."""
        whole, positions, width = self.packed(matrix)
        if positions == list(range(width)):
            return whole
        gathered = self.add("Gather", whole, self.constant(positions, np.int64), axis=1)
        self._widths[gathered] = matrix.width
        return gathered

    def numbers(self, matrix: Matrix) -> str:
        """Give one tensor with exactly these columns, none of which may be strings."""
        refuse_text(matrix)
        return self.gather(matrix)

    def finish(self, scores: str, rank: int) -> onnx.ModelProto:
        """Close the graph: the door for strings in front, the result named `scores`."""
        opened: list[onnx.NodeProto] = []
        given: list[onnx.ValueInfoProto] = []
        if self._inputs.numbers:
            given.append(helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, ["N", len(self._inputs.numbers)]))
        if self._inputs.strings:
            given.append(helper.make_tensor_value_info("strings", TensorProto.STRING, ["N", len(self._inputs.strings)]))
            opened.append(self._door())
        for node in self._nodes:
            node.output[:] = ["scores" if name == scores else name for name in node.output]
            node.input[:] = ["scores" if name == scores else name for name in node.input]
        result = helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["N"] if rank == 1 else ["N", None])
        body = helper.make_graph([*opened, *self._nodes], "pipeline", given, [result], list(self._constants.values()))
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        return helper.make_model(body, opset_imports=sets, ir_version=IR_VERSION, producer_name="seatrial")

    def _door(self) -> onnx.NodeProto:
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
    """Raise Refused where a step that calculates is given strings."""
    if any(cell.text for cell in matrix.cells):
        raise Refused("it is given strings, and needs numbers")
