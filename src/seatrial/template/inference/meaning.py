"""What a column is in the world: a month, a percentage, an age, a country. It decides bounds and closed categories.

The table shows which values there were; next month's rows have others. So a bound comes from what the column means
(a month ends at 12), and where that is not known there is none: a value beyond the training rows is predicted and
flagged. A category is closed only where all its values are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from seatrial.model import world
from seatrial.template.column_names import words_of
from seatrial.template.inference import vocabulary
from seatrial.template.reading.calendar_words import completed
from seatrial.template.records import ColumnFacts, Examination, Meaning

MOST_LISTED = 60  # whole numbers of a closed category
LAST_YEAR = 9999


@dataclass(frozen=True)
class _Rule:
    """Columns with one of these words in their name are in the first of these ranges that has all their values."""

    about: str
    words: frozenset[str]
    ranges: tuple[tuple[float, float], ...]
    whole: bool = True
    unless: frozenset[str] = vocabulary.DURATION


_RULES = (
    _Rule(
        "hours of a week",
        frozenset({"hours per week", "hoursperweek", "hours week"}),
        ((0, 168),),
        whole=False,
        unless=frozenset(),
    ),
    _Rule("hours of a day", frozenset({"hours per day", "hoursperday"}), ((0, 24),), whole=False, unless=frozenset()),
    _Rule("a day of the week", vocabulary.WEEKDAY, ((0, 6), (1, 7), (0, 7))),
    _Rule("a day of the year", vocabulary.DAY_OF_YEAR, ((1, 366), (0, 365))),
    _Rule("a week of the year", vocabulary.WEEK, ((1, 53), (0, 53))),
    _Rule("a month", vocabulary.MONTH, ((1, 12), (0, 11))),
    _Rule("a quarter", vocabulary.QUARTER, ((1, 4), (0, 3))),
    _Rule("a day of the month", vocabulary.DAY, ((1, 31),)),
    _Rule("an hour", vocabulary.HOUR, ((0, 23), (0, 24)), whole=False),
    _Rule("a minute", vocabulary.MINUTE, ((0, 59),)),
    _Rule("a second", vocabulary.SECOND, ((0, 60),)),
    _Rule("a year", vocabulary.YEAR, ((1000, LAST_YEAR), (0, 99), (0, LAST_YEAR))),
    _Rule("a percentage", vocabulary.PERCENTAGE, ((0, 100),), whole=False, unless=vocabulary.SIGNED),
    _Rule("a probability or share", vocabulary.PROBABILITY, ((0, 1), (0, 100)), whole=False, unless=vocabulary.SIGNED),
    _Rule("a latitude", vocabulary.LATITUDE, ((-90, 90),), whole=False),
    _Rule("a longitude", vocabulary.LONGITUDE, ((-180, 180), (0, 360)), whole=False),
    _Rule("a direction in degrees", vocabulary.BEARING, ((0, 360),), whole=False),
    _Rule("a pH value", frozenset({"ph"}), ((0, 14),), whole=False),
)
_CODES = {
    "UsState": "the states of the USA, its territories and DC",
    "UsStateName": "the states of the USA, its territories and DC",
    "Country": "the countries of ISO 3166",
    "CountryAlpha3": "the countries of ISO 3166",
    "Currency": "the currencies of ISO 4217",
}
AGE = (0, 130)  # years; the oldest person known reached 122


def meaning_of(column: ColumnFacts, columns: Sequence[ColumnFacts]) -> Meaning:
    """What a column is, from its name, unit and values, and from the names of the other `columns`."""
    if column.kind in ("integer", "number") and column.minimum is not None:
        return _number(column, float(column.minimum), float(column.maximum), columns)
    if column.kind in ("category", "code"):
        texts = column.values.unique().drop_null().to_pylist()
        if texts and all(isinstance(text, str) for text in texts):
            return _category(column, texts)
        if texts:
            return _whole_category(column, float(min(texts)), float(max(texts)), columns)
    return Meaning()


def with_closed_categories(examination: Examination) -> Examination:
    """Close all categories, for a pipeline that is not ours, and may fail on a value that it was not fitted on."""
    about = "the values of the table, since the pipeline may not accept others"

    def closed(column: ColumnFacts) -> ColumnFacts:
        if column.kind != "category" or column.meaning.values:
            return column
        return replace(column, meaning=Meaning(about, values=tuple(sorted(value for value, _ in column.counts))))

    return replace(examination, columns=tuple(map(closed, examination.columns)))


def _number(column: ColumnFacts, low: float, high: float, columns: Sequence[ColumnFacts]) -> Meaning:
    known = _known_words(words_of(column.source))
    whole = column.kind in ("integer", "category") or all(
        value % 1 == 0 for value in column.values.unique().drop_null().to_pylist()
    )
    if {"long", "lat"} & known and _has(columns, vocabulary.LATITUDE) and low < 0:
        known |= {"longitude"} if "long" in known else set()
    if column.unit == "%" and not known & vocabulary.SIGNED:
        known |= {"percent"}
    rule, ends = _rule(known, low, high, whole=whole)
    if rule:
        return Meaning(rule.about, *ends)
    if known & vocabulary.AGE and high <= AGE[1] and low >= 0 and _is_person(known, columns):
        return Meaning("a person's age", *AGE)
    degrees = column.unit.startswith("°")
    if low < 0 or degrees or known & vocabulary.SIGNED or vocabulary.NAMELESS.fullmatch(column.source):
        celsius = column.unit.casefold() in ("°c", "celsius") or "celsius" in known
        return Meaning("a temperature", -273.15) if celsius and low >= -273.15 else Meaning()
    if column.kind == "integer":
        return Meaning("never below zero", 0)
    if low == 0 or known & vocabulary.POSITIVE or column.unit:
        return Meaning("never below zero", 0)
    return Meaning()


def _whole_category(column: ColumnFacts, low: float, high: float, columns: Sequence[ColumnFacts]) -> Meaning:
    """All whole numbers of a category that has few, such as a month."""
    meaning = _number(column, low, high, columns)
    if meaning.low is None or meaning.high is None or meaning.high - meaning.low > MOST_LISTED:
        return Meaning()
    return Meaning(meaning.about, values=tuple(range(int(meaning.low), int(meaning.high) + 1)))


def _category(column: ColumnFacts, texts: list[str]) -> Meaning:
    """A category whose values are all known, or the empty meaning."""
    if len(texts) > 1 and (cycle := completed(texts)):
        return Meaning("all days of the week" if len(cycle) < 12 else "all months", values=cycle)
    known, observed = _known_words(words_of(column.source)), set(texts)
    return _codes(known, observed) or _leading_zeros(known, texts) or _scale(known, observed) or Meaning()


def _codes(known: set[str], observed: set[str]) -> Meaning | None:
    """Codes that are the same everywhere; by the column's name too, since CA is a state and a country."""
    for named, about in _CODES.items():
        listed = get_args(getattr(world, named))
        clear = len(observed) >= vocabulary.MANY_CODES and named in vocabulary.CLEAR
        if observed <= set(listed) and (clear or known & vocabulary.CODES[named]):
            return Meaning(about, values=listed, named=named)
    return None


