"""What the suites that train again are given: two recipes, as functions that come from another stage."""

from collections.abc import Callable
from dataclasses import dataclass, field

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.queries import Scorer
from seatrial.trial.compare.table_history import Table
from seatrial.trial.rows.reference import LabelledRows


@dataclass(frozen=True)
class Training:
    """One release's own training, done again: its code on its table. Scorers take raw columns.

    `score` answers as the pipeline that is trained as the release was. `refit` trains on some of the training rows,
    whose labels are `target` (n,), and gives such a scorer. `trained` are these rows, `held_out` all others.
    """

    score: Scorer
    refit: Callable[[Array], Scorer]
    target: Array
    table: Table
    trained: Columns = field(default_factory=dict)
    held_out: LabelledRows | None = None


@dataclass(frozen=True)
class Recipes:
    """The trainings that can be done again; `missing` says of a suite that cannot run why, and what would help.

    `rebuilt` answers as the candidate's code does on the baseline's table, split and seeded as the baseline was.
    """

    candidate: Training | None = None
    baseline: Training | None = None
    rebuilt: Scorer | None = None
    missing: dict[str, str] = field(default_factory=dict)
