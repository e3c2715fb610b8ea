"""What the faults of new rows are made of: which rows, which column, and a change of its values."""

from collections.abc import Callable

import numpy as np

from benchmarks.detection.batches import Batch, Faulty
from seatrial.model.features import Array

Change = Callable[[Batch], Faulty | None]
Rows = Callable[[Batch], Array]


def everywhere(b: Batch) -> Array:
    """All new rows."""
    return b.new


def some(share: float) -> Rows:
    """A random share of the new rows."""
    return lambda b: b.some(share)


def run(share: float) -> Rows:
    """New rows that are next to each other."""
    return lambda b: b.run(share)


def group(b: Batch) -> Array:
    """The new rows of one group."""
    found = b.group()
    return b.some(0.25) if found is None else found[1]


def anything(_: Array) -> bool:
    """Any column will do."""
    return True


def number(
    change: Callable[[Array, Batch], Array], rows: Rows = everywhere, test: Callable[[Array], bool] = anything
) -> Change:
    """A fault of one numeric column of which the values pass a test."""

    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.numbers(test))
        return name and b.write(name, rows(b), change(b.columns[name], b))  # type: ignore[return-value]

    return apply


def whole(v: Array) -> bool:
    """Whether all values are whole numbers."""
    return bool((v % 1 == 0).all())


def broken(v: Array) -> bool:
    """Whether many values have decimals."""
    return bool((v % 1 != 0).mean() > 0.3)


def positive(v: Array) -> bool:
    """Whether all values are positive."""
    return bool((v > 0).all())


def counts(v: Array) -> bool:
    """Whether the values count something, or are a window's sum of it."""
    return whole(v) and bool((v >= 0).all()) and len(np.unique(v)) >= 5
