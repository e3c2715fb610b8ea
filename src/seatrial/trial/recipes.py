"""The trainings that a trial repeats: two recipes, as functions that come from another stage."""

from collections.abc import Callable
from dataclasses import dataclass, field

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.queries import Scorer
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.rows.reference import LabelledRows


@dataclass(frozen=True)
class Training:
    """One release's training, repeated: its code on its table. Scorers take raw columns.

    `score` is a pipeline trained as the release was. `refit` trains on some of the training rows, whose labels are
    `target` (n,), and returns such a scorer. `trained` are these rows, `held_out` all others.
    """

    score: Scorer
    refit: Callable[[Array], Scorer]
    target: Array
    table: Table
    trained: Columns
    held_out: LabelledRows

    @property
    def tables(self) -> list[Columns]:
        """The whole table, and the rows that it was trained on."""
        return [self.table.columns, self.trained]


@dataclass(frozen=True)
class Recipes:
    """The trainings that can be repeated; `missing` says why a suite cannot run, and what would help.

    `rebuilt` is the candidate's code trained on the baseline's table, split and seeded as the baseline was.
    """

    candidate: Training | None = None
    baseline: Training | None = None
    rebuilt: Scorer | None = None
    missing: dict[str, str] = field(default_factory=dict)
