"""Columns that were exchanged, or copied: rows that have one's value in the other.

Of two columns together, the rows from before are counted in cells, and so are the same rows with both values exchanged.
The new rows are a mixture of both, in the share that fits best. Other explanations, as that one column is mixed up,
must fit less well, and it must explain both columns. This tells columns that are much alike, too, if they differ
in most rows.
"""

from collections.abc import Callable, Iterable

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.changed_numbers import cells_of, mixture_shares, smoothed
from seatrial.watch.changes import LookAt, ShareChange
from seatrial.watch.input_tally import SampleTally, logged
from seatrial.watch.release_reference import FEW_VALUES, ReleaseReference, number_values

SIDE = 6  # cells of a column
LEAST_GAIN = 12.0  # nats
EXPLAINED = 0.5  # of what is new in each of the two columns
BETTER = 1.2  # times the gain of any other explanation
LEAST_SHARE = 0.03
LEAST_COPIED = 0.05  # of rows, that have the value of another column
ERRORS = 3.0  # standard errors beyond it, of how often that was so before


class ColumnPairs:
    """The held-out and the newest values of all columns with many different numbers, from the first change on."""

    def __init__(
        self, sample: SampleTally, reference: ReleaseReference, look: LookAt, changes: Iterable[ShareChange]
    ) -> None:
        self._values: dict[str, tuple[Floats, Floats]] = {}
        table = sample.table(max(since_of(changes), look.last - look.hours + 1), look.last)
        for bins in reference.bins if table is not None else ():
            array = logged(table, bins) if bins.form == "number" and len(bins.edges) > FEW_VALUES else None
            if array is not None and array.null_count < len(array):
                self._values[bins.name] = reference.columns[bins.name].astype(float), number_values(array)

    def exchanged(self, name: str, change: Callable[[Floats], Floats] | None = None) -> tuple[float, float, str]:
        """The column that one was exchanged with, with the share of rows and the gain; empty if it was not.

        `change` is what could have been done to the column instead.
        """
        best = 0.0, 0.0, ""
        for other, values in self._values.items():
            if name in self._values and name != other:
                old, new = zip(self._values[name], values, strict=True)
                share, gain = exchanged_share(old, new, (change,) if change else ())
                best = max(best, (share, gain, other), key=lambda each: each[1])
        return best

    def copied(self, name: str) -> tuple[float, str]:
        """The column whose values one has, with the share of rows in which that is new; empty if there is none."""
        best = 0.0, ""
        for other, values in self._values.items():
            if name in self._values and name != other:
                old, new = zip(self._values[name], values, strict=True)
                best = max(best, (copied_share(old, new), other))
        return best if best[0] else (0.0, "")


def since_of(changes: Iterable[ShareChange]) -> int:
    """The hour of the first change; 0 if it is not known."""
    return min((each.since or 0 for each in changes), default=0)


def exchanged_share(
    old: tuple[Floats, Floats], new: tuple[Floats, Floats], others: tuple[Callable[[Floats], Floats], ...] = ()
) -> tuple[float, float]:
    """The share of rows in which two columns have each other's values, and how much more likely (nats) that is.

    `old` and `new` are two columns of rows from before (n,) and of now (m,), NaN for missing; `others` are changes
    of the first column that could explain it instead. (0, 0) where it was not so.
    """
    was, now = _complete(*old), _complete(*new)
    if min(len(was[0]), len(now[0])) < 30:
        return 0.0, 0.0
    edges = cells_of(np.concatenate(was), np.concatenate(now), 2 * SIDE)
    counts = _joint(now, edges)
    counts *= len(was[0]) / (len(was[0]) + len(now[0]))  # the rows from before are a sample as well
    usual = _joint(was, edges)
    ways = [np.outer(usual.sum(axis=1), usual.sum(axis=0)) / len(was[0])]
    ways += [_joint((change(was[0]), was[1]), edges) for change in others]
    tables = np.stack([smoothed(each.ravel()) for each in [usual.T, *ways]])
    shares, gains = mixture_shares(counts.ravel(), smoothed(usual.ravel()), tables)
    share, gain = float(shares[0]), float(gains[0])
    found = gain > max(LEAST_GAIN, BETTER * float(gains[1:].max())) and share > LEAST_SHARE
    sides = usual.sum(axis=1), usual.sum(axis=0)
    both = found and all(
        _explains(counts.sum(axis=1 - k), smoothed(sides[k]), smoothed(sides[1 - k]), share) for k in (0, 1)
    )
    return (share, gain) if both else (0.0, 0.0)


def copied_share(old: tuple[Floats, Floats], new: tuple[Floats, Floats]) -> float:
    """The share of rows in which the first of two columns has the second one's value and had another one before.

    `old` and `new` are both columns before (n,) and now (m,), NaN for missing. 0 where that may be chance.
    """
    same = new[0][new[0] == new[1]]
    usual, there = float((old[0] == old[1]).mean()), float((~np.isnan(new[1])).mean())
    more, error = len(same) / len(new[0]) - usual, np.sqrt(usual * (1 - usual) / len(old[0]))
    if len(np.unique(same)) <= FEW_VALUES / 2 or more < LEAST_COPIED + ERRORS * error:
        return 0.0
    return min(more / max(there - usual, more), 1.0)


def _explains(counts: Floats, usual: Floats, other: Floats, share: float) -> bool:
    """Whether values of another column in this share of rows explain what is new in one column (cells,)."""
    gain = float((counts * np.log1p(share * (other / usual - 1))).sum())
    shown = counts / counts.sum()
    most = float((counts * np.log(np.maximum(shown, 1e-12) / usual)).sum()) - len(counts) / 2
    return gain > EXPLAINED * most - 2


def _complete(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    there = ~np.isnan(first) & ~np.isnan(second)
    return first[there], second[there]


def _joint(pair: tuple[Floats, Floats], edges: Floats) -> Floats:
    """How many rows are in each pair of cells (cells, cells)."""
    codes: list[Array] = [np.searchsorted(edges, values, side="right") for values in pair]
    size = len(edges) + 1
    flat = np.bincount(codes[0] * size + codes[1], minlength=size * size)
    return flat.reshape(size, size).astype(np.float64)
