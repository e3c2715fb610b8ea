"""One-hot, ordinal and target encoders: for each column, a table from category to outputs.

The table is made by transforming every known category, and an unknown one, with the fitted encoder. That covers all of
its options (dropped, infrequent, missing and unknown categories) without repeating their rules here.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import numpy_helper

from seatrial.compile.graph import DOUBLE, ML, Graph, Matrix, Refused, join
from seatrial.model.features import Floats

UNKNOWN = "\x00 a string that is in no table \x00"
MERGED_LIMIT = 20_000  # cells of a 0/1 matrix that merges infrequent categories; beyond it, a lookup is faster
STRIDE = 2.0**32  # keeps the ids of different columns apart in one lookup; ids stay exact in double up to 2**53


@dataclass(frozen=True)
class _Table:
    """The outputs of one column: a row for each category (categories, outputs), and one for all other values."""

    categories: list[Any]
    outputs: Floats
    default: Floats


def one_hot_encoder(encoder: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to 0 and 1 by comparing with all categories at once."""
    tables = _tables(encoder, matrix, list(encoder._n_features_outs))
    return _indicators(tables, matrix, graph)


def ordinal_encoder(encoder: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert each category to its code."""
    return _lookup(_tables(encoder, matrix, [1] * matrix.width), matrix, graph)


def target_encoder(encoder: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert each category to the target's smoothed mean, for each class where there are several."""
    several = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return _lookup(_tables(encoder, matrix, [several] * matrix.width), matrix, graph)


def _tables(encoder: Any, matrix: Matrix, widths: list[int]) -> list[_Table]:
    """Transform every category of every column, and an unknown one if the encoder accepts it."""
    import pandas as pd

    categories = [list(values) for values in encoder.categories_]
    if any(not known for known in categories):
        raise Refused("one of its columns has no categories")
    for cell, known in zip(matrix.cells, categories, strict=True):
        if any(isinstance(value, str) is not cell.text for value in known):
            raise Refused("it mixes strings and numbers in a column")
    strict = getattr(encoder, "handle_unknown", "ignore") == "error"
    rows = max(map(len, categories))
    names = getattr(encoder, "feature_names_in_", range(matrix.width))
    columns = {}
    kinds = [values.dtype for values in encoder.categories_]
    for name, cell, known, kind in zip(names, matrix.cells, categories, kinds, strict=True):
        unknown = known[0] if strict else (UNKNOWN if cell.text else _unknown_number(known))
        # Shorter columns are padded with their first category; the last row is the unknown one.
        values = [*known, *[known[0]] * (rows - len(known)), unknown]
        columns[name] = pd.Series(values, dtype=object if kind.kind in "OU" else np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = encoder.transform(pd.DataFrame(columns))
    outputs = np.asarray(outputs.toarray() if hasattr(outputs, "toarray") else outputs, dtype=np.float64)
    if outputs.shape[1] != sum(widths):
        raise Refused(f"it gives {outputs.shape[1]} columns, not the expected {sum(widths)}")
    ends = np.cumsum(widths)
    return [
        _Table(known, outputs[: len(known), end - width : end], outputs[-1, end - width : end])
        for known, width, end in zip(categories, widths, ends, strict=True)
    ]


def _unknown_number(known: list[Any]) -> float:
    finite = [abs(float(value)) for value in known if np.isfinite(value)]
    return 2.0 * max(finite, default=0.0) + 1.5


def _indicators(tables: list[_Table], matrix: Matrix, graph: Graph) -> Matrix:
    """Compare with every category whose outputs differ from the default; merge those that share an output."""
    columns: list[int] = []
    compared: list[float] = []
    rows: list[Floats] = []
    outputs = sum(table.outputs.shape[1] for table in tables)
    default = np.concatenate([table.default for table in tables])
    start = 0
    for position, table in enumerate(tables):
        width = table.outputs.shape[1]
        for value, answer in zip(table.categories, table.outputs, strict=True):
            if not np.array_equal(answer, table.default):
                change = np.zeros(outputs)
                change[start : start + width] = answer - table.default
                columns.append(position)
                compared.append(graph.id_of(value))
                rows.append(change)
        start += width
    if not columns:
        raise Refused("it gives no columns that vary")
    single = not default.any() and all(row.sum() == 1 for row in rows)
    targets = [int(row.argmax()) for row in rows]
    if single and sorted(targets) == list(range(outputs)):
        order = np.argsort(targets)
        flags = _equal(matrix.take(np.take(columns, order)), np.take(compared, order), graph)
        return graph.matrix(flags, outputs)
    if len(columns) * outputs > MERGED_LIMIT:
        return _indicators_by_code(tables, matrix, graph)
    flags = _equal(matrix.take(columns), np.array(compared), graph)
    merged = graph.add("Gemm", flags, graph.constant(np.array(rows)), graph.constant(default))
    return graph.matrix(merged, outputs)


def _indicators_by_code(tables: list[_Table], matrix: Matrix, graph: Graph) -> Matrix:
    """For columns with thousands of infrequent categories: look up the output's number, then compare with it."""
    numbered = []
    positions: list[int] = []
    codes: list[int] = []
    for position, table in enumerate(tables):
        every = np.vstack([table.outputs, table.default])
        numbers = np.where(every.any(axis=1), every.argmax(axis=1) + 1.0, 0.0)[:, None]
        numbered.append(_Table(table.categories, numbers[:-1], numbers[-1]))
        positions += [position] * table.outputs.shape[1]
        codes += range(1, table.outputs.shape[1] + 1)
    looked_up = _lookup(numbered, matrix, graph)
    return graph.matrix(_equal(looked_up.take(positions), np.array(codes, dtype=np.float64), graph), len(codes))


def _equal(matrix: Matrix, values: Floats, graph: Graph) -> str:
    """Compare column by column, giving 0 or 1; NaN is compared as infinity, which no input contains."""
    values = np.asarray(values, dtype=np.float64)
    tensor = graph.repeated(matrix)
    if np.isnan(values).any():
        tensor = graph.add("Where", graph.add("IsNaN", tensor), graph.constant(np.inf), tensor)
        values = np.where(np.isnan(values), np.inf, values)
    return graph.add("Cast", graph.add("Equal", tensor, graph.constant(values)), to=DOUBLE)


def _lookup(tables: list[_Table], matrix: Matrix, graph: Graph) -> Matrix:
    """Look up values in tables: one for all strings with the same default, one for each column of numbers."""
    cells: dict[tuple[int, int], Matrix] = {}
    for output in range(max(table.outputs.shape[1] for table in tables)):
        groups: dict[Any, list[int]] = {}
        for position, table in enumerate(tables):
            if output < table.outputs.shape[1]:
                default = float(table.default[output])
                text = matrix.cells[position].text
                groups.setdefault((repr(default), None if text else position), []).append(position)
        for positions in groups.values():
            columns = _look_up(positions, output, tables, matrix, graph)
            cells |= {(position, output): columns.take([i]) for i, position in enumerate(positions)}
    return join(cells[key] for key in sorted(cells))


def _look_up(positions: list[int], output: int, tables: list[_Table], matrix: Matrix, graph: Graph) -> Matrix:
    tensor = graph.gather(matrix.take(positions))
    shifts = np.arange(len(positions)) * STRIDE
    if len(positions) > 1:
        tensor = graph.add("Add", tensor, graph.constant(shifts))
    keys, values = [], []
    for shift, position in zip(shifts.tolist(), positions, strict=True):
        keys += [graph.id_of(value) + shift for value in tables[position].categories]
        values += tables[position].outputs[:, output].tolist()
    default = tables[positions[0]].default[output]
    dictionary = {"keys_tensor": keys, "values_tensor": values, "default_tensor": [default]}
    tensors = {name: numpy_helper.from_array(np.array(each), name) for name, each in dictionary.items()}
    return graph.matrix(graph.add("LabelEncoder", tensor, domain=ML, **tensors), len(positions))
