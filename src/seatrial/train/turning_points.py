"""Golden rows on both sides of a turning point: a value where a model's scores change.

A conversion to single precision moves these values. A threshold of a tree is between two values of the table, so no row
of the table shows whether `x <= t` is computed in double or in single precision. Two rows that are equal in float32 but
score differently do: an installed wheel must still distinguish them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from seatrial.model.features import Array, Columns, Floats
from seatrial.model.schema import Column
from seatrial.train.reference_rows import Row, row_at, take

DISTANCE = 1e-8  # relative: less than float32 resolves, and far more than the rounding differences of two machines
PAIRS = 60  # of a row and one of its numbers that are searched, in equal shares of the columns
ROWS = 32  # at most
HALVINGS = 60

Scores = Callable[[Columns], Array]


def turning_rows(
    columns: Sequence[Column],
    schema: type[BaseModel],
    table: Columns,
    scores: Scores,
    *,
    seed: int = 0,
) -> list[Row]:
    """Return rows of `table` with one number moved next to a turning point, on both sides of it.

    `scores` scores columns of n rows: (n,) or (n, classes). A smooth model has no turning points, and gets no rows.
    """
    generator = np.random.default_rng(seed)
    names = [c.name for c in columns if c.kind == "number" and np.unique(_present(table[c.name])).size > 2]
    size = len(next(iter(table.values())))
    if not names or not size:
        return []
    each = max(PAIRS // len(names), 1)
    moved = np.repeat(names, each)[:PAIRS]
    base = take(table, generator.integers(size, size=len(moved)))
    ends = {name: np.quantile(_present(table[name]), [0.05, 0.95]) for name in names}
    low, high = (np.array([ends[name][side] for name in moved]) for side in (0, 1))

    def at(values: Floats) -> Columns:
        drawn = {name: column.copy() for name, column in base.items()}
        for name in names:
            drawn[name][moved == name] = values[moved == name]
        return drawn

    def scored(values: Floats) -> Floats:
        return np.asarray(scores(at(values)), dtype=np.float64).reshape(len(values), -1)

    start = scored(low)
    turning = (start != scored(high)).any(axis=1) & (start == scored(low + np.abs(low) * DISTANCE)).all(axis=1)
    if not turning.any():
        return []
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        same = (scored(middle) == start).all(axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
        if (high - low <= np.abs(high) * DISTANCE / 8)[turning].all():
            break
    below, above = (high - np.abs(high) * DISTANCE / 2, high + np.abs(high) * DISTANCE / 2)
    distinct = turning & (scored(below) != scored(above)).any(axis=1)
    chosen = np.flatnonzero(distinct)[: ROWS // 2]
    rows = []
    for values in (below, above):
        moved_rows = take(at(values), chosen)
        rows += [row_at(columns, moved_rows, position) for position in range(len(chosen))]
    return [row for row in rows if _valid(schema, row)]


def _valid(schema: type[BaseModel], row: Row) -> bool:
    try:
        schema.model_validate(row)
    except ValidationError:
        return False
    return True


def _present(values: Any) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    return numbers[~np.isnan(numbers)]
