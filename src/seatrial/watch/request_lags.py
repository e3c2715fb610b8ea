"""How far a column of moments is from the time of its request, in hours: another time zone moves all of it at once.

The hours of the day say less: a column that has the time of the request has all of them, whatever the zone.
"""

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.causes import ColumnChanged
from seatrial.watch.changes import LookAt, find_change, joined_counts
from seatrial.watch.input_tally import InputTally
from seatrial.watch.number_causes import ColumnCause
from seatrial.watch.release_reference import FAR

EXPLAINED = 0.7  # of the squared difference


def lag_changes(tally: InputTally, look: LookAt, alpha: float, tests: int) -> list[ColumnChanged]:
    """Find the columns of moments that have another distance from the time of their requests."""
    found = []
    for bins in tally.bins:
        if bins.name not in tally.lags:
            continue
        slots, counts = joined_counts(tally.lags[bins.name], "", look.last)
        change = find_change((slots, counts), look, alpha, tests, ordered=True, first=1)
        if change is None or change.since is None or not counts[:, 1:].sum():
            continue
        before, after = (counts[part, 1:].sum(axis=0) for part in (slots < change.since, slots >= change.since))
        hours = hours_shifted(before / max(before.sum(), 1), after / max(after.sum(), 1))
        many = f"{hours} hours" if abs(hours) != 1 else f"{hours} hour"
        cause = ColumnCause("time_zone", f"is shifted by {many}, as by another time zone", np.zeros(0))
        if not hours:
            cause = ColumnCause("moved", "is at another distance from the time of the request", np.zeros(0), 0.5)
        found.append(ColumnChanged(bins, change, cause))
    return found


def hours_shifted(before: Floats, after: Floats) -> int:
    """By how many hours some or all of a profile moved; 0 where that does not explain how it changed."""
    change = after - before
    size, best, hours = float((change**2).sum()), np.inf, 0
    for shift in range(-FAR, FAR + 1):
        towards = _moved(before, shift) - before
        total = float((towards**2).sum())
        if shift and total:
            part = np.clip((change * towards).sum() / total, 0, 1)
            left = float(((change - part * towards) ** 2).sum())
            if left < best:
                best, hours = left, shift
    return hours if best < (1 - EXPLAINED) * size else 0


def _moved(shares: Array, by: int) -> Array:
    """The same, moved by some bins; the first and the last one take what is beyond."""
    moved = np.zeros_like(shares)
    np.add.at(moved, np.clip(np.arange(len(shares)) + by, 0, len(shares) - 1), shares)
    return moved
