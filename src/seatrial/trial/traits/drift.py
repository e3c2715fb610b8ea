"""Whether a trait of the new rows moved no more than it had moved between earlier windows of the old rows."""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.splits import MARGIN, window_splits
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.traits.marks import Mark
from seatrial.trial.traits.pool import Pool

ENDS = ("range", "outlier")
# What moves with a column that rises or falls throughout, such as prices of many years.
MOVING = ("range", "outlier", "value", "profile", "fit", "row fit", "rule", "key", "digits")
RUNS = 0.8  # rank correlation with time from which a column does
FURTHER = 3.0  # times the past's largest step between windows: more is no running on
NOISE = 2.0  # standard errors that the difference from the newest old rows has to be beyond


def moved_as_before(pool: Pool, mark: Mark, order: TimeOrder) -> bool:
    """Whether the newest old rows already had as much of a mark as the new ones, or earlier windows moved as far.

    Windows are as long as the new rows are, and are compared with the rows right before them; all within the pool.
    """
    if order.told_by(mark.column):
        return True
    if mark.values.dtype.kind == "i":
        return False  # pairs of equal rows do not come from a drift
    if mark.trait in MOVING and _runs_on(pool, mark.column, order):
        return True
    drifts = _as_before(pool, mark.values, order)
    if drifts or mark.trait not in ENDS:
        return drifts
    # The ends of a range are those of all old rows, which earlier windows cannot have left: the column itself decides.
    column = next((each for each in pool.columns if each.name == mark.column), None)
    return column is not None and column.form != "text" and _as_before(pool, column.score, order, beyond_noise=True)


def _runs_on(pool: Pool, name: str, order: TimeOrder) -> bool:
    """Whether a column rises or falls with time throughout, and the new rows go on in this direction."""
    column = next((each for each in pool.columns if each.name == name), None)
    windows = window_splits(pool.old_rows, pool.new_rows)
    if column is None or column.form == "text" or windows is None or windows.before is None:
        return False
    score = _by_time(pool, column.score, order)
    trend = float(np.corrcoef(score[: pool.old_rows], np.arange(pool.old_rows))[0, 1])
    values = _by_time(pool, np.nan_to_num(column.values, nan=float(np.nanmedian(column.values))), order)
    steps = values[windows.drawn].mean(axis=1) - values[windows.before].mean(axis=1)
    goes_on = steps[0] * trend > 0 and abs(steps[0]) <= FURTHER * float(np.abs(steps[1:]).max())
    return bool(abs(trend) > RUNS and goes_on)


def _by_time(pool: Pool, values: Array, order: TimeOrder) -> Array:
    """Values of the pool's rows with the old ones in the order of time."""
    by_time = np.argsort(order.places[pool.places[: pool.old_rows]], kind="stable")
    return np.concatenate([values[: pool.old_rows][by_time], values[pool.old_rows :]]).astype(float)


def _as_before(pool: Pool, marked: Array, order: TimeOrder, *, beyond_noise: bool = False) -> bool:
    values = _by_time(pool, marked, order)
    windows = window_splits(pool.old_rows, pool.new_rows)
    if windows is None or windows.before is None:
        return False
    shifts = np.abs(values[windows.drawn].mean(axis=1) - values[windows.before].mean(axis=1))
    new, before = windows.drawn[0], windows.before[0]
    noise = NOISE * float(values[before].std()) * np.sqrt(1 / len(new) + 1 / len(before))
    past = MARGIN * float(shifts[1:].max())
    return bool(shifts[0] <= past and past > noise if beyond_noise else shifts[0] <= max(noise, past))
