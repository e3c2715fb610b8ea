"""Faults of numbers in the new rows: units, decimal commas, sentinels, rounding, defaults, sensors."""

from collections.abc import Callable

import numpy as np

from benchmarks.detection.batches import Batch, Faulty
from benchmarks.detection.fault_parts import (
    Change,
    Rows,
    anything,
    broken,
    counts,
    everywhere,
    group,
    number,
    positive,
    run,
    some,
)
from seatrial.model.features import Array


def _decimals(value: float) -> int:
    text = repr(float(value))
    return 0 if "e" in text or text.endswith(".0") else len(text.partition(".")[2])


def _comma_lost(v: Array, most: int = 9) -> Array:
    """12.5 -> 125, as a reader does that takes the decimal comma for a thousands separator."""
    places = [0 if np.isnan(x) else _decimals(x) for x in v.tolist()]
    return np.array([x * 10**p if p <= most else x for x, p in zip(v.tolist(), places, strict=True)])


def _comma_within(b: Batch) -> Faulty | None:
    """Only where the result is still within the old range: no bound can see it."""
    for name in b.numbers(broken):
        v = b.columns[name]
        after = _comma_lost(v)
        inside = (after <= np.nanmax(v[b.old])) & (after != v)
        if (inside & b.new).sum() >= 0.1 * b.new.sum():
            return b.write(name, inside, after)
    for name in b.numbers(positive):
        v = b.columns[name]
        inside = v * 10 <= np.nanmax(v[b.old])
        if (inside & b.new).sum() >= 0.1 * b.new.sum():
            return b.write(name, inside, v * 10)
    return None


def _dot_as_decimal(v: Array) -> Array:
    """1.234 -> 1.234 where it meant 1,234: thousands separators read as decimal points."""
    return np.where(np.abs(v) >= 1000, v / 1000, v)


def _median(v: Array, b: Batch) -> Array:
    return np.full(len(v), np.nanmedian(v[b.old]))


def _mean(v: Array, b: Batch) -> Array:
    return np.full(len(v), np.round(np.nanmean(v[b.old]), 2))


def _mode(v: Array, b: Batch) -> Array:
    known, count = np.unique(v[b.old & ~np.isnan(v)], return_counts=True)
    return np.full(len(v), known[count.argmax()])


def _filled(v: Array, b: Batch, share: float = 0.4) -> Array:
    """A share of the new rows has the value of the row before."""
    after, rows, taken = v.copy(), b.places, b.some(share)
    for before, row in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        if taken[row]:
            after[row] = after[before]
    return after


def _spread(v: Array) -> float:
    return float(np.nanstd(v)) or 1.0


def _missing(change: Callable[[Array, Batch], Array], share: float = 0.02) -> Change:
    """What the export writes where it used to leave a value out."""

    def apply(b: Batch) -> Faulty | None:
        names = [n for n in b.numbers() if np.isnan(b.columns[n]).mean() >= share]
        name = b.pick(names)
        return name and b.write(name, np.isnan(b.columns[name]), change(b.columns[name], b))  # type: ignore[return-value]

    return apply


def _lost(rows: Rows) -> Change:
    def apply(b: Batch) -> Faulty | None:
        name = b.pick([n for n in b.numbers() if np.isnan(b.columns[n]).any()])
        return name and b.write(name, rows(b), np.full(len(b.new), np.nan))  # type: ignore[return-value]

    return apply


def _pair(b: Batch, alike: bool) -> tuple[str, str] | None:
    """Two numeric columns of nearly the same scale, or of different ones."""
    names = b.numbers()[:12]
    found = []
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            v, w = b.columns[first], b.columns[second]
            distance = abs(np.nanmedian(v) - np.nanmedian(w)) / (_spread(v) + _spread(w))
            found.append((float(distance), first, second))
    if not found:
        return None
    return (min(found) if alike else max(found))[1:]


