"""What each release and each replica is asked, and the scores that it gives.

One table holds all of it, so that a model is called once: the rows in common, the probes, and rows with one column
shuffled at a time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from seatrial.model.features import Array, Columns, Floats
from seatrial.trial.compare.scoring import Scoring

Scorer = Callable[[Columns], Array]  # checked columns -> (n, n_classes) probabilities or (n,) predictions

MOST_SHUFFLED = 500  # rows whose columns are shuffled
FEWEST_SHUFFLED = 20
MOST_CELLS = 3_000_000  # of all shuffled rows: each column has a block of rows with all columns
USER_ROWS = "rows from --data"  # in `probed`: the user's rows without labels, which vary no single column


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


@dataclass(frozen=True)
class QueryScores:
    """One model's scores of the rows, of the probes, and of the rows with a column shuffled, by that column's name."""

    rows: Array
    probes: Array
    shuffled: dict[str, Array]


@dataclass(frozen=True)
class Queries:
    """What both releases are asked.

    Neither release was trained on `rows`. `truth` (n,) are their labels as `Scoring.codes` gives them, or None, and
    `weights` (n,) say how many rows each counts for in a metric, None where all count the same. `groups` (n,) are what
    rows are split by, if groups of rows are held out.
    `probes` are generated from the schema; `probed` names the column that each one varies. `part` are the positions in
    `rows` whose columns are shuffled among each other, `order` is that shuffle.
    """

    scoring: Scoring
    rows: Columns
    truth: Array | None
    probes: Columns
    probed: tuple[str, ...]
    part: Array
    order: Array
    columns: tuple[str, ...] = ()
    weights: Floats | None = None
    groups: Array | None = None

    @property
    def size(self) -> int:
        """The number of rows, without the probes."""
        return len(next(iter(self.rows.values())))

    @cached_property
    def blocks(self) -> Blocks:
        """All queries: "rows", "probes", and a block "shuffled NAME" for each column."""
        base = {name: values[self.part] for name, values in self.rows.items()}
        shuffled = {f"shuffled {name}": {**base, name: base[name][self.order]} for name in self.columns}
        return Blocks({"rows": self.rows, "probes": self.probes, **shuffled})

    def scores_from(self, scores: Array) -> QueryScores:
        """Sort the scores of the blocks' table by query; further blocks behind them are ignored."""
        pick = self.blocks.pick
        shuffled = {name: pick(scores, f"shuffled {name}") for name in self.columns}
        return QueryScores(pick(scores, "rows"), pick(scores, "probes"), shuffled)

    def narrowed(self, keep: Array) -> tuple["Queries", Callable[[QueryScores], QueryScores]]:
        """The queries on the rows that `keep` (n,) marks, and a function that picks their scores.

        Two releases split by different seeds have few held-out rows in common.
        """
        inside = keep[self.part]
        place = np.cumsum(keep) - 1
        narrow = replace(
            self,
            rows={name: values[keep] for name, values in self.rows.items()},
            truth=None if self.truth is None else self.truth[keep],
            weights=None if self.weights is None else self.weights[keep],
            groups=None if self.groups is None else self.groups[keep],
            part=place[self.part[inside]],
        )

        def pick(scores: QueryScores) -> QueryScores:
            shuffled = {name: values[inside] for name, values in scores.shuffled.items()}
            return replace(scores, rows=scores.rows[keep], shuffled=shuffled)

        return narrow, pick

    def ask(self, scorer: Scorer) -> QueryScores:
        """Have a model score everything."""
        return self.scores_from(scorer(self.blocks.table))


def make_queries(
    scoring: Scoring,
    rows: Columns,
    truth: Array | None,
    probes: Columns | None = None,
    probed: tuple[str, ...] = (),
    *,
    weights: Floats | None = None,
    groups: Array | None = None,
    seed: int = 0,
) -> Queries:
    """Put the queries together; the seed decides which rows are shuffled and how.

    In a wide table fewer rows are shuffled, and in a very wide one not every column is.
    """
    size = len(next(iter(rows.values())))
    generator = np.random.default_rng(seed)
    names, most = spread(rows, MOST_CELLS // (FEWEST_SHUFFLED * len(rows))), MOST_CELLS // len(rows)
    part = np.sort(generator.permutation(size)[: min(MOST_SHUFFLED, max(most // len(names), FEWEST_SHUFFLED))])
    order = generator.permutation(len(part))
    empty = {name: values[:0] for name, values in rows.items()}
    return Queries(scoring, rows, truth, probes or empty, probed if probes else (), part, order, names, weights, groups)


def spread(names: Iterable[str], most: int) -> tuple[str, ...]:
    """At most so many of the names, evenly spread over all of them."""
    every = list(names)
    places = np.unique(np.linspace(0, len(every) - 1, min(max(most, 1), len(every))).astype(int))
    return tuple(every[place] for place in places)
