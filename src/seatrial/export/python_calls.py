"""Python's operators, functions and methods as expressions: the part of Python that is translated."""

import math
import re
from collections.abc import Sequence
from typing import Any

from seatrial.export.expressions import Expression, Expressions
from seatrial.export.patterns import optional_groups, translated
from seatrial.export.python_values import (
    NOTHING,
    Constants,
    Match,
    Nothing,
    Outcome,
    Unsupported,
    Value,
    chosen,
    equal,
    expression_of,
    is_none,
    numeric,
    textual,
    truth,
)

# What str.strip() removes. SQL's TRIM removes spaces only.
SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
COMPARED = {"Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">="}


def literal(constant: Any, pool: Expressions) -> Outcome:
    """A constant of Python. Raises Unsupported for anything that is not one."""
    if constant is None:
        return NOTHING
    if isinstance(constant, bool):
        return Value(pool.boolean(constant), whole=True)
    if isinstance(constant, int | float):
        if not math.isfinite(constant) or (abs(constant) > 2**53 and isinstance(constant, int)):
            raise Unsupported(f"the number {constant!r}")
        return Value(pool.number(float(constant)), whole=isinstance(constant, int))
    if isinstance(constant, str):
        return Value(pool.text(constant))
    if isinstance(constant, tuple | list | set | frozenset | dict | re.Pattern):
        return Constants(constant)
    raise Unsupported(f"a value of type {type(constant).__name__}")


def binary(name: str, left: Outcome, right: Outcome, pool: Expressions) -> Outcome:
    """`a + b` and the other arithmetic; texts can be added."""
    if isinstance(left, Value) and left.expression.kind == "text" and name == "Add":
        return joined([left, right], pool)
    a, b = numeric(left, pool), numeric(right, pool)
    whole = all(isinstance(each, Value) and each.whole for each in (left, right))
    if name in ("Add", "Sub", "Mult"):
        return Value(pool.arithmetic({"Add": "+", "Sub": "-", "Mult": "*"}[name], a, b), whole=whole)
    if name == "Div":
        return Value(pool.divide(a, b))
    if name in ("FloorDiv", "Mod"):
        if not whole:
            raise Unsupported("`//` or `%` of numbers that are not all integers")
        quotient = pool.function("floor", pool.divide(a, b))
        if name == "FloorDiv":
            return Value(quotient, whole=True)
        return Value(pool.arithmetic("-", a, pool.arithmetic("*", quotient, b)), whole=True)
    if name == "Pow" and b.constant and b.value in (1.0, 2.0, 3.0):
        square = pool.arithmetic("*", a, a)
        return Value({1.0: a, 2.0: square}.get(b.value) or pool.arithmetic("*", square, a), whole=whole)
    raise Unsupported("a power other than 2 and 3" if name == "Pow" else f"the operator {name}")


def signed(name: str, value: Outcome, pool: Expressions) -> Outcome:
    """`-a` and `+a`."""
    a, whole = numeric(value, pool), isinstance(value, Value) and value.whole
    if name == "UAdd":
        return Value(a, whole=whole)
    if name != "USub":
        raise Unsupported("`~`")
    return Value(pool.arithmetic("-", pool.number(0.0), a), whole=whole)


def comparison(name: str, left: Outcome, right: Outcome, pool: Expressions) -> Expression:
    """`a < b`, `a == b`, `a is None`, `a in b`, and their negations; never null."""
    if name in ("Is", "IsNot"):
        if not isinstance(right, Nothing):
            raise Unsupported("`is` with anything but None")
        found = is_none(left, pool)
        return found if name == "Is" else pool.negate(found)
    if name in ("Eq", "NotEq"):
        found = equal(left, right, pool)
        return found if name == "Eq" else pool.negate(found)
    if name in ("In", "NotIn"):
        found = contains(left, right, pool)
        return found if name == "In" else pool.negate(found)
    a, b = expression_of(left), expression_of(right)
    if "text" in (a.kind, b.kind):
        raise Unsupported("the order of texts, which depends on the database's collation,")
    return pool.compare(COMPARED[name], pool.as_number(a), pool.as_number(b))


def contains(value: Outcome, inside: Outcome, pool: Expressions) -> Expression:
    """`a in b`: a constant container, or a part of a text."""
    if not isinstance(inside, Constants):
        whole, part = textual(inside), textual(value)
        return pool.make("contains", whole, part, kind="boolean")
    if isinstance(inside.content, re.Pattern):
        raise Unsupported("`in` with a pattern")
    return _member(value, list(inside.content), pool)


def _member(value: Outcome, constants: list[Any], pool: Expressions) -> Expression:
    missing = is_none(value, pool) if None in constants else pool.boolean(False)
    if isinstance(value, Nothing):
        return missing
    found = expression_of(value)
    if found.kind == "text":
        return pool.either(missing, pool.member(found, [each for each in constants if isinstance(each, str)]))
    numbers = [float(each) for each in constants if isinstance(each, int | float)]
    return pool.either(missing, pool.member(pool.as_number(found), numbers))


def either_value(condition: Expression, then: Outcome, otherwise: Outcome, pool: Expressions) -> Outcome:
    """The value of `and` or `or`: of conditions it is a condition."""
    sides = (then, otherwise)
    if all(isinstance(each, Value) and each.expression.kind == "boolean" for each in sides):
        return chosen(condition, then, otherwise, pool)
    if any(isinstance(each, Match) for each in sides):  # `match and match.group(1)`
        return Value(pool.case(condition, truth(then, pool), truth(otherwise, pool)), whole=True)
    return chosen(condition, then, otherwise, pool)


def joined(parts: Sequence[Outcome], pool: Expressions) -> Outcome:
    """Texts one after another."""
    if any(not isinstance(part, Value) or part.expression.kind != "text" for part in parts):
        raise Unsupported("a text made of anything but texts")
    return Value(pool.make("concat", *map(textual, parts), kind="text"))


def item(base: Outcome, at: Outcome, pool: Expressions) -> Outcome:
    """`table[key]` of a constant dictionary, `text[i]`, `match[1]`."""
    if isinstance(base, Constants) and isinstance(base.content, dict):
        return looked_up(base.content, at, NOTHING, pool)
    if isinstance(base, Match):
        return group(base, [at], pool)
    position = expression_of(at)
    if not position.constant or position.kind != "number":
        raise Unsupported("a position that is not a constant")
    start = int(position.value)
    found = _piece(textual(base), start, start + 1 if start != -1 else None, pool)
    empty = pool.compare("=", found, pool.text(""))  # IndexError in Python
    return Value(pool.case(empty, pool.text(None), found))


def part(base: Outcome, start: int | None, end: int | None, pool: Expressions) -> Outcome:
    """`text[start:end]`."""
    return Value(_piece(textual(base), start or 0, end, pool))


def _piece(text: Expression, start: int, end: int | None, pool: Expressions) -> Expression:
    if start < 0 and end is None:
        return pool.make("last", text, kind="text", value=-start)
    if start >= 0 and (end is None or end >= 0):
        length = None if end is None else max(end - start, 0)
        return pool.make("substring", text, kind="text", value=(start, length))
    raise Unsupported("a slice that counts from the end, other than text[-n:],")


def looked_up(table: dict[Any, Any], key: Outcome, default: Outcome, pool: Expressions) -> Outcome:
    """`table.get(key, default)` of a constant dictionary."""
    values = [literal(each, pool) for each in table.values()]
    kinds = {each.expression.kind for each in values if isinstance(each, Value)}
    if len(kinds) != 1 or any(not isinstance(each, Value) for each in values):
        raise Unsupported("a dictionary whose values are not all texts or all numbers")
    constants = dict(zip(table, (each.expression.value for each in values if isinstance(each, Value)), strict=True))
    whole = all(isinstance(each, Value) and each.whole for each in values)
    kind = next(iter(kinds))
    if kind == "boolean":
        constants = {each: float(value) for each, value in constants.items()}
    found = expression_of(key) if not isinstance(key, Nothing) else pool.text(None)
    if None in constants or found.constant:
        raise Unsupported("a look-up of None or of a constant")
    if found.kind == "text":
        constants = {each: value for each, value in constants.items() if isinstance(each, str)}
    else:
        found = pool.as_number(found)
        constants = {float(each): value for each, value in constants.items() if isinstance(each, int | float)}
    null = pool.text(None) if kind == "text" else pool.number(math.nan)
    if isinstance(default, Value) and (default.expression.kind == "text") is not (kind == "text"):
        raise Unsupported("a value that is sometimes a text and sometimes a number")
    other = null if isinstance(default, Nothing) else expression_of(default)
    other = other if kind == "text" else pool.as_number(other)
    return Value(pool.lookup(found, constants, other), whole=whole and (isinstance(default, Value) and default.whole))


def method(subject: Outcome, name: str, arguments: Sequence[Outcome], pool: Expressions) -> Outcome:
    """`subject.name(arguments)`: of a text, a dictionary, a pattern or a match."""
    if isinstance(subject, Constants):
        return _of_container(subject.content, name, arguments, pool)
    if isinstance(subject, Match) and name == "group":
        return group(subject, arguments, pool)
    text = textual(subject)
    if name in ("lower", "upper") and not arguments:
        return Value(pool.make(name, text, kind="text"))
    if name in ("strip", "lstrip", "rstrip") and len(arguments) <= 1:
        characters = _constant_text(arguments[0]) if arguments else SPACES
        return Value(pool.make(name, text, kind="text", value=characters))
    if name in ("startswith", "endswith") and len(arguments) == 1:
        return Value(_begins(text, name, arguments[0], pool), whole=True)
    if name == "replace" and len(arguments) == 2:
        pair = (_constant_text(arguments[0]), _constant_text(arguments[1]))
        if not pair[0]:
            raise Unsupported("`replace` of an empty text")
        return Value(pool.make("replace", text, kind="text", value=pair))
    raise Unsupported(f"the method `{name}` of a text")


def _of_container(content: Any, name: str, arguments: Sequence[Outcome], pool: Expressions) -> Outcome:
    if isinstance(content, dict) and name == "get" and len(arguments) in (1, 2):
        return looked_up(content, arguments[0], arguments[1] if len(arguments) == 2 else NOTHING, pool)
    if isinstance(content, re.Pattern) and name in ("search", "match", "fullmatch") and len(arguments) == 1:
        return Match(translated(content, name), textual(arguments[0]))
    raise Unsupported(f"the method `{name}` of a {type(content).__name__}")


def group(match: Match, arguments: Sequence[Outcome], pool: Expressions) -> Outcome:
    """`match.group(n)` for a constant n; null where nothing was found."""
    number = 0
    if arguments:
        given = expression_of(arguments[0])
        if not given.constant or given.kind != "number":
            raise Unsupported("a group that is not named by a constant number")
        number = int(given.value)
    if number in optional_groups(match.pattern):
        raise Unsupported(f"group {number} of a pattern, which may be left out of a match,")
    if not 0 <= number <= re.compile(match.pattern).groups:
        raise Unsupported(f"group {number}, which the pattern does not have,")
    return Value(pool.make("group", match.subject, kind="text", nullable=True, value=(match.pattern, number)))


def _begins(text: Expression, name: str, argument: Outcome, pool: Expressions) -> Expression:
    ends = list(argument.content) if isinstance(argument, Constants) else [_constant_text(argument)]
    holds = pool.boolean(False)
    for each in ends:
        if not isinstance(each, str):
            raise Unsupported(f"`{name}` with anything but constant texts")
        piece = _piece(text, 0, len(each), pool) if name == "startswith" else _piece(text, -len(each), None, pool)
        holds = pool.either(holds, pool.compare("=", piece, pool.text(each)) if each else pool.boolean(True))
    return holds


def _constant_text(value: Outcome) -> str:
    if isinstance(value, Value) and value.expression.constant and value.expression.kind == "text":
        return str(value.expression.value)
    raise Unsupported("a method whose argument is not a constant text")
