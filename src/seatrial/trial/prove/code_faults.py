"""Faults of the training code: mistakes in a pipeline or in the code that fits it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.model.features import Array

# Changes a built pipeline in place and returns the target to fit it to; None where there is nothing to change.
Alter = Callable[[Any, Array], Array | None]

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
