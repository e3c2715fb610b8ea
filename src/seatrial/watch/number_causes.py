"""What was done to some rows of a column of numbers: one value in place of many, or another unit.

Both leave the other rows as they were. What shows another unit in few rows are decimals that the column does not have;
by the distribution alone, 2.54 cannot be told from 2.2 there, nor from other rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.trial.traits.number_marks import DECIMALS, decimals
from seatrial.watch.changed_numbers import UNITS, mixture_shares, smoothed

FEWEST = 3  # rows of one value
LEAST_ONE_VALUE = 0.01
LEAST_STUCK = 0.04
WHOLE = 0.95  # of the rows beyond a limit
FEW = 10  # rows for each value, in a column that has few of them
COMMON = 0.05  # the share of rows from which a value is one that the column often has anyway
MOST_APART = 0.2  # of the distribution's steps, between what was undone and the old rows
MOST_INVERTED = 12  # values of a column
MOST_TURNED = 0.25  # of how far the values are from the usual ones, that they may be from the inverted ones
FEWEST_EXPECTED = 5  # rows with a value, of which some must be there
FEWEST_OTHERS = 20  # rows without a sentinel, before their distribution means anything
MOST_OTHERS_APART = 0.25  # of its steps
LEAST_PART = 0.03  # of the rows, that another unit must be in


@dataclass(frozen=True)
class ColumnCause:
    """What was done, as the end of a finding's name and as words after the column's name; where, of the first rows.

    `share` is that of the rows, if it is known without them. `other` is a second column to which it was done.
    """

    kind: str
    words: str
    rows: Array
    certain: float = 1.0  # how well it names a fault; findings with more come first
    share: float | None = None
    other: str = ""
    apply: Callable[[Floats], Floats] | None = None  # what was done, to numbers


def partly_one_value(old: Floats, new: Floats, moved: float) -> ColumnCause | None:
    """A sentinel, a limit, or a stuck value that some rows have: what there is more of is one value.

    `moved` is the share of rows that is to be explained.
    """
    there, before = new[~np.isnan(new)], np.sort(old[~np.isnan(old)])
    values, counts = np.unique(there, return_counts=True)
    usual = (np.searchsorted(before, values, "right") - np.searchsorted(before, values, "left")) / len(before)
    more = counts / len(there) - usual
    beyond = np.where((values < before[0]) | (values > before[-1]), more, 0.0)
    k = int((beyond if beyond.max() >= 0.5 * moved else more).argmax())  # other values may be common
    value, excess, often = float(values[k]), float(more[k]), float(usual[k])
    if counts[k] < FEWEST or excess < LEAST_ONE_VALUE:
        return None
    few = len(np.unique(before)) < len(before) / FEW  # where other new values would not be chance
    if few and not often and excess < 0.5 * more[usual == 0].sum():
        return None
    if not before[0] <= value <= before[-1]:
        outside = (there < before[0]) | (there > before[-1])
        if counts[k] >= 0.5 * outside.sum() and others_are_as_before(old, new, value):
            return ColumnCause("sentinel", f"has the value {value:.10g}, which training never saw", new == value)
        return None
    return _inside(value, excess, often, before, there, new) if excess >= 0.5 * moved else None


def _inside(
    value: float, excess: float, often: float, before: Floats, there: Floats, new: Floats
) -> ColumnCause | None:
    """A value that training saw: a limit takes rows from one side of it, and a stuck one from both alike."""
    sides = np.array([[(each > value).mean(), (each < value).mean()] for each in (before, there)])
    lost = sides[0] - sides[1]
    error = float(np.sqrt(0.25 / len(there) + 0.25 / len(before)))
    if abs(lost.sum() - excess) > 0.4 * excess + 2 * error:
        return None
    # A stuck value takes rows from both sides, a limit from one: which is likelier?
    above, below = sides[0]
    usual = smoothed(np.array([below, 1 - below - above, above]) * len(before))
    ways = smoothed(np.array([[0, 1, 0], [below, 1 - below, 0], [0, 1 - above, above]]) * len(before))
    now = np.array([sides[1][1], 1 - sides[1].sum(), sides[1][0]]) * len(there)
    shares, gains = mixture_shares(now, usual, ways)
    best = int(gains.argmax())
    capped, whole = best > 0, shares[best] > WHOLE
    end = ("", "highest", "lowest")[best]
    if not capped and excess < LEAST_STUCK:
        return None
    if often >= COMMON and excess < 2 * often and not whole:
        how = f"capped there: the {end} of many" if capped else "stuck at one value, or filled in"
        words = f"is {value:.10g} in {_percent(often + excess)} of the rows, it was {_percent(often)} (is it {how}?)"
        return ColumnCause("moved", words, new == value, certain=0.5, share=excess)
    if capped:
        words = f"is capped: values that were beyond {value:.10g} are now {value:.10g}, the {end} of many"
        return ColumnCause("capped", words, new == value)
    if not others_are_as_before(before, new, value):
        return None
    return ColumnCause("stuck", f"is stuck at one value, {value:.10g}", new == value)


def inverted(old: Floats, new: Floats) -> ColumnCause | None:
    """Few values in the opposite order: yes and no exchanged, or a scale that was turned around."""
    known, there = old[~np.isnan(old)], new[~np.isnan(new)]
    values = np.unique(known)
    if not 2 <= len(values) <= MOST_INVERTED or not np.isin(there, values).all() or len(there) < FEWEST_OTHERS:
        return None
    usual, now = ((each[:, None] == values).mean(axis=0) for each in (known, there))
    turned = usual[::-1]
    distances = [float(np.abs(now - each).sum() / 2) for each in (usual, turned)]
    expected = turned * len(there) >= FEWEST_EXPECTED
    if distances[1] > MOST_TURNED * distances[0] or (now < 0.3 * turned)[expected].any():  # or one value is left
        return None
    words = f"is inverted: {values[-1]:.10g} where it had {values[0]:.10g}, and the other way round"
    return ColumnCause("regrouped", words, np.zeros(0), share=1.0)


def _percent(share: float) -> str:
    from seatrial.pages.words import percent

    return percent(share)


def converted(old: Floats, new: Floats) -> ColumnCause | None:
    """Another unit that shows by decimals that the column does not have: the rows that have them were converted."""
    known, there = old[~np.isnan(old)], ~np.isnan(new)
    if len(known) < 20 or not there.any():
        return None
    places = int(np.quantile(decimals(known), 0.98))
    if places >= DECIMALS:
        return None
    odd = there.copy()
    odd[there] = decimals(new[there]) > places
    if odd.sum() < 10 or odd.mean() < LEAST_PART or (decimals(known) > places).mean() > 0.2 * odd.mean():
        return None
    undone = [each.undo(new[odd]) for each in UNITS]
    distances = [_apart(values, known) for values in undone]
    best = min(range(len(UNITS)), key=lambda k: distances[k] - _exact(undone[k], places))
    if distances[best] > MOST_APART + 1 / np.sqrt(odd.sum()):
        return None
    return ColumnCause("unit", UNITS[best].words, odd)


def _apart(values: Floats, known: Floats) -> float:
    """The largest distance between two distributions; zeros stay zeros whatever the unit is."""
    return apart(values, known[known != 0] if (known != 0).any() else known)


def apart(values: Floats, known: Floats) -> float:
    """The largest distance between the distributions of two samples (n,), (m,): Kolmogorov and Smirnov's."""
    places = np.unique(np.concatenate([values, known]))
    shares = [np.searchsorted(np.sort(each), places, "right") / len(each) for each in (values, known)]
    return float(np.abs(shares[0] - shares[1]).max())


