"""Row weights: how they reach the estimator, and how rows with them are counted."""

from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Floats

WEIGHTS = "sample_weight"
SAME = 1e-12  # relative: the rounding of a sum, beyond which weights are scaled
PARTS = "estimators"  # of a stack or a vote, which hands what its `fit` gets on to each of them
INNER = ("estimator", "regressor")  # the parameters by which a search or a transformed target contains a pipeline


_THRESHOLD = "Set `threshold` in [tool.seatrial] in place of it."
# What refuses weights without scikit-learn's metadata routing, and what to do in place of it.
ROUTED = {
    "FixedThresholdClassifier": _THRESHOLD,
    "TunedThresholdClassifierCV": _THRESHOLD,
    "OneVsRestClassifier": "Use the model itself; most classifiers take several classes.",
}


def normalized(weights: Floats) -> Floats:
    """The weights with a mean of 1, so that they count rows; those that have it already are returned as they are.

    Raises SeatrialError where they are all 0.
    """
    total = float(weights.sum())
    if total <= 0:
        raise SeatrialError(
            "The weight is 0 in every row of one part of the table.", hint="Hold more rows out, or correct the weights."
        )
    if abs(total - len(weights)) <= SAME * total:
        return weights
    return np.asarray(weights * (len(weights) / total))


def fit_parameters(pipeline: Any, weights: Floats | None) -> dict[str, Any]:
    """The arguments of `pipeline.fit` that carry the weights to its last step; empty without weights.

    Raises SeatrialError where that step takes none.
    """
    if weights is None:
        return {}
    for part in (pipeline, *pipeline.get_params().values()):
        _refuse_lost(part)
    return {_path(pipeline): weights}


def _refuse_lost(part: Any) -> None:
    """Raise SeatrialError for what takes no weights, or would keep them from the model inside of it."""
    kind = type(part).__name__
    if kind in ROUTED:
        raise SeatrialError(f"{kind} passes no weights on to its model.", hint=ROUTED[kind])
    if kind == "CalibratedClassifierCV" and hasattr(part.estimator, "steps"):
        raise SeatrialError(
            "CalibratedClassifierCV passes no weights on to a pipeline: its model would be fitted without them.",
            hint="Put the other steps before it: make_pipeline(steps, CalibratedClassifierCV(model)).",
        )


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
