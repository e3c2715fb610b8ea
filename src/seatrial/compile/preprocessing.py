"""Imputers, scalers, and selectors of columns; each computes exactly what scikit-learn computes.

Every bit matters: a value that is slightly off could fall on the other side of a tree's threshold.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from seatrial.compile.graph import DOUBLE, Cell, Graph, Matrix, Refused, join


def simple_imputer(imputer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Replace missing values by the fitted statistic; columns without a value at fit are dropped, as there."""
    statistics = imputer.statistics_
    kept: Sequence[int] = range(matrix.width)
    if not imputer.keep_empty_features:
        kept = [i for i in kept if not (isinstance(statistics[i], float) and np.isnan(statistics[i]))]
    cells: dict[int, Cell] = {}
    for positions, part in _by_kind(matrix, kept):
        text = part.cells[0].text
        mask = _missing(part, imputer.missing_values, graph)
        filled = part
        if mask is not None:
            values = [_fill(statistics[i], graph, text=text) for i in positions]
            tensor = graph.add("Where", mask, graph.constant(values), graph.gather(part))
            filled = graph.matrix(tensor, part.width, text=text)
        cells |= dict(zip(positions, filled.cells, strict=True))
    imputed = Matrix(tuple(cells[i] for i in kept))
    return join([imputed, missing_indicator(imputer.indicator_, matrix, graph)]) if imputer.add_indicator else imputed


def missing_indicator(indicator: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Add a column of 0 and 1 for each column that had missing values at fit (or for all columns, as configured)."""
    features = indicator.features_.tolist()
    flags: dict[int, Cell] = {}
    for positions, part in _by_kind(matrix, range(matrix.width)):
        if not set(positions) & set(features):
            continue
        mask = _missing(part, indicator.missing_values, graph)
        if mask is None:  # nothing can be missing: a zero for each row
            tensor = graph.add("Mul", graph.gather(part), graph.constant(0.0))
        else:
            tensor = graph.add("Cast", mask, to=DOUBLE)
        flags |= dict(zip(positions, graph.matrix(tensor, part.width).cells, strict=True))
    return Matrix(tuple(flags[i] for i in features))


def _by_kind(matrix: Matrix, positions: Iterable[int]) -> Iterator[tuple[list[int], Matrix]]:
    """Split columns into those of numbers and those of strings, which are in different tensors."""
    for text in (False, True):
        chosen = [i for i in positions if matrix.cells[i].text is text]
        if chosen:
            yield chosen, matrix.take(chosen)


def _fill(value: Any, graph: Graph, *, text: bool) -> float:
    if isinstance(value, str) is not text:
        raise Refused(f"it fills a column of {'strings' if text else 'numbers'} with {value!r}")
    return graph.id_of(value)


def _missing(part: Matrix, missing: Any, graph: Graph) -> str | None:
    """Mark the missing cells of columns of one kind; None where no cell can be missing."""
    text = part.cells[0].text
    if isinstance(missing, str):
        return graph.add("Equal", graph.gather(part), graph.constant(graph.id_of(missing))) if text else None
    if text:
        return None  # neither None nor NaN reaches a column of strings
    if missing is None or np.isnan(missing):
        return graph.add("IsNaN", graph.gather(part))
    return graph.add("Equal", graph.gather(part), graph.constant(float(missing)))


def standard_scaler(scaler: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Subtract the mean and divide by the standard deviation, each if configured."""
    mean = scaler.mean_ if scaler.with_mean else None
    return _affine(matrix, graph, ("Sub", mean), ("Div", scaler.scale_))


def robust_scaler(scaler: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Subtract the median and divide by the quantile range, each if configured."""
    center = scaler.center_ if scaler.with_centering else None
    return _affine(matrix, graph, ("Sub", center), ("Div", scaler.scale_ if scaler.with_scaling else None))


def min_max_scaler(scaler: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Multiply and add, and clip if configured."""
    scaled = _affine(matrix, graph, ("Mul", scaler.scale_), ("Add", scaler.min_))
    if not scaler.clip:
        return scaled
    low, high = (graph.constant(float(end)) for end in scaler.feature_range)
    return graph.matrix(graph.add("Clip", graph.gather(scaled), low, high), matrix.width)


def max_abs_scaler(scaler: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Divide by the largest absolute value."""
    return _affine(matrix, graph, ("Div", scaler.scale_))


def binarizer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """1 above the threshold, else 0."""
    return above(matrix, transformer.threshold, graph)


def above(matrix: Matrix, threshold: float, graph: Graph) -> Matrix:
    """Add 1 for each value above the threshold, else 0."""
    greater = graph.add("Greater", graph.numbers(matrix), graph.constant(float(threshold)))
    return graph.matrix(graph.add("Cast", greater, to=DOUBLE), matrix.width)


def selector(chosen: Any, matrix: Matrix, graph: Graph) -> Matrix:  # noqa: ARG001 - choosing needs no node
    """Keep the columns that a feature selector kept."""
    return matrix.take(np.flatnonzero(chosen.get_support()))


def normalizer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Divide each row by its length, or by the sum or the largest of its absolute values."""
    return graph.matrix(unit_rows(graph.numbers(matrix), transformer.norm, graph), matrix.width)


def unit_rows(rows: str, norm: str, graph: Graph) -> str:
    """Divide each row by its size in a norm (l1, l2, max); rows of nearly 0 stay, as in scikit-learn."""
    operator = {"l1": "ReduceSum", "l2": "ReduceL2", "max": "ReduceMax"}[norm]
    size = graph.add(operator, graph.add("Abs", rows), graph.constant([1], np.int64), keepdims=1)
    tiny = graph.add("Less", size, graph.constant(10 * np.finfo(np.float64).eps))
    return graph.add("Div", rows, graph.add("Where", tiny, graph.constant(1.0), size))


def _affine(matrix: Matrix, graph: Graph, *steps: tuple[str, Any]) -> Matrix:
    tensor = graph.numbers(matrix)
    for operator, values in steps:
        if values is not None:
            tensor = graph.add(operator, tensor, graph.constant(np.asarray(values, dtype=np.float64)))
    return graph.matrix(tensor, matrix.width)
