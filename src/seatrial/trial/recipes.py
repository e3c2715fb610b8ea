"""The trainings that a trial repeats: two recipes, as functions that come from another stage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Columns, Floats
from seatrial.trial.compare.queries import Scorer
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.rows.reference import LabelledRows, TakenRows

MOST_MEASURED = 100_000  # held-out rows, and new ones, on which losses are measured


class RecipeError(SeatrialError):
    """The code of the release in `role` cannot be trained again; the message says why.

    The role "rebuild" is that of the candidate's code with the baseline's table.
    """

    def __init__(self, role: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.role = role


@dataclass(frozen=True)
class Training:
    """One release's training, repeated: its code on its table. Scorers take raw columns.

    `score` is a pipeline trained as the release was, on the rows at `trained_rows` of its `table`; `held_out` are all
    others. `refit` trains on some of these rows, by their positions among them, and returns such a scorer. `by_group`
    says whether the table's keys are groups of rows, of which each is trained on or held out as a whole. Of a sampled
    table, `order` has a hash (of `order_seed`) of each row in `table`: all rows with one up to `complete_below` are.
    """

    score: Scorer
    refit: Callable[[Array], Scorer]
    table: Table
    trained_rows: Array
    held_out: LabelledRows
    by_group: bool = False
    order: Floats | None = None
    order_seed: int = 0
    complete_below: float = 1.0

    def rows(self, positions: Array) -> LabelledRows:
        """Some rows of the table, with their labels."""
        table = self.table
        return LabelledRows(table.columns, table.target, table.keys, table.weights).take(positions)

    def groups_of(self, rows: LabelledRows) -> Array | None:
        """The groups that these rows are split by (n,); None if rows stand for themselves."""
        return rows.keys if self.by_group else None

    @property
    def groups(self) -> Array | None:
        """The groups of the rows that it was trained on (n,); None if rows stand for themselves."""
        return self.table.keys[self.trained_rows] if self.by_group and self.table.keys is not None else None

    @cached_property
    def measured(self) -> LabelledRows:
        """The held-out rows that losses and gains are measured on: all, or a random part of many."""
        return self.held_out.take(some_of(self.held_out.rows, MOST_MEASURED))

    @cached_property
    def measured_scores(self) -> Array:
        """What it gives the `measured` rows: (n, n_classes), or (n,) for a regression."""
        return np.asarray(self.score(self.measured.columns))

    @cached_property
    def target(self) -> Array:
        """The labels of the rows that it was trained on (n,)."""
        return self.table.target[self.trained_rows]

    @property
    def tables(self) -> list[Mapping[str, Array]]:
        """The whole table, and the rows that it was trained on."""
        return [self.table.columns, TakenRows(self.table.columns, self.trained_rows)]


@dataclass(frozen=True)
class Recipes:
    """The trainings that can be repeated; `missing` says why a suite cannot run, and what would help.

    `rebuilt` is the candidate's code trained on the baseline's table, split and seeded as the baseline was.
    `replaced` says by role why a release's sdist is not what its wheel was built from; its code is not run then.
    `attempts` returns by role what the code tried and was refused. `failed` are the roles whose code failed.
    """

    candidate: Training | None = None
    baseline: Training | None = None
    rebuilt: Scorer | None = None
    missing: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    attempts: Callable[[], dict[str, list[str]]] = dict
    failed: frozenset[str] = frozenset()

    def without(self, error: RecipeError) -> "Recipes":
        """The trainings that are left when one release's code failed."""
        reason, failed = f"{error.message} {error.hint}".strip(), self.failed | {error.role}
        if error.role == "baseline":
            missing = dict.fromkeys(("reproduce", "rebuild", "total"), reason)
            return replace(self, baseline=None, rebuilt=None, missing={**missing, **self.missing}, failed=failed)
        if error.role == "rebuild":
            return replace(self, rebuilt=None, missing={"rebuild": reason, **self.missing}, failed=failed)
        missing = dict.fromkeys(("reproduce", "rebuild"), reason)
        return replace(self, candidate=None, rebuilt=None, missing={**missing, **self.missing}, failed=failed)


def held_out_of(table: Table, rows: Array) -> LabelledRows:
    """The rows of a table that a training held out; of each column, they are only copied where it is used."""
    keys, weights = (None if values is None else values[rows] for values in (table.keys, table.weights))
    columns = cast("Columns", TakenRows(table.columns, rows))  # of which nothing but a mapping is used
    return LabelledRows(columns, table.target[rows], keys, weights)


def some_of(rows: int, most: int) -> Array:
    """Positions of so many rows at most, in their order: all, or a random part with a fixed seed."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(4).choice(rows, most, replace=False))
