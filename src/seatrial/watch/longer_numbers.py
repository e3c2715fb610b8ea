"""Columns of numbers that have more decimals than training ever saw: converted, computed or noisy ones.

In few rows, another unit hardly moves a column's distribution; that its numbers are written otherwise shows in each.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from seatrial.model.features import Floats
from seatrial.watch.causes import ColumnChanged, number_cause
from seatrial.watch.changes import LookAt, find_change, joined_counts
from seatrial.watch.input_tally import InputTally, SampleTally, logged
from seatrial.watch.number_causes import ColumnCause, is_longer, partly_one_value
from seatrial.watch.release_reference import ReleaseReference, number_values

ONE_VALUE = 0.5  # of the longer numbers, from which they are one value: a limit, or a stuck one


def longer_numbers(
    tally: InputTally, sample: SampleTally, reference: ReleaseReference, look: LookAt, alpha: float, tests: int
) -> list[ColumnChanged]:
    """Find the columns whose numbers have more decimals, and what was done to them."""
    found = []
    for bins in tally.bins:
        if bins.decimals is None:
            continue
        counts = joined_counts(tally.longer[bins.name], "", look.last)
        old = reference.columns[bins.name].astype(np.float64)
        usual = int(is_longer(old, bins.decimals).sum())
        expected = (len(old) - usual, usual)
        change = find_change(counts, look, alpha, tests, expected=expected, first=0, faulty=[1])
        if change is None or change.after < change.before:
            continue
        table = sample.table(max(change.since or 0, look.last - look.hours + 1), look.last)
        array = None if table is None else logged(table, bins)
        cause = _cause(old, None if array is None else number_values(array), bins.decimals)
        found.append(ColumnChanged(bins, change, cause))
    return found


def _cause(old: Floats, new: Floats | None, most: int) -> ColumnCause:
    """What was done to held-out values (n,), now (m,): the longer ones are the rows in which it was done."""
    words = f"has more decimals than training saw, which had {most or 'none'}"
    unknown = ColumnCause("decimals", words, np.zeros(0), certain=0.9)
    if new is None:
        return unknown
    longer = is_longer(new, most)
    share = float(longer.mean())
    counts = np.unique(new[longer], return_counts=True)[1]
    if counts.max(initial=0) >= ONE_VALUE * longer.sum():
        return partly_one_value(old, new, share) or unknown
    found = number_cause(old, new[longer])
    if found is None or (found.apply and _least(old, found.apply) < 10.0**-most):  # less than what it is written with
        return unknown
    return replace(found, rows=longer, share=share)


def _least(values: Floats, change: Callable[[Floats], Floats]) -> float:
    """By how much a change moves the middle of values."""
    middle = np.array([np.nanmedian(values)])
    return float(np.abs(change(middle) - middle)[0])
