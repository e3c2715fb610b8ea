"""Fits models that stop early: part of the training rows is held back, and the model stops when it no longer improves
on them. They are never the held-out rows, which only measure the finished model.

XGBoost, LightGBM and CatBoost ask for it by a parameter, and want the rows as their last step sees them: so the steps
before it are fitted on the other rows, and transform both parts.
"""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.model_libraries import library_of
from seatrial.model.features import Array
from seatrial.train.inner_folds import InnerSplit, folds_by_split
from seatrial.train.row_weights import WEIGHTS

SHARE = 0.15  # of the training rows, held back
# By library: the parameters that ask for early stopping.
ASKING = {
    "xgboost": ("early_stopping_rounds",),
    "lightgbm": ("early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change"),
    "catboost": ("early_stopping_rounds", "od_wait", "od_pval", "use_best_model"),
}


def fit_pipeline(
    pipeline: Any,
    frame: Any,
    target: Array,
    held_back: Callable[[], Array] | None,
    parameters: Mapping[str, Any],
    split: InnerSplit | None = None,
) -> None:
    """Fit a pipeline in place; `parameters` go to its `fit`, and folds inside of it follow the `split`.

    If its last step asks for early stopping, `held_back` gives the positions of the rows (k,) that it is stopped by.
    Raises SeatrialError where another part asks for it, since no rows can be given to that.
    """
    model = pipeline.steps[-1][1] if hasattr(pipeline, "steps") else pipeline
    if held_back is None or not _stops_early(_searched(model)):
        _refuse_inner(pipeline)
        with folds_by_split(pipeline, split, target):
            pipeline.fit(frame, target, **parameters)
        return
    stopping = np.zeros(len(target), dtype=bool)
    stopping[held_back()] = True
    with folds_by_split(pipeline, split.take(~stopping) if split else None, target[~stopping]):
        _fit_stopped(pipeline, frame, target, stopping, parameters)


def _fit_stopped(pipeline: Any, frame: Any, target: Array, stopping: Array, parameters: Mapping[str, Any]) -> None:
    """Fit on the rows that are not `stopping` (n,), and let the last step watch those that are."""
    *before, (name, model) = pipeline.steps if hasattr(pipeline, "steps") else [("", pipeline)]
    rest, watched = frame[~stopping], frame[stopping]
    if before:
        first = pipeline[:-1]
        rest = first.fit_transform(rest, target[~stopping])
        watched = first.transform(watched)
        pipeline.steps[:-1] = first.steps
    weights = parameters.get(f"{name}__{WEIGHTS}" if name else WEIGHTS)
    options = {WEIGHTS: weights[~stopping]} if weights is not None else {}
    options |= _evaluation(_searched(model), watched, target[stopping], None if weights is None else weights[stopping])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The argument 'eval_set' is deprecated")
        model.fit(rest, target[~stopping], **options)


def _evaluation(model: Any, rows: Any, target: Array, weights: Array | None) -> dict[str, Any]:
    """How a library takes the rows to stop by."""
    library = library_of(model)
    if library == "catboost":
        categories = model.get_params().get("cat_features")
        return {"eval_set": import_module(library).Pool(rows, target, cat_features=categories, weight=weights)}
    if library == "xgboost":
        watched = {} if weights is None else {"sample_weight_eval_set": [weights]}
        return {"eval_set": [(rows, target)], "verbose": False, **watched}
    # Not by eval_X and eval_y, which LightGBM 4.7 prefers: it does not number the labels of eval_y.
    return {"eval_set": [(rows, target)], **({} if weights is None else {"eval_sample_weight": [weights]})}


def _stops_early(model: Any) -> bool:
    if not (library := library_of(model)):
        return False
    parameters = model.get_params()
    return any((value := parameters.get(name)) is not None and value > 0 for name in ASKING[library])


def _searched(model: Any) -> Any:
    """The model that a search tries, to which it passes what its own `fit` gets."""
    return model.estimator if hasattr(model, "estimator") and hasattr(model, "cv") else model


def _refuse_inner(pipeline: Any) -> None:
    parts = pipeline.get_params().values() if hasattr(pipeline, "get_params") else ()
    for part in filter(_stops_early, parts):
        raise SeatrialError(
            f"{type(part).__name__} asks for early stopping, but only the last step of the outermost pipeline can.",
            hint="Search inside of the pipeline, make_pipeline(steps, GridSearchCV(model, ...)), put its steps into one"
            " pipeline, or leave early stopping out and choose the number of trees.",
        )
