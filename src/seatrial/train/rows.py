"""The rows that a release carries: typical and example row, golden rows, the labelled reference."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from seatrial.model.checking import from_array
from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column

Row = dict[str, Any]

GOLDEN_ROWS = 64
MOST_EDGES = 512  # golden rows that differ from a real one in one value
REFERENCE_ROWS = 5_000


def row_at(columns: Sequence[Column], table: Columns, position: int) -> Row:
    """One row of checked columns as the values that JSON would hold."""
    return {c.name: from_array(c, table[c.name][position]) for c in columns}


def take(table: Columns, positions: Array) -> Columns:
    """The rows at `positions`, in that order."""
    return {name: values[positions] for name, values in table.items()}


def typical_row(columns: Sequence[Column], table: Columns, numbers: Array, strings: Array) -> Row:
    """The row nearest to the middle of what the model reads: a real row, so that its values go together.

    `numbers` (n, k) and `strings` (n, m) are the engine's inputs. Distance: numbers by their interquartile range from
    the median, strings by whether they are the most frequent one.
    """
    distance = np.zeros(len(numbers) if numbers.size else len(strings))
    for values in numbers.T:
        present = values[~np.isnan(values)]
        if present.size:
            low, middle, high = np.percentile(present, [25, 50, 75])
            away = np.abs(values - middle) / ((high - low) or 1.0)
            distance += np.where(np.isnan(away), 1.0, np.minimum(away, 3.0))
    for texts in strings.T:
        names, counts = np.unique(texts.astype(str), return_counts=True)
        distance += texts != names[counts.argmax()]
    return row_at(columns, table, int(distance.argmin()))


def example_row(columns: Sequence[Column], schema: type[BaseModel], otherwise: Row) -> Row:
    """The schema's own examples, where they make a valid row."""
    example = {c.name: c.example for c in columns if c.example is not None}
    try:
        return schema.model_validate(example).model_dump(mode="json")
    except ValidationError:
        return otherwise


def golden_rows(columns: Sequence[Column], schema: type[BaseModel], table: Columns, base: Row, seed: int) -> list[Row]:
    """Rows whose predictions an installed wheel must meet exactly.

    Some are real; the others are real rows, `base` among them, with one value changed to something that skew likes to
    break: missing, zero, the ends of a range, quartiles, another category, unseen text, padding, another case.
    """
    generator = np.random.default_rng(seed)
    size = len(next(iter(table.values())))
    bases = [base, *(row_at(columns, table, size * part // 3) for part in (1, 2))]
    edges: dict[str, Row] = {}
    for row in _edge_rows(columns, table, bases):
        if len(edges) == MOST_EDGES:
            break
        with suppress(ValidationError):  # a rule of the schema that Column does not show
            schema.model_validate(row)
            edges.setdefault(repr(row), row)
    real = generator.permutation(size)[: max(GOLDEN_ROWS - len(edges), GOLDEN_ROWS // 2)]
    return [row_at(columns, table, int(position)) for position in np.sort(real)] + list(edges.values())


def _edge_rows(columns: Sequence[Column], table: Columns, bases: Sequence[Row]) -> Iterator[Row]:
    """Each base with one value changed: first one of every column, then the next, so that a wide table misses none."""
    edges = [(column.name, _edges(column, table[column.name])) for column in columns]
    for base in bases:
        for turn in range(max(len(values) for _, values in edges)):
            yield from ({**base, name: values[turn]} for name, values in edges if turn < len(values))


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
        often = [text for text, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:6]]
        changed = [change(text) for text in often[:3] for change in (lambda t: f" {t} ", str.upper, str.lower)]
        return [*values, "unseen", " padded ", *often, *changed]
    return values + list(column.categories) if column.kind == "category" else values


def reference_csv(columns: Sequence[Column], table: Columns, target: str, labels: Array, seed: int) -> str:
    """The labelled rows that trials and drift compare with: the held-out ones, a sample of them where they are many."""
    positions = np.arange(len(labels))
    if len(positions) > REFERENCE_ROWS:
        positions = np.sort(np.random.default_rng(seed).permutation(positions)[:REFERENCE_ROWS])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(c.name for c in columns), target])
    for position in positions.tolist():
        row = row_at(columns, table, position)
        label = labels[position]
        cells = ["" if value is None else value for value in row.values()]
        writer.writerow([*cells, label.item() if isinstance(label, np.generic) else label])
    return text.getvalue()
