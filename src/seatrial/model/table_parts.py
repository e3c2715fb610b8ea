"""Divides checked chunks of a table into the rows that obey the schema and the bad rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.model.table_files import Chunk
from seatrial.model.unseen import WARNINGS


@dataclass(frozen=True)
class Part:
    """A chunk, and its rows that obey the schema, at these positions."""

    whole: Chunk
    good: Chunk
    kept: Array

    def expand(self, answers: dict[str, Any]) -> dict[str, Any]:
        """Give the bad rows answers too: no prediction, and the reasons as the warning."""
        expanded: dict[str, Any] = {}
        for name, values in answers.items():
            if isinstance(values, np.ndarray):
                expanded[name] = np.full(self.whole.rows, np.nan)
                expanded[name][self.kept] = values
            else:
                given = iter(values)
                expanded[name] = [next(given) if kept else None for kept in self.kept.tolist()]
        for problem in self.whole.problems:
            row = problem.row - self.whole.before
            value = f" {problem.value!r}" if problem.value else ""
            text = f"refused: {problem.column}{value}: {problem.rule}"
            earlier = expanded[WARNINGS][row]
            expanded[WARNINGS][row] = f"{earlier}; {text}" if earlier else text
        return expanded


def divided(chunk: Chunk) -> Part:
    """Take the rows that obey the schema out of a checked chunk."""
    if not chunk.problems:
        return Part(chunk, chunk, np.ones(chunk.rows, dtype=bool))
    kept = np.ones(chunk.rows, dtype=bool)
    kept[[problem.row - chunk.before for problem in chunk.problems]] = False
    columns = {name: values[kept] for name, values in chunk.columns.items()}
    return Part(chunk, replace(chunk, columns=columns, problems=[], rows=int(kept.sum())), kept)
