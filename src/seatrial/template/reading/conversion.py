"""Reads an export by a project's reading rules: cell by cell, so that one bad cell is one bad row.

A value that is written as in the project's own table is accepted too: plain numbers, ISO dates, true and false. What
contradicts a rule, such as another unit, is refused for the whole column: dropping rows would leave wrong ones.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.model.table_validation import Unreadable
from seatrial.template.column_names import clean_names
from seatrial.template.reading.csv_dialect import shown_marks
from seatrial.template.reading.dates import iso_text, read_dates, swapped
from seatrial.template.reading.numbers import in_doubt, number_in, parts_of, plain_number, same_unit, units_in
from seatrial.template.reading.periods import period_in
from seatrial.template.reading.rules import FILE, ReadingRules
from seatrial.template.reading.values import INFINITE, UNDERSTOOD, YES_NO
from seatrial.template.records import ColumnRules, TableSource

FEWEST = 5  # distinct fractions that show that they are no percentages
_YES, _NO = {yes for yes, _ in YES_NO}, {no for _, no in YES_NO}
_STRPTIME = {"%d": "dd", "%m": "mm", "%Y": "yyyy", "%y": "yy", "%H": "hh", "%I": "hh", "%M": "mm", "%S": "ss"}


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
    encoded = {name: _distinct(source.values(position)) for name, position in positions.items()}
    by_name = {name: rules.columns.get(name) or ColumnRules(source.columns[n], "text") for name, n in positions.items()}
    missing = {name: rules.missing_of(column) for name, column in by_name.items()}
    texts = {
        name: [text for text in distinct if isinstance(text, str) and text.lower() not in missing[name]]
        for name, (distinct, _) in encoded.items()
    }
    numeric = [name for name, column in by_name.items() if column.kind in ("integer", "number")]
    marks = _decimal_marks(source, rules, {name: texts[name] for name in numeric})
    columns: dict[str, ExportColumn] = {}
    converted: list[str] = []
    for name, (distinct, codes) in encoded.items():
        column = by_name[name]
        where = f"`{name}`" + (f" ({column.source!r})" if column.source != name else "")
        if column.labels and (rare := _rare_labels(column.labels, distinct, codes)):
            notes.append(f"rows with {', '.join(map(repr, rare))} left out: labels that occur only once")
            missing[name] |= {text.lower() for text in rare}
            texts[name] = [text for text in texts[name] if text not in rare]
        read = _reader(where, source.name, column, texts[name], marks.get(name, "."))
        values = [_value(value, read, missing[name]) for value in distinct]
        columns[name] = ExportColumn(column, values, codes)
        changed = next((n for n, value in enumerate(distinct) if not _plain(value, values[n])), None)
        if changed is not None:
            shown = "missing" if values[changed] is None else str(values[changed]).lower()
            converted.append(f"{name}: converted, such as {str(distinct[changed])[:40]!r} to {shown}")
    renamed = [f"{old!r} renamed to {new}" for new, n in positions.items() if (old := source.columns[n]) != new]
    return Export(source.name, source.rows, columns, (*notes, *renamed, *converted), not (renamed or converted))


def project_names(source: TableSource, rules: ReadingRules) -> list[str]:
    """The columns' names in the project, one for each column of a source."""
    by_source = {column.source.strip(): name for name, column in rules.columns.items()}
    stripped = [name.strip() for name in source.columns]
    return [
        by_source.get(name) or (name if name in rules.columns else clean)
        for name, clean in zip(stripped, clean_names(source.columns), strict=True)
    ]


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


def _distinct(values: Any) -> tuple[list[Any], Any]:
    """The distinct values of an arrow array, None for null, and each row's position among them."""
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        texts = [None if value is None else _iso(value) for value in values.to_pylist()]
        values = pa.array(texts, pa.string())
    encoded = values.dictionary_encode("encode")  # null is one of the distinct values
    codes = np.from_dlpack(encoded.indices).astype(np.int64)  # to_numpy would import pandas
    distinct = encoded.dictionary.to_pylist()
    return [value.strip() if isinstance(value, str) else value for value in distinct], codes


def _iso(value: Any) -> str:
    text: str = value.isoformat()
    return text.replace("+00:00", "Z")


