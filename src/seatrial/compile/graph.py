"""Builds the graph: nodes, constants, and matrices that are concatenated only where an operator needs it.

Every column is numeric from the start: one LabelEncoder at the input gives each string that any step knows an id, and
0 to all others. No step distinguishes unknown strings, so nothing is lost, and one operator serves both kinds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from seatrial.compile import nodes
from seatrial.model.features import Floats
from seatrial.model.inputs import Inputs
from seatrial.model.word_counts import METADATA_KEY, WordColumn, words_metadata

OPSET = 21
ML_OPSET = 5  # the first with TreeEnsemble, which takes thresholds and leaves in double
IR_VERSION = 10
ML, DOUBLE, FLOAT = nodes.ML, nodes.DOUBLE, int(TensorProto.FLOAT)
PICKED = 8  # of so many columns, a product with 0 and 1 gives each some times in less time than Gather
FEW = 4  # of so many words, if only one has a weight, the others are left out
DENSE_LIMIT = 2**14  # columns of words that a model may read as a whole row, 128 KiB for each


class Refused(Exception):  # noqa: N818 - caught by the converter, which knows the step's name
    """Raised by a converter: the reason why this estimator cannot be converted exactly."""


class Cell(NamedTuple):
    """One column: its position in a tensor, and whether it contains ids of strings.

    A tuple, since hashed words have a million columns.
    """

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


@dataclass(frozen=True)
class Bag:
    """Columns that are mostly 0, by the numbers of the others: `words` int64 and `values` double, both (n, any)."""

    words: str
    values: str
    width: int


def join(matrices: Iterable[Matrix]) -> Matrix:
    """Put matrices side by side; if one of them is sparse, the result is."""
    parts = list(matrices)
    return Matrix(tuple(cell for part in parts for cell in part.cells), sparse=any(part.sparse for part in parts))


class Graph(nodes.Nodes):
    """A graph under construction; equal nodes and equal constants are added once."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self._inputs = inputs
        self._widths: dict[str, int] = {"numbers": len(inputs.numbers), "ids": len(inputs.strings)}
        self._ids: dict[str, int] = {}
        self._bags: dict[str, Bag] = {}
        self._texts: list[WordColumn] = []
        self._dense = 0  # columns of words that became ordinary ones

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

    def matrix(self, tensor: str, width: int, *, text: bool = False) -> Matrix:
        """Return a matrix of a tensor with `width` columns, numbers or ids of strings."""
        self._widths[tensor] = width
        return Matrix(tuple(Cell(tensor, position, text) for position in range(width)))

    def words_of(self, text: WordColumn) -> Bag:
        """Return the counts of the words in a column of texts, which Python counts before the graph runs."""
        if text not in self._texts:
            self._texts.append(text)
        number = self._texts.index(text)
        return Bag(f"words{number}", f"counts{number}", text.width)

    def bag(self, bag: Bag) -> Matrix:
        """Return the columns of a bag."""
        name = f"{bag.words} {bag.values}"
        self._bags[name] = bag
        return replace(self.matrix(name, bag.width), sparse=True)

    def bag_of(self, matrix: Matrix) -> Bag | None:
        """Return the bag whose columns these are, all of them in its order; else None."""
        name = matrix.cells[0].tensor if matrix.cells else ""
        bag = self._bags.get(name)
        whole = bag is not None and [(name, i, False) for i in range(bag.width)] == list(matrix.cells)
        return bag if whole else None

    def product(self, matrix: Matrix, weights: Any, bias: Any = None) -> str:
        """Return matrix @ weights (columns, outputs) + bias: (n, outputs). A bag stays as it is."""
        weights = np.asarray(weights, dtype=np.float64)
        tensors = np.array([cell.tensor if cell.tensor in self._bags else "" for cell in matrix.cells])
        sums = []
        for name in dict.fromkeys(tensors.tolist()):
            chosen = np.flatnonzero(tensors == name)
            part = matrix.take(chosen)
            sums.append(self._bag_product(part, weights[chosen]) if name else self._gemm(part, weights[chosen], bias))
        if bias is not None and "" not in tensors:
            sums.append(self.constant(bias))
        return sums[0] if len(sums) == 1 else self.add("Sum", *sums)

    def _gemm(self, matrix: Matrix, weights: Floats, bias: Any) -> str:
        constants = [self.constant(each) for each in (weights, bias) if each is not None]
        return self.add("Gemm", self.numbers(matrix), *constants)

    def _bag_product(self, matrix: Matrix, weights: Floats) -> str:
        bag = self._bags[matrix.cells[0].tensor]
        rows = np.zeros((bag.width, weights.shape[1]))
        np.add.at(rows, [cell.position for cell in matrix.cells], weights)
        words = bag.words
        used = np.flatnonzero(rows.any(axis=1))
        if len(used) < len(rows) // FEW:
            rows = np.vstack([np.zeros(rows.shape[1]), rows[used]])
            words = self._renumbered(words, used)
        each = self.add("Gather", self.constant(rows), words)  # (n, words of a text, outputs)
        weighted = self.add("Mul", each, self.add("Unsqueeze", bag.values, self.integers(2)))
        return self.add("ReduceSum", weighted, self.integers(1), keepdims=0)

    def _renumbered(self, words: str, used: Any) -> str:
        """Number the used ones of many words from 1, and all others 0."""
        dictionary = {"keys_tensor": used, "values_tensor": np.arange(1, len(used) + 1), "default_tensor": [0]}
        tensors = {name: numpy_helper.from_array(np.array(each, np.int64), name) for name, each in dictionary.items()}
        return self.add("LabelEncoder", words, domain=ML, **tensors)

    def _without_bags(self, matrix: Matrix) -> Matrix:
        """Replace a bag's columns by ordinary ones, of those that are used."""
        used: dict[str, dict[int, int]] = {}
        for cell in matrix.cells:
            if cell.tensor in self._bags:
                places = used.setdefault(cell.tensor, {})
                places.setdefault(cell.position, len(places))
        if not used:
            return matrix
        dense = {name: self._spread(self._bags[name], list(places)) for name, places in used.items()}
        cells = (
            dense[cell.tensor].cells[used[cell.tensor][cell.position]] if cell.tensor in used else cell
            for cell in matrix.cells
        )
        return replace(matrix, cells=tuple(cells))

    def _spread(self, bag: Bag, columns: list[int]) -> Matrix:
        """Add some columns of a bag as a tensor (n, columns), in which most numbers are 0."""
        if len(columns) > DENSE_LIMIT:
            raise Refused(f"it reads {len(columns):,} words as columns, and at most {DENSE_LIMIT:,} compile")
        places, kept = np.zeros(bag.width, dtype=np.int64), np.zeros(bag.width)
        places[columns], kept[columns] = np.arange(len(columns)), 1.0
        values = self.add("Mul", bag.values, self.add("Gather", self.constant(kept), bag.words))
        rows = self.add("Shape", bag.words, start=0, end=1)
        shape = self.add("Concat", rows, self.integers(len(columns)), axis=0)
        empty = self.add("Expand", self.constant(0.0), shape)
        where = self.add("Gather", self.constant(places, np.int64), bag.words)
        spread = self.add("ScatterElements", empty, where, values, axis=1, reduction="add")
        if spread not in self._widths:
            self._dense += len(columns)
        return self.matrix(spread, len(columns))

    def packed(self, matrix: Matrix) -> tuple[str, list[int], int]:
        """Return one tensor that contains all columns, their positions in it, and its width; it may contain others."""
        matrix = self._without_bags(matrix)
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

    def repeated(self, matrix: Matrix) -> str:
        """Return what `gather` does, faster where columns of ids come several times each, as for an encoder's output.

        Ids are whole and finite, so a product with 0 and 1 is exact; a NaN would spoil the other columns.
        """
        runs = [list(cells) for _, cells in groupby(matrix.cells, lambda cell: cell.text and cell.tensor)]
        parts = [self._picked(run) if self._picks(run) else self.gather(Matrix(tuple(run))) for run in runs]
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

    def _picks(self, cells: list[Cell]) -> bool:
        width = self._widths.get(cells[0].tensor, 0)
        return cells[0].text and width <= PICKED and len(cells) > width

    def _picked(self, cells: list[Cell]) -> str:
        places = np.zeros((self._widths[cells[0].tensor], len(cells)))
        places[[cell.position for cell in cells], np.arange(len(cells))] = 1.0
        return self.add("MatMul", cells[0].tensor, self.constant(places))

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
        zero, one = self.integers(0), self.integers(1)
        least = self.add("Max", rows, one)  # Scan needs a block even for no rows
        block = self.add("Min", least, self.integers(size))
        count = self.add("Add", self.add("Div", self.add("Sub", least, one), block), one)
        spare = self.add("Sub", self.add("Mul", count, block), rows)
        padded = self.add("Pad", whole, self.add("Concat", zero, zero, spare, zero, axis=0), self.constant(0.0))
        shape = self.add("Concat", count, block, self.integers(matrix.width), axis=0)
        blocks = self.add("Reshape", padded, shape)
        computed = self.add("Scan", blocks, body=self.subgraph(body, matrix.width, outputs), num_scan_inputs=1)
        together = self.add("Reshape", computed, self.integers(-1, outputs))
        return self.add("Slice", together, zero, rows, zero)

    def finish(self, scores: str, rank: int) -> onnx.ModelProto:
        """Complete the graph: put the encoder of strings in front, and name the result `scores`."""
        given: list[tuple[str, int, Any]] = [
            ("numbers", TensorProto.DOUBLE, len(self._inputs.numbers)),
            ("strings", TensorProto.STRING, len(self._inputs.strings)),
        ]
        for number in range(len(self._texts)):
            longest = f"words of text {number}"
            given += [(f"words{number}", TensorProto.INT64, longest), (f"counts{number}", TensorProto.DOUBLE, longest)]
        inputs = [helper.make_tensor_value_info(name, kind, ["N", width]) for name, kind, width in given if width]
        encoder = [self._string_encoder()] if self._inputs.strings else []
        for node in self._nodes:
            node.output[:] = ["scores" if name == scores else name for name in node.output]
            node.input[:] = ["scores" if name == scores else name for name in node.input]
        result = helper.make_tensor_value_info("scores", TensorProto.DOUBLE, ["N"] if rank == 1 else ["N", None])
        body = helper.make_graph([*encoder, *self._nodes], "pipeline", inputs, [result], list(self._constants.values()))
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        model = helper.make_model(body, opset_imports=sets, ir_version=IR_VERSION, producer_name="seatrial")
        if self._texts:
            helper.set_model_props(model, {METADATA_KEY: words_metadata(self._texts, self._dense)})
        return model

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
