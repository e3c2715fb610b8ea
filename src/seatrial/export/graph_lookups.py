"""What graphs look up: ids of strings, values in tables, and rows of constants by their position."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from seatrial.export.expressions import Expression, Untranslatable
from seatrial.export.graph_cells import GraphReader, as_row
from seatrial.model.features import Array


def label_encoder(reader: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
    """Ids of strings, or values looked up by a number or by the id of a string."""
    import onnx

    keys, values, default = (
        onnx.numpy_helper.to_array(attributes[f"{name}_tensor"]) for name in ("keys", "values", "default")
    )
    if keys.dtype.kind in "OSU":
        texts = [key.decode() if isinstance(key, bytes) else str(key) for key in keys.tolist()]
        reader.texts = dict(zip(values.tolist(), texts, strict=True))
        cells = [reader.pool.make("id", each, kind="number", nullable=False, value=0.0) for each in given[0][0]]
        return as_row(cells)
    table = dict(zip(keys.tolist(), values.tolist(), strict=True))
    otherwise = reader.pool.number(float(default.ravel()[0]))
    return reader.each(partial(_look_up, reader, table, otherwise), given[0])


def _look_up(reader: GraphReader, table: dict[float, float], default: Expression, a: Expression) -> Expression:
    if a.operator == "id":
        texts = {reader.texts[key - a.value]: value for key, value in table.items() if key - a.value in reader.texts}
        zero = reader.pool.number(table[a.value]) if a.value in table else default
        return reader.pool.lookup(a.arguments[0], texts, zero)
    missing = next((value for key, value in table.items() if math.isnan(key)), None)
    found = reader.pool.lookup(a, {key: value for key, value in table.items() if not math.isnan(key)}, default)
    if missing is None:
        return found
    return reader.pool.case(reader.pool.is_null(a), reader.pool.number(missing), found)


def gather(reader: GraphReader, given: Sequence[Array], attributes: dict[str, Any]) -> Array:
    """Values by positions; a position that is computed looks up constants."""
    values, places = given
    if places.dtype != object:
        return np.take(values, places, axis=attributes.get("axis", 0))
    if values.dtype == object or attributes.get("axis", 0) != 0:
        raise Untranslatable("the graph looks up values that it has computed, by a position that it has computed")
    flat = values.reshape(len(values), -1)
    found = np.empty((*places.shape, flat.shape[1]), dtype=object)
    for index in np.ndindex(*places.shape):
        at = reader.lift(places[index])
        found[index] = [_at(reader, flat[:, column], at) for column in range(flat.shape[1])]
    return found.reshape(*places.shape, *values.shape[1:])


def gather_elements(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    """Each row of a constant table at its own position."""
    table, places = given
    if table.dtype == object or places.shape[1] != 1:
        raise Untranslatable("the graph has the operator GatherElements on values that it has computed")
    found = np.empty(places.shape, dtype=object)
    for row, place in enumerate(places[:, 0]):
        at = reader.lift(place)
        if at.operator == "bits":
            found[row, 0] = _leaf(reader, at.arguments[::-1], at.value[::-1], table[row])
        else:
            found[row, 0] = _at(reader, table[row], at)
    return found


def _at(reader: GraphReader, values: Array, place: Expression) -> Expression:
    if place.constant:
        return reader.pool.number(values[int(place.value)])
    table = {float(number): float(value) for number, value in enumerate(values.tolist())}
    return reader.pool.lookup(place, table, reader.pool.number(math.nan))


def _leaf(reader: GraphReader, answers: Sequence[Expression], weights: Sequence[int], values: Array) -> Expression:
    """The value at the number that answers have as bits, the highest first: as a tree of conditions."""
    if not answers:
        return reader.pool.number(values[0])
    no = _leaf(reader, answers[1:], weights[1:], values)
    yes = _leaf(reader, answers[1:], weights[1:], values[weights[0] :])
    return reader.pool.case(answers[0], yes, no)


def integer_product(reader: GraphReader, given: Sequence[Array], _: dict[str, Any]) -> Array:
    """Products of constants with answers: the numbers of a symmetric tree's leaves, whose bits the answers are."""
    weights, answers = given[0][0].tolist(), given[1]
    if given[0].dtype == object or len(given[0]) != 1:
        raise Untranslatable("the graph has the operator MatMulInteger on other than answers")
    numbers = [
        reader.pool.make("bits", *map(reader.lift, answers[:, place]), kind="number", value=tuple(weights))
        for place in range(answers.shape[1])
    ]
    return as_row(numbers)
