"""Row weights: how they reach the estimator, and how rows with them are counted."""

from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Floats

WEIGHTS = "sample_weight"
PARTS = "estimators"  # of a stack or a vote, which hands what its `fit` gets on to each of them
INNER = ("estimator", "regressor")  # the parameters by which a search or a transformed target contains a pipeline


def normalized(weights: Floats) -> Floats:
    """The weights with a mean of 1, so that they count rows; raises SeatrialError where they are all 0."""
    total = float(weights.sum())
    if total <= 0:
        raise SeatrialError(
            "The weight is 0 in every row of one part of the table.", hint="Hold more rows out, or correct the weights."
        )
    return np.asarray(weights * (len(weights) / total))


def fit_parameters(pipeline: Any, weights: Floats | None) -> dict[str, Any]:
    """The arguments of `pipeline.fit` that carry the weights to its last step; empty without weights.

    Raises SeatrialError where that step takes none.
    """
    return {} if weights is None else {_path(pipeline): weights}


def _path(estimator: Any) -> str:
    """The argument of `fit` by which weights reach the estimator that learns, `model__sample_weight` in a pipeline."""
    from sklearn.utils.validation import has_fit_parameter

    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        return f"{name}__{_path(last)}"
    if has_fit_parameter(estimator, WEIGHTS) or hasattr(estimator, PARTS):
        return WEIGHTS
    inner = next((part for name in INNER if hasattr(part := getattr(estimator, name, None), "fit")), None)
    if inner is None:
        raise SeatrialError(
            f"{type(estimator).__name__} takes no weights, but [tool.seatrial] names a column of weights.",
            hint="Choose another estimator in pipeline.py, or remove `weight` from pyproject.toml.",
        )
    return _path(inner)
