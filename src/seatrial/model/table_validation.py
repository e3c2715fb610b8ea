"""Checks tables by the schema, column by column: the same rules as for a row, applied once per distinct value.

A million rows go through Pydantic as a few thousand distinct values; numbers with bounds and no other rule are checked
as arrays. Schemas with rules across columns are checked row by row.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator

from seatrial.core.errors import Problem
from seatrial.model.categorical import SharedValues, categorical, codes_of, computed_once
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column, columns_of, field_validators, plain_bounds, spans_columns

_TRUE, _FALSE = {"true", "yes", "y", "1", "t"}, {"false", "no", "n", "0", "f"}

EXACT = 2.0**53  # whole numbers up to here are the same as float64
# The kinds of the rules that an unreadable cell breaks, by the kind of its column.
_UNREADABLE = {"integer": "int_type", "number": "float_type", "boolean": "bool_type", "text": "string_type"}


class Unreadable(str):
    """A cell of a text file that is not a value of its column's type; it keeps the text for the message."""

    __slots__ = ()


class TableChecker:
    """Checks tables against one schema class."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema
        self.columns = columns_of(schema)
        self._validators = field_validators(schema)
        self._spans = spans_columns(schema)
        self._bounds = {c.name for c in self.columns if c.numeric and plain_bounds(schema, c.name)}

    def check(self, table: Mapping[str, Sequence[Any] | Array]) -> tuple[Columns, list[Problem]]:
        """Turn raw columns into checked ones, with a problem for each value that breaks a rule.

        `table` has a list or array per column of the schema, all of the same length, None or NaN for missing. In the
        result, a value with a problem is missing; the caller drops the row or rejects the table.
        """
        checked: Columns = {}
        problems: list[Problem] = []
        for column in self.columns:
            values = table[column.name]
            if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and column.name in self._bounds:
                checked[column.name] = self._check_array(column, values, problems)
            elif column.name in self._bounds and (numbers := self._numbers_in(column, values)) is not None:
                checked[column.name] = numbers
            else:
                checked[column.name] = self._check_values(column, values, problems)
        if self._spans:
            problems += self._check_rows(checked, {p.row for p in problems})
        problems.sort(key=lambda problem: problem.row)
        return checked, problems

    def allowed(self, table: Mapping[str, Sequence[Any] | Array]) -> npt.NDArray[np.bool_]:
        """Return a mask of the rows that break no rule."""
        columns, problems = self.check(table)
        mask = np.ones(len(next(iter(columns.values()))), dtype=bool)
        mask[[problem.row for problem in problems]] = False
        return mask

    def moment_kind(self, column: Column) -> Literal["date", "moment"]:
        """Whether a column of dates takes days only, or times as well."""
        moments = ("2024-01-31T10:30:00", "2024-01-31T10:30:00Z")
        accepts = not all(self._rule(column, moment)[0] for moment in moments)
        return "moment" if accepts else "date"

    def _numbers_in(self, column: Column, values: Any) -> Array | None:
        """Read a list of texts as numbers; None unless all of them are plain numbers that break no rule, or missing.

        The texts of a measurement are nearly all distinct, and to check them one by one takes thirty times as long.
        """
        if column.kind not in ("integer", "number") or not isinstance(values, list) or set(map(type, values)) != {str}:
            return None
        try:
            numbers = np.array([float(text) if text else np.nan for text in values])
        except ValueError:
            return None
        missing = values.count("")
        if missing != np.count_nonzero(np.isnan(numbers)) or (missing and not column.nullable):
            return None
        if (len(values) > missing and np.nanmax(np.abs(numbers)) > EXACT) or "_" in "".join(values):
            return None
        broken: list[Problem] = []
        checked = self._check_array(column, numbers, broken)
        return None if broken else checked

    def _check_array(self, column: Column, values: Array, problems: list[Problem]) -> Array:
        numbers = values.astype(np.float64)
        missing = np.isnan(numbers)
        good = np.isfinite(numbers)
        if column.kind == "integer":
            good &= np.floor(numbers) == numbers
        low, high = column.limits
        good &= numbers > low if column.exclusive_minimum else numbers >= low
        good &= numbers < high if column.exclusive_maximum else numbers <= high
        if column.nullable:
            good |= missing
        for row in np.flatnonzero(~good).tolist():
            value = to_python(column, None if missing[row] else values[row].item())
            rule, kind = self._rule(column, value)
            problems.append(Problem(row, column.name, _shown(value), rule, kind=kind))
            numbers[row] = np.nan
        return numbers

    def _check_values(self, column: Column, values: Sequence[Any] | Array, problems: list[Problem]) -> Array:
        known = codes_of(values)
        source = values if known is None else known[0]
        plain, results, broken = computed_once(source, (self, column.name), lambda: self._checked(column, source))
        if broken:
            bad = [place for place, value in enumerate(plain) if value in broken]
            rows = [(row, row) for row in bad] if known is None else _rows_of(known[1], bad)
            shown = {i: plain[i] if isinstance(plain[i], str) else to_python(column, plain[i]) for i in bad}
            for row, i in rows:
                message, kind = broken[plain[i]]
                problems.append(Problem(row, column.name, _shown(shown[i]), message, kind=kind))
        if known is None:
            return results
        return results[known[1]] if column.numeric else categorical(results, known[1])

    def _checked(
        self, column: Column, source: Sequence[Any] | Array
    ) -> tuple[list[Any], Array, dict[Any, tuple[str, str]]]:
        """The values as Python's, the checked ones (n,), and the rule that each bad value breaks."""
        plain = source.tolist() if isinstance(source, np.ndarray) else list(source)
        unusable = (list, dict) if column.kind == "boolean" else (bool, list, dict)  # True == 1; lists have no hash
        if not {type(value) for value in plain}.isdisjoint(unusable):
            plain = [Unreadable(value) if isinstance(value, unusable) else value for value in plain]
        valid: dict[Any, Any] = {}
        broken: dict[Any, tuple[str, str]] = {}
        for value in dict.fromkeys(plain):
            valid[value], rule = self._validated(column, to_python(column, value))
            if rule:
                broken[value] = rule
        results = [valid[value] for value in plain]
        if column.numeric:
            return plain, np.array([np.nan if value is None else value for value in results], dtype=np.float64), broken
        objects = np.fromiter(results, dtype=object, count=len(results))
        return plain, objects.view(SharedValues) if isinstance(source, SharedValues) else objects, broken

    def _rule(self, column: Column, value: Any) -> tuple[str, str]:
        """Return the message and the kind of the rule that the value breaks, or two empty texts."""
        return self._validated(column, value)[1] or ("", "")

    def _validated(self, column: Column, value: Any) -> tuple[Any, tuple[str, str] | None]:
        """Return the value of a row, None if it breaks a rule, with the message and the kind of that rule."""
        if isinstance(value, Unreadable) and column.kind != "category":
            article = "an" if column.kind == "integer" else "a"
            return None, (f"Input should be {article} {column.kind}", _UNREADABLE.get(column.kind, "value_error"))
        try:
            return _validate(self._validators[column.name], column, value), None
        except ValidationError as error:
            part = error.errors(include_url=False, include_input=False)[0]
            return None, (part["msg"], part["type"])

    def _check_rows(self, checked: Columns, known: set[int]) -> list[Problem]:
        """Apply the rules that span columns to the rows without a problem."""
        problems = []
        for row in range(len(next(iter(checked.values())))):
            if row in known:
                continue
            values = {c.name: from_array(c, checked[c.name][row]) for c in self.columns}
            try:
                self.schema.model_validate(values)
            except ValidationError as error:
                for part in error.errors(include_url=False, include_input=False):
                    name = str(part["loc"][0]) if part["loc"] else ""
                    problems.append(Problem(row, name, _shown(values.get(name)), part["msg"], kind=part["type"]))
        return problems


