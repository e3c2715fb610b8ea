"""Reads an export by a project's reading rules: cell by cell, so that one bad cell is one bad row.

A value that is written as in the project's own table is accepted too: plain numbers, ISO dates, true and false. What
contradicts a rule, such as another unit, is refused for the whole column: dropping rows would leave wrong ones.
"""

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.model.arrow_buffers import codes_of_indices
from seatrial.model.categorical import SharedValues, categorical
from seatrial.model.table_files import FEW
from seatrial.model.table_validation import Unreadable
from seatrial.template.column_names import clean_names
from seatrial.template.reading.cell_readers import decimal_marks, rare_labels, reader_of
from seatrial.template.reading.numbers import plain_number, units_in
from seatrial.template.reading.quick_numbers import EXACT, quick_numbers
from seatrial.template.reading.rules import FILE, ReadingRules
from seatrial.template.reading.values import UNDERSTOOD
from seatrial.template.records import ColumnRules, TableSource

MOST_NOTES = 20
LARGEST_WHOLE = 1e15  # above it, a float is written as it is


@dataclass(frozen=True)
class ExportColumn:
    """A column as read: a value for each distinct text, None for missing, and each row's position among them.

    A text that is not a value of the column's kind is Unreadable.
    """

    rules: ColumnRules
    distinct: list[Any]
    codes: Any

    @property
    def dates(self) -> bool:
        """Whether its values are dates, or dates and times, as texts."""
        return self.rules.kind in ("date", "moment")

    def as_array(self, start: int = 0, end: int | None = None) -> Any:
        """The values of these rows as objects that remember their distinct values, or as numbers where all are."""
        return self.values_at(self.codes[start:end])

    def values_at(self, codes: Any) -> Any:
        """The values at these positions among the distinct ones."""
        if self._numbers is not None:
            return self._numbers[codes]
        distinct = self._distinct
        if len(distinct) > max(len(codes), FEW):  # a chunk uses few of the values
            used, codes = np.unique(codes, return_inverse=True)
            distinct = distinct[used]
        return categorical(distinct, codes)

    @cached_property
    def _numbers(self) -> Any:
        """The distinct values as numbers, NaN for missing; None where one is not a number that float64 has."""
        if self.rules.kind not in ("integer", "number") or not {*map(type, self.distinct)} <= {int, float, NoneType}:
            return None
        if any(isinstance(value, int) and abs(value) > EXACT for value in self.distinct):
            return None
        return np.array([np.nan if value is None else value for value in self.distinct], dtype=np.float64)

    @cached_property
    def _distinct(self) -> Any:
        # a text that is not a date is reported by the schema's own rule, so it is passed on as it was
        plain = [str(value) if self.dates and isinstance(value, str) else value for value in self.distinct]
        return np.fromiter(plain, dtype=object, count=len(plain)).view(SharedValues)

    @property
    def unreadable(self) -> bool:
        """Whether some values are not what the rules say."""
        return any(isinstance(value, Unreadable) for value in self.distinct)


@dataclass(frozen=True)
class Export:
    """An export, by the project's names; and what a person should know about how it was read."""

    name: str
    rows: int
    columns: dict[str, ExportColumn]
    notes: tuple[str, ...]
    plain: bool  # whether the project's own table would have the same texts


def read_export(
    source: TableSource, rules: ReadingRules, needed: Sequence[str], *, only: Collection[str] | None = None
) -> Export:
    """Read a table by the rules; all its columns, or `only` these.

    Raises SeatrialError for a column that is `needed` and missing, and for a column that contradicts its rules.
    """
    positions, notes = _columns_of(source, rules, needed)
    if only is not None:
        positions, notes = {name: position for name, position in positions.items() if name in only}, []
    by_name = {name: rules.columns.get(name) or ColumnRules(source.columns[n], "text") for name, n in positions.items()}
    missing = {name: rules.missing_of(column) for name, column in by_name.items()}
    values_of = {name: source.values(position) for name, position in positions.items()}
    quick = {n: quick_numbers(v, source, rules, by_name[n], missing[n]) for n, v in values_of.items()}
    encoded = {name: _distinct(values) for name, values in values_of.items() if quick[name] is None}
    texts = {
        name: [text for text in map(text_of, distinct) if text is not None and text.lower() not in missing[name]]
        for name, (distinct, _) in encoded.items()
    }
    numeric = [name for name in encoded if by_name[name].kind in ("integer", "number")]
    written = {name: {value for value in encoded[name][0] if isinstance(value, str)} for name in numeric}
    marks = decimal_marks(source, rules, {name: [t for t in texts[name] if t in written[name]] for name in numeric})
    columns: dict[str, ExportColumn] = {}
    converted: list[str] = []
    for name, column in by_name.items():
        if (numbers := quick[name]) is not None:
            columns[name] = ExportColumn(column, numbers.distinct, numbers.codes)
            if numbers.missing_text:
                converted.append(f"{name}: converted, such as {numbers.missing_text[:40]!r} to missing")
            continue
        distinct, codes = encoded[name]
        where = f"`{name}`" + (f" ({column.source!r})" if column.source != name else "")
        rare = rare_labels(column.labels, [*map(text_of, distinct)], codes) if column.labels else []
        if rare:
            notes.append(f"rows with {', '.join(map(repr, rare))} left out: labels that occur only once")
        read = reader_of(where, source.name, column, [t for t in texts[name] if t not in rare], marks.get(name, "."))
        values = [None if text_of(v) in rare else _value(v, column, read, missing[name]) for v in distinct]
        columns[name] = ExportColumn(column, values, codes)
        changed = next((n for n, value in enumerate(distinct) if not _plain(value, values[n])), None)
        if changed is not None:
            shown = "missing" if values[changed] is None else text_of(values[changed])
            converted.append(f"{name}: converted, such as {str(distinct[changed])[:40]!r} to {shown}")
    renamed = [f"{old!r} renamed to {new}" for new, n in positions.items() if (old := source.columns[n]) != new]
    told = [*notes, *renamed, *converted]
    told = [*told[:MOST_NOTES], f"and {len(told) - MOST_NOTES} more"] if len(told) > MOST_NOTES + 1 else told
    return Export(source.name, source.rows, columns, tuple(told), not (renamed or converted))


