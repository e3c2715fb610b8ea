"""Changes of counted bins: sudden ones against the log's own past, and gross ones against the held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.false_alarms import limit
from seatrial.watch.tallies import SlotCounts
from seatrial.watch.watch_records import Level
from seatrial.watch.windows import LONG, PRIOR, PRIOR_RARE, change_hour, compare, find_step, in_windows, marks_of

LEAST_STEP = 0.05  # of rows, that a share must move by to matter
LEAST_FAULTY = 0.02  # of a bin that training rows are rarely in
LEAST_GROSS, LEAST_GROSS_FAULTY = 0.25, 0.06  # against the held-out rows, where the past is too short
SPARE = 10  # times fewer false alarms than the budget has: how far windows differ is itself an estimate


@dataclass(frozen=True)
class LookAt:
    """What one look sees: windows of `hours` that end with the hour `last`, and what each test may spend.

    `first` is the first hour that has rows.
    """

    last: int
    hours: int
    windows: int
    first: int

    def of(self, slots: Array, counts: Array) -> Array:
        """Counts by hour in windows (windows, size) from the first that the log has whole."""
        whole = (self.last - self.first + 1) // self.hours
        return in_windows(slots, counts, self.last, self.hours, max(min(self.windows, whole), 1))


@dataclass(frozen=True)
class ShareChange:
    """A share of rows that changed: of the bins `bins` (bool, (size,)), from `before` to `after`, since an hour.

    `gross` says that it was compared with the held-out rows.
    """

    bins: Array
    before: float
    after: float
    log_p: float
    since: int | None
    gross: bool
    level: Level

    @property
    def moved(self) -> float:
        """The share of rows that it touches."""
        return abs(self.after - self.before)


def find_change(
    counts: tuple[Array, Array],
    look: LookAt,
    alpha: float,
    tests: int,
    *,
    expected: Sequence[int] | Array | None = None,
    ordered: bool = False,
    first: int = 0,
    faulty: Sequence[int] = (),
    least: float = LEAST_STEP,
    hourly: bool = True,
) -> ShareChange | None:
    """Find the clearest change of the newest window of counts by hour: (hours,) and (hours, size).

    `ordered` says whether the bins from `first` on are in an order, and `faulty` are those of which little matters.
    `alpha` is shared by so many `tests`. Not `hourly` are shares that hours of one day differ in: since when they are
    others is then only known by windows.
    """
    slots, by_hour = counts
    size = by_hour.shape[1]
    marks = marks_of(size, ordered=ordered, first=first)
    windows = look.of(slots, by_hour)
    if not windows[-1].sum():
        return None
    bound = limit(alpha, tests * SPARE)
    rare = np.zeros(marks.shape[1], dtype=bool)
    rare[list(faulty)] = True
    found = find_step(windows, marks, least=np.where(rare, LEAST_FAULTY, least), prior=_prior(rare))
    if found is not None and found.log_p < bound:
        bins = marks[:, found.mark] > 0
        if size == 2 and bins[0]:  # the same in other words
            found = replace(found, mark=1, before=1 - found.before, after=1 - found.after)
            bins = ~bins
        since = look.last - (len(windows) - found.place) * look.hours + 1
        if hourly:
            since = _since(slots, by_hour, bins, found.before, look, found.place, len(windows))
        newest = by_hour[slots >= since]  # without the rows of the first window from before the change
        after = float(newest[:, bins].sum() / max(newest.sum(), 1))
        after = max(after, found.after) if found.after > found.before else min(after, found.after)
        return ShareChange(bins, found.before, after, found.log_p, since, gross=False, level=Level.alarm)
    if expected is None or not sum(expected):
        return None
    return _gross(windows, np.asarray(expected), marks, rare, bound)


def _gross(windows: Array, expected: Array, marks: Array, rare: Array, bound: float) -> ShareChange | None:
    """A gross difference from the held-out rows: an alarm if it always was, or while the past without it is short.

    A step needs LONG windows before it, so what began in the first weeks is none, however long it lasts.
    """
    least: Floats = np.where(rare, LEAST_GROSS_FAULTY, LEAST_GROSS)
    filled = windows[windows.sum(axis=1) > 0]
    recent = _newest_rows(filled)
    found = compare(recent, expected, marks, least, _prior(rare))
    if found is None or found.log_p >= bound:
        return None
    always = _newest_rows(filled[::-1])
    share = float((always @ marks[:, found.mark]) / max(always.sum(), 1))
    since_start = abs(share - found.before) >= 0.5 * abs(found.after - found.before)
    shares = (filled @ marks[:, found.mark]) / filled.sum(axis=1)
    without = np.count_nonzero(np.abs(shares - found.before) < 0.5 * abs(found.after - found.before))
    level = Level.alarm if since_start or without < LONG else Level.noted
    bins = marks[:, found.mark] > 0
    return ShareChange(bins, found.before, found.after, found.log_p, None, gross=True, level=level)


def _prior(rare: Array) -> Floats:
    return np.where(rare, PRIOR_RARE, PRIOR)


def _newest_rows(windows: Array, most: int = 3, enough: int = 200) -> Array:
    """The newest window, and up to `most` of them together where it has few rows (size,)."""
    rows = np.zeros_like(windows[-1])
    for window in windows[::-1][:most]:
        rows = rows + window
        if rows.sum() >= enough:
            break
    return np.asarray(rows)


def _since(slots: Array, by_hour: Array, bins: Array, before: float, look: LookAt, place: int, windows: int) -> int:
    """The hour from which the share is another one: in the step's first window, or the one before it."""
    begin = look.last - (windows - place + 1) * look.hours + 1
    inside = (slots >= begin) & (slots <= look.last)
    hits, rows = by_hour[inside][:, bins].sum(axis=1), by_hour[inside].sum(axis=1)
    return change_hour(slots[inside], hits.astype(np.float64), rows.astype(np.float64), before)


def joined_counts(counts: SlotCounts, version: str, last: int) -> tuple[Array, Array]:
    """The counts by hour up to the hour `last`."""
    slots, by_hour = counts.by_slot(version)
    kept = slots <= last
    return slots[kept], by_hour[kept]