def _value(value: Any, read: Callable[[str], Any], missing: frozenset[str]) -> Any:
    """The value of one distinct cell: None for missing, Unreadable if it is not what the rules say."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str):
        text = str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
        return read(text)
    return None if value.lower() in missing else read(value)


def _plain(text: Any, value: Any) -> bool:
    """Whether the project's own table may have a value as this text."""
    if value is None or not isinstance(text, str):
        return text in ("", None) if value is None else isinstance(text, type(value))
    if isinstance(value, bool):
        return text.lower() in UNDERSTOOD
    return value == text if isinstance(value, str) else plain_number(text) and float(text) == value


# -- decimal marks


def _decimal_marks(source: TableSource, rules: ReadingRules, texts: dict[str, list[str]]) -> dict[str, str]:
    """The decimal mark of each column of numbers, by its rule and by what the file shows.

    The project's own table has points where exports have commas. So a file that shows points, and no comma, is read
    with points; and one that shows neither is an export only if it is separated as exports are.
    """
    expected = {name: rules.columns[name].decimal or rules.decimal if name in rules.columns else "" for name in texts}
    bare = {name: [number for text in column if (number := parts_of(text)[1])] for name, column in texts.items()}
    shown = {name: shown_marks(column) for name, column in bare.items()}
    comma_columns = [name for name, mark in expected.items() if mark == ","]
    commas = any(shown[name][","] for name in comma_columns)
    points = next((name for name in comma_columns if shown[name]["."]), "")
    if commas and points:
        raise _mark_error(source, points, "decimal commas", shown[points]["."][0])
    exported = commas or (not points and source.separator == rules.separator != ",")
    marks = {}
    for name, mark in expected.items():
        comma, point = shown[name][","], shown[name]["."]
        if mark == "." and comma:
            raise _mark_error(source, name, "decimal points", comma[0])
        if mark == ",":
            marks[name] = "," if exported else "."
            doubtful = in_doubt(bare[name], ".") if not (exported or points) and source.separator else ""
        else:
            marks[name] = mark or ("" if comma and point else "," if comma else ".")
            doubtful = "" if mark or point or source.decimal.mark else in_doubt(bare[name], ".")
            doubtful = doubtful or ("" if mark or comma else in_doubt(bare[name], ","))
        if doubtful:
            raise SeatrialError(
                f"{source.name}: {doubtful!r} in `{name}` could be a number of thousands or have three decimals.",
                hint=f"Set decimal in {FILE} to the decimal mark of exports, and separate the file as exports are.",
            )
    return marks


def _mark_error(source: TableSource, name: str, usual: str, shown: str) -> SeatrialError:
    return SeatrialError(
        f"`{name}` has {usual} in this project, and {source.name} has {shown!r}.",
        hint=f"Write the column in one way; or set its decimal in {FILE} if exports have changed.",
    )


# -- one column


def _reader(where: str, file: str, rules: ColumnRules, texts: list[str], decimal: str) -> Callable[[str], Any]:
    """The function that reads a text of the column. Raises SeatrialError if its texts contradict the rules."""
    match rules.kind:
        case "integer" | "number":
            _check_unit(where, file, rules, texts)
            return lambda text: _number(text, rules, decimal)
        case "boolean":
            return lambda text: _yes_or_no(text, rules)
        case "date" | "moment":
            formats = rules.formats or _detected_formats(texts)
            _check_formats(where, file, rules, formats, texts)
            return lambda text: _moment(text, formats, rules)
    if rules.labels:
        _check_labels(where, file, rules.labels, texts)
        return lambda text: _label(text, rules.labels)
    return lambda text: text


def _check_unit(where: str, file: str, rules: ColumnRules, texts: list[str]) -> None:
    parts = [parts_of(text) for text in texts]
    read = [number_in(number, "") for unit, number in parts if not unit]
    bare = [abs(number) for number in read if number is not None]
    if rules.unit == "%" and len(bare) == len(parts) >= FEWEST and 0 < max(bare) <= 1:
        raise SeatrialError(
            f"{where} is in % in this project, and {file} has fractions, such as {texts[0]!r}.",
            hint=f"Write percentages; or remove its unit in {FILE}, and train on a table that is all in fractions.",
        )
    for text, (unit, number) in zip(texts, parts, strict=True):
        if number and unit and not same_unit(unit, rules.unit):
            mine = f"in {rules.unit}" if rules.unit else "without a unit"
            raise SeatrialError(
                f"{where} is {mine} in this project, and {file} has {unit} (as in {text[:40]!r}).",
                hint=f"Convert the column; or set its unit in {FILE}, and train on a table that is all in {unit}.",
            )


