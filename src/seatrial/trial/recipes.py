"""What the legs that train again are given: two releases' recipes, which come from another stage, as plain functions."""

from collections.abc import Callable
from dataclasses import dataclass, field

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.history import Table
from seatrial.trial.compare.questions import Scorer


@dataclass(frozen=True)
class Training:
    """One release's own training, done again: its code on its table.

    `score` scores checked columns as the pipeline does that is trained as the release was. `refit` trains on some of
    the training rows, whose labels are `target` (n,), and gives such a scorer.
    """

    score: Scorer
    refit: Callable[[Array], Scorer]
    target: Array
    table: Table


@dataclass(frozen=True)
class Recipes:
    """The trainings that could be done again; `missing` says for each that could not why, and what would help.

    `rebuilt` scores by the candidate's code on the baseline's table, split and seeded as the baseline was. `typed`
    turns raw columns into those that a scorer takes.
    """

    candidate: Training | None = None
    baseline: Training | None = None
    rebuilt: Scorer | None = None
    typed: Callable[[Columns], Columns] = lambda columns: columns  # noqa: E731 - a default, not a function's name
    missing: dict[str, str] = field(default_factory=dict)
