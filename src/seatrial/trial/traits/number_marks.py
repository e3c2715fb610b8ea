"""Traits of one column of numbers: its values, its ends, how it is rounded."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.pool import PooledColumn

FEWEST = 4  # rows with a value from which it is looked at
MOST_VALUES = 25
SENTINELS = frozenset({-1.0, -9.0, -99.0, -999.0, -9999.0, 9.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0})
ENDS = (0.005, 0.02, 0.1)
DECIMALS = 5


def number_marks(column: PooledColumn) -> Iterator[Mark]:
    """Mark the values of a column of numbers."""
    name, values, there = column.name, column.values, ~column.missing
    if not there.any():
        return
    yield from value_marks(column)
    yield from end_marks(name, values, there)
    yield from digit_marks(name, values, there)
    if (values[there] < 0).any():
        yield Mark(name, "range", f"`{name}` is negative", values < 0)


def value_marks(column: PooledColumn) -> Iterator[Mark]:
    """Mark each frequent value, and values that occur only once."""
    name, there = column.name, ~column.missing
    known, counts = np.unique(column.values[there], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    for place in order[counts[order] >= FEWEST].tolist():
        value = known[place]
        trait: Trait = "label value" if column.label and column.is_category else _trait(float(value), known)
        yield Mark(name, trait, f"`{name}` is {written(column, value)}", column.values == value)
    yield from key_marks(column)


def key_marks(column: PooledColumn) -> Iterator[Mark]:
    """Mark values that occur once, and values that occur again."""
    once = column.counts == 1
    if once.any() and not (column.label and column.is_category):
        yield Mark(column.name, "key", f"`{column.name}` has a value that no other row has", once)
        again = column.counts > 1
        yield Mark(column.name, "key", f"`{column.name}` has a value that another row has too", again, more=True)


def _trait(value: float, known: Array) -> Trait:
    """Whether a value stands for a missing one: by convention, and beyond all others or at their ends."""
    if value not in SENTINELS or value not in (known[0], known[-1]) or len(known) < 3:
        return "value"
    others = known[1:] if value == known[0] else known[:-1]
    width = others[-1] - others[0]
    beyond = value > others[-1] + width or (value < others[0] - width) or (value < 0 <= others[0])
    return "sentinel" if beyond or len(known) > 12 else "value"


def written(column: PooledColumn, value: float) -> str:
    """A value of a column, for people."""
    return column.texts[int(value)] if column.form == "text" else f"{value:.10g}"


def end_marks(name: str, values: Array, there: Array) -> Iterator[Mark]:
    """Mark the values at both ends, and how far a row is from the middle and on which side."""
    from scipy.stats import rankdata

    if len(np.unique(values[there])) < 8:
        yield from _outliers(name, values, there)
        return
    place = np.full(len(values), 0.5)
    place[there] = (rankdata(values[there]) - 0.5) / there.sum()
    yield Mark(name, "range", f"`{name}` is larger or smaller than before", place)
    yield Mark(name, "range", f"`{name}` is more or less spread out than before", np.abs(place - 0.5))
    for share in ENDS:
        low, high = np.quantile(values[there], [share, 1 - share])
        yield Mark(name, "range", f"`{name}` is above {high:.4g}", there & (values > high))
        yield Mark(name, "range", f"`{name}` is below {low:.4g}", there & (values < low))
    yield from _outliers(name, values, there)


def _outliers(name: str, values: Array, there: Array) -> Iterator[Mark]:
    """Mark the values that are further from the median than eight times the distance between the quartiles."""
    low, middle, high = np.quantile(values[there], [0.25, 0.5, 0.75])
    if high > low:
        far = there & (np.abs(values - middle) > 8 * (high - low))
        yield Mark(name, "outlier", f"`{name}` is far outside its usual range", far, rank=0)


def digit_marks(name: str, values: Array, there: Array) -> Iterator[Mark]:
    """Mark the number of decimals, and multiples of round numbers."""
    places = decimals(values)
    known = np.unique(places[there])
    if len(known) > 1:
        high = np.quantile(values[there], 0.9)
        for number in known.tolist():
            words = f"`{name}` has {_decimals(number)}"
            yield Mark(name, "digits", words, there & (places == number))
        whole = there & (places == 0) & (values > high)
        lost = whole & _without_separator(values, there, places)
        if lost.any():
            words = f"`{name}` is a whole number above {high:.4g}, as if it had lost its decimal separator"
            yield Mark(name, "digits", words, lost, more=True)
        if not np.array_equal(lost, whole):
            yield Mark(name, "digits", f"`{name}` is a whole number above {high:.4g}", whole, more=True)
    size = float(np.quantile(np.abs(values[there]), 0.75))
    for step in (2, 5, 10, 100, 1_000):
        round_value = there & (values % step == 0) & (values != 0)
        if size > 2 * step and 0 < round_value.sum() < there.sum():
            yield Mark(name, "digits", f"`{name}` is a multiple of {step:,}", round_value)


def _without_separator(values: Array, there: Array, places: Array) -> Array:
    """Mark the values that would be among those with decimals, and are far above them, without their separator.

    18.0 beside 15.5 is a whole number by chance: with a separator it would be 1.8, which is below the others.
    """
    fractions = np.abs(values[there & (places > 0)])
    usual = np.bincount(places[there & (places > 0)]).argmax()  # the number of decimals that most of them have
    low, high = np.quantile(fractions, [0.02, 0.98])
    with_separator = np.abs(values) / 10.0**usual
    beyond = np.abs(values) > high
    return np.asarray(beyond & (with_separator >= low) & (with_separator <= high))


def _decimals(number: int) -> str:
    if number == DECIMALS:
        return "many decimals"
    return "no decimals" if number == 0 else f"{number} decimal{'s' if number > 1 else ''}"


def decimals(values: Array) -> Array:
    """The number of decimals with which each value (n,) is written, 5 for more than four; 0 where it is missing."""
    places = np.zeros(len(values), dtype=np.int64)
    size = np.nan_to_num(np.abs(values))
    for number in range(DECIMALS):
        scaled = np.nan_to_num(values) * 10.0**number
        places[np.abs(scaled - np.rint(scaled)) > 1e-7 * np.maximum(size * 10.0**number, 1e-3)] = number + 1
    return places
