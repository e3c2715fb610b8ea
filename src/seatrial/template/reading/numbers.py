"""Reads texts as numbers: plain, with a unit, a currency or thousands separators; only if that is certain."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.template.records import DecimalMark

OTHER_SHARE = 0.05  # of values that are not numbers, in a column that is still read as numbers
FIRST_LOOK = 100  # texts that are checked before all are
MOST_UNITS = 6

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"[-+]?\d+")
_ZEROS = re.compile(r"0\d+")
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?([eE][-+]?\d+)?")
_GROUPS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?|[-+]?\d+(\.\d+)?")
_PROVEN = re.compile(r"[-+]?\d{1,3}(,\d{3}){2,}(\.\d+)?|[-+]?\d{1,3}(,\d{3})+\.\d+")
_POINTS_PROVEN = re.compile(r"[-+]?\d{1,3}(\.\d{3}){2,}(,\d+)?|[-+]?\d{1,3}(\.\d{3})+,\d+")
_BEFORE_THREE = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+|[-+]?\d+")  # all points, if any, are before three digits
_EITHER = re.compile(r"[-+]?\d+([.,](\d{1,2}|\d{4,}))?")  # before three digits it could be a thousands separator
_BLANKS = "'\u2019 \u00a0\u202f"
_SPACED = re.compile(rf"([-+]?\d{{1,3}})([{_BLANKS}]\d{{3}})+([.,]\d+)?|[-+]?\d{{1,3}}([.,]\d+)?")
_IN_BRACKETS = re.compile(r"\(\s*([^-()+]+)\)")
_CURRENCY = (
    r"US\$|[A-Z]{1,2}\$|[$€£¥₹₽₩₺₫₴]|Rs\.?|kr\.?|zł|Kč|Ft|Fr\.|"
    "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|AUD|CAD|NZD|BRL|RUB|TRY|ZAR|KRW|MXN|SGD|HKD|ILS|THB"
)
# A number with a currency before it or a unit after it: letters, percent, degrees, as in 85 km/h or 20 m².
_MARKED = re.compile(
    rf"([-+]?)\s*({_CURRENCY})?\s*([-+]?[\d.,{_BLANKS}]*\d[.,]?(?:[eE][-+]?\d+)?)\s*([^\W\d_][^\d()]{{0,11}}|[%‰°€$£¥₹][^\d()]{{0,4}})?"
)
_UNITS = {
    *("mm", "cm", "dm", "m", "km", "in", "ft", "yd", "mi", "mg", "g", "kg", "t", "lb", "lbs", "oz", "ml", "cl", "l"),
    *("ms", "s", "sec", "min", "h", "hr", "hrs", "d", "day", "days", "week", "weeks", "month", "months"),
    *("year", "years", "%", "‰", "°c", "°f", "k", "$", "€", "£", "eur", "usd", "gbp", "chf", "w", "kw", "mb", "gb"),
    *("tb", "kb"),
}


_SAME = {
    **{"€": "eur", "£": "gbp", "us$": "usd", "zł": "pln", "kč": "czk", "lbs": "lb", "hr": "h", "hrs": "h"},
    **{"sec": "s", "d": "day", "days": "day", "weeks": "week", "months": "month", "years": "year"},
}


@dataclass(frozen=True)
class Numbers:
    """Distinct texts read as numbers, NaN for other texts. `how` says what had to be interpreted, if anything.

    `decimal` is the mark that they show, if one does, or both if they have either, `thousands` that between thousands.
    `unit` was before or after each of them. `doubt` says why they are not read as numbers, and `doubtful` is the
    position of a text that shows it.
    """

    values: npt.NDArray[np.float64]
    whole: bool
    how: str = ""
    decimal: str = ""
    thousands: str = ""
    unit: str = ""
    doubt: str = ""
    doubtful: int = 0


def plain_numbers(texts: Any, decimal: DecimalMark) -> Numbers | None:
    """Read an arrow array of distinct texts that are all plain numbers; None if one is not.

    Nor are texts whose points may separate thousands.
    """

    def all_match(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$")).as_py())

    if not all_match(_PLAIN.pattern) or pc.any(pc.match_substring_regex(texts, r"^0\d+$")).as_py():
        return None
    pointed = bool(pc.any(pc.match_substring(texts, ".")).as_py())
    if pointed and decimal.mark != "." and all_match(_BEFORE_THREE.pattern):
        return None
    try:
        values = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:  # a leading plus
        values = pa.array(_floats(texts.to_pylist()))
    return Numbers(values.to_numpy(zero_copy_only=False), all_match(_WHOLE.pattern), decimal="." * pointed)


def read_numbers(texts: list[str], decimal: DecimalMark) -> Numbers | None:
    """Read distinct texts as numbers if that is certain; None if they are something else.

    Texts that look like numbers but could be read in two ways are returned with a doubt.
    """
    if not any(_MARKED.fullmatch(text.strip("()")) for text in texts[:FIRST_LOOK]):
        return None
    plain = [_PLAIN.fullmatch(text) is not None for text in texts]
    if sum(plain) >= (1 - OTHER_SHARE) * len(texts):
        zero = next((n for n, text in enumerate(texts) if _ZEROS.fullmatch(text)), None)
        if zero is not None:
            doubt = "some have leading zeros, as codes do"
            return Numbers(np.empty(0), whole=False, doubt=doubt, doubtful=zero)
        if points := _points(texts, plain, decimal):
            return points
        numbers = [text for text, good in zip(texts, plain, strict=True) if good]
        whole = all(_WHOLE.fullmatch(text) for text in numbers)
        return Numbers(_floats(texts, plain), whole, decimal="." * any("." in text for text in numbers))
    minus = [_IN_BRACKETS.sub(r"-\1", text.replace("\u2212", "-")) for text in texts]
    if minus != texts:
        brackets = any(text[:1] == "(" for text in texts)
        how = "numbers in brackets as negative" if brackets else "typographic minus signs"
        return _read_rest(minus, how, decimal)
    return _with_unit(texts, decimal) or _with_marks(texts, decimal)


def _points(texts: list[str], good: list[bool], decimal: DecimalMark) -> Numbers | None:
    """Numbers, those texts that are `good`, whose points are all before exactly three digits; None for all others."""
    numbers = [text for text, number in zip(texts, good, strict=True) if number]
    pointed = next((n for n, text in enumerate(texts) if good[n] and "." in text), None)
    if pointed is None or decimal.mark == "." or not all(_BEFORE_THREE.fullmatch(text) for text in numbers):
        return None
    ungrouped = any(len(text.lstrip("+-")) > 3 and "." not in text for text in numbers)
    if decimal.mark == "," and (decimal.certain or not ungrouped):
        bare = [text.replace(".", "") for text in texts]
        return Numbers(_floats(bare, good), whole=True, how="points as thousands separators", thousands=".")
    doubt = "its points could be decimal points or thousands separators; --decimal says which"
    return Numbers(np.empty(0), whole=False, doubt=doubt, doubtful=pointed)


def _read_rest(rest: list[str], how: str, decimal: DecimalMark, unit: str = "") -> Numbers | None:
    """Read what is left of each text once a part of it has been interpreted."""
    numbers = read_numbers(rest, decimal)
    if numbers is None or numbers.doubt:
        return numbers
    if np.isnan(numbers.values).any():  # such a text is not a number, and a part of it would be lost
        return None
    return replace(numbers, how=", ".join(part for part in (how, numbers.how) if part), unit=unit or numbers.unit)


def _with_unit(texts: list[str], decimal: DecimalMark) -> Numbers | None:
    """Numbers that all have the same currency or unit."""
    matches = [_MARKED.fullmatch(text) for text in texts]
    if not all(matches):
        return None
    parts = [(m.group(2) or "", (m.group(4) or "").strip()) for m in matches if m]
    marks = sorted({before + after for before, after in parts})
    if len(marks) == 1 and marks[0]:
        bare = [m.group(1) + m.group(3).strip() for m in matches if m]
        return _read_rest(bare, f"{marks[0]} removed", decimal, marks[0])
    if 1 < len(marks) <= MOST_UNITS and {mark.casefold() for mark in marks} <= _UNITS | {""}:
        named = " and ".join(mark or "none" for mark in marks)
        return Numbers(np.empty(0), whole=False, doubt=f"they have several units, {named}")
    return None


def _with_marks(texts: list[str], decimal: DecimalMark) -> Numbers | None:
    """Numbers with commas, points, spaces or apostrophes in them."""
    if any(mark in text for text in texts for mark in _BLANKS) and all(_SPACED.fullmatch(text) for text in texts):
        bare = [re.sub(f"[{_BLANKS}]", "", text) for text in texts]
        return _read_rest(bare, "spaces or apostrophes as thousands separators", decimal)
    proven = any(_POINTS_PROVEN.fullmatch(text) for text in texts)
    if (decimal.mark == "," or proven) and all(_COMMA.fullmatch(text) for text in texts):
        bare_texts = [text.replace(".", "").replace(",", ".") for text in texts]
        commas = any("," in text for text in texts)
        how = "decimal comma" if commas else "points as thousands separators"
        grouped = "." * any("." in text for text in texts)
        return Numbers(_floats(bare_texts), not commas, how, decimal="," * commas, thousands=grouped)
    if all(_GROUPS.fullmatch(text) for text in texts):
        if any(_PROVEN.fullmatch(text) for text in texts) or (decimal.certain and decimal.mark == "."):
            bare_texts = [text.replace(",", "") for text in texts]
            whole = all(_WHOLE.fullmatch(text) for text in bare_texts)
            return Numbers(_floats(bare_texts), whole, "commas as thousands separators", decimal=".", thousands=",")
        doubt = "its commas could be decimal commas or thousands separators; --decimal says which"
        return Numbers(np.empty(0), whole=False, doubt=doubt)
    if all(_EITHER.fullmatch(text) for text in texts):
        points = any("." in text for text in texts)
        how = "decimal commas and decimal points" if points else "decimal comma"
        values = _floats([text.replace(",", ".") for text in texts])
        return Numbers(values, whole=False, how=how, decimal=",." if points else ",")
    if all(_COMMA.fullmatch(text) for text in texts):
        return Numbers(np.empty(0), whole=False, doubt="its commas and points could be either")
    return None


def _floats(texts: list[str], good: list[bool] | None = None) -> npt.NDArray[np.float64]:
    if good is None:
        return np.array(texts, dtype=object).astype(np.float64)
    return np.array([float(t) if g else np.nan for t, g in zip(texts, good, strict=True)], dtype=np.float64)


_ANY_CASE = {"kg", "km", "cm", "mm", "lb", "lbs", "oz", "ml", "min", "sec", "hr", "hrs", "day", "days"}
_ANY_CASE |= {"week", "weeks", "month", "months", "year", "years", "eur", "usd", "gbp", "chf", "pln", "czk", "kr"}


def plain_number(text: str) -> bool:
    """Whether a text is a number as programs write it."""
    return _PLAIN.fullmatch(text) is not None


def parts_of(text: str) -> tuple[str, str]:
    """The unit or currency of a text, and the number beside it with a plain minus; two empty texts if it is neither."""
    if _PLAIN.fullmatch(text):
        return "", text
    bare = _IN_BRACKETS.sub(r"-\1", text.replace("\u2212", "-"))
    match = _MARKED.fullmatch(bare)
    if not match:
        return "", ""
    number = match[1] + match[3].strip()
    number = re.sub(f"[{_BLANKS}]", "", number) if _SPACED.fullmatch(number) else number
    return (match[2] or "") + (match[4] or "").strip(), number


def same_unit(one: str, other: str) -> bool:
    """Whether two texts are the same unit or currency, in another spelling."""
    first, second = one.casefold(), other.casefold()
    if first == second and one != other:
        return first in _ANY_CASE  # MW is not mW, and Mb not MB
    return _SAME.get(first, first) == _SAME.get(second, second)


def units_in(name: str) -> set[str]:
    """The units and currencies in a column's name, as in `weight (kg)`."""
    words = re.findall(r"[^\W_]+|[^\w\s]", name)
    return {word for word in words if word.casefold() in _UNITS or re.fullmatch(_CURRENCY, word)}


def number_in(text: str, decimal: str) -> float | None:
    """Read the number of `parts_of`: with decimal points, with decimal commas, or with either (",.")."""
    if decimal == "," and _COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif decimal == "." and _GROUPS.fullmatch(text):
        text = text.replace(",", "")
    elif decimal == ",." and _EITHER.fullmatch(text):
        text = text.replace(",", ".")
    return float(text) if _PLAIN.fullmatch(text) else None


def thousands_in(text: str) -> bool:
    """Whether the points of a number certainly separate thousands, as in 1.234.567 or 1.234,5."""
    return _POINTS_PROVEN.fullmatch(text) is not None


def in_doubt(texts: list[str], mark: str) -> str:
    """The first number with this mark, if in all of them it is before exactly three digits; else an empty text."""
    grouped = re.compile(rf"[-+]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}")
    marked = [text for text in texts if mark in text]
    return marked[0] if marked and all(grouped.fullmatch(text) for text in marked) else ""
