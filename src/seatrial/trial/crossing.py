"""Rows for the legs where nothing may differ: real rows' values, mixed and moved, so that no corner is left unasked."""

from collections.abc import Callable, Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column

ROWS = 3_000


def cross_rows(
    columns: Sequence[Column],
    table: Columns,
    allowed: Callable[[Columns], Array],
    *,
    rows: int = ROWS,
    seed: int = 0,
) -> Columns:
    """Draw rows whose values come from different rows of `table`; a third of the numbers lie between two of its values.

    A tree tells apart only what lies on two sides of a threshold, and its thresholds lie between the values that it
    has seen. `allowed` gives a mask of the rows that the schema takes; the others are left out.
    """
    generator = np.random.default_rng(seed)
    size = len(next(iter(table.values())))
    drawn: Columns = {}
    for column in columns:
        values = table[column.name]
        first, second = values[generator.integers(size, size=rows)], values[generator.integers(size, size=rows)]
        if column.kind in ("integer", "number"):
            between = first + (second - first) * generator.random(rows)
            if column.kind == "integer":
                between = np.rint(between)
            moved = (generator.random(rows) < 1 / 3) & ~np.isnan(between)
            first = np.where(moved, between, first)
        drawn[column.name] = first
    keep = np.flatnonzero(allowed(drawn))
    return {name: values[keep] for name, values in drawn.items()}
