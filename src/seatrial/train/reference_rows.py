"""The rows that a release contains: a typical row, an example, and the labelled reference rows."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array

Row = dict[str, Any]

REFERENCE_ROWS = 5_000


def row_at(columns: Sequence[Column], table: Columns, position: int) -> Row:
    """Return one row of checked columns as the values of a JSON row."""
    return {c.name: from_array(c, table[c.name][position]) for c in columns}


def take(table: Columns, positions: Array) -> Columns:
    """Return the rows at `positions`, in that order."""
    return {name: values[positions] for name, values in table.items()}


def typical_row(columns: Sequence[Column], table: Columns, numbers: Array, strings: Array) -> Row:
    """Return the row closest to the center of the model's inputs: a real row, so that its values are consistent.

    `numbers` (n, k) and `strings` (n, m) are the engine's inputs. The distance counts numbers from the median in
    interquartile ranges, and strings that are not the most frequent one.
    """
    distance = np.zeros(len(numbers) if numbers.size else len(strings))
    for values in numbers.T:
        present = values[~np.isnan(values)]
        if present.size:
            low, middle, high = np.percentile(present, [25, 50, 75])
            offset = np.abs(values - middle) / ((high - low) or 1.0)
            distance += np.where(np.isnan(offset), 1.0, np.minimum(offset, 3.0))
    for texts in strings.T:
        names, counts = np.unique(texts.astype(str), return_counts=True)
        distance += texts != names[counts.argmax()]
    return row_at(columns, table, int(distance.argmin()))


def example_row(columns: Sequence[Column], schema: type[BaseModel], fallback: Row) -> Row:
    """Return the schema's own examples if they make a valid row, else the fallback."""
    example = {c.name: c.example for c in columns if c.example is not None}
    try:
        return schema.model_validate(example).model_dump(mode="json")
    except ValidationError:
        return fallback


def reference_csv(columns: Sequence[Column], table: Columns, target: str, labels: Array, seed: int) -> str:
    """Write the labelled rows that trials and drift compare with: the held-out rows, or a sample of many."""
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
