"""Conditions on rows of the log: `fare > 100 and sex = female`, read without running anything."""

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from seatrial.core.errors import SeatrialError
from seatrial.core.settings import near_hint

INPUT = "input_"  # before the names of inputs, in the log
OPERATORS = ("<=", ">=", "!=", "<>", "==", "=", "<", ">")
_NAME = r"""(?:"(?:[^"]|"")+"|`[^`]+`|[^\W\d][\w.-]*)"""
_START = re.compile(rf"\s*({_NAME})\s*({'|'.join(OPERATORS)})\s*")
_JOIN = re.compile(rf"\s+and(?=\s+{_NAME}\s*(?:{'|'.join(OPERATORS)}))", re.IGNORECASE)
_QUOTED = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")(?=\s|$)""")
EXAMPLES = 'Examples: "fare > 100", "sex = female and age < 18", "name = \'Brown, Mrs. Ann\'", "age = null".'
Hashes = Callable[[str], Collection[str]]  # what a value may have become in a hashed column


@dataclass(frozen=True)
class Condition:
    """A comparison of one column with one value; `value` is None for missing."""

    column: str
    operator: str  # = != < <= > >=
    value: str | None

    def __str__(self) -> str:
        value = "null" if self.value is None else "'{}'".format(self.value.replace("'", "''"))
        return f"{self.column} {self.operator} {value}"


def parse_conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Read comparisons that are joined by `and`. Raises SeatrialError, with the place, where a text is not one.

    A value ends at the next ` and NAME =`, so that it needs quotes only where it has such words, or to keep its spaces
    at both ends.
    """
    return tuple(condition for text in texts for condition in _parse(text))


def _parse(text: str) -> list[Condition]:
    found: list[Condition] = []
    place = 0
    while True:
        start = _START.match(text, place)
        if not start:
            raise SeatrialError(f"No condition can be read at {text[place:].strip()!r} in {text!r}.", hint=EXAMPLES)
        place = start.end()
        if quoted := _QUOTED.match(text, place):
            marks = "''" if quoted[1] is not None else '""'
            value: str | None = (quoted[1] if quoted[1] is not None else quoted[2]).replace(marks, marks[0])
            end = quoted.end()
        else:
            join = _JOIN.search(text, max(place - 1, 0))
            end = join.start() if join else len(text)
            value = text[place:end].strip()
            if not value or value[0] in "'\"=<>!":
                raise SeatrialError(f"{start[0].strip()!r} has no value that is understood in {text!r}.", hint=EXAMPLES)
            value = None if value.lower() == "null" else value
        operator = {"==": "=", "<>": "!="}.get(start[2], start[2])
        if value is None and operator not in ("=", "!="):
            raise SeatrialError(f"{start[0].strip()} null: nothing is {operator} a missing value.", hint=EXAMPLES)
        found.append(Condition(_unquoted(start[1]), operator, value))
        if not text[end:].strip():
            return found
        join = _JOIN.match(text, end)
        if not join:
            raise SeatrialError(f"{text[end:].strip()!r} is not understood in {text!r}.", hint=EXAMPLES)
        place = join.end()


def _unquoted(name: str) -> str:
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return name.strip("`")


def column_of(name: str, names: Collection[str]) -> str | None:
    """The column that a name means, of those with these names: one of the log's own, or an input; None if neither."""
    return next((each for each in (name, INPUT + name) if each in names), None)


def unknown_column(name: str, names: Collection[str]) -> SeatrialError:
    """Report a name that is no column's."""
    known = [each.removeprefix(INPUT) for each in names]
    return SeatrialError(f"The log has no column `{name}`.", hint=near_hint(name, known))


def literal(condition: Condition, kind: pa.DataType) -> Any:
    """The value of a condition as a Python value that compares with a column of this type; ValueError if it cannot."""
    text = condition.value
    assert text is not None
    if pa.types.is_boolean(kind):
        words = {"true": True, "false": False}
        if text.lower() not in words:
            raise ValueError
        return words[text.lower()]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError
        return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else number
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    if pa.types.is_timestamp(kind):
        moment = datetime.fromisoformat(text)
        if kind.tz:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.replace(tzinfo=None)
    if pa.types.is_time(kind):
        return time.fromisoformat(text)
    return text


def expression(condition: Condition, schema: pa.Schema, hashes: Hashes) -> ds.Expression | None:
    """The condition for tables of this schema; None where no row can satisfy it.

    Raises ValueError where the value cannot be compared with the column.
    """
    column = column_of(condition.column, schema.names)
    if column is None:
        return ds.scalar(True) if (condition.operator, condition.value) == ("=", None) else None
    field = ds.field(column)
    if condition.value is None:
        return field.is_null() if condition.operator == "=" else field.is_valid()
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    value = literal(condition, kind)
    if column.startswith(INPUT) and pa.types.is_string(kind) and (hashed := sorted(hashes(condition.value))):
        same = field.isin([value, *hashed])
        return {"=": same, "!=": ~same}.get(condition.operator, _compared(field, condition.operator, value))
    return _compared(field, condition.operator, pa.scalar(value, kind) if _exact(value, kind) else pa.scalar(value))


def _exact(value: Any, kind: pa.DataType) -> bool:
    """Whether a value keeps its meaning in the column's own type: 1.5 does not among integers."""
    return not (pa.types.is_integer(kind) and isinstance(value, float))


def _compared(field: ds.Expression, operator: str, value: Any) -> ds.Expression:
    return {
        "=": field == value,
        "!=": field != value,
        "<": field < value,
        "<=": field <= value,
        ">": field > value,
        ">=": field >= value,
    }[operator]
