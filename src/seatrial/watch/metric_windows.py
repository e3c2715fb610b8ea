"""A metric window by window: which rows a window has, and whether the newest are worse than the release promised.

Nothing here is certain because a formula says so: windows of a quiet stream differ by more than chance in their rows
(weekdays, campaigns), so how far they did is estimated from the log itself and counts as chance, too.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.false_alarms import log_tail
from seatrial.watch.tallies import HOUR, SlotCounts, time_of

SPANS = (1, 7, 28)  # windows that are judged together: sudden losses show in one, small ones in many
FEWEST = 100  # rows that a window must have
UNKNOWN_WINDOWS = 4  # what is supposed about how windows differ counts as many windows
ENOUGH_STEPS = 6
USUAL = 3.0  # the supposed difference of windows is the margin divided by this
WIDTH = 2.1  # standard deviations of an interval of 95 %, with what so few draws add


@dataclass(frozen=True)
class Look:
    """What a look at metrics goes by: the moment, the length of a window, and what it may spend.

    `margin` is how much worse a metric may be (relative for errors, three times), `alpha` the probability of a false
    alarm that this part may spend in this look. Rows younger than `label_delay` need no label.
    """

    at: datetime
    window: timedelta = timedelta(days=1)
    margin: float = 0.01
    alpha: float = 1e-4
    label_delay: timedelta = timedelta(0)

    @property
    def end(self) -> int:
        """The hour since 1970 at which the newest window ends."""
        return math.ceil(self.at.timestamp() / HOUR)

    @property
    def labelled_until(self) -> int:
        """The hour since 1970 from which on a missing label means nothing."""
        return math.floor((self.at - self.label_delay).timestamp() / HOUR) if self.label_delay else self.end

    @property
    def hours(self) -> int:
        """The length of a window."""
        return max(1, round(self.window.total_seconds() / HOUR))


@dataclass(frozen=True)
class MetricWindow:
    """The counts of one window, or of several; `number` counts from the newest, which is 0."""

    number: int
    start: datetime
    counts: Array

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Shift:
    """How much worse a metric is than it was (n windows together), and how probable that is by chance, as a logarithm.

    `loss` is absolute, or relative for errors; better is negative.
    """

    windows: int
    loss: float
    spread: float
    log_p: float


def metric_windows(counted: SlotCounts, version: str, end: int, hours: int) -> list[MetricWindow]:
    """Join the counts by hour into windows that end at `end`, the newest first; windows without rows are left out.

    Where windows have too few rows, several become one: a week, or four.
    """
    slots, table = counted.by_slot(version)
    slots, table = slots[slots < end], table[slots < end]
    if not len(slots):
        return []
    for joined in SPANS:
        length = hours * joined
        numbers, first = np.unique((end - 1 - slots[::-1]) // length, return_index=True)
        sums = np.add.reduceat(table[::-1], first, axis=0)
        if np.median(sums.sum(axis=1)) >= FEWEST:
            break
    starts = [time_of(end - (number + 1) * length) for number in numbers.tolist()]
    found = zip(numbers.tolist(), starts, sums, strict=True)
    return [MetricWindow(number, start, counts) for number, start, counts in found]


def together(windows: Sequence[MetricWindow], count: int) -> MetricWindow:
    """The newest `count` windows as one."""
    newest = [window for window in windows if window.number < windows[0].number + count]
    return MetricWindow(newest[0].number, newest[-1].start, np.sum([window.counts for window in newest], axis=0))


def spans_of(windows: Sequence[MetricWindow]) -> list[int]:
    """How many of the newest windows are judged together: one, and what the history has beside."""
    return [span for span in SPANS if span == 1 or len(windows) > span]


def usual_spread(losses: Floats, variances: Floats, margin: float) -> tuple[float, float]:
    """How far windows differ beyond chance (a variance), and how many windows say so.

    `losses` and the `variances` of their sampling are those of past windows, one after another. Neighbours are compared
    (von Neumann 1941), so that what drifts slowly does not hide itself; few windows count beside a supposed value.
    """
    steps = np.diff(losses) ** 2 / 2 - (variances[1:] + variances[:-1]) / 2
    if len(steps) >= ENOUGH_STEPS:
        steps = np.delete(steps, int(np.argmax(steps)))  # it may be the sudden change itself
    own = steps.sum()
    count = UNKNOWN_WINDOWS + len(steps)
    supposed = UNKNOWN_WINDOWS * (margin / USUAL) ** 2
    return float(max(own, 0.0) + supposed) / count, float(count)


def shift_of(windows: int, loss: float, variance: float, usual: tuple[float, float], rows: int, margin: float) -> Shift:
    """Judge a loss beyond the margin: `variance` is that of sampling, `usual` what windows differ by beside.

    The sum of both has the degrees of freedom of Welch and Satterthwaite (1947); a normal tail would be too light for
    probabilities of one in a million.
    """
    between, count = usual
    total = variance + between
    freedom = total**2 / (variance**2 / max(rows - 1, 1) + between**2 / count) if total > 0 else 1.0
    spread = math.sqrt(total)
    log_p = float(log_tail((loss - margin) / max(spread, 1e-12), freedom))
    return Shift(windows, loss, spread, log_p)


def first_worse(windows: Iterable[tuple[datetime, float]], limit: float) -> datetime | None:
    """Since when losses are above a limit without a break: the begin of the oldest such window, the newest first."""
    since = None
    for start, loss in windows:
        if not loss > limit:
            break
        since = start
    return since