def _leading_zeros(known: set[str], texts: list[str]) -> Meaning | None:
    """Numbers of two digits, such as the months 01 to 12."""
    if not all(vocabulary.TWO_DIGITS(text) for text in texts):
        return None
    numbers = [int(text) for text in texts]
    rule, ends = _rule(known, min(numbers), max(numbers), whole=True)
    if rule is None or ends[1] > MOST_LISTED:
        return None
    return Meaning(rule.about, values=tuple(f"{number:02d}" for number in range(int(ends[0]), int(ends[1]) + 1)))


def _scale(known: set[str], observed: set[str]) -> Meaning | None:
    for change in (str.lower, str.title, str.upper, str.capitalize):
        for about, named_so, scale in vocabulary.SCALES:
            whole = [change(word) for word in scale.split(",")]
            if len(observed) > 1 and observed <= set(whole) and (not named_so or known & named_so):
                return Meaning(about, values=tuple(w for w in whole if w in observed or about in vocabulary.COMPLETED))
    return None


def _rule(known: set[str], low: float, high: float, *, whole: bool) -> tuple[_Rule | None, tuple[float, float]]:
    """The first rule for a name with these words whose range has all values, and that range."""
    for rule in _RULES:
        if known & rule.words and not known & (rule.unless - rule.words) and (whole or not rule.whole):
            for ends in rule.ranges:
                if ends[0] <= low and high <= ends[1]:
                    return rule, ends
    return None, (0, 0)


def _known_words(name: list[str]) -> set[str]:
    """The words of a name, each pair and triple of them, and all joined.

    Of a name that ends with an amount, only that is known: a day's charge is no day, and a share's price no share.
    """
    if name and name[-1] in vocabulary.AMOUNTS:
        return {name[-1], *(set(name) & vocabulary.SIGNED)}
    pairs = {" ".join(name[i : i + n]) for n in (2, 3) for i in range(len(name) - n + 1)}
    return {*name, *pairs, "".join(name)}


def _has(columns: Sequence[ColumnFacts], wanted: frozenset[str]) -> bool:
    return any(set(words_of(other.source)) & wanted for other in columns)


def _is_person(known: set[str], columns: Sequence[ColumnFacts]) -> bool:
    """Whether an age is a person's: by its own name, or because the table has other facts about persons."""
    if known & vocabulary.THINGS:
        return False
    return bool(known & vocabulary.PERSONS) or _has(columns, vocabulary.ABOUT_PERSONS)
