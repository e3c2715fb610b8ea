"""The labelled rows on which both releases are measured: held out from the training of both."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.model.carried_rows import SPLIT_KEY, WEIGHT
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.row_hash import row_hashes
from seatrial.model.row_split import held_out_mask, same_keys
from seatrial.model.schema import Column

Mask = npt.NDArray[np.bool_]


class TakenRows(Mapping[str, Array]):
    """Some rows of a table, a column at a time: a copy of a large one would take gigabytes."""

    def __init__(self, columns: Columns, rows: Array) -> None:
        self._columns, self._rows = columns, rows

    def __getitem__(self, name: str) -> Array:
        return np.asarray(self._columns[name][self._rows])

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


@dataclass(frozen=True)
class LabelledRows:
    """Columns with their labels; (n,) each. `target` is empty if the rows have no labels.

    `keys` are what the rows are split by (model/row_split.py), and `weights` say how many rows each counts for, 1 on
    average; None where that is not known.
    """

    columns: Columns
    target: Array
    keys: Floats | None = None
    weights: Floats | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.target) or len(next(iter(self.columns.values()), ()))

    def take(self, chosen: Array) -> "LabelledRows":
        """Keep some of the rows, by mask or position."""
        target = self.target[chosen] if len(self.target) else self.target
        keys, weights = (None if values is None else values[chosen] for values in (self.keys, self.weights))
        return LabelledRows({name: values[chosen] for name, values in self.columns.items()}, target, keys, weights)


@dataclass(frozen=True)
class HeldOutRows:
    """Rows as CSV, with their labels, empty if there are none; `where` names them in errors, `missing` says why."""

    text: str
    where: str
    missing: str = ""


def joined(parts: Sequence[LabelledRows]) -> LabelledRows:
    """Join the rows of several references; each distinct row is kept once. Rows without a weight count as one."""
    if not parts:
        return LabelledRows({}, np.empty(0))
    hashes = [row_hashes(part.columns, list(part.columns), part.target, seed=0) for part in parts]
    _, first = np.unique(np.concatenate(hashes), return_index=True)
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    keys = [part.keys for part in parts if part.keys is not None]
    weights = None
    if any(part.weights is not None for part in parts):
        weights = np.concatenate([np.ones(part.rows) if part.weights is None else part.weights for part in parts])
    whole = LabelledRows(
        columns,
        np.concatenate([part.target for part in parts]),
        np.concatenate(keys) if len(keys) == len(parts) else None,
        weights,
    )
    return whole.take(np.sort(first))


def held_out(rows: LabelledRows, split: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Mask:
    """Mark the rows that a training with this split (from release.json) did not see; (n,).

    `own` is the split of the release that the rows are from. If it is by another column, the rows' keys say nothing
    here, and no row is marked.
    """
    if not split.get("cuts"):
        raise SeatrialError("The release does not record how its rows were split.", hint="Train and build it again.")
    keys = rows.keys if own is None or same_keys(own, split) else None
    mask = held_out_mask(split, rows.columns, rows.target, keys)
    return np.zeros(rows.rows, dtype=bool) if mask is None else mask


def read_rows(text: str, columns: Sequence[Column], target: str, where: str, *, labelled: bool = True) -> LabelledRows:
    """Read a CSV of rows as a schema's columns, by their types alone; the releases check the schema's rules.

    Such a file is a release's reference.csv, or comes from the user. Raises SeatrialError for a missing column, or a
    cell that is not of its column's type.
    """
    table = list(csv.reader(io.StringIO(text)))
    header, rows = (table[0] if table else []), [row for row in table[1:] if row]
    if not rows:
        raise SeatrialError(f"{where} has no rows.", hint="Give a file with rows to compare.")
    uneven = next((number for number, row in enumerate(rows, 2) if len(row) != len(header)), None)
    if uneven:
        raise SeatrialError(
            f"{where}, line {uneven} does not have as many cells as the header.",
            hint="Fix that line, or save the table as CSV again.",
        )
    listed = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    if labelled and target not in listed:
        raise SeatrialError(f"{where} has no column `{target}`, so there are no labels.", hint="Give labelled rows.")
    read: Columns = {}
    for column in columns:
        if column.name not in listed and column.required:
            raise SeatrialError(
                f"{where} has no column `{column.name}`.", hint="Give a file with all columns that the schema requires."
            )
        values = listed.get(column.name, ["" if column.default is None else str(column.default)] * len(rows))
        read[column.name] = _typed(column, values, where)
    labels = _labels(listed[target]) if target in listed else np.empty(0)
    keys, weights = (_numbers(listed.get(name), name, where) for name in (SPLIT_KEY, WEIGHT))
    return LabelledRows(read, labels, keys, weights)


def _numbers(values: Sequence[str] | None, name: str, where: str) -> Floats | None:
    """What a release notes of its rows besides their columns."""
    try:
        return None if values is None else np.array([float(value) for value in values], dtype=np.float64)
    except ValueError as error:
        raise SeatrialError(f"{where}, column {name}: {error}.") from None


def _typed(column: Column, values: Sequence[str], where: str) -> Array:
    if not column.numeric:
        return np.array([value or None for value in values], dtype=object)
    words = {"": "nan", "true": "1", "false": "0"}
    try:
        return np.array([float(words.get(value.strip().lower(), value)) for value in values], dtype=np.float64)
    except ValueError as error:
        raise SeatrialError(f"{where}, column {column.name}: {error}.") from None


def _labels(values: Sequence[str]) -> Array:
    """Read labels as training did: whole numbers, numbers, or text."""
    try:
        numbers = np.array([float(label) for label in values], dtype=np.float64)
    except ValueError:
        return np.array(values, dtype=object)
    return numbers.astype(np.int64) if bool((numbers % 1 == 0).all()) else numbers
