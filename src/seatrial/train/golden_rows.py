"""Golden rows: rows that an installed wheel must score as training did."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.train.reference_rows import Row, row_at
from seatrial.train.turning_points import Scores, turning_rows

GOLDEN_ROWS = 64
MOST_EDGES = 512  # golden rows that differ from a real one in one value


def golden_rows(
    columns: Sequence[Column], schema: type[BaseModel], table: Columns, base: Row, scores: Scores, seed: int
) -> list[Row]:
    """Choose the rows whose scores an installed wheel must reproduce exactly.

    Some are real rows. Others are real rows, `base` among them, with one value changed to something that often breaks
    in serving: missing, zero, the ends of a range, quartiles, another category, unseen text, padding, another
    case. The rest are at the model's turning points (see turning_points.py); `scores` scores columns with the model.
    """
    generator = np.random.default_rng(seed)
    size = len(next(iter(table.values())))
    bases = [base, *(row_at(columns, table, size * part // 3) for part in (1, 2))]
    edges: dict[str, Row] = {}
    for row in _edge_rows(columns, table, bases):
        if len(edges) == MOST_EDGES:
            break
        with suppress(ValidationError):  # the schema may have rules that Column does not include
            schema.model_validate(row)
            edges.setdefault(repr(row), row)
    real = generator.permutation(size)[: max(GOLDEN_ROWS - len(edges), GOLDEN_ROWS // 2)]
    real_rows = [row_at(columns, table, int(position)) for position in np.sort(real)]
    return [*real_rows, *edges.values(), *turning_rows(columns, schema, table, scores, seed=seed)]


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
        present = known[~np.isnan(known)]
        ends = [end for end in (column.minimum, column.maximum, 0, 1) if end is not None]
        seen = np.quantile(present, [0, 0.25, 0.5, 0.75, 1]).tolist() if len(present) else []
        return values + [cast(end) for end in (*ends, *seen)]
    if column.kind == "text":
        counts = Counter(value for value in known.tolist() if value)
        frequent = [text for text, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:6]]
        changed = [change(text) for text in frequent[:3] for change in (lambda t: f" {t} ", str.upper, str.lower)]
        return [*values, "unseen", " padded ", *frequent, *changed]
    return values + list(column.categories) if column.kind == "category" else values
