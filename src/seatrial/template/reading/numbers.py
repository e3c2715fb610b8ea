"""Reads texts as numbers: plain, with a unit or a currency, with marks between thousands; exactly or not at all."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

ODD_SHARE = 0.05  # of values that are no numbers, in a column that is taken as numbers all the same
MOST_DECIDING = 100  # texts that are looked at before all are

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"[-+]?\d+")
_ZEROS = re.compile(r"0\d+")
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?([eE][-+]?\d+)?")
_GROUPS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?|[-+]?\d+(\.\d+)?")
_PROVEN = re.compile(r"[-+]?\d{1,3}(,\d{3}){2,}(\.\d+)?|[-+]?\d{1,3}(,\d{3})+\.\d+")
_EITHER = re.compile(r"[-+]?\d+([.,](\d{1,2}|\d{4,}))?")  # a mark before three digits might stand between thousands
_BLANKS = "'\u2019 \u00a0\u202f"
_SPACED = re.compile(rf"([-+]?\d{{1,3}})([{_BLANKS}]\d{{3}})+([.,]\d+)?|[-+]?\d{{1,3}}([.,]\d+)?")
_IN_BRACKETS = re.compile(r"\(\s*([^-()+]+)\)")
_CURRENCY = (
    r"US\$|[A-Z]{1,2}\$|[$€£¥₹₽₩₺₫₴]|Rs\.?|kr\.?|zł|Kč|Ft|Fr\.|"
    "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|AUD|CAD|NZD|BRL|RUB|TRY|ZAR|KRW|MXN|SGD|HKD|ILS|THB"
)
# A number with one currency before it, or one unit behind it: letters, per cent, degrees, as in 85 km/h or 20 m².
_MARKED = re.compile(
    rf"([-+]?)\s*({_CURRENCY})?\s*([-+]?[\d.,{_BLANKS}]*\d[.,]?(?:[eE][-+]?\d+)?)\s*([^\W\d_][^\d()]{{0,11}}|[%‰°€$£¥₹][^\d()]{{0,4}})?"
)
_UNITS = {
    *("mm", "cm", "dm", "m", "km", "in", "ft", "yd", "mi", "mg", "g", "kg", "t", "lb", "lbs", "oz", "ml", "cl", "l"),
    *(
        "ms",
        "s",
        "sec",
        "min",
        "h",
        "hr",
        "hrs",
        "d",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
    ),
    *("%", "‰", "°c", "°f", "k", "$", "€", "£", "eur", "usd", "gbp", "chf", "w", "kw", "mb", "gb", "tb", "kb"),
}


@dataclass(frozen=True)
class Numbers:
    """Distinct texts read as numbers: NaN where one is none. `how` says what had to be understood, if anything.

    `unit` stood behind or before each of them. `doubt` says why they are not taken as numbers, and `doubtful` is the
    position of a text that shows it.
    """

    values: npt.NDArray[np.float64]
    whole: bool
    how: str = ""
    unit: str = ""
    doubt: str = ""
    doubtful: int = 0


def plain_numbers(given: Any) -> Numbers | None:
    """Read an arrow array of distinct texts that are all plain numbers; None where one is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def all_match(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(given, f"^(?:{pattern})$")).as_py())

    if not all_match(_PLAIN.pattern) or pc.any(pc.match_substring_regex(given, r"^0\d+$")).as_py():
        return None
    try:
        values = pc.cast(given, pa.float64())
    except pa.ArrowInvalid:  # a leading plus
        return Numbers(_floats(given.to_pylist()), all_match(_WHOLE.pattern))
    return Numbers(values.to_numpy(zero_copy_only=False), all_match(_WHOLE.pattern))


