"""Imputers, scalers, and what only chooses or names columns; each does the arithmetic that scikit-learn does.

Bit for bit: a value a hair off would land on the other side of a tree's threshold.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from seatrial.compile.graph import DOUBLE, Cell, Graph, Matrix, Refused, join


def simple_imputer(imputer: Any, given: Matrix, graph: Graph) -> Matrix:
    """Put the learnt value where one is missing; columns without any value at fit are dropped, as there."""
    statistics = imputer.statistics_
    kept: Sequence[int] = range(given.width)
    if not imputer.keep_empty_features:
        kept = [i for i in kept if not (isinstance(statistics[i], float) and np.isnan(statistics[i]))]
    cells: dict[int, Cell] = {}
    for positions, part in _by_kind(given, kept):
        text = part.cells[0].text
        mask = _missing(part, imputer.missing_values, graph)
        filled = part
        if mask is not None:
            values = [_fill(statistics[i], graph, text=text) for i in positions]
            tensor = graph.add("Where", mask, graph.constant(values), graph.gather(part))
            filled = graph.matrix(tensor, part.width, text=text)
        cells |= dict(zip(positions, filled.cells, strict=True))
    imputed = Matrix(tuple(cells[i] for i in kept))
    return join([imputed, missing_indicator(imputer.indicator_, given, graph)]) if imputer.add_indicator else imputed


def missing_indicator(indicator: Any, given: Matrix, graph: Graph) -> Matrix:
    """One column of 0 and 1 for each column that had missing values at fit (or for each, if it says so)."""
    features = indicator.features_.tolist()
    flags: dict[int, Cell] = {}
    for positions, part in _by_kind(given, range(given.width)):
        if not set(positions) & set(features):
            continue
        mask = _missing(part, indicator.missing_values, graph)
        if mask is None:  # nothing can be missing: zeros, as many as there are rows
            tensor = graph.add("Mul", graph.gather(part), graph.constant(0.0))
        else:
            tensor = graph.add("Cast", mask, to=DOUBLE)
        flags |= dict(zip(positions, graph.matrix(tensor, part.width).cells, strict=True))
    return Matrix(tuple(flags[i] for i in features))


def _by_kind(given: Matrix, positions: Iterable[int]) -> Iterator[tuple[list[int], Matrix]]:
    """Split columns into those of numbers and those of strings, which lie apart."""
    for text in (False, True):
        chosen = [i for i in positions if given.cells[i].text is text]
        if chosen:
            yield chosen, given.take(chosen)


def _fill(value: Any, graph: Graph, *, text: bool) -> float:
    if isinstance(value, str) is not text:
        raise Refused(f"it puts {value!r} into a column of {'strings' if text else 'numbers'}")
    return graph.id_of(value)


def _missing(part: Matrix, missing: Any, graph: Graph) -> str | None:
    """Mark the missing cells of a part that is all numbers or all strings; None where there can be none."""
    text = part.cells[0].text
    if isinstance(missing, str):
        return graph.add("Equal", graph.gather(part), graph.constant(graph.id_of(missing))) if text else None
    if text:
        return None  # neither None nor NaN reaches a column of strings
    if missing is None or np.isnan(missing):
        return graph.add("IsNaN", graph.gather(part))
    return graph.add("Equal", graph.gather(part), graph.constant(float(missing)))


def standard_scaler(scaler: Any, given: Matrix, graph: Graph) -> Matrix:
    """Subtract the mean, divide by the deviation, each if asked."""
    mean = scaler.mean_ if scaler.with_mean else None
    return _affine(given, graph, ("Sub", mean), ("Div", scaler.scale_))


def robust_scaler(scaler: Any, given: Matrix, graph: Graph) -> Matrix:
    """Subtract the median, divide by the quantile range, each if asked."""
    center = scaler.center_ if scaler.with_centering else None
    return _affine(given, graph, ("Sub", center), ("Div", scaler.scale_ if scaler.with_scaling else None))


def min_max_scaler(scaler: Any, given: Matrix, graph: Graph) -> Matrix:
    """Multiply, add, and clip if asked."""
    scaled = _affine(given, graph, ("Mul", scaler.scale_), ("Add", scaler.min_))
    if not scaler.clip:
        return scaled
    low, high = (graph.constant(float(end)) for end in scaler.feature_range)
    return graph.matrix(graph.add("Clip", graph.gather(scaled), low, high), given.width)


def max_abs_scaler(scaler: Any, given: Matrix, graph: Graph) -> Matrix:
    """Divide by the largest absolute value."""
    return _affine(given, graph, ("Div", scaler.scale_))


def binarizer(transformer: Any, given: Matrix, graph: Graph) -> Matrix:
    """1 above the threshold, else 0."""
    above = graph.add("Greater", graph.numbers(given), graph.constant(float(transformer.threshold)))
    return graph.matrix(graph.add("Cast", above, to=DOUBLE), given.width)


def selector(chosen: Any, given: Matrix, graph: Graph) -> Matrix:  # noqa: ARG001 - choosing needs no node
    """Keep the columns that a feature selector kept."""
    return given.take(np.flatnonzero(chosen.get_support()))


def function_transformer(transformer: Any, given: Matrix, graph: Graph) -> Matrix:  # noqa: ARG001 - see below
    """Pass everything on; with a function in it, nobody can know what it does."""
    if transformer.func is not None:
        name = getattr(transformer.func, "__name__", str(transformer.func))
        raise Refused(f"it calls the Python function {name}, which a graph cannot hold; make it a feature function")
    return given


def _affine(given: Matrix, graph: Graph, *steps: tuple[str, Any]) -> Matrix:
    tensor = graph.numbers(given)
    for operator, values in steps:
        if values is not None:
            tensor = graph.add(operator, tensor, graph.constant(np.asarray(values, dtype=np.float64)))
    return graph.matrix(tensor, given.width)
