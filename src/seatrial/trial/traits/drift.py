"""How a trait of the new rows moved, where rows have a time: as it had before, further, or with the first new row.

A change of the world and a fault of an export differ in when they begin. What an export breaks is broken from the first
new row on, and was not before; what moves with time has moved between earlier rows too, and is near to where it was
when the old rows ended. So a trait is compared at the seam between old and new rows, and its changes at every earlier
place of the old table say what is usual there. A column of numbers is compared by its own values as well, since a mark
such as "above 99 % of all values" makes a step of what rises slowly.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.splits import MARGIN, Splits, window_splits
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.traits.explanations import ColumnChange
from seatrial.trial.traits.marks import FAULTS, Mark, Trait
from seatrial.trial.traits.pool import Pool, PooledColumn
from seatrial.trial.traits.steps import explain_step

# In the order of how much it says against the new rows: as before; further, but without a step at the seam; much
# further, without a step; with a step.
Movement = Literal["as before", "went on", "went far", "jumped"]
MILDEST: tuple[Movement, ...] = ("as before", "went on", "went far", "jumped")
# What follows from where a column's values are: it moves as they do. How they are written, or fit others, does not.
PLACES: frozenset[Trait] = frozenset({"range", "outlier", "profile", "rule", "key"})
ENDS = ("range", "outlier")
VALUES: frozenset[Trait] = frozenset({"value", "run", "label value", "digits"})
PRESENT = PLACES | VALUES  # what follows from whether a column has values at all
QUANTILES = (0.02, 0.25, 0.5, 0.75, 0.98)
NOISE = 2.0  # standard errors that the difference from the newest old rows has to be beyond
STEADY = 2.6  # standard errors that earlier windows differ by at most where nothing moves
FAR = 3.0  # times the past's largest step: more is not what went on
CONTINUES = 0.5  # of the step at the seam, between both halves of the new rows: then it goes on as it came
FEWEST_RECENT = 100  # old rows
SHORTEST = 7  # rows of a half
MOST_PLACES = 120  # of the old table at which steps are looked at
OwnMovements = dict[str, tuple[Movement, bool]]
Summary = Callable[[Array], Array]  # windows of values (windows, rows) -> what is compared (windows, statistics)


def movement(pool: Pool, mark: Mark, order: TimeOrder, known: OwnMovements) -> Movement:
    """Say how a trait of the new rows moved: `Movement`. The label's own column is judged like the others.

    `known` keeps how columns moved by themselves, since they have many traits; it begins empty.
    """
    if order.told_by(mark.column):
        return "as before"
    if mark.trait in ("repeat", "near repeat"):
        return _repeats(pool, mark, order)
    column = next((each for each in pool.columns if each.name == mark.column), None)
    if not order.column and mark.trait not in VALUES and _steady(pool, mark, column, order):
        return "jumped"
    found = [_moved(_by_time(pool, mark.values, order), pool, _mean, chance=mark.trait not in FAULTS)]
    if column is not None and mark.trait in VALUES and column.form != "moment":
        found.append(_shares(pool, column, mark, order))
    if column is not None and mark.trait in PLACES and not (mark.trait == "key" and mark.more):
        moved, leaps = own_movement(pool, column, order, known)
        if mark.trait in ENDS and leaps:
            return "jumped"
        found.append(moved)
    return min(found, key=MILDEST.index)


def _steady(pool: Pool, mark: Mark, column: PooledColumn | None, order: TimeOrder) -> bool:
    """Whether a trait never moved along the table by more than chance does, nor its column, if it follows from that.

    Rows that were appended are in the order of time only perhaps. Where nothing shows it, a step need not stand out
    among earlier ones: that it is certain is enough, and half of the new rows would show less.
    """
    watched = [mark.values]
    if column is not None and mark.trait in PLACES:
        if column.form == "text":
            return False
        watched.append(column.score)
    windows = window_splits(pool.old_rows, pool.new_rows)
    if windows is None or windows.before is None:
        return False
    for values in (np.nan_to_num(_by_time(pool, each, order)) for each in watched):
        shifts = values[windows.drawn].mean(axis=1) - values[windows.before].mean(axis=1)
        lengths = windows.drawn.shape[1], windows.before.shape[1]
        error = float(values[: pool.old_rows].std()) * float(np.sqrt(sum(1 / each for each in lengths)))
        if np.abs(shifts[1:]).max() > STEADY * error:
            return False
    return True


def own_movement(pool: Pool, column: PooledColumn, order: TimeOrder, known: OwnMovements) -> tuple[Movement, bool]:
    """Say how a column's own values moved, whether compared as they are or by their size; texts jump.

    And whether it leaps: makes a step at the seam beside which all others are small. Its marks may not show that: where
    values rise all the time, the new ones are the largest with and without a step.
    """
    if column.form == "text":
        return "jumped", False
    if column.name not in known:
        scaled = _scaled(pool, column, order)
        moved = min((_moved(values, pool, _quantiles) for values in scaled), key=MILDEST.index)
        leaps = moved == "jumped" and all(_steps(v, pool, _quantiles, chance=False, margin=FAR) for v in scaled)
        known[column.name] = moved, leaps
    return known[column.name]


def _scaled(pool: Pool, column: PooledColumn, order: TimeOrder) -> tuple[Array, Array]:
    """A column's values in the order of time, as they are and by their size, as a logarithm has it."""
    values = _by_time(pool, column.values, order)
    return values, np.arcsinh(values / (float(np.nanmedian(np.abs(values))) or 1.0))


