"""Expressions over a row's columns, into which graphs and feature functions are translated, and from which SQL and
JavaScript are written.

A missing value is null: arithmetic with it is null, and a comparison with it is not true. Equal expressions are the
same object, so that what is used several times can be computed once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np

from seatrial.compile.single import rounded_threshold, threshold_below

ExpressionKind = Literal["number", "boolean", "text"]
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
# Beyond these, PostgreSQL reports an overflow of exp(), or an underflow of a product with it, as an error.
EXP_LOW, EXP_HIGH = -230.0, 700.0
TERMS = 40


class Untranslatable(Exception):  # noqa: N818 - caught by the step, which names the release
    """Raised where a graph or a function has something that cannot be translated: what it is, in words."""


@dataclass(frozen=True, eq=False, slots=True)
class Expression:
    """An operator with its arguments. `value` is that of a constant or what else the operator needs to know."""

    operator: str
    arguments: tuple["Expression", ...]
    value: Any
    kind: ExpressionKind
    nullable: bool

    @property
    def constant(self) -> bool:
        """Whether it is a number, a text or a boolean that is known."""
        return self.operator == "constant"


class Expressions:
    """Makes expressions, each once, and simplifies what is constant."""

    def __init__(self) -> None:
        self._made: dict[Any, Expression] = {}

    def make(
        self,
        operator: str,
        *arguments: Expression,
        kind: ExpressionKind,
        nullable: bool | None = None,
        value: Any = None,
    ) -> Expression:
        """Return the expression; by default it is null where an argument may be."""
        key = (operator, tuple(map(id, arguments)), repr(value), kind)
        if key not in self._made:
            may = any(each.nullable for each in arguments) if nullable is None else nullable
            self._made[key] = Expression(operator, arguments, value, kind, may)
        return self._made[key]

    def number(self, value: float) -> Expression:
        """A constant number; NaN is null."""
        value = float(value)
        return self.make("constant", kind="number", nullable=math.isnan(value), value=value)

    def text(self, value: str | None) -> Expression:
        """A constant text; None is null."""
        return self.make("constant", kind="text", nullable=value is None, value=value)

    def boolean(self, value: bool) -> Expression:
        """A constant truth value."""
        return self.make("constant", kind="boolean", value=bool(value))

    def column(self, name: str, kind: ExpressionKind, *, nullable: bool) -> Expression:
        """A column of the table."""
        return self.make("column", kind=kind, nullable=nullable, value=name)

    def arithmetic(self, operator: str, a: Expression, b: Expression) -> Expression:
        """Add, subtract or multiply two numbers."""
        if a.constant and b.constant:
            return self.number(ARITHMETIC[operator](a.value, b.value))
        if operator in "+*" and a.constant:
            a, b = b, a
        if b.constant and operator == "*" and b.value == 0.0 and not a.nullable:
            return b
        if b.constant and ((operator in "+-" and b.value == 0.0) or (operator == "*" and b.value == 1.0)):
            return a
        if operator == "-" and a.constant and a.value == 0.0:
            return self.make("negative", b, kind="number")
        return self.make(operator, a, b, kind="number")

    def divide(self, a: Expression, b: Expression) -> Expression:
        """Divide numbers; division by zero is null."""
        if b.constant and b.value != 0.0:
            if a.constant:
                return self.number(a.value / b.value)
            return a if b.value == 1.0 else self.make("/", a, b, kind="number")
        return self.make("divide or null", a, b, kind="number", nullable=True)

    def total(self, terms: Sequence[Expression]) -> Expression:
        """Add many numbers, a few dozen at a time: databases and parsers bound how deep a text may be nested."""
        left = list(terms) or [self.number(0.0)]
        while len(left) > 1:
            groups = [left[at : at + TERMS] for at in range(0, len(left), TERMS)]
            left = [reduce(lambda a, b: self.arithmetic("+", a, b), group) for group in groups]
        return left[0]

    def compare(self, operator: str, a: Expression, b: Expression) -> Expression:
        """Compare two numbers or, for equality, two texts."""
        if a.constant and b.constant:
            known = not (a.nullable or b.nullable) and COMPARISONS[operator](a.value, b.value)
            return self.boolean(known)
        if a.constant:
            a, b = b, a
            operator = operator.translate(str.maketrans("<>", "><"))
        if b.constant and b.nullable:
            return self.boolean(False)
        if b.constant and operator == "=" and a.operator == "case" and a.arguments[1].constant:
            return self._equal_case(a, b)
        if b.constant and a.operator == "single" and operator != "=":
            return self._compare_single(operator, a, b.value)
        if b.constant and b.kind == "number" and math.isinf(b.value):
            return self._with_infinity(operator, a, b.value)
        return self.make(operator, a, b, kind="boolean")

    def _equal_case(self, case: Expression, b: Expression) -> Expression:
        """Simplify `(CASE WHEN c THEN k ELSE x END) = b`: encoders compare so, with infinity in place of missing."""
        condition, known, other = case.arguments
        rest = self.compare("=", other, b)
        if self.compare("=", known, b).value:
            return self.either(condition, rest)
        return self.both(self.negate(condition), rest)

    def _with_infinity(self, operator: str, a: Expression, value: float) -> Expression:
        """Compare with an infinity, which no column contains."""
        if (operator in ("<", "<=") and value > 0) or (operator in (">", ">=") and value < 0):
            return self.negate(self.is_null(a))
        return self.boolean(False)

    def single(self, a: Expression) -> Expression:
        """A number rounded to single precision."""
        return self.make("single", a, kind="number")

    def _compare_single(self, operator: str, a: Expression, threshold: float) -> Expression:
        """Compare a number that is rounded to single precision: as a double, with a threshold that does the same."""
        below = operator in ("<", ">=")
        threshold = float((threshold_below if below else rounded_threshold)(np.array([threshold]))[0])
        name = "<=" if operator in ("<", "<=") else ">"
        return self.compare(name, a.arguments[0], self.number(threshold))

    def differ(self, a: Expression, b: Expression) -> Expression:
        """Whether two known values differ; not true where one is missing."""
        if a.constant and b.constant:
            return self.boolean(not (a.nullable or b.nullable) and a.value != b.value)
        return self.make("<>", a, b, kind="boolean")

    def is_null(self, a: Expression) -> Expression:
        """Whether a value is missing."""
        if not a.nullable or a.constant:
            return self.boolean(a.nullable)
        return self.make("is null", a, kind="boolean", nullable=False)

    def negate(self, a: Expression) -> Expression:
        """Not; what is unknown counts as not true, so its negation is true."""
        if a.constant:
            return self.boolean(not a.value)
        if a.operator == "not":
            return a.arguments[0]
        return self.make("not", a, kind="boolean", nullable=False)

    def both(self, a: Expression, b: Expression) -> Expression:
        """And."""
        for one, other in ((a, b), (b, a)):
            if one.constant:
                return other if one.value else one
            present, _ = _decided(one)
            if present is not None and other.operator in COMPARISONS and present in other.arguments:
                return other  # which is not true anyway where the value is missing
        return self.make("and", a, b, kind="boolean")

    def either(self, a: Expression, b: Expression) -> Expression:
        """Or."""
        for one, other in ((a, b), (b, a)):
            if one.constant:
                return one if one.value else other
        return self.make("or", a, b, kind="boolean")

    def case(self, condition: Expression, then: Expression, otherwise: Expression) -> Expression:
        """`then` where the condition is true, else `otherwise`, of which both have the same kind."""
        if condition.constant:
            return then if condition.value else otherwise
        if then is otherwise:
            return then
        known, missing = _decided(condition)
        may = (then.nullable and then is not known) or (otherwise.nullable and otherwise is not missing)
        return self.make("case", condition, then, otherwise, kind=then.kind, nullable=may)

    def as_number(self, a: Expression) -> Expression:
        """1 for true and 0 for false; numbers stay."""
        if a.kind != "boolean":
            return a
        number = self.case(a, self.number(1.0), self.number(0.0))
        missing = self.is_null(a) if a.operator in ("column", "case") else self.boolean(False)
        return self.case(missing, self.number(math.nan), number)

    def lookup(self, a: Expression, table: dict[Any, Any], default: Expression) -> Expression:
        """Look a value up in a table of constants of one kind; `default` where it is not in it, or missing."""
        if not table:
            return default
        first = next(iter(table.values()))
        kind: ExpressionKind = "text" if isinstance(first, str) else "number"
        return self.make("lookup", a, default, kind=kind, nullable=default.nullable, value=tuple(table.items()))

    def member(self, a: Expression, values: Sequence[Any]) -> Expression:
        """Whether a value is one of these constants."""
        if not values:
            return self.boolean(False)
        return self.make("in", a, kind="boolean", value=tuple(values))

    def least(self, a: Expression, b: Expression) -> Expression:
        """The smaller of two numbers, null where one is."""
        return self._chosen("least", a, b)

    def greatest(self, a: Expression, b: Expression) -> Expression:
        """The larger of two numbers, null where one is."""
        return self._chosen("greatest", a, b)

    def _chosen(self, operator: str, a: Expression, b: Expression) -> Expression:
        if a.constant and b.constant:
            return a if (a.value < b.value) is (operator == "least") else b
        missing = self.either(self.is_null(a), self.is_null(b))
        chosen = self.make(operator, a, b, kind="number")
        return self.case(missing, self.number(math.nan), chosen)

    def function(self, name: str, a: Expression) -> Expression:
        """A function of one number: exp, log, sqrt, floor, ceil, abs, negative, sin, cos, tanh, sign."""
        if name == "exp":
            a = self.greatest(self.least(a, self.number(EXP_HIGH)), self.number(EXP_LOW))
        if name in ("log", "sqrt"):  # databases raise an error where numpy returns NaN
            allowed = self.compare(">" if name == "log" else ">=", a, self.number(0.0))
            return self.case(allowed, self.make(name, a, kind="number"), self.number(math.nan))
        return self.make(name, a, kind="number")

    def sigmoid(self, a: Expression) -> Expression:
        """1 / (1 + exp(-a))."""
        one = self.number(1.0)
        power = self.function("exp", self.make("negative", a, kind="number"))
        return self.make("/", one, self.arithmetic("+", power, one), kind="number")


def _decided(condition: Expression) -> tuple[Expression | None, Expression | None]:
    """What is known not to be missing where a condition is true, and where it is not."""
    if condition.operator == "is null":
        return None, condition.arguments[0]
    if condition.operator == "not" and condition.arguments[0].operator == "is null":
        return condition.arguments[0].arguments[0], None
    return (condition.arguments[0] if condition.operator == "<>" else None), None
