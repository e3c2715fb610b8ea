"""Pairs of inputs that are related in a release's held-out rows: a broken join shows in them, and not in columns.

Each row has a score: how much more often its two values occur together than if the columns had nothing to do with each
other (pointwise mutual information, Church and Hanks 1990). Its distribution is what is watched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seatrial.model.features import Array
from seatrial.watch.release_reference import ColumnBins

GROUPS = 6  # of a column's bins
LEVELS = 6  # bins of the score
PARTNERS = 2  # of each column
MOST_PAIRS = 40
LEAST_INFORMATION = 0.05  # nats, beyond what chance makes of so many cells


@dataclass(frozen=True)
class PairBins:
    """Two inputs, the group of each of their bins, and the level (groups, groups) of each cell, lowest first."""

    first: str
    second: str
    groups: tuple[Array, Array]
    levels: Array
    expected: tuple[int, ...]
    information: float

    @property
    def name(self) -> str:
        """The pair, as findings name it."""
        return f"{self.first} x {self.second}"

    def codes(self, first: Array, second: Array) -> Array:
        """The levels of rows (rows,) from the bins of both columns (rows,)."""
        return np.asarray(self.levels[self.groups[0][first], self.groups[1][second]])


def related_pairs(bins: Sequence[ColumnBins], codes: Sequence[Array]) -> list[PairBins]:
    """Find the closest partners of each column; `codes` are the bins of the held-out rows (n,), for each column."""
    grouped = [_groups(each) for each in bins]
    found: list[PairBins] = []
    rows = len(codes[0]) if codes else 0
    for (i, first), (j, second) in combinations(enumerate(bins), 2):
        if first.open or second.open or rows < 50:
            continue
        cells = np.bincount(grouped[i][codes[i]] * GROUPS + grouped[j][codes[j]], minlength=GROUPS * GROUPS).reshape(
            GROUPS, GROUPS
        )
        sides = cells.sum(axis=1, keepdims=True), cells.sum(axis=0, keepdims=True)
        expected = sides[0] * sides[1] / rows
        with np.errstate(divide="ignore", invalid="ignore"):
            information = float(np.nansum(cells * np.log(cells / expected))) / rows
        freedom = ((sides[0] > 0).sum() - 1) * ((sides[1] > 0).sum() - 1)
        information -= freedom / rows  # twice the mean of what chance makes
        if information > LEAST_INFORMATION:
            scores = np.log((cells + expected + 0.5) / (2 * expected + 0.5))  # shrunk: cells are few
            levels = _levels(scores, cells)
            counts = np.bincount(levels.ravel(), weights=cells.ravel(), minlength=LEVELS)
            found.append(
                PairBins(
                    first.name, second.name, (grouped[i], grouped[j]), levels, tuple(map(int, counts)), information
                )
            )
    return _closest(found)


def _groups(bins: ColumnBins) -> Array:
    """Join a column's bins into GROUPS of about the same number of held-out rows; neighbours stay together."""
    counts = np.array(bins.expected, dtype=np.float64)
    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    return np.asarray(np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1))


def _levels(scores: Array, cells: Array) -> Array:
    """Put cells into LEVELS by their score, each with about the same number of rows."""
    order = np.argsort(scores.ravel(), kind="stable")
    weights = cells.ravel()[order].astype(np.float64)
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    levels = np.empty(len(order), dtype=np.int64)
    levels[order] = np.minimum((middle * LEVELS).astype(np.int64), LEVELS - 1)
    return np.asarray(levels.reshape(scores.shape))


def _closest(pairs: Sequence[PairBins]) -> list[PairBins]:
    chosen: dict[str, PairBins] = {}
    partners: dict[str, int] = {}
    for pair in sorted(pairs, key=lambda each: -each.information):
        if min(partners.get(pair.first, 0), partners.get(pair.second, 0)) < PARTNERS:
            chosen[pair.name] = pair
            for name in (pair.first, pair.second):
                partners[name] = partners.get(name, 0) + 1
    return [*chosen.values()][:MOST_PAIRS]