def others_are_as_before(old: Floats, new: Floats, value: float) -> bool:
    """Whether the rows without one value are as before: otherwise, that value is not all that was done to a column."""
    known, rest = old[~np.isnan(old)], new[~np.isnan(new) & (new != value)]
    if len(rest) < FEWEST_OTHERS or not len(known):
        return True
    return bool(apart(rest, known) <= MOST_OTHERS_APART + 1 / np.sqrt(len(rest)) + 1 / np.sqrt(len(known)))


def _exact(values: Floats, places: int) -> float:
    """The share of values that are written with this number of decimals once more."""
    tolerance = 2e-5 * np.abs(values) + 1e-9
    return float((np.abs(values - np.round(values, places)) <= tolerance).mean())


def most_decimals(values: Array, fewest: int = 50) -> int | None:
    """How many decimals a column's numbers (n,) have at most, but for one in a hundred of them.

    None if there is no limit, or too few numbers to say.
    """
    present = values[~np.isnan(values)].astype(np.float64)
    most = int(np.quantile(decimals(present), 0.99, method="higher")) if len(present) >= fewest else DECIMALS
    return most if most < DECIMALS else None


def is_longer(values: Array, most: int) -> Array:
    """Whether numbers (n,) have more decimals than so many, beyond what 32 bits can tell; a missing one has none."""
    scaled = np.nan_to_num(values * 10.0**most)
    return np.asarray(np.abs(scaled - np.rint(scaled)) > 1e-7 * np.maximum(np.abs(scaled), 1e-3))
