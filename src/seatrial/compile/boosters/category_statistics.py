"""CatBoost's categories in the graph: is it this one, and statistics of the categories that training saw.

A statistic ("CTR") belongs to a combination: one or more categorical columns, and perhaps answers to some of the trees'
questions. CatBoost saves what it counted for each 64-bit hash of a combination, and computes from that a number in
float32, which trees compare with borders (Prokhorenkova et al., CatBoost: unbiased boosting with categorical features,
2018). The hashes are found again in the training rows.

The graph gives each category a code, and each combination of codes and answers a whole number, its key: one product of
matrices makes the keys of all statistics, and one LabelEncoder looks them up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import numpy_helper

from seatrial.compile.boosters.cat_columns import CatColumn
from seatrial.compile.encoders import STRIDE
from seatrial.compile.graph import DOUBLE, ML, Graph, Matrix, Refused, join
from seatrial.model.features import Floats


@dataclass(frozen=True)
class Above:
    """Whether the number in a column of the rows is above a border; NaN is if `missing` says so."""

    position: int
    border: float
    missing: bool


@dataclass(frozen=True)
class Is:
    """Whether a categorical column, by its place among them, has a code."""

    column: int
    code: int


@dataclass(frozen=True)
class Statistics:
    """What a key of each statistic is (its codes and answers times `weights`, plus `starts`), and what each key gives.

    Another key gives NaN: the trees send it where the statistic's default goes.
    """

    weights: Floats  # (codes and answers, statistics)
    starts: Floats
    keys: Floats
    values: Floats


@dataclass(frozen=True)
class Categories:
    """What a model asks about categories, and the borders of each column that `add` gives, in CatBoost's order."""

    columns: tuple[CatColumn, ...]
    above: tuple[Above, ...]
    equal: tuple[Is, ...]
    statistics: Statistics | None
    borders: tuple[Floats, ...]
    missing: Floats  # what NaN stands for in each of these columns

    def add(self, matrix: Matrix, graph: Graph) -> Matrix:
        """Add the columns that trees compare with these borders: answers (0 or 1), then statistics."""
        if not self.borders:
            return Matrix(())
        codes = self._codes(matrix, graph)
        equal = self._equal(codes, graph)
        if self.statistics is None:
            return equal
        return join([equal, self._statistics(join([codes, self._above(matrix, graph), equal]), graph)])

    def _codes(self, matrix: Matrix, graph: Graph) -> Matrix:
        strings = matrix.take(column.position for column in self.columns)
        if not all(cell.text for cell in strings.cells):
            raise Refused("one of its cat_features is a column of numbers in the graph; pass a column of strings")
        shifts = np.arange(len(self.columns)) * STRIDE
        shifted = graph.add("Add", graph.gather(strings), graph.constant(shifts))
        keys, codes = [], []
        for shift, column in zip(shifts.tolist(), self.columns, strict=True):
            keys += [graph.id_of(text) + shift for text in column.strings]
            codes += list(column.strings.values())
        return graph.matrix(_encode(shifted, keys, codes, graph), len(self.columns))

    def _above(self, matrix: Matrix, graph: Graph) -> Matrix:
        if not self.above:
            return Matrix(())
        numbers = graph.gather(matrix.take(each.position for each in self.above))
        missing = np.array([each.missing for each in self.above])
        if missing.any():
            above = graph.add("And", graph.add("IsNaN", numbers), graph.constant(missing, np.bool_))
            numbers = graph.add("Where", above, graph.constant(np.inf), numbers)
        answers = graph.add("Greater", numbers, graph.constant([each.border for each in self.above]))
        return graph.matrix(graph.add("Cast", answers, to=DOUBLE), len(self.above))

    def _equal(self, codes: Matrix, graph: Graph) -> Matrix:
        if not self.equal:
            return Matrix(())
        asked = graph.gather(codes.take(each.column for each in self.equal))
        answers = graph.add("Equal", asked, graph.constant([float(each.code) for each in self.equal]))
        return graph.matrix(graph.add("Cast", answers, to=DOUBLE), len(self.equal))

    def _statistics(self, facts: Matrix, graph: Graph) -> Matrix:
        assert self.statistics is not None
        weights, starts = graph.constant(self.statistics.weights), graph.constant(self.statistics.starts)
        keys = graph.add("Gemm", graph.gather(facts), weights, starts)
        found = _encode(keys, self.statistics.keys, self.statistics.values, graph, default=np.nan)
        return graph.matrix(found, len(self.statistics.starts))


def _encode(tensor: str, keys: Any, values: Any, graph: Graph, *, default: float = 0.0) -> str:
    dictionary = {"keys_tensor": keys, "values_tensor": values, "default_tensor": [default]}
    tensors = {name: numpy_helper.from_array(np.array(each, np.float64), name) for name, each in dictionary.items()}
    return graph.add("LabelEncoder", tensor, domain=ML, **tensors)
