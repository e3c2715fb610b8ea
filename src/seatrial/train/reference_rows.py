"""The labelled reference rows of a release, and rows of checked columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seatrial.core.files import to_json
from seatrial.model.carried_rows import labelled_csv
from seatrial.model.categorical import taken
from seatrial.model.features import Array, Columns
from seatrial.model.row_hash import keyed_hashes, reference_key
from seatrial.model.schema import Column
from seatrial.model.table_validation import from_array

Row = dict[str, Any]

REFERENCE_ROWS = 5_000


def row_at(columns: Sequence[Column], table: Columns, position: int) -> Row:
    """Return one row of checked columns as the values of a JSON row."""
    return {c.name: from_array(c, table[c.name][position]) for c in columns}


def take(table: Columns, positions: Array) -> Columns:
    """Return the rows at `positions`, in that order."""
    return {name: taken(values, positions) for name, values in table.items()}


def reference_positions(labels: Array, seed: int) -> Array:
    """The held-out rows that a release carries: all, or a sample of many."""
    positions = np.arange(len(labels))
    if len(positions) > REFERENCE_ROWS:
        positions = np.sort(np.random.default_rng(seed).permutation(positions)[:REFERENCE_ROWS])
    return positions


def reference_hashes(columns: Sequence[Column], table: Columns, labels: Array, seed: int) -> str:
    """Write the same rows as keyed hashes, in an order that says nothing."""
    chosen = reference_positions(labels, seed)
    rows = take(table, chosen)
    return to_json({"hashes": sorted(keyed_hashes(rows, [c.name for c in columns], labels[chosen], reference_key()))})


def reference_csv(
    columns: Sequence[Column], table: Columns, target: str, labels: Array, seed: int, further: Columns | None = None
) -> str:
    """Write the labelled rows that trials and drift compare with: the held-out rows, or a sample of many.

    `further` are columns of numbers besides the schema's and the target.
    """
    chosen = reference_positions(labels, seed)
    return labelled_csv(columns, take(table, chosen), target, labels[chosen], take(further or {}, chosen))