def _number(text: str, rules: ColumnRules, decimal: str) -> Any:
    if text.lower() in INFINITE:
        return None
    number = number_in(parts_of(text)[1], decimal)
    if number is None or (rules.kind == "integer" and not number.is_integer()):
        return Unreadable(text)
    return int(number) if rules.kind == "integer" else number


def _yes_or_no(text: str, rules: ColumnRules) -> Any:
    word, yes, no = text.lower(), [w.lower() for w in rules.yes], [w.lower() for w in rules.no]
    if word in yes or (word in _YES and word not in no):
        return True
    return False if word in no or word in _NO else Unreadable(text)


def _label(text: str, labels: Sequence[str]) -> Any:
    if text in labels:
        return text
    whole = re.sub(r"\.0+$", "", text)
    return next((label for label in labels if label in (whole, text.lower())), Unreadable(text))


def _rare_labels(labels: Sequence[str], distinct: list[Any], codes: Any) -> list[str]:
    """Unknown labels in a single row each, beside known ones: they can be neither learned nor tested."""
    unknown = {
        n for n, text in enumerate(distinct) if isinstance(text, str) and isinstance(_label(text, labels), Unreadable)
    }
    counts = np.bincount(codes, minlength=len(distinct))
    rare = [distinct[n] for n in sorted(unknown) if counts[n] == 1]
    return rare if len(unknown) < len(distinct) else []


def _check_labels(where: str, file: str, labels: Sequence[str], texts: list[str]) -> None:
    unknown = [text for text in texts if isinstance(_label(text, labels), Unreadable)]
    if unknown:
        shown, known = (", ".join(map(repr, names[:5])) for names in (unknown, labels))
        which = "none of its labels is" if len(unknown) == len(texts) else "not all of its labels are"
        raise SeatrialError(
            f"{where}, the target: {which} known. {file} has {shown}, and the project {known}.",
            hint=f"Write them as in the project; or add new ones to its labels in {FILE}.",
        )


def _detected_formats(texts: list[str]) -> tuple[str, ...]:
    dates = read_dates(texts)
    return dates.formats if dates and not dates.doubt else ()


def _check_formats(where: str, file: str, rules: ColumnRules, formats: Sequence[str], texts: list[str]) -> None:
    """Refuse a column of dates that is written in another way: the format may read some of them with day for month."""
    failing = [text for text in texts if isinstance(_moment(text, formats, rules), Unreadable)]
    if not failing:
        return
    others = [other for form in formats if (other := swapped(form))]
    exchanged = any(not isinstance(_moment(text, (o,), rules), Unreadable) for o in others for text in failing)
    if len(failing) == len(texts) or exchanged:
        known = " or ".join(map(_shown, formats)) or "in ISO format, as 2024-01-31"
        raise SeatrialError(
            f"{where} has dates {'as ' if formats else ''}{known} in this project, and {file} has {failing[0][:40]!r}.",
            hint=f"Write its dates so; or add their format to its formats in {FILE}.",
        )


def _shown(form: str) -> str:
    for mark, words in _STRPTIME.items():
        form = form.replace(mark, words)
    return form


def _moment(text: str, formats: Sequence[str], rules: ColumnRules) -> Any:
    """A date or a time in ISO format."""
    for form in formats:
        if "%" not in form:
            if found := period_in(text, form):
                return found
            continue
        try:
            read = dt.datetime.strptime(text, form)
        except ValueError:
            continue
        if rules.kind == "date":
            return read.date().isoformat() if read.time() == dt.time() else Unreadable(text)
        return read.isoformat()
    found = iso_text(text)
    if found is None or (rules.kind == "date" and len(found) > 10 and not re.search(r"T00:00(:00)?(\.0+)?$", found)):
        return Unreadable(text)
    if rules.kind == "date":
        return found[:10]
    return found if "T" in found else f"{found}T00:00:00"