def project_names(source: TableSource, rules: ReadingRules) -> list[str]:
    """The columns' names in the project, one for each column of a source.

    A name that is in no rule gets a clean one, but not that of a column with another name in exports: of `weight (lb)`
    or of a name in another script, too little is left to tell it from others.
    """
    by_source = {_same(column.source): name for name, column in rules.columns.items()}
    names: list[str] = []
    for old, clean in zip(map(_same, source.columns), clean_names(source.columns), strict=True):
        name = by_source.get(old) or (old if old in rules.columns else "")
        if not name:
            name = clean
            while name in rules.columns and _same(rules.columns[name].source) != name:
                name += "_2"
        names.append(name)
    return names


def _same(name: str) -> str:
    """A column's name without the differences that nobody sees."""
    return unicodedata.normalize("NFC", name.strip())


def _columns_of(source: TableSource, rules: ReadingRules, needed: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """The position of each column in the source, by its name in the project."""
    positions: dict[str, int] = {}
    new: list[str] = []
    for position, (old, own) in enumerate(zip(source.columns, project_names(source, rules), strict=True)):
        if own in positions:
            raise SeatrialError(
                f"{source.name} has two columns for `{own}`: {source.columns[positions[own]]!r} and {old!r}.",
                hint="Remove one of them.",
            )
        positions[own] = position
        if own not in rules.columns and own not in needed:
            new.append(own)
    for name in needed:
        if name not in positions:
            raise _missing_column(source, rules, name)
    notes = [f"not in {FILE}: {', '.join(new[:20])}"] if new and rules.where else []
    return positions, notes


def _missing_column(source: TableSource, rules: ReadingRules, name: str) -> SeatrialError:
    import difflib

    column = rules.columns.get(name)
    also = f" (in exports {column.source!r})" if column and column.source != name else ""
    near = difflib.get_close_matches(column.source if column else name, source.columns, 1)
    if near and column and (units := units_in(near[0])) != (mine := units_in(column.source)) and units and mine:
        return SeatrialError(
            f"`{name}` is {column.source!r} in this project, and {source.name} has {near[0]!r}: another unit.",
            hint=f"Convert the column, and give it its name; or set `from` in {FILE} if the table changes its unit.",
        )
    near = near or difflib.get_close_matches(name, source.columns, 1)
    hint = f"Did you mean `{near[0]}`? Rename it in the table, or set `from` in {FILE}." if near else ""
    hint = hint or f"Its columns are: {', '.join(source.columns[:20])}."
    return SeatrialError(f"{source.name} has no column `{name}`{also}.", hint=hint)


def shares_dictionary(values: Any) -> bool:
    """Whether the distinct values of an arrow array are those of its dictionary, in their order, and None."""
    return pa.types.is_dictionary(values.type) and len(values.dictionary) <= max(len(values), FEW)


def _distinct(values: Any) -> tuple[list[Any], Any]:
    """The distinct values of an arrow array, None for null, and each row's position among them."""
    if shares_dictionary(values):
        codes = codes_of_indices(values.indices, null=len(values.dictionary))
        return _stripped([*values.dictionary.to_pylist(), None]), codes
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()  # a slice uses few of the values
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        texts = [None if value is None else _iso(value) for value in values.to_pylist()]
        values = pa.array(texts, pa.string())
    encoded = values.dictionary_encode("encode")  # null is one of the distinct values
    codes = np.from_dlpack(encoded.indices).astype(np.int64)  # to_numpy would import pandas
    return _stripped(encoded.dictionary.to_pylist()), codes


def _stripped(distinct: list[Any]) -> list[Any]:
    return [value.strip() if isinstance(value, str) else value for value in distinct]


def _iso(value: Any) -> str:
    text: str = value.isoformat()
    return text.replace("+00:00", "Z")


def text_of(value: Any) -> str | None:
    """Return a value as a CSV file would have it."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < LARGEST_WHOLE else repr(value)
    return str(value)


def _value(value: Any, rules: ColumnRules, read: Callable[[str], Any], missing: frozenset[str]) -> Any:
    """The value of one distinct cell: None for missing, Unreadable if it is not what the rules say."""
    text = text_of(value)
    if text is None or text.lower() in missing:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and rules.kind in ("integer", "number"):
        if rules.kind == "number":
            return float(value)
        return int(value) if value == int(value) else Unreadable(text)  # a number is itself, whatever texts mean
    return read(text)


def _plain(text: Any, value: Any) -> bool:
    """Whether the project's own table may have a value as this text."""
    if value is None or not isinstance(text, str):
        return text in ("", None) if value is None else isinstance(text, type(value))
    if isinstance(value, bool):
        return text.lower() in UNDERSTOOD
    return value == text if isinstance(value, str) else plain_number(text) and float(text) == value