def _swap(alike: bool, rows: Rows) -> Change:
    def apply(b: Batch) -> Faulty | None:
        pair = _pair(b, alike)
        if pair is None:
            return None
        first, second = pair
        return b.wrote({first: b.columns[second], second: b.columns[first]}, rows(b))

    return apply


def _group_default(value: Callable[[Array, Batch], Array]) -> Change:
    def apply(b: Batch) -> Faulty | None:
        found = b.group()
        if found is None:
            return None
        name = b.pick([n for n in b.numbers() if n != found[0]])
        faulty = name and b.write(name, found[1], value(b.columns[name], b))
        return faulty or None

    return apply


def _flag(change: Callable[[Array], Array], rows: Rows) -> Change:
    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.flags())
        return name and b.write(name, rows(b), change(b.columns[name]))  # type: ignore[return-value]

    return apply


def _rows_before(v: Array, b: Batch, by: int) -> Array:
    after, rows = v.copy(), b.places
    after[rows] = np.roll(v[rows], by)
    return after


def _frozen(b: Batch) -> Faulty | None:
    """A run of new rows has the value of its first row."""
    name, rows = b.pick(b.numbers()), b.run(0.3)
    if name is None:
        return None
    values = b.columns[name]
    return b.write(name, rows, np.full(len(values), values[np.flatnonzero(rows)[0]]))


def _first(v: Array, b: Batch) -> Array:
    return np.full(len(v), v[b.old & ~np.isnan(v)][0])


def _large(share: float, above: float) -> Callable[[Array], bool]:
    return lambda v: bool((v > above).mean() > share)


def _spread_above(least: float) -> Callable[[Array], bool]:
    return lambda v: bool(np.nanstd(v) > least)


def _digits(v: Array) -> Array:
    """Two digits exchanged: 12 -> 21, as in typing."""

    def exchanged(x: float) -> float:
        text = "" if np.isnan(x) else str(int(abs(x)))
        return x if len(text) < 2 else float(text[:-2] + text[-1] + text[-2])

    return np.array([exchanged(x) for x in v.tolist()])


def _cumulative(v: Array, b: Batch) -> Array:
    after, rows = v.copy(), b.places
    after[rows] = np.nancumsum(v[rows])
    return after


def _sentinels() -> list[tuple[str, str, Change]]:
    values = {"minus_1": -1.0, "zero": 0.0, "99": 99.0, "999": 999.0, "9999": 9999.0, "minus_999": -999.0}
    return [
        (f"sentinel_{name}", f"a tenth of a column's values is {value:g}, which means that none is known",
         number(lambda v, _, x=value: np.full(len(v), x), some(0.1), positive if value == 0 else anything))
        for name, value in values.items()
    ]  # fmt: skip


def _units() -> list[tuple[str, str, Change]]:
    factors = {
        "pounds": 2.20462, "kilograms": 0.45359, "inches": 0.3937, "centimetres": 2.54, "miles": 0.62137,
        "kilometres": 1.60934, "gallons": 3.78541, "sixty": 60.0, "sixtieth": 1 / 60, "day_in_hours": 24.0,
        "hundred": 100.0, "hundredth": 0.01, "thousand": 1000.0, "thousandth": 0.001, "per_mille": 10.0,
        "exchange_rate": 1.09, "tax": 1.19, "square_feet": 10.7639, "months_for_years": 12.0,
    }  # fmt: skip
    entries: list[tuple[str, str, Change]] = []
    for place, (name, factor) in enumerate(factors.items()):
        rows = (everywhere, some(0.33), group)[place % 3]
        words = ("all new rows", "a third of the new rows", "one group of the new rows")[place % 3]
        entries.append((f"unit_{name}", f"a number is {factor:g} times what it was, in {words}",
                        number(lambda v, _, f=factor: v * f, rows, positive)))  # fmt: skip
    entries.append(("unit_fahrenheit", "a temperature is in Fahrenheit", number(lambda v, _: v * 1.8 + 32)))
    entries.append(("unit_celsius_third", "a third is in Celsius", number(lambda v, _: (v - 32) / 1.8, some(0.33))))
    return entries


