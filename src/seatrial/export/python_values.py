"""Python's values as expressions: what is true, what is equal, and a choice of two values."""

import math
from dataclasses import dataclass
from typing import Any

from seatrial.export.expressions import Expression, Expressions


class Unsupported(Exception):  # noqa: N818 - caught where the line is known
    """Raised for an operation without a translation: what it is, in words."""


@dataclass(frozen=True)
class Value:
    """An expression as a value of Python; `whole` says that a number is an int or a bool."""

    expression: Expression
    whole: bool = False


@dataclass(frozen=True)
class Nothing:
    """None, whose kind depends on what it is chosen against."""


@dataclass(frozen=True)
class Constants:
    """A constant tuple, list, set or dictionary, or a compiled pattern."""

    content: Any


@dataclass(frozen=True)
class Match:
    """What `pattern.search(text)` returns: a match, or None."""

    pattern: str
    subject: Expression


Outcome = Value | Nothing | Constants | Match
NOTHING = Nothing()


def expression_of(value: Outcome) -> Expression:
    """The expression of a value. Raises Unsupported for what is none."""
    if isinstance(value, Value):
        return value.expression
    raise Unsupported("None" if isinstance(value, Nothing) else "a container or a match as a value")


def numeric(value: Outcome, pool: Expressions) -> Expression:
    """A number; True is 1. Raises Unsupported for texts."""
    found = expression_of(value)
    if found.kind == "text":
        raise Unsupported("arithmetic with a text")
    return pool.as_number(found)


def textual(value: Outcome) -> Expression:
    """A text. Raises Unsupported for anything else."""
    found = expression_of(value)
    if found.kind != "text":
        raise Unsupported("a number where a text is expected")
    return found


def truth(value: Outcome, pool: Expressions) -> Expression:
    """Whether Python takes a value for true; not true, or null, where it is None."""
    if isinstance(value, Nothing):
        return pool.boolean(False)
    if isinstance(value, Constants):
        return pool.boolean(bool(value.content))
    if isinstance(value, Match):
        return matches(value, pool)
    found = value.expression
    if found.kind == "boolean":
        return found
    empty = pool.number(0.0) if found.kind == "number" else pool.text("")
    return pool.differ(found, empty)


def matches(value: Match, pool: Expressions) -> Expression:
    """Whether a pattern is found."""
    return pool.make("matches", value.subject, kind="boolean", value=value.pattern)


def is_none(value: Outcome, pool: Expressions) -> Expression:
    """Whether a value is None."""
    if isinstance(value, Nothing):
        return pool.boolean(True)
    if isinstance(value, Constants):
        return pool.boolean(False)
    if isinstance(value, Match):
        return pool.negate(matches(value, pool))
    return pool.is_null(value.expression)


def equal(left: Outcome, right: Outcome, pool: Expressions) -> Expression:
    """Whether two values are equal, as Python sees it: None equals None, and a text no number."""
    if isinstance(left, Nothing) or isinstance(right, Nothing):
        return pool.both(is_none(left, pool), is_none(right, pool))
    a, b = expression_of(left), expression_of(right)
    if (a.kind == "text") is not (b.kind == "text"):
        return pool.both(pool.is_null(a), pool.is_null(b))
    if a.kind != "text":
        a, b = pool.as_number(a), pool.as_number(b)
    both_missing = pool.both(pool.is_null(a), pool.is_null(b))
    return pool.either(pool.compare("=", a, b), both_missing)


def chosen(condition: Expression, then: Outcome, otherwise: Outcome, pool: Expressions) -> Outcome:
    """`then` where the condition is true, else `otherwise`; None takes the kind of the other one."""
    if then == otherwise:
        return then
    if isinstance(then, Match | Constants) or isinstance(otherwise, Match | Constants):
        raise Unsupported("a choice between containers or matches")
    whole = all(isinstance(each, Nothing) or each.whole for each in (then, otherwise))
    kinds = {each.expression.kind for each in (then, otherwise) if isinstance(each, Value)}
    if len(kinds) == 2 and "text" in kinds:
        raise Unsupported("a value that is sometimes a text and sometimes a number")
    if kinds == {"boolean"} and isinstance(then, Value) and isinstance(otherwise, Value):
        sides = [then.expression, otherwise.expression]
    else:
        kind = "text" if kinds == {"text"} else "number"
        sides = [_or_null(each, kind, pool) for each in (then, otherwise)]
    return Value(pool.case(condition, *sides), whole=whole)


def _or_null(value: Outcome, kind: str, pool: Expressions) -> Expression:
    if isinstance(value, Nothing):
        return pool.text(None) if kind == "text" else pool.number(math.nan)
    return expression_of(value) if kind == "text" else numeric(value, pool)


def number_of(value: Outcome, pool: Expressions) -> Value:
    """What a feature of numbers returns."""
    if isinstance(value, Nothing):
        return Value(pool.number(math.nan))
    return Value(numeric(value, pool), whole=isinstance(value, Value) and value.whole)


def text_of(value: Outcome, pool: Expressions) -> Value:
    """What a feature of texts returns."""
    return Value(pool.text(None) if isinstance(value, Nothing) else textual(value))
