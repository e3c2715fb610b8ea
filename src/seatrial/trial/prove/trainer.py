"""The project's own recipe, trained on any table or by faulty code; another stage provides the functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.recipes import Training

# Changes a built pipeline in place and returns the target to fit it to; None where there is nothing to change.
Alter = Callable[[Any, Array], Array | None]


@dataclass(frozen=True)
class TrainedRelease:
    """A training, and what a release of it carries: its split, and its fingerprint of the data."""

    training: Training
    split: Mapping[str, Any]  # "cuts" and "seed", as in release.json
    fingerprint: dict[str, Any]


@dataclass(frozen=True)
class Trainer:
    """Trains the project's recipe: on its own table (`own`), on another one, by altered code, or with another seed.

    The columns that `train` gets include what the rows are split by, and their weights (model/carried_rows.py).

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


# ---- faults of the training code

# What makes a model too weak, by parameter; the first that the pipeline has is set: regularization, then size.
WEAK: tuple[tuple[str, float], ...] = (
    ("learning_rate", 1e-3), ("C", 1e-3), ("alpha", 1e3), ("max_depth", 1), ("n_estimators", 1),
)  # fmt: skip


@dataclass(frozen=True)
class CodeFault:
    """One fault of the training code."""

    name: str
    sentence: str
    alter: Alter


def _underfit(pipeline: Any, target: Array) -> Array | None:
    known = pipeline.get_params()
    for parameter, value in WEAK:
        names = [name for name in known if name == parameter or name.endswith(f"__{parameter}")]
        if names:
            pipeline.set_params(**dict.fromkeys(names, value))
            return target
    return None


def _misalign_labels(_: Any, target: Array) -> Array:
    return np.roll(target, 1)


CODE_FAULTS = (
    CodeFault("underfit", "the model is made far too weak", _underfit),
    CodeFault("labels misaligned", "each row is trained with its neighbour's label", _misalign_labels),
)
