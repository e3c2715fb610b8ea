"""Python's arithmetic on arrays of numbers and None, as far as it gives the same values to the last bit.

What arrays compute differently raises `NotOnArraysError`: an operation on None, an overflow, a division by zero, whole
numbers that float64 cannot represent.
"""

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Kind = Literal["none", "bool", "int", "float", "mixed"]

EXACT = 2.0**53  # whole numbers below are the same as float64; this one may be a rounded one


class NotOnArraysError(Exception):
    """These rows need Python's own arithmetic."""


@dataclass(frozen=True)
class NumericColumn:
    """A value per row (n,), float64 with NaN for None, and the type of the Python values: "mixed" are int and float."""

    values: Floats
    kind: Kind


def joined(one: Kind, other: Kind) -> Kind:
    """The kind of values of which some have one kind and some another."""
    kinds = {one, other} - {"none"}
    if len(kinds) < 2:
        return kinds.pop() if kinds else "none"
    return "int" if kinds == {"bool", "int"} else "mixed"


def constant(value: Any, rows: int) -> NumericColumn:
    """A value that all rows have."""
    kinds: dict[type, Kind] = {bool: "bool", int: "int", float: "float"}
    number = np.float64(math.nan if value is None else value)
    return NumericColumn(np.broadcast_to(number, rows), kinds.get(type(value), "none"))


def answer(mask: Mask) -> NumericColumn:
    """True and False as a value per row."""
    return NumericColumn(mask.astype(np.float64), "bool")


def truth(numbers: NumericColumn) -> Mask:
    """Which rows have a value that Python treats as true."""
    return np.asarray((numbers.values != 0) & ~np.isnan(numbers.values))


def present(numbers: NumericColumn) -> NumericColumn:
    """The numbers themselves; None among them raises NotOnArraysError."""
    if numbers.kind == "none" or np.isnan(numbers.values).any():
        raise NotOnArraysError
    return numbers


def whole_numbers_fit(numbers: NumericColumn) -> None:
    """Raise NotOnArraysError for a whole number that float64 may not represent."""
    if numbers.kind in ("int", "mixed") and (np.abs(numbers.values) >= EXACT).any():
        raise NotOnArraysError


def _computed(values: Floats, kind: Kind) -> NumericColumn:
    """A result, if it is the one that Python has; no whole number is -0.0."""
    if not np.isfinite(values).all():
        raise NotOnArraysError
    result = NumericColumn(values + 0.0 if kind == "int" else values, kind)
    whole_numbers_fit(result)
    return result


def _exact_kind(*numbers: NumericColumn) -> Kind:
    """The kind of a sum or product: of whole numbers a whole one, and with a float a float."""
    kinds = {each.kind for each in numbers}
    return "mixed" if "mixed" in kinds else "float" if "float" in kinds else "int"


def unary(operator: ast.unaryop, operand: NumericColumn) -> NumericColumn:
    """Evaluate -x, +x or not x."""
    if isinstance(operator, ast.Not):
        return answer(~truth(operand))
    kind = _exact_kind(present(operand))
    if isinstance(operator, ast.UAdd):
        return NumericColumn(operand.values, kind)
    _no_mixture(kind)
    return _computed(-operand.values, kind)


def arithmetic(operator: ast.operator, left: NumericColumn, right: NumericColumn) -> NumericColumn:
    """Evaluate one of ARITHMETIC."""
    kind = _exact_kind(present(left), present(right))
    if not isinstance(operator, ast.Add | ast.Sub | ast.Div):
        _no_mixture(kind)
    values = ARITHMETIC[type(operator)](left.values, right.values)
    return _computed(values, "float" if isinstance(operator, ast.Div) else kind)


def _no_mixture(kind: Kind) -> None:
    """Where zero times -5 is 0 for some rows and -0.0 for others."""
    if kind == "mixed":
        raise NotOnArraysError


def _first_of(better: Callable[[Floats, Floats], Mask]) -> Callable[..., NumericColumn]:
    """Python's min and max: the first of equal values."""

    def call(*numbers: NumericColumn) -> NumericColumn:
        best = present(numbers[0])
        for each in numbers[1:]:
            chosen = better(present(each).values, best.values)
            best = NumericColumn(np.where(chosen, each.values, best.values), joined(best.kind, each.kind))
        return best

    return call


def _rounded(rounds: Callable[[Floats], Floats]) -> Callable[[NumericColumn], NumericColumn]:
    return lambda number: _computed(rounds(present(number).values), "int")


ARITHMETIC: dict[type[ast.operator], Callable[[Floats, Floats], Floats]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.remainder,
}
COMPARE: dict[type[ast.cmpop], Callable[[Floats, Floats], Mask]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
# Not the logarithm and its like: NumPy's own may differ from C's in the last bit.
CALLS: dict[Any, Callable[..., NumericColumn]] = {
    abs: lambda number: _computed(np.abs(present(number).values), _exact_kind(number)),
    min: _first_of(np.less),
    max: _first_of(np.greater),
    bool: lambda number: answer(truth(number)),
    float: lambda number: NumericColumn(present(number).values, "float"),
    int: _rounded(np.trunc),
    round: _rounded(np.rint),
    math.floor: _rounded(np.floor),
    math.ceil: _rounded(np.ceil),
    math.sqrt: lambda number: _computed(np.sqrt(present(number).values), "float"),
}
