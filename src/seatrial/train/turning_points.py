"""Golden rows on both sides of where a model's answer turns, which is what a conversion to single precision moves.

A threshold of a tree lies between two values of the table, so that no row of it tells `x <= t` in double precision from
the same in single precision. Two rows so close to a turn that float32 holds them for one, and that get other answers,
do: an installed wheel must still tell them apart.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.train.reference_rows import Row, row_at, take

APART = 1e-8  # of the value: a fraction of what float32 resolves, and far more than two machines' rounding differs by
PAIRS = 60  # of a row and a number in it that are looked at, in equal shares of the columns
ROWS = 32  # that are given at most
HALVINGS = 60

Scores = Callable[[Columns], Array]
Floats = npt.NDArray[np.float64]


def turning_rows(
    columns: Sequence[Column],
    schema: type[BaseModel],
    table: Columns,
    scores: Scores,
    *,
    seed: int = 0,
) -> list[Row]:
    """Give rows of `table` with one number moved next to a value where the scores turn, on either side of it.

    `scores` answers columns of n rows with (n,) or (n, classes). A smooth model turns nowhere, and gets no rows.
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

    def asked(values: Floats) -> Floats:
        return np.asarray(scores(at(values)), dtype=np.float64).reshape(len(values), -1)

    start = asked(low)
    turns = (start != asked(high)).any(axis=1) & (start == asked(low + np.abs(low) * APART)).all(axis=1)
    if not turns.any():
        return []
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        same = (asked(middle) == start).all(axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
        if (high - low <= np.abs(high) * APART / 8)[turns].all():
            break
    below, above = (high - np.abs(high) * APART / 2, high + np.abs(high) * APART / 2)
    told = turns & (asked(below) != asked(above)).any(axis=1)
    chosen = np.flatnonzero(told)[: ROWS // 2]
    found = []
    for values in (below, above):
        sides = take(at(values), chosen)
        found += [row_at(columns, sides, position) for position in range(len(chosen))]
    return [row for row in found if _valid(schema, row)]


def _valid(schema: type[BaseModel], row: Row) -> bool:
    try:
        schema.model_validate(row)
    except ValidationError:
        return False
    return True


def _present(values: Any) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    return numbers[~np.isnan(numbers)]
