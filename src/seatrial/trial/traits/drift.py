"""Whether a trait of the new rows moved no more than it had moved between earlier windows of the old rows."""

import numpy as np

from seatrial.trial.compare.splits import window_splits
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.traits.marks import Mark
from seatrial.trial.traits.pool import Pool

MARGIN = 1.25  # for what the past's windows did not show
NOISE = 2.0  # standard errors that the difference from the newest old rows has to be beyond


def moved_as_before(pool: Pool, mark: Mark, order: TimeOrder) -> bool:
    """Whether the newest old rows already had as much of a mark as the new ones, or earlier windows moved as far.

    Windows are as long as the new rows are, and are compared with the rows right before them; all within the pool.
    """
    if mark.column == order.column:
        return True
    if mark.values.dtype.kind == "i":
        return False  # pairs of equal rows do not come from a drift
    place = np.empty(len(order.old), dtype=np.int64)
    place[order.old] = np.arange(len(order.old))
    by_time = np.argsort(place[pool.places[: pool.old_rows]], kind="stable")
    values = np.concatenate([mark.values[: pool.old_rows][by_time], mark.values[pool.old_rows :]]).astype(float)
    windows = window_splits(pool.old_rows, pool.new_rows)
    if windows is None or windows.before is None:
        return False
    shifts = values[windows.drawn].mean(axis=1) - values[windows.before].mean(axis=1)
    new, before = windows.drawn[0], windows.before[0]
    noise = NOISE * float(values[before].std()) * np.sqrt(1 / len(new) + 1 / len(before))
    return bool(abs(shifts[0]) <= max(noise, MARGIN * float(np.abs(shifts[1:]).max())))
