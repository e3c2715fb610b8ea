"""Named blocks of rows in one table: a model is called once, and its scores are read back by the blocks' names."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seatrial.model.features import Array, Columns


@dataclass(frozen=True)
class Blocks:
    """Blocks of rows by name, in the order in which the table has them. All have the same columns."""

    parts: Mapping[str, Columns]

    @cached_property
    def table(self) -> Columns:
        """All blocks, one below the other."""
        return self.rows(*self.parts)

    @cached_property
    def spans(self) -> dict[str, slice]:
        """The rows of the table that each block takes."""
        ends = np.cumsum([0, *(len(next(iter(columns.values()))) for columns in self.parts.values())]).tolist()
        return {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(self.parts)}

    def rows(self, *names: str) -> Columns:
        """Some of the blocks as a table."""
        chosen = [self.parts[name] for name in names]
        return {column: np.concatenate([part[column] for part in chosen]) for column in chosen[0]}

    def pick(self, values: Array, *names: str) -> Array:
        """The entries of some blocks, from one entry for each row of the table (n, ...)."""
        return np.concatenate([values[self.spans[name]] for name in names])

    def extended(self, name: str, rows: Columns) -> "Blocks":
        """Append a block; without rows it is empty."""
        empty = {column: values[:0] for column, values in next(iter(self.parts.values())).items()}
        return Blocks({**self.parts, name: rows or empty})
