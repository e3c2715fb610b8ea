"""The project's own recipe, trained on any table: functions that another stage provides to a proof."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.model.features import Array, Columns
from seatrial.trial.prove.code_faults import Alter
from seatrial.trial.recipes import Training
from seatrial.trial.rows.reference import LabelledRows


@dataclass(frozen=True)
class TrainedRelease:
    """A training, and what a release of it carries: its held-out rows, its split, and its fingerprint of the data."""

    training: Training
    held_out: LabelledRows
    split: Mapping[str, Any]  # "cuts" and "seed", as in release.json
    fingerprint: dict[str, Any]


@dataclass(frozen=True)
class Trainer:
    """Trains the project's recipe: on its own table (`own`), on another one, by altered code, or with another seed.

    `reseed` is None where the model draws no random numbers, and `train_altered` gives None where the alteration finds
    nothing to change. `allowed` masks the rows of a table that the schema accepts. `numbers` and `strings` name the
    engine's inputs; `inputs` has their values in the training table, (n, k) numbers and (n, m) strings.
    """

    own: TrainedRelease
    train: Callable[[Columns, Array], TrainedRelease]
    reseed: Callable[[], TrainedRelease] | None
    train_altered: Callable[[Alter], TrainedRelease | None]
    allowed: Callable[[Columns], Array]
    numbers: tuple[str, ...]
    strings: tuple[str, ...]
    inputs: tuple[Array, Array]
