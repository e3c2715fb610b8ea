"""Which feature functions may be evaluated on arrays: those whose results are the same, to the last bit, in every test.

Each is compared with the plain function on the training rows, and on rows that are hard for arithmetic: None, zeros of
both signs, the largest and smallest numbers, the numbers that the function itself names and their neighbours.
"""

import math
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seatrial.model.array_arithmetic import EXACT, Kind, NotOnArraysError, NumericColumn
from seatrial.model.array_functions import ArrayFunction, array_function
from seatrial.model.features import Array, Columns, Feature, Floats, add_features, number_kind
from seatrial.model.schema import Column

ROWS = 400  # hard ones, of each function
MOST = 200_000  # training rows
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1 / 3, 0.1, 2.5, 7.0, -7.0, 5e-324, 1e-308, 1e16, 1e150, -1e150, 1e308, EXACT, 1e9)
INTEGERS = (0, 1, -1, 2, 3, -3, 7, 10, 1000, 2**31, 2**53 - 1, 2**53, -(2**53), 2**53 + 2, 2**60)
KINDS: Mapping[type, Kind] = {bool: "bool", int: "int", float: "float", type(None): "none"}
Row = tuple[Any, ...]


def proven_on_arrays(features: Sequence[Feature], columns: Sequence[Column], training: Columns) -> dict[str, str]:
    """Return the hash of the source of each feature function that may be evaluated on arrays."""
    some = {name: values[:MOST] for name, values in training.items()}
    plain = add_features(some, features, columns)
    numbers = {c.name: NumericColumn(some[c.name], number_kind(c)) for c in columns if c.numeric}
    proven: dict[str, str] = {}
    for feature in features:
        function = array_function(feature.function)
        if function is None or not feature.numeric or not numbers.keys() >= set(feature.reads):
            continue
        try:
            derived = function([numbers[name] for name in feature.reads])
        except NotOnArraysError:
            continue  # rows like these would be called one by one all the same
        if same(derived.values, plain[feature.name]) and same_on_hard_rows(feature.function, function):
            numbers[feature.name] = derived
            proven[feature.name] = function.digest
    return proven


def same(one: Array, other: Array) -> bool:
    """Whether two columns of numbers are the same to the last bit, where NaN is missing."""
    present = ~np.isnan(one)
    signs, others = (np.signbit(values[present]) for values in (one, other))
    return np.array_equal(one, other, equal_nan=True) and np.array_equal(signs, others)


def same_on_hard_rows(plain: Callable[..., Any], function: ArrayFunction) -> bool:
    """Whether a function gives the same on hard rows, one by one and together, and nothing where Python raises."""
    agreed: dict[tuple[Kind, ...], list[tuple[Row, float]]] = {}
    for row in _hard_rows(len(function.parameters), function.numbers()):
        kinds = tuple(KINDS[type(value)] for value in row)
        found = _evaluated(function, [row], kinds)
        if found is None:
            continue
        expected = _called(plain, row)
        if expected is None or not same(found, np.array([expected])):
            return False
        agreed.setdefault(kinds, []).append((row, expected))
    for kinds, rows in agreed.items():
        found = _evaluated(function, [row for row, _ in rows], kinds)
        if found is not None and not same(found, np.array([expected for _, expected in rows])):
            return False
    return True


def _called(function: Callable[..., Any], row: Row) -> float | None:
    """What a function gives as a number of a table, NaN for None; None where it raises."""
    try:
        value = function(*row)
        return math.nan if value is None else float(value)
    except Exception:  # whatever the project's code raises
        return None


def _evaluated(function: ArrayFunction, rows: Sequence[Row], kinds: Sequence[Kind]) -> Floats | None:
    columns = np.array([[math.nan if value is None else float(value) for value in row] for row in rows]).T
    try:
        return function([NumericColumn(values, kind) for values, kind in zip(columns, kinds, strict=True)]).values
    except NotOnArraysError:
        return None


def _hard_rows(width: int, named: Collection[float]) -> Iterator[Row]:
    """Rows of hard values of all types; at least as many again are of one type in each column, as tables have them."""
    near = [
        float(each) for number in named for each in (number, math.nextafter(number, 1e9), math.nextafter(number, -1e9))
    ]
    whole = [int(number) + step for number in named if abs(number) < EXACT for step in (-1, 0, 1)]
    values: tuple[Sequence[Any], ...] = ((*FLOATS, *near), (*INTEGERS, *whole), (True, False), (None,))
    drawn = random.Random(0)  # noqa: S311 - the same inputs must give the same bytes
    weights = (8, 8, 2, 1)
    for _ in range(ROWS):
        yield tuple(drawn.choice(each) for each in drawn.choices(values, weights, k=width))