def goes_on(pool: Pool, name: str, order: TimeOrder) -> str:
    """How a column has been moving with time, in words after its name."""
    column = next((each for each in pool.columns if each.name == name), None)
    if column is None or column.form == "text" or column.is_category:
        return "changed over time"
    old = _by_time(pool, column.score, order)[: pool.old_rows]
    trend = float(np.corrcoef(old, np.arange(len(old)))[0, 1]) if np.ptp(old) else 0.0
    steady = abs(trend) > NOISE * 2 / np.sqrt(len(old))
    return f"has been {'rising' if trend > 0 else 'falling'}, and goes on" if steady else "changed over time"


def step_of(pool: Pool, column: PooledColumn, order: TimeOrder) -> ColumnChange | None:
    """What was done to all new rows of a column that made a step at the seam; None if that is not known."""
    half = max(pool.new_rows // 2, SHORTEST)
    return explain_step(column, _by_time(pool, column.values, order), pool.old_rows, half)


def recent(pool: Pool, order: TimeOrder) -> Pool:
    """The pool with the newest old rows alone, twice as many as there are new ones."""
    places = order.places[pool.places[: pool.old_rows]]
    old = np.sort(np.argsort(places, kind="stable")[-max(2 * pool.new_rows, FEWEST_RECENT) :])
    rows = np.concatenate([old, np.arange(pool.old_rows, pool.rows)])
    columns = tuple(replace(column, values=column.values[rows]) for column in pool.columns)
    return replace(pool, columns=columns, old_rows=len(old), places=pool.places[rows])


def _by_time(pool: Pool, values: Array, order: TimeOrder) -> Array:
    """Values of the pool's rows with the old ones, and the new ones after them, in the order of time."""
    old = np.argsort(order.places[pool.places[: pool.old_rows]], kind="stable")
    new = np.arange(pool.old_rows, pool.rows)
    if pool.all_new:
        new = pool.old_rows + order.new
    return np.asarray(values[np.concatenate([old, new])], dtype=float)


def _mean(windows: Array) -> Array:
    return np.asarray(windows.mean(axis=1, keepdims=True))


def _quantiles(windows: Array) -> Array:
    gone = np.isnan(windows).mean(axis=1) > 0.5
    filled = np.where(gone[:, None], 0.0, windows)
    found = np.nanquantile(filled, QUANTILES, axis=1).T
    found[gone] = np.nan
    return np.asarray(found)


def _moved(values: Array, pool: Pool, summary: Summary, *, chance: bool = True) -> Movement:
    """How values (n,), in the order of time, moved; without `chance`, a step that it explains counts."""
    windows = window_splits(pool.old_rows, pool.new_rows)
    if windows is None or windows.before is None:
        return "jumped"
    shifts = np.abs(summary(values[windows.drawn]) - summary(values[windows.before]))
    past = _largest(shifts[1:])
    least = NOISE * _error(values, windows) if summary is _mean else 0.0
    if (shifts[0] <= np.maximum(MARGIN * past, least)).all():
        return "as before"
    if _steps(values, pool, summary, chance=chance and summary is _mean):
        return "jumped"
    return "went far" if (shifts[0] > FAR * np.maximum(past, least)).mean() > 0.5 else "went on"


def _error(values: Array, windows: Splits) -> float:
    """The standard error of the difference between the new rows' mean and that of the rows before them."""
    assert windows.before is not None
    new, before = windows.drawn[0], windows.before[0]
    return float(values[before].std()) * float(np.sqrt(1 / len(new) + 1 / len(before)))


def _largest(steps: Array) -> Array:
    """The largest of several steps (steps, statistics), of each statistic; 0 where none is known."""
    return np.asarray(np.nan_to_num(np.abs(steps), nan=0.0).max(axis=0, initial=0.0))


def _steps(values: Array, pool: Pool, summary: Summary, *, chance: bool, margin: float = MARGIN) -> bool:
    """Whether values (n,) make a step with the first new row that is larger than any before, and larger than a bend."""
    half, old = max(pool.new_rows // 2, SHORTEST), pool.old_rows
    if old < 3 * half or pool.new_rows < half + SHORTEST:
        return True
    every = max(half // 4, (old - 2 * half) // MOST_PLACES, 1)
    starts = np.arange(old - 2 * half, -1, -every)
    levels = summary(values[old - 2 * half : old + half].reshape(3, half))
    second = summary(values[None, old + half : old + 2 * half])[0]
    step, before = levels[2] - levels[1], levels[1] - levels[0]
    first, last = (summary(np.stack([values[s + k : s + k + half] for s in starts])) for k in (0, half))
    steps = last - first
    bends = _bends(values, starts[starts >= half], half, summary)
    least = NOISE * float(values[old - half : old + half].std()) * np.sqrt(2 / half) if chance else 1e-12
    usual = np.abs(step) <= np.maximum(margin * _largest(steps), least)
    bent = np.abs(step - before) <= margin * _largest(bends)
    continues = (second - levels[2]) * np.sign(step) >= CONTINUES * np.abs(step)
    return bool((~(usual | bent | continues)).any())


def _bends(values: Array, starts: Array, half: int, summary: Summary) -> Array:
    """How much steps differ from those before them, at earlier places (places, statistics)."""
    if not len(starts):
        return np.zeros((1, 1))
    a, b, c = (summary(np.stack([values[s + k : s + k + half] for s in starts])) for k in (-half, 0, half))
    return np.asarray((c - b) - (b - a))


def _shares(pool: Pool, column: PooledColumn, mark: Mark, order: TimeOrder) -> Movement:
    """How a value's share moved, by how those of all values of the column did: values come and go in some columns."""
    windows = window_splits(pool.old_rows, pool.new_rows)
    if windows is None or windows.before is None or mark.values.dtype != bool:
        return "jumped"
    codes = _by_time(pool, column.codes, order).astype(int) + 1
    size = int(codes.max()) + 1
    after, before = (
        np.stack([np.bincount(codes[rows], minlength=size) / len(rows) for rows in part])
        for part in (windows.drawn, windows.before)
    )
    marked = _by_time(pool, mark.values, order)
    own = abs(float(marked[windows.drawn[0]].mean() - marked[windows.before[0]].mean()))
    if mark.trait == "run":
        own = float(marked[pool.old_rows :].mean())
    most = float(np.abs(after - before)[1:, 1:].max(initial=0.0))
    return "as before" if own <= MARGIN * most else "jumped"


def _repeats(pool: Pool, mark: Mark, order: TimeOrder) -> Movement:
    """Whether earlier windows had as many rows that repeat one of the same window, as those of one day or year do."""
    windows = window_splits(pool.old_rows, pool.new_rows)
    if windows is None:
        return "jumped"
    values = _by_time(pool, mark.values, order)
    if mark.values.dtype == bool:
        shares = values[windows.drawn].mean(axis=1)
    else:
        shares = np.array([_repeated(values[rows]) for rows in windows.drawn])
    most = float(shares[1:].max())
    return "as before" if shares[0] <= MARGIN * most + NOISE * np.sqrt(most / pool.new_rows) else "jumped"


def _repeated(groups: Array) -> float:
    """The share of rows that repeat another one, by their groups (n,), -1 for none."""
    known = groups[groups >= 0]
    return (len(known) - len(np.unique(known))) / len(groups)
