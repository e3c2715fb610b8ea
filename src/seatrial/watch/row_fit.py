"""How well each column of a row goes together with the others: a broken join shows in that, and not in columns.

Of each column, a linear model of indicators says from the others how much more likely the row's value is than usual. It
is fitted to the held-out rows (ridge regression). The distribution of what it says is watched, against the log's own
past. Many weak relations of one column add up to a clear one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.release_reference import ColumnBins

GROUPS = 6  # of a column's bins
LEVELS = 6  # bins of the fit, the lowest first
PARTNERS = 8  # of a column
MOST_FITS = 40
FEWEST_ROWS = 50
RIDGE = 5.0  # rows
HIGHEST = 4.0  # times as likely as usual, from which more is not told apart
LEAST_APART = 0.06  # between rows as they are and mixed-up ones, beyond what chance makes


@dataclass(frozen=True, eq=False)
class RowFit:
    """How well one column goes together with others, its partners, from the closest one.

    `groups` has the group of each bin, of the column and its partners; `weights` (partners, groups, groups) what each
    partner's group adds for each group of the column, and `edges` the ends of the levels. `mixed` (levels,) are the
    shares of rows in each level if the column had any other row's value, and `apart` says how far rows as they are are
    above that. `parts` (partners,) says how much of it comes from each. `halves` has the weights by each half of the
    held-out rows alone, and `half` (n,) which of the two each of these rows is in.
    """

    name: str
    partners: tuple[str, ...]
    groups: tuple[Array, ...]
    weights: Floats
    edges: Floats
    mixed: Floats
    apart: float
    parts: Floats
    halves: tuple[Floats, Floats]
    half: Array

    def codes(self, own: Array, others: Sequence[Array]) -> Array:
        """The levels of rows (rows,) from the bins of the column and of its partners (rows,)."""
        return self._levels(self.weights, own, others)

    def other_half_codes(self, own: Array, others: Sequence[Array], half: Array) -> Array:
        """The levels of rows (rows,) by the weights of the half that each row is not in, as `half` (rows,) says.

        The weights fit the rows that they are from better than any others. So this is for held-out rows, and for rows
        that are compared with them, whose halves are drawn.
        """
        levels = [self._levels(weights, own, others) for weights in self.halves]
        return np.where(half == 0, levels[1], levels[0])

    def _levels(self, weights: Floats, own: Array, others: Sequence[Array]) -> Array:
        group = self.groups[0][own]
        total = np.zeros(len(own))
        for weight, groups, codes in zip(weights, self.groups[1:], others, strict=True):
            total += weight[groups[codes], group]
        return np.searchsorted(self.edges, total, side="right")

    def part_of(self, name: str) -> float:
        """How much of it comes from a column."""
        return float(self.parts[self.partners.index(name)]) if name in self.partners else 0.0

    def touched(self, before: float, after: float, marked: Array) -> float:
        """The share of rows whose values were mixed up, if the share of those in the levels `marked` is another."""
        whole = float(self.mixed[marked].sum()) - before
        return float(np.clip((after - before) / whole, 0, 1)) if whole else 1.0


def row_fits(bins: Sequence[ColumnBins], codes: Sequence[Array]) -> list[RowFit]:
    """Fit each column from the others; `codes` are the bins of the held-out rows (n,), for each column."""
    used = [k for k, each in enumerate(bins) if not (each.form == "text" and each.size <= 3)]
    rows = len(codes[0]) if codes else 0
    if rows < FEWEST_ROWS:
        return []
    groups = {k: _groups(bins[k]) for k in used}
    values = {k: groups[k][codes[k]] for k in used}
    used = [k for k in used if len(np.unique(values[k])) > 1]
    known = {(j, k): _information(values[j], values[k]) for j, k in combinations(used, 2)}

    def nearest(k: int) -> list[int]:
        return sorted((j for j in used if j != k), key=lambda j: -known[min(j, k), max(j, k)])[:PARTNERS]

    made = [_fit(k, nearest(k), bins, groups, values) for k in used] if len(used) > 1 else []
    found = [each for each in made if each is not None]
    return sorted(found, key=lambda each: -each.apart)[:MOST_FITS]


def _fit(
    k: int, near: Sequence[int], bins: Sequence[ColumnBins], groups: dict[int, Array], values: dict[int, Array]
) -> RowFit | None:
    own, others = values[k], np.stack([values[j] for j in near])
    draw = np.random.default_rng(16)
    half, another = draw.permutation(len(own)) % 2, draw.permutation(len(own))
    fitted, mixed = np.zeros(len(own)), np.zeros(len(own))
    halves = [_weights(own[half == part], others[:, half == part]) for part in (0, 1)]
    for part, weights in ((1, halves[0]), (0, halves[1])):
        test = half == part
        fitted[test], mixed[test] = (_sum(weights, each[test], others[:, test]) for each in (own, own[another]))
    apart = _apart(fitted, mixed)
    if apart < LEAST_APART + 0.7 / np.sqrt(len(own)):
        return None
    weights = _weights(own, others)
    edges = _edges(_sum(weights, own, others))
    levels = np.searchsorted(edges, _sum(weights, own[another], others), side="right")
    parts = weights.var(axis=(1, 2))
    order = np.argsort(-parts)
    return RowFit(
        bins[k].name,
        tuple(bins[near[j]].name for j in order),
        (groups[k], *(groups[near[j]] for j in order)),
        weights[order],
        edges,
        np.bincount(levels, minlength=LEVELS) / len(own),
        apart,
        parts[order] / max(float(parts.sum()), 1e-12),
        (halves[0][order], halves[1][order]),
        half,
    )


def _weights(own: Array, others: Array) -> Floats:
    """How much more likely, relative to usual, each group of a column is by each group of its partners."""
    target = (own[:, None] == np.arange(GROUPS)).astype(np.float64)
    usual = target.mean(axis=0)
    rows = np.hstack([(each[:, None] == np.arange(GROUPS)).astype(np.float64) for each in others])
    mean = rows.mean(axis=0)
    rows -= mean
    solved = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), rows.T @ (target - usual))
    shape = (len(others), GROUPS, GROUPS)
    centred = solved.reshape(shape) - (mean[:, None] * solved).reshape(shape).sum(axis=1, keepdims=True)
    return np.asarray(np.clip(centred / np.maximum(usual, 0.02), -HIGHEST, HIGHEST))


def _sum(weights: Floats, own: Array, others: Array) -> Floats:
    return np.asarray(sum(weight[each, own] for weight, each in zip(weights, others, strict=True)))


def _apart(fitted: Floats, mixed: Floats) -> float:
    """How far the fit of rows as they are is above that of mixed-up ones, as a share of the rows."""
    places = np.unique(fitted)
    below = [np.searchsorted(np.sort(each), places, "right") / len(each) for each in (fitted, mixed)]
    return float((below[1] - below[0]).max())


def _edges(fitted: Floats) -> Floats:
    """The ends of LEVELS of about as many rows each, between two values: these may be few, and sums are inexact."""
    values = np.unique(np.round(fitted, 9))
    wanted = np.quantile(fitted, np.linspace(0, 1, LEVELS + 1)[1:-1])
    places = np.unique(np.clip(np.searchsorted(values, wanted - 1e-8), 1, max(len(values) - 1, 1)))
    return np.asarray((values[places - 1] + values[places]) / 2) if len(values) > 1 else values


def _groups(bins: ColumnBins) -> Array:
    """Join a column's bins into GROUPS of about the same number of held-out rows; neighbours stay together."""
    counts = np.array(bins.expected, dtype=np.float64)
    middle = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    return np.asarray(np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1))


def _information(first: Array, second: Array) -> float:
    """How much two columns say about each other, in nats, beyond what chance makes of so many cells."""
    cells = np.bincount(first * GROUPS + second, minlength=GROUPS * GROUPS).reshape(GROUPS, GROUPS)
    sides = cells.sum(axis=1, keepdims=True), cells.sum(axis=0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = float(np.nansum(cells * np.log(cells * len(first) / (sides[0] * sides[1])))) / len(first)
    return information - float(((sides[0] > 0).sum() - 1) * ((sides[1] > 0).sum() - 1)) / (2 * len(first))