def _lost_large(b: Batch) -> Faulty | None:
    name = b.pick([n for n in b.numbers() if np.isnan(b.columns[n]).any()])
    if name is None:
        return None
    values = b.columns[name]
    return b.write(name, values > np.nanquantile(values, 0.8), np.full(len(values), np.nan))


NUMBERS: list[tuple[str, str, Change]] = [
    ("comma_lost", "decimal commas were read as thousands separators: 12,5 is 125",
     number(lambda v, _: _comma_lost(v), test=broken)),
    ("comma_lost_third", "the same in a third of the new rows",
     number(lambda v, _: _comma_lost(v), some(0.33), broken)),
    ("comma_one_digit", "only numbers with one decimal digit lost their comma",
     number(lambda v, _: _comma_lost(v, 1), test=broken)),
    ("comma_within", "decimal commas were lost where the result is within the range", _comma_within),
    ("comma_tenfold", "a tenth of the values is ten times what it was",
     number(lambda v, _: v * 10, some(0.1), positive)),
    ("comma_hundredfold", "a tenth of the values is a hundred times what it was",
     number(lambda v, _: v * 100, some(0.1), positive)),
    ("comma_thousands", "thousands separators were read as decimal points",
     number(lambda v, _: _dot_as_decimal(v), test=_large(0.1, 999))),
    *_sentinels(),
    ("group_default_median", "a group has the median for a column", _group_default(_median)),
    ("group_default_zero", "a group has 0 for a column", _group_default(lambda v, _: np.zeros(len(v)))),
    ("group_default_mode", "a group has the commonest value for a column", _group_default(_mode)),
    ("group_default_first", "a group has one real row's value for a column", _group_default(_first)),
    ("window_row_before", "a window ends a row too early: each row has the value of the row before",
     number(lambda v, b: _rows_before(v, b, 1))),
    ("window_row_after", "a window ends a row too late", number(lambda v, b: _rows_before(v, b, -1))),
    ("window_counts_itself", "a count includes the row itself: one more", number(lambda v, _: v + 1, test=counts)),
    ("window_one_fewer", "a count leaves one out", number(lambda v, _: np.maximum(v - 1, 0), test=counts)),
    ("window_eight_days", "a window of eight days instead of seven",
     number(lambda v, _: np.rint(v * 8 / 7), test=counts)),
    ("window_six_days", "a window of six days instead of seven", number(lambda v, _: v * 6 / 7, test=positive)),
    ("default_of_a_load", "half of the new rows, in a row, have the median", number(_median, run(0.5))),
    ("default_zero_of_a_load", "a third of the new rows, in a row, have 0",
     number(lambda v, _: np.zeros(len(v)), run(0.33))),
    ("default_mean", "a fifth of the new rows has the mean", number(_mean, some(0.2))),
    ("carried_forward", "two fifths of the new rows have the value of the row before", number(_filled)),
    ("frozen_sensor", "a run of new rows has the value of its first row", _frozen),
    ("missing_zero", "missing values are 0", _missing(lambda v, _: np.zeros(len(v)))),
    ("missing_mean", "missing values are the mean", _missing(_mean)),
    ("missing_median", "missing values are the median", _missing(_median)),
    ("missing_minus_1", "missing values are -1", _missing(lambda v, _: np.full(len(v), -1.0))),
    ("lost_third", "a third of a column is missing", _lost(some(0.33))),
    ("lost_group", "a column is missing for a group", _lost(group)),
    ("lost_large", "the largest fifth of a column is missing", _lost_large),
    ("sign_flipped", "a number has the wrong sign", number(lambda v, _: -v)),
    ("sign_flipped_third", "a third has the wrong sign", number(lambda v, _: -v, some(0.33))),
    ("sign_lost", "the sign is lost", number(lambda v, _: np.abs(v), test=lambda v: bool((v < 0).mean() > 0.05))),
    ("logarithm", "the logarithm was taken", number(lambda v, _: np.log1p(np.abs(v)))),
    ("standardised", "the values are standardised", number(lambda v, _: (v - np.nanmean(v)) / _spread(v))),
    ("scaled_to_1", "the values are scaled to 0 to 1",
     number(lambda v, _: (v - np.nanmin(v)) / (np.nanmax(v) - np.nanmin(v)))),
    ("share_for_percent", "a percentage is a share, in half of the rows",
     number(lambda v, _: v / 100, some(0.5), positive)),
    ("rounded_down", "decimals are cut", number(lambda v, _: np.floor(v), test=broken)),
    ("rounded_to_tens", "the values are rounded to tens",
     number(lambda v, _: np.rint(v / 10) * 10, test=_spread_above(5))),
    ("rounded_to_half_spread", "the values are rounded coarsely",
     number(lambda v, _: np.rint(v / _spread(v)) * _spread(v))),
    ("two_digits", "the values have two significant digits",
     number(lambda v, _: np.array([float(f"{x:.1e}") for x in v.tolist()]))),
    ("last_digit_lost", "the last digit is cut: 123 is 12", number(lambda v, _: np.floor(v / 10), test=counts)),
    ("digits_exchanged", "two digits are exchanged in a fifth", number(lambda v, _: _digits(v), some(0.2), counts)),
    ("heaped_to_fives", "people round to fives", number(lambda v, _: np.rint(v / 5) * 5, test=_spread_above(4))),
    ("byte", "values above 127 wrap around", number(lambda v, _: (v + 128) % 256 - 128, test=_large(0.05, 127))),
    ("capped_255", "values are capped at 255", number(lambda v, _: np.minimum(v, 255), test=_large(0.05, 255))),
    ("top_coded", "the top quarter is one value", number(lambda v, b: np.minimum(v, np.nanquantile(v[b.old], 0.75)))),
    ("bottom_coded", "the bottom quarter is one value",
     number(lambda v, b: np.maximum(v, np.nanquantile(v[b.old], 0.25)))),
    ("clipped_tenths", "values beyond the middle 80 % are clipped",
     number(lambda v, b: np.clip(v, *np.nanquantile(v[b.old], [0.1, 0.9])))),
    ("noise", "noise of half the spread is added", number(lambda v, b: v + 0.5 * _spread(v) * b.g.normal(size=len(v)))),
    ("noise_third", "noise of the whole spread is added to a third",
     number(lambda v, b: v + _spread(v) * b.g.normal(size=len(v)), some(0.33))),
    ("offset", "a zero point has moved by half the spread", number(lambda v, _: v + 0.5 * _spread(v))),
    ("gain", "a sensor shows a tenth more", number(lambda v, _: v * 1.1)),
    ("drifting_sensor", "a sensor drifts by one spread over the new rows",
     number(lambda v, b: v + _spread(v) * np.cumsum(b.new) / b.new.sum())),
    ("cumulative", "a running total instead of the values", number(_cumulative, test=positive)),
    ("mirrored", "a scale is the other way round", number(lambda v, b: np.nanmax(v[b.old]) + np.nanmin(v[b.old]) - v)),
    ("rank_for_value", "the rank instead of the value", number(lambda v, _: np.argsort(np.argsort(v)).astype(float))),
    ("flag_inverted", "a yes/no is the other way round", _flag(lambda v: np.nanmax(v) + np.nanmin(v) - v, everywhere)),
    ("flag_inverted_third", "a yes/no is the other way round in a third",
     _flag(lambda v: np.nanmax(v) + np.nanmin(v) - v, some(0.33))),
    ("flag_constant", "a yes/no is always the same", _flag(lambda v: np.full(len(v), np.nanmin(v)), everywhere)),
    ("swapped_alike", "two columns of one scale are exchanged", _swap(True, everywhere)),
    ("swapped_unlike", "two columns of different scales are exchanged", _swap(False, everywhere)),
    ("swapped_alike_third", "two columns of one scale are exchanged in a third", _swap(True, some(0.33))),
    *_units(),
]  # fmt: skip
