"""Outcomes that are suddenly others than before, although the answers are alike: labels that are wrong, or a new truth.

Rows are looked at by ranges of their scores. In each, the shares of outcomes are compared with those of the windows
before, as shares of an input are. What moves the mixture of rows moves the ranges' sizes and hardly the shares in them.
Wrong labels move shares of rows that were nearly certain, which shows long before an area under a curve does.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent, short
from seatrial.watch.changes import LookAt, ShareChange, find_change, joined_counts
from seatrial.watch.expectation import Expectation
from seatrial.watch.metric_windows import Look
from seatrial.watch.tallies import SlotCounts, time_of
from seatrial.watch.watch_records import Finding, Level

RANGES = 4  # of scores, with about as many held-out rows in each
ERROR_LEVELS = (0.5, 0.8, 0.95)  # of a regression: the errors of held-out rows by which outcomes are told apart
LEAST_OUTCOMES = 0.02  # of the rows of a range, that must have another outcome


@dataclass(frozen=True)
class OutcomeRanges:
    """Which range each cell (cells,) is in, and which level each of its outcomes is: (cells, outcomes).

    Levels are the classes of two; of more, whether the answer was right; of a regression, how large the error is.
    """

    of_cells: Array
    levels: Array

    @property
    def size(self) -> int:
        """The number of levels."""
        return int(self.levels.max()) + 1

    def counted(self, tables: Array) -> Array:
        """Counts (hours, cells * outcomes) by range and level (hours, RANGES, levels)."""
        places = (self.of_cells[:, None] * self.size + self.levels).ravel()
        sums = np.zeros((RANGES * self.size, len(tables)), dtype=np.int64)
        np.add.at(sums, places, tables.T)
        return sums.T.reshape(len(tables), RANGES, self.size)


def outcome_ranges(expected: Expectation) -> OutcomeRanges:
    """Choose the ranges by a release's held-out rows."""
    cells, known = expected.cells, expected.known[0]
    order = np.arange(cells.size)
    if cells.rule.task == "multiclass":
        decided = cells.rule.decide(cells.scores)
        order = np.argsort(expected.shares[0][order, decided], kind="stable")
    rows = known.sum(axis=1)[order]
    middle = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1)
    of_cells = np.empty(cells.size, dtype=np.int64)
    of_cells[order] = np.minimum((middle * RANGES).astype(np.int64), RANGES - 1)
    if cells.rule.task == "binary":
        levels = np.broadcast_to(np.arange(2) == cells.rule.positive, known.shape)
    elif cells.rule.task == "multiclass":
        levels = np.arange(cells.outcomes) != decided[:, None]
    else:
        levels = np.stack([_error_levels(known[of_cells == each].sum(axis=0)) for each in range(RANGES)])[of_cells]
    return OutcomeRanges(of_cells, levels.astype(np.int64))


def _error_levels(counts: Array) -> Array:
    """The level of each range of errors (outcomes,), by how many held-out rows have smaller ones."""
    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    return np.asarray(np.searchsorted(ERROR_LEVELS, middle, side="right"))


def changed_outcomes(
    counts: SlotCounts, version: str, expected: Expectation, look: Look, alpha: float
) -> list[Finding]:
    """Find the range of scores whose outcomes changed most clearly in the newest labelled window, if one did."""
    last = look.labelled_until - 1
    slots, tables = joined_counts(counts, version, last)
    if not len(slots):
        return []
    ranges = outcome_ranges(expected)
    counted = ranges.counted(tables)
    view = LookAt(last, look.hours, (last - int(slots[0]) + 1) // look.hours + 1, int(slots[0]))
    found = []
    for number in range(RANGES):
        by_hour = counted[:, number]
        change = find_change(
            (slots, by_hour), view, alpha, RANGES, ordered=ranges.size > 2, least=LEAST_OUTCOMES
        )  # fmt: skip
        if change is not None:
            found.append((change, number))
    if not found:
        return []
    change, number = min(found, key=lambda each: each[0].log_p)
    return [_finding(change, number, ranges, expected, version, int(counted[:, number].sum()))]


def _finding(
    change: ShareChange, number: int, ranges: OutcomeRanges, expected: Expectation, version: str, rows: int
) -> Finding:
    inside = ranges.of_cells == number
    known = ranges.counted(expected.known.reshape(1, -1))[0, number]
    promised = float(known[change.bins].sum() / max(known.sum(), 1))
    worse = abs(change.after - promised) > abs(change.before - promised)
    since = None if change.since is None else time_of(change.since)
    when = f" since {since:%A, %d %B, %H:%M} UTC" if since else ""
    what = f"{_which(inside, expected)}, {percent(change.after)} {_outcome(change.bins, expected)}"
    return Finding(
        "measured.relation", "measured", Level.alarm if worse else Level.noted,
        f"Outcomes changed{when}, and answers did not: {what}; it was {percent(change.before)}. "
        "Labels are wrong, or the relation between inputs and outcomes moved.",
        version=version, since=since, share=change.moved, old=change.before, new=change.after,
        log_p=change.log_p, severity=2.0,
        hint="Check where the labels come from. If they are right, train on them: `seatrial refresh --from-log`.",
        evidence={"doubt": f"labels contradict it: {what}, and it was {percent(change.before)}", "rows": rows},
    )  # fmt: skip


def _which(inside: Array, expected: Expectation) -> str:
    """Which rows a range has, in words."""
    cells = expected.cells
    if cells.rule.task == "multiclass":
        decided = cells.rule.decide(cells.scores)[inside]
        certain = expected.shares[0][inside, decided]
        return f"where {percent(certain.min())} to {percent(certain.max())} of the answers should be right"
    edges = np.concatenate([[-np.inf], cells.edges, [np.inf]])
    low, high = edges[:-1][inside].min(), edges[1:][inside].max()
    what = "the prediction" if not cells.classifies else f"the probability of {cells.rule.classes[cells.rule.positive]}"
    if np.isinf(low) or np.isinf(high):
        return f"where {what} is {'below' if np.isinf(low) else 'above'} {short(high if np.isinf(low) else low)}"
    return f"where {what} is {short(low)} to {short(high)}"


def _outcome(bins: Array, expected: Expectation) -> str:
    """What the changed share is of, in words."""
    cells = expected.cells
    if cells.rule.task == "binary":
        label = cells.rule.classes[cells.rule.positive if bins[-1] else 1 - cells.rule.positive]
        return f"of the outcomes are {label}"
    if cells.rule.task == "multiclass":
        return "of the answers were wrong" if bins[-1] else "of the answers were right"
    return "of the errors are among the larger ones" if bins[-1] else "of the errors are among the smaller ones"
