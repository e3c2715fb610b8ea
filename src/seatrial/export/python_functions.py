"""Python's functions of numbers as expressions: built-in ones, and those of `math`."""

from collections.abc import Callable, Sequence

from seatrial.export.expressions import Expression, Expressions
from seatrial.export.python_values import Outcome, Unsupported, Value, numeric, textual, truth

MATH = {"math.sqrt": "sqrt", "math.exp": "exp", "math.log": "log", "math.fabs": "abs"}
ROUNDED = {"math.floor": "floor", "math.ceil": "ceil"}


def builtin(name: str, arguments: Sequence[Outcome], pool: Expressions) -> Outcome:
    """`len`, `min`, `max`, `abs`, `round`, `int`, `float`, `bool`."""
    whole = all(isinstance(each, Value) and each.whole for each in arguments)
    if name == "bool" and len(arguments) == 1:
        known = pool.case(truth(arguments[0], pool), pool.boolean(True), pool.boolean(False))
        return Value(known, whole=True)
    if name == "len" and len(arguments) == 1:
        return Value(pool.make("length", textual(arguments[0]), kind="number"), whole=True)
    if name in ("min", "max") and len(arguments) >= 2:
        found = numeric(arguments[0], pool)
        for each in arguments[1:]:
            found = (pool.least if name == "min" else pool.greatest)(found, numeric(each, pool))
        return Value(found, whole=whole)
    if name in _OF_NUMBER and len(arguments) == 1:
        made = _OF_NUMBER[name](numeric(arguments[0], pool), pool)
        return Value(made, whole=name in ("int", "round") or (name == "abs" and whole))
    raise Unsupported(f"the function `{name}` with {len(arguments)} arguments")


def of_math(name: str, arguments: Sequence[Outcome], pool: Expressions) -> Outcome:
    """Functions of `math` of one number."""
    if len(arguments) == 1:
        number = numeric(arguments[0], pool)
        if name in MATH:
            return Value(pool.function(MATH[name], number))
        if name in ROUNDED:
            return Value(pool.function(ROUNDED[name], number), whole=True)
        if name == "math.isnan":
            return Value(pool.boolean(False), whole=True)  # a schema has no NaN
    if name == "math.log1p" and len(arguments) == 1:
        raise Unsupported("`math.log1p`, which databases lack,")
    raise Unsupported(f"`{name}`")


def _round(number: Expression, pool: Expressions) -> Expression:
    """Round half to even, as Python does; databases differ."""
    low, half = pool.function("floor", number), pool.number(0.5)
    rest = pool.arithmetic("-", number, low)
    next_one = pool.arithmetic("+", low, pool.number(1.0))
    halved = pool.function("floor", pool.divide(next_one, pool.number(2.0)))
    even = pool.arithmetic("*", halved, pool.number(2.0))
    up = pool.case(pool.compare("<", rest, half), low, next_one)
    return pool.case(pool.compare("=", rest, half), even, up)


def _truncate(number: Expression, pool: Expressions) -> Expression:
    negative = pool.compare("<", number, pool.number(0.0))
    return pool.case(negative, pool.function("ceil", number), pool.function("floor", number))


_OF_NUMBER: dict[str, Callable[[Expression, Expressions], Expression]] = {
    "abs": lambda number, pool: pool.function("abs", number),
    "float": lambda number, _: number,
    "int": _truncate,
    "round": _round,
}
