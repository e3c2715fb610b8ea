"""How the texts of one column are read by its rules; raises SeatrialError for a column that contradicts them."""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.table_validation import Unreadable
from seatrial.template.reading.csv_dialect import shown_marks
from seatrial.template.reading.dates import iso_text, read_dates
from seatrial.template.reading.numbers import in_doubt, number_in, parts_of, same_unit, thousands_in
from seatrial.template.reading.periods import FORMATS, period_in
from seatrial.template.reading.rules import FILE, ReadingRules
from seatrial.template.reading.values import INFINITE, YES_NO
from seatrial.template.records import ColumnRules, TableSource

FEWEST = 5  # distinct fractions that show that they are no percentages
_YES, _NO = {yes for yes, _ in YES_NO}, {no for _, no in YES_NO}
_EXCHANGED = str.maketrans("dm", "md")  # day and month
_STRPTIME = {"%d": "dd", "%m": "mm", "%Y": "yyyy", "%y": "yy", "%H": "hh", "%I": "hh", "%M": "mm", "%S": "ss"}


def decimal_marks(source: TableSource, rules: ReadingRules, texts: dict[str, list[str]]) -> dict[str, str]:
    """The decimal mark of each column of numbers, by its rule and by what its texts show.

    The project's own table has points where exports have commas. So a file that shows points, and no comma, is read
    with points; and one that shows neither is an export only if it is separated as exports are.
    """
    expected = {name: rules.columns[name].decimal or rules.decimal if name in rules.columns else "" for name in texts}
    if source.decimal.certain:
        return dict.fromkeys(expected, source.decimal.mark)
    bare = {name: [number for text in column if (number := parts_of(text)[1])] for name, column in texts.items()}
    shown = {name: shown_marks(column) for name, column in bare.items()}
    comma_columns = [name for name, mark in expected.items() if mark == ","]
    commas = any("," in number or thousands_in(number) for name in comma_columns for number in bare[name])
    points = next((name for name in comma_columns if shown[name]["."]), "")
    if commas and points:
        raise _mark_error(source, points, "decimal commas", shown[points]["."][0])
    exported = commas or (not points and source.separator == rules.separator not in (",", ""))
    marks = {}
    for name, mark in expected.items():
        comma, point = shown[name][","], shown[name]["."]
        comma += [number for number in bare[name] if thousands_in(number)]
        if mark == "." and comma:
            raise _mark_error(source, name, "decimal points", comma[0])
        doubtful = ""
        if mark == ",":
            marks[name] = "," if exported else "."
            doubtful = "" if exported or points else in_doubt(bare[name], ".")
        elif mark == ".":
            marks[name] = "."
            usual = name in rules.columns and rules.columns[name].thousands == ","
            doubtful = "" if usual and source.separator in ("", rules.separator) else in_doubt(bare[name], ",")
        elif not mark and rules.columns.get(name, ColumnRules("", "text")).thousands == ".":
            marks[name] = ","
        else:
            marks[name] = mark or (",." if comma and point else "," if comma else ".")
            doubtful = "" if mark or point or source.decimal.mark else in_doubt(bare[name], ".")
            doubtful = doubtful or ("" if mark or comma else in_doubt(bare[name], ","))
        if doubtful:
            raise SeatrialError(
                f"{source.name}: {doubtful!r} in `{name}` could be a number of thousands or have three decimals.",
                hint=f"Say which with --decimal , or --decimal . (CSV); or set its decimal in {FILE}.",
            )
    return marks


def _mark_error(source: TableSource, name: str, usual: str, shown: str) -> SeatrialError:
    return SeatrialError(
        f"`{name}` has {usual} in this project, and {source.name} has {shown!r}.",
        hint=f"Write the column in one way; or set its decimal in {FILE} if exports have changed.",
    )


def reader_of(where: str, file: str, rules: ColumnRules, texts: list[str], decimal: str) -> Callable[[str], Any]:
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
    if rules.width:  # a spreadsheet drops leading zeros
        return lambda text: re.sub(r"\.0+$", "", text).zfill(rules.width) if re.fullmatch(r"\d+(\.0+)?", text) else text
    return lambda text: text


def _check_unit(where: str, file: str, rules: ColumnRules, texts: list[str]) -> None:
    parts = [parts_of(text) for text in texts]
    read = {number_in(number, ",.") for unit, number in parts if not unit}
    bare = {abs(number) for number in read if number is not None}
    most = 1.5 if len(bare) >= FEWEST else 1
    if rules.unit == "%" and any(number % 1 for number in bare) and max(bare) <= most:
        raise SeatrialError(
            f"{where} is in % in this project, and {file} has what seem to be fractions, such as {min(bare):g}.",
            hint=f"Write percentages with %; or remove its unit in {FILE}, and train on a table that is in fractions.",
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
    whole = re.sub(r"\.0+$", "", text).casefold()
    alike = [label for label in labels if label.casefold() == whole]
    return alike[0] if len(alike) == 1 else Unreadable(text)


def rare_labels(labels: Sequence[str], texts: Sequence[str | None], codes: Any) -> list[str]:
    """Unknown labels in a single row each, beside known ones: they can be neither learned nor tested."""
    unknown = [n for n, text in enumerate(texts) if text and isinstance(_label(text, labels), Unreadable)]
    counts = np.bincount(codes, minlength=len(texts))
    rare = [str(texts[n]) for n in unknown if counts[n] == 1]
    return rare if len(unknown) < sum(map(bool, texts)) else []


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
    others = [form.translate(_EXCHANGED) for form in ("%Y-%m-%d", *formats) if "%d" in form and "%m" in form]
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
        if form in FORMATS:
            if found := period_in(text, form):
                return found
            continue
        if form == "%Y%m%d" and len(text) != len("20240131"):
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