def read_numbers(texts: list[str], *, decimal_comma: bool) -> Numbers | None:
    """Read distinct texts as numbers where that is certain; None where they are something else.

    A doubt is told where they look like numbers and could be read in two ways.
    """
    if not any(_MARKED.fullmatch(text.strip("()")) for text in texts[:MOST_DECIDING]):
        return None
    plain = [_PLAIN.fullmatch(text) is not None for text in texts]
    if sum(plain) >= (1 - ODD_SHARE) * len(texts):
        zero = _zero(texts)
        if zero is not None:
            return zero
        whole = all(_WHOLE.fullmatch(text) for text, good in zip(texts, plain, strict=True) if good)
        return Numbers(_floats(texts, plain), whole)
    minus = [_IN_BRACKETS.sub(r"-\1", text.replace("\u2212", "-")) for text in texts]
    if minus != texts:
        brackets = any(text[:1] == "(" for text in texts)
        how = "numbers in brackets as below zero" if brackets else "the printed sign for minus"
        return _further(minus, how, decimal_comma)
    return _with_unit(texts, decimal_comma) or _with_marks(texts, decimal_comma)


def _zero(texts: list[str]) -> Numbers | None:
    place = next((place for place, text in enumerate(texts) if _ZEROS.fullmatch(text)), None)
    if place is None:
        return None
    return Numbers(np.empty(0), whole=False, doubt="some begin with a zero, as codes do", doubtful=place)


def _further(bare: list[str], how: str, decimal_comma: bool, unit: str = "") -> Numbers | None:
    """What is left after a part of each text was understood, read again."""
    found = read_numbers(bare, decimal_comma=decimal_comma)
    if found is None or found.doubt:
        return found
    if np.isnan(found.values).any():  # what is no number there had a part that was taken off
        return None
    return replace(found, how=", ".join(part for part in (how, found.how) if part), unit=unit or found.unit)


def _with_unit(texts: list[str], decimal_comma: bool) -> Numbers | None:
    """Numbers that all have the same currency or unit."""
    signs = [_MARKED.fullmatch(text) for text in texts]
    if not all(signs):
        return None
    parts = [(m.group(2) or "", (m.group(4) or "").strip()) for m in signs if m]
    marks = sorted({before + behind for before, behind in parts})
    if len(marks) == 1 and marks[0]:
        bare = [m.group(1) + m.group(3).strip() for m in signs if m]
        return _further(bare, f"{marks[0]} taken off", decimal_comma, marks[0])
    if 1 < len(marks) <= MOST_UNITS and {mark.casefold() for mark in marks} <= _UNITS | {""}:
        named = " and ".join(mark or "none" for mark in marks)
        return Numbers(np.empty(0), whole=False, doubt=f"they have several units, {named}")
    return None


MOST_UNITS = 6


def _with_marks(texts: list[str], decimal_comma: bool) -> Numbers | None:
    """Numbers with commas, points, blanks or apostrophes in them."""
    if any(mark in text for text in texts for mark in _BLANKS) and all(_SPACED.fullmatch(text) for text in texts):
        bare = [re.sub(f"[{_BLANKS}]", "", text) for text in texts]
        return _further(bare, "blanks or apostrophes between thousands", decimal_comma)
    if decimal_comma and all(_COMMA.fullmatch(text) for text in texts):
        bare_texts = [text.replace(".", "").replace(",", ".") for text in texts]
        return Numbers(_floats(bare_texts), whole=False, how="decimal comma")
    if all(_GROUPS.fullmatch(text) for text in texts):
        if any(_PROVEN.fullmatch(text) for text in texts):
            bare_texts = [text.replace(",", "") for text in texts]
            whole = all(_WHOLE.fullmatch(text) for text in bare_texts)
            return Numbers(_floats(bare_texts), whole, "commas between thousands")
        return Numbers(np.empty(0), whole=False, doubt="its commas could be decimal marks or stand between thousands")
    if all(_EITHER.fullmatch(text) for text in texts):
        how = "decimal comma" if not any("." in text for text in texts) else "decimal commas and decimal points"
        return Numbers(_floats([text.replace(",", ".") for text in texts]), whole=False, how=how)
    if all(_COMMA.fullmatch(text) for text in texts):
        return Numbers(np.empty(0), whole=False, doubt="its commas and points could mean either")
    return None


def _floats(texts: list[str], good: list[bool] | None = None) -> npt.NDArray[np.float64]:
    if good is None:
        return np.array(texts, dtype=object).astype(np.float64)
    return np.array([float(t) if g else np.nan for t, g in zip(texts, good, strict=True)], dtype=np.float64)
