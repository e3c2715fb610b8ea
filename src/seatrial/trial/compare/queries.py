"""The questions that each side, and each replica, is asked; and its answers.

One table holds them all, so that a side is called once: the rows in common, the probes, and rows in which one column
at a time is shuffled.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.scoring import Scoring

Scorer = Callable[[Columns], Array]  # checked columns -> (n, n_classes) probabilities or (n,) predictions

MOST_SHUFFLED = 500  # rows whose columns are shuffled


@dataclass(frozen=True)
class QueryScores:
    """What one side said: to the rows, to the probes, and to rows with a column shuffled, by that column's name."""

    rows: Array
    probes: Array
    shuffled: dict[str, Array]

    def on(self, keep: Array, inside: Array) -> "QueryScores":
        """The answers to some of the rows; see `Queries.narrowed`."""
        return QueryScores(
            self.rows[keep], self.probes, {name: scores[inside] for name, scores in self.shuffled.items()}
        )


@dataclass(frozen=True)
class Queries:
    """What both sides are asked.

    `rows` are rows that neither side was trained on, `truth` (n,) their labels as `Scoring.codes` gives them, or None.
    `probes` are rows made by the schema; `probed` names for each the column that it is about. `part` are the
    positions in `rows` whose columns are shuffled among one another, `order` that shuffle.
    """

    scoring: Scoring
    rows: Columns
    truth: Array | None
    probes: Columns
    probed: tuple[str, ...]
    part: Array
    order: Array
    columns: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """How many rows there are, probes apart."""
        return len(next(iter(self.rows.values())))

    @cached_property
    def table(self) -> Columns:
        """All questions in one table: rows, probes, then a part of the rows for each column, with it shuffled."""
        parts = [self.rows, self.probes] if self.probed else [self.rows]
        base = {name: values[self.part] for name, values in self.rows.items()}
        parts += [{**base, name: base[name][self.order]} for name in self.columns]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.rows}

    def split(self, scores: Array) -> QueryScores:
        """Sort the scores of `table` by question."""
        probes = self.size + len(self.probed)
        each = len(self.part)
        shuffled = {
            name: scores[probes + place * each : probes + (place + 1) * each] for place, name in enumerate(self.columns)
        }
        return QueryScores(scores[: self.size], scores[self.size : probes], shuffled)

    def narrowed(self, keep: Array) -> tuple["Queries", Callable[[QueryScores], QueryScores]]:
        """The questions on the rows that `keep` (n,) marks, and what picks these out of answers that were given.

        For two releases that were split by different seeds: the rows that neither has seen are few.
        """
        inside = keep[self.part]
        place = np.cumsum(keep) - 1
        narrow = replace(
            self,
            rows={name: values[keep] for name, values in self.rows.items()},
            truth=None if self.truth is None else self.truth[keep],
            part=place[self.part[inside]],
        )
        return narrow, lambda answers: answers.on(keep, inside)

    def ask(self, scorer: Scorer) -> QueryScores:
        """Put the questions to a side."""
        return self.split(scorer(self.table))


def make_queries(
    scoring: Scoring,
    rows: Columns,
    truth: Array | None,
    probes: Columns | None = None,
    probed: tuple[str, ...] = (),
    *,
    seed: int = 0,
) -> Queries:
    """Put questions together; the seed decides which rows are shuffled and how."""
    size = len(next(iter(rows.values())))
    generator = np.random.default_rng(seed)
    part = np.sort(generator.permutation(size)[:MOST_SHUFFLED])
    order = generator.permutation(len(part))
    empty = {name: values[:0] for name, values in rows.items()}
    return Queries(scoring, rows, truth, probes or empty, probed if probes else (), part, order, tuple(rows))
