"""The held-out rows that a model is measured on: in memory, or read in a stream where the table is larger than that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns, Floats


@dataclass(frozen=True)
class MeasuredRows:
    """All rows that are held out: the label of each (n,), its weight and its group, None without.

    `chunks` reads their columns in the same order. Of a table that is not in memory, `kept` are the positions of the
    rows among them that are (k,), and `order` is a hash of each row's content (n,); otherwise all are, and it is None.
    """

    labels: Array
    weights: Floats | None
    groups: Floats | None
    chunks: Callable[[], Iterator[Columns]]
    kept: Array
    order: Floats | None = None

    def scored(self, *scorers: Callable[[Columns], Array]) -> list[Array]:
        """What each of the functions gives for the rows, which are read once."""
        parts: list[list[Array]] = [[] for _ in scorers]
        for columns in self.chunks():
            for scorer, collected in zip(scorers, parts, strict=True):
                collected.append(scorer(columns))
        return [np.concatenate(collected) for collected in parts]
