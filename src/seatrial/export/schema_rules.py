"""The rules of a schema's columns as expressions: which column of a row breaks one.

These are the rules that a column's type, its bounds, its categories and its length give; a pattern or a validator of
one's own is not among them.
"""

from collections.abc import Iterable

from seatrial.export.expressions import Expression, Expressions
from seatrial.model.schema import Column


def bad_column(columns: Iterable[tuple[Column, Expression]], pool: Expressions) -> Expression:
    """The name of the first column that breaks a rule of the schema; null where none does."""
    found = pool.text(None)
    for column, value in reversed(list(columns)):
        found = pool.case(_broken(column, value, pool), pool.text(column.name), found)
    return found


def _broken(column: Column, value: Expression, pool: Expressions) -> Expression:
    """Whether a value breaks a rule of its column; missing ones only where they are not allowed."""
    broken = pool.boolean(False)
    if not column.nullable:
        broken = pool.make("is null", value, kind="boolean", nullable=False)
    if column.kind == "category" and not column.open:
        constants = [each if isinstance(each, str) else float(each) for each in column.categories]
        known = pool.member(value, constants)
        outside = pool.both(_present(value, pool), pool.negate(known))
        return pool.either(broken, outside)
    if column.kind in ("integer", "number"):
        low, high = column.limits
        below = pool.compare("<=" if column.exclusive_minimum else "<", value, pool.number(low))
        above = pool.compare(">=" if column.exclusive_maximum else ">", value, pool.number(high))
        broken = pool.either(broken, pool.either(below, above))
    if column.kind == "integer":
        broken = pool.either(broken, pool.differ(value, pool.function("floor", value)))
    if column.max_length is not None and column.kind == "text":
        length = pool.make("length", value, kind="number")
        broken = pool.either(broken, pool.compare(">", length, pool.number(column.max_length)))
    return broken


def _present(value: Expression, pool: Expressions) -> Expression:
    return pool.negate(pool.make("is null", value, kind="boolean", nullable=False))


def unless_bad(bad: Expression, value: Expression, pool: Expressions) -> Expression:
    """A value, missing where the row breaks a rule."""
    nothing = pool.make("untyped null", kind=value.kind, nullable=True)
    good = pool.make("is null", bad, kind="boolean", nullable=False)
    return pool.case(good, value, nothing)
