"""Explains a prediction: each column's contribution to the difference from a typical row.

Shapley values with one baseline row (Sundararajan and Najmi 2020, "The many Shapley values for model explanation"):
exact over all subsets of the columns that differ, up to ten of them; sampled over antithetic permutations beyond
(Castro, Gómez and Tejada 2009). They sum to the difference of the two predictions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

Row = dict[str, Any]
Score = Callable[[Sequence[Row]], npt.NDArray[np.float64]]

EXACT_UP_TO = 10
PERMUTATIONS = 64


@dataclass(frozen=True)
class Contribution:
    """What one column's value changed in the prediction, compared with the typical value."""

    column: str
    value: Any
    typical: Any
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """The explained score (a probability, or a regression's value), the typical row's, and the contributions.

    `label` is the class whose probability is explained; None for a regression.
    """

    label: Any
    value: float
    typical_value: float
    contributions: tuple[Contribution, ...]


def contributions(row: Row, typical: Row, names: Sequence[str], score: Score) -> list[Contribution]:
    """Divide the difference score(row) - score(typical) among the columns `names`, largest contribution first."""
    differing = [name for name in names if row[name] != typical[name]]
    exact = len(differing) <= EXACT_UP_TO
    shares = _exact(row, typical, differing, score) if exact else _sampled(row, typical, differing, score)
    every = [Contribution(n, row[n], typical[n], shares.get(n, 0.0)) for n in names]
    return sorted(every, key=lambda c: -abs(c.contribution))


def _exact(row: Row, typical: Row, names: list[str], score: Score) -> dict[str, float]:
    count = len(names)
    mixed = [{**typical, **{n: row[n] for bit, n in enumerate(names) if mask >> bit & 1}} for mask in range(1 << count)]
    scores = score(mixed)
    sizes = np.array([mask.bit_count() for mask in range(1 << count)])
    weights = np.array([1 / (count * comb(count - 1, size)) for size in range(count)] or [0.0])
    masks = np.arange(1 << count)
    shares = {}
    for bit, name in enumerate(names):
        without = masks[(masks >> bit & 1) == 0]
        gain = scores[without | 1 << bit] - scores[without]
        shares[name] = float(weights[sizes[without]] @ gain)
    return shares


def _sampled(row: Row, typical: Row, names: list[str], score: Score) -> dict[str, float]:
    generator = np.random.default_rng(0)  # the same row gets the same explanation
    orders = []
    for _ in range(PERMUTATIONS):
        order = generator.permutation(len(names))
        orders += [order, order[::-1]]
    mixed = []
    for order in orders:
        current = dict(typical)
        mixed.append(dict(current))
        for position in order:
            current[names[position]] = row[names[position]]
            mixed.append(dict(current))
    steps = np.diff(score(mixed).reshape(len(orders), len(names) + 1), axis=1)
    shares = np.zeros(len(names))
    for order, gains in zip(orders, steps, strict=True):
        shares[order] += gains
    return dict(zip(names, (shares / len(orders)).tolist(), strict=True))