def _rows_of(codes: Array, wanted: list[int]) -> list[tuple[int, int]]:
    """Return the rows that have one of these codes, each with its code."""
    rows = np.flatnonzero(np.isin(codes, wanted))
    return list(zip(rows.tolist(), codes[rows].tolist(), strict=True))


def _validate(validator: SchemaValidator, column: Column, value: Any) -> Any:
    if column.kind == "other" and isinstance(value, str):
        return validator.validate_json(json.dumps(value))  # dates and the like
    return validator.validate_python(value)


def to_python(column: Column, value: Any) -> Any:
    """Convert a table's cell to the Python value of a JSON row; text of the wrong type becomes Unreadable."""
    if value is None or value == "" or value != value:  # noqa: PLR0124 - NaN is missing in a table
        return None
    if not column.numeric or isinstance(value, Unreadable):
        return value
    if isinstance(value, str):
        return _number_in(column, value.strip())
    if isinstance(value, Decimal):  # as databases and Spark have whole numbers too
        value = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if column.kind == "boolean":
        return bool(value) if value in (0, 1) else value
    if column.kind != "number" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _number_in(column: Column, text: str) -> Any:
    if column.kind == "boolean":
        folded = text.lower()
        return folded in _TRUE if folded in _TRUE | _FALSE else Unreadable(text)
    if "_" in text:  # Python reads 1_000 as a number, but the author of a table would not
        return Unreadable(text)
    try:
        number = float(text)
        if column.kind == "number":
            return number
        return int(text) if text.lstrip("+-").isdecimal() else int(number) if number.is_integer() else Unreadable(text)
    except (ValueError, OverflowError):
        return Unreadable(text)


def from_array(column: Column, value: Any) -> Any:
    """Convert one cell of checked columns back to the Python value of a row."""
    if not column.numeric:
        return value
    if np.isnan(value):
        return None
    if column.kind == "boolean":
        return bool(value)
    return float(value) if column.kind == "number" else int(value)


def rows_of(columns: Sequence[Column], table: Columns) -> list[dict[str, Any]]:
    """Read checked columns back as rows."""
    rows = len(table[columns[0].name]) if columns else 0
    return [{c.name: from_array(c, table[c.name][row]) for c in columns} for row in range(rows)]


def encodable_text(text: str) -> str:
    """A text as it can be written: with \\ud800 for half of a surrogate pair, which JSON may have."""
    return text.encode("utf-8", "backslashreplace").decode()


def _shown(value: Any) -> str:
    text = "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN is missing
    return encodable_text(text if len(text) <= 60 else text[:57] + "...")
