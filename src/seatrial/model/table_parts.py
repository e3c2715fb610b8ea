"""Divides checked chunks of a table into the rows that obey the schema and the bad rows."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.core.errors import Problem
from seatrial.model.features import Array, Columns, FeatureError, Floats
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
            if isinstance(values, np.ndarray) and values.dtype.kind == "f":
                expanded[name] = np.full(self.whole.rows, np.nan)
                expanded[name][self.kept] = values
            else:
                given = iter(values.tolist() if isinstance(values, np.ndarray) else values)
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


def encoded_chunks(
    chunks: Iterable[Chunk],
    encode: Callable[[Columns], tuple[Floats, Array]],
    failing: Callable[[Columns], list[Problem]],
) -> Iterator[Chunk]:
    """Derive the features of the rows without problems; `failing` finds the rows for which that raises FeatureError."""
    for chunk in chunks:
        yield _encoded(chunk, encode, failing)


def _encoded(
    chunk: Chunk,
    encode: Callable[[Columns], tuple[Floats, Array]],
    failing: Callable[[Columns], list[Problem]],
) -> Chunk:
    part = divided(chunk)
    if not part.good.rows:
        return chunk
    try:
        return replace(chunk, inputs=[encode(part.good.columns)])
    except FeatureError:
        rows = chunk.before + np.flatnonzero(part.kept)
        found = [_moved(problem, int(rows[problem.row]), chunk) for problem in failing(part.good.columns)]
        fewer = replace(chunk, problems=sorted([*chunk.problems, *found], key=lambda problem: problem.row))
        good = divided(fewer).good
        return replace(fewer, inputs=[encode(good.columns)]) if good.rows else fewer


def _moved(problem: Problem, row: int, chunk: Chunk) -> Problem:
    return replace(problem, row=row, line=chunk.lines[row - chunk.before] if chunk.lines is not None else None)


def scored_parts(
    parts: Iterable[Part], score: Callable[[Iterator[Chunk]], Iterator[tuple[Chunk, Floats]]], classes: int
) -> Iterator[tuple[Part, Floats]]:
    """Score the good rows of parts, and return all parts in their order; `classes` is 0 for a regression.

    `score` is `Release.score_chunks`, which takes chunks before it returns the scores of earlier ones.
    """
    waiting: deque[Part] = deque()  # in the order of the table, until they are scored
    unscored = np.empty((0, classes)) if classes else np.empty(0)

    def good_chunks() -> Iterator[Chunk]:
        for part in parts:
            waiting.append(part)
            if part.good.rows:
                yield part.good

    for chunk, scores in score(good_chunks()):
        while (part := waiting.popleft()).good is not chunk:
            yield part, unscored
        yield part, scores
    for part in waiting:
        yield part, unscored
