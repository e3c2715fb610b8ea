"""What proving is given to train with: the project's own recipe on any table, as functions from another stage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.model.features import Array, Columns
from seatrial.trial.prove.code_faults import Alter
from seatrial.trial.recipes import Training
from seatrial.trial.rows.reference import LabelledRows


@dataclass(frozen=True)
class Trained:
    """A training and what a release of it would carry: the rows it did not see, how it was split, its fingerprint."""

    training: Training
    held_out: LabelledRows
    split: Mapping[str, Any]  # "cuts" and "seed", as release.json has them
    fingerprint: dict[str, Any]


@dataclass(frozen=True)
class Workshop:
    """The project's recipe: as the candidate was trained, on another table, or with another seed of the model.

    `allowed` says which rows of a table (a mask) the schema takes. `reseed` is None where the model draws nothing.
    `altered` trains by code that has a fault; None where that has nothing to change.
    `numbers` and `strings` name the engine's inputs, `inputs` are their values in the training table, (n, k) numbers
    and (n, m) strings.
    """

    own: Trained
    train: Callable[[Columns, Array], Trained]
    reseed: Callable[[], Trained] | None
    altered: Callable[[Alter], Trained | None]
    allowed: Callable[[Columns], Array]
    numbers: tuple[str, ...]
    strings: tuple[str, ...]
    inputs: tuple[Array, Array]
