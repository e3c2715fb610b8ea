"""Which rows a replica is trained on: of a large table, parts of a bounded sample that vary as parts of the whole do.

Two models on random parts of share s of m rows differ with a variance of 2(1/s - 1)/m, and should with 2q/n, where a
retrain exchanges a share q of n rows. So s = 1 / (1 + q m / n): of a small sample of a large table, each replica leaves
out few rows. Without the correction, the noise of m rows would hide changes that n rows show.
"""

import numpy as np

from seatrial.model.features import Array, Floats

MOST_ROWS = 200_000  # of the training rows, of which replicas are trained on parts
LEAST_OF_CLASS = 100  # rows of a class in this sample, or all that there are
LEAST_GROUPS = 100


def part_chances(units: Array, classes: list[Array], change: float, *, most: int = MOST_ROWS) -> Floats:
    """The probability (n,) with which each row is in a replica's part: 0 for the rows beyond the sample.

    `units` (n,) number the groups that are left out as a whole (0, 1, ...), or the rows themselves. `classes` are the
    positions of each class's rows, [] for a regression. `change` is the policy's `expected_change`.
    """
    rows, count = len(units), int(units.max()) + 1
    if rows <= most:
        return np.full(rows, 1 / (1 + change))
    draw = np.random.default_rng(2)
    chances = np.zeros(rows)
    if count < rows:
        order = draw.permutation(count)
        ends = np.cumsum(np.bincount(units, minlength=count)[order])
        drawn = order[: max(int((ends <= most).sum()), LEAST_GROUPS)]
        chances[np.isin(units, drawn)] = 1 / (1 + change * len(drawn) / count)
        return chances
    for part in classes or [np.arange(rows)]:
        size = min(max(round(len(part) * most / rows), LEAST_OF_CLASS), len(part))
        chances[draw.choice(part, size, replace=False)] = 1 / (1 + change * size / len(part))
    return chances
