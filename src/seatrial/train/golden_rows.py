"""Golden rows: rows that an installed wheel must score as training did.

Some of them are on both sides of a turning point: a value where a model's scores change. A conversion to single
precision moves these values. A threshold of a tree is between two values of the table, so no row of the table shows
whether `x <= t` is computed in double or in single precision. Two rows that are equal in float32 but score differently
do: an installed wheel must still distinguish them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from seatrial.model.features import Array, Columns, Floats
from seatrial.model.schema import Column
from seatrial.train.reference_rows import Row, row_at, take

GOLDEN_ROWS = 64
MOST_EDGES = 512  # golden rows that differ from a real one in one value
DISTANCE = 1e-8  # relative: less than float32 resolves, and far more than the rounding differences of two machines
PAIRS = 60  # of a row and one of its numbers that are searched for turning points, in equal shares of the columns
TURNING_ROWS = 32  # at most
HALVINGS = 60

Scores = Callable[[Columns], Array]


def golden_rows(
    columns: Sequence[Column], schema: type[BaseModel], table: Columns, base: Row, scores: Scores, seed: int
) -> list[Row]:
    """Choose the rows whose scores an installed wheel must reproduce exactly.

    Some are rows of `table`: real ones, or made up. Others are such rows, `base` among them, with one value changed to
    something that often breaks in serving: missing, zero, the ends of a range, quartiles, another category, unseen
    text, padding, another case. The rest are at the model's turning points; `scores` scores columns with the model.
    """
    generator = np.random.default_rng(seed)
    size = len(next(iter(table.values())))
    bases = [base, *(row_at(columns, table, size * part // 3) for part in (1, 2))]
    edges: dict[str, Row] = {}
    for row in _edge_rows(columns, table, bases):
        if len(edges) == MOST_EDGES:
            break
        if _valid(schema, row):  # the schema may have rules that Column does not include
            edges.setdefault(repr(row), row)
    real = generator.permutation(size)[: max(GOLDEN_ROWS - len(edges), GOLDEN_ROWS // 2)]
    whole = [row_at(columns, table, int(position)) for position in np.sort(real)]
    valid = [row for row in whole if _valid(schema, row)]
    return [*valid, *edges.values(), *turning_rows(columns, schema, table, scores, seed=seed)]


def _edge_rows(columns: Sequence[Column], table: Columns, bases: Sequence[Row]) -> Iterator[Row]:
    """Change one value of each base: the first value of every column, then the second, and so on."""
    edges = [(column.name, _edges(column, table[column.name])) for column in columns]
    for base in bases:
        for position in range(max(len(values) for _, values in edges)):
            yield from ({**base, name: values[position]} for name, values in edges if position < len(values))


def _edges(column: Column, known: Array) -> list[Any]:
    values: list[Any] = [None] if column.nullable else []
    if column.kind in ("integer", "number"):
        cast = int if column.kind == "integer" else float
        present = _present(known)
        ends = [end for end in (column.minimum, column.maximum, 0, 1) if end is not None]
        seen = np.quantile(present, [0, 0.25, 0.5, 0.75, 1]).tolist() if len(present) else []
        return values + [cast(end) for end in (*ends, *seen)]
    if column.kind == "text":
        counts = Counter(value for value in known.tolist() if value)
        frequent = [text for text, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:6]]
        changed = [change(text) for text in frequent[:3] for change in (lambda t: f" {t} ", str.upper, str.lower)]
        return [*values, "unseen", " padded ", *frequent, *changed]
    if column.kind == "category":
        unlisted = [max(column.categories) + 1] if column.numeric else ["unseen"]
        return [*values, *column.categories, *(unlisted if column.open else [])]
    return values


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
    chosen = np.flatnonzero(distinct)[: TURNING_ROWS // 2]
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
