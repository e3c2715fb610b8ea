"""Whether training again gives the same model: checked at training, where the pipeline's step can still be named.

A trial trains a release's code again, and would report a difference that nobody made.
"""

import time
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Floats
from seatrial.train.recipe import Fitted, Recipe
from seatrial.train.reference_rows import take

SECONDS = 5.0  # what the check may take, or SHARE of the training where that is more
SHARE = 0.1
FEWEST_ROWS = 200  # fewer rows than this are never drawn: folds and classes would be missing
COMPARED_ROWS = 2_000
TOLERANCE = 1e-9  # a forest with several threads sums its trees in any order, and so rounds differently at each call


def check_determinism(recipe: Recipe, fitted: Fitted, seconds: float) -> None:
    """Fit again, and compare; raises SeatrialError with the responsible step where the models differ.

    `fitted` is what the recipe gave in `seconds`. Where that took less than SECONDS, the same rows are fitted once
    more. Otherwise two models are fitted on as many rows as fit into the budget, the same share of each class. If such
    a part cannot be fitted, nothing is checked here: the trial trains again as well.
    """
    budget = max(SECONDS, SHARE * seconds)
    rows = fitted.frame(take(recipe.table.columns, recipe.split.train[:COMPARED_ROWS]))
    if seconds <= SECONDS:
        first, second = fitted.pipeline, recipe.fit().pipeline
    else:
        target = recipe.table.target[recipe.split.train]
        chosen = _part(target, max(budget / (2 * seconds), FEWEST_ROWS / len(target)))
        started = time.monotonic()
        try:
            first = recipe.refit(chosen).pipeline
            if time.monotonic() - started > budget:
                return  # its cost hardly depends on the rows
            second = recipe.refit(chosen).pipeline
        except SeatrialError:
            return
    if _same(_answers(first, rows), _answers(second, rows)):
        return
    raise SeatrialError(
        "Training is not deterministic: fitted twice on the same rows, "
        f"{' > '.join(_responsible(first, second, rows))} gives different results.",
        hint="Seatrial sets every random_state that is not set. Look for other random numbers, for several threads or "
        "processes, and for what depends on time; give each a fixed seed, or one thread.",
    )


def _part(target: Array, share: float) -> Array:
    """Positions of a share of the rows, evenly among each class; of all rows where the target is a number."""
    _, codes = np.unique(target, return_inverse=True)
    groups = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    if len(groups) > len(target) // 10:
        groups = [np.arange(len(target))]
    chosen = [each[np.linspace(0, len(each) - 1, max(round(share * len(each)), 1), dtype=int)] for each in groups]
    return np.unique(np.concatenate(chosen))


def _answers(estimator: Any, rows: Any) -> Floats:
    return np.asarray(getattr(estimator, "predict_proba", estimator.predict)(rows), dtype=np.float64)


def _same(first: Any, second: Any) -> bool:
    dense = [each.toarray() if hasattr(each, "toarray") else np.asarray(each) for each in (first, second)]
    if dense[0].shape != dense[1].shape:
        return False
    if dense[0].dtype.kind in "fiub" and dense[1].dtype.kind in "fiub":
        return np.allclose(dense[0], dense[1], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    return bool((dense[0].astype(str) == dense[1].astype(str)).all())


def _responsible(first: Any, second: Any, rows: Any) -> list[str]:
    """The path to the step of two fitted estimators that differs first, as far as their parts can be run."""
    if getattr(first, "best_params_", None) != getattr(second, "best_params_", None):
        return [f"{type(first).__name__} (it chose {first.best_params_}, then {second.best_params_})"]
    steps = zip(getattr(first, "steps", ()), getattr(second, "steps", ()), strict=True)
    for (name, one), (_, other) in steps:
        if not hasattr(one, "transform") or not hasattr(one, "fit"):  # the model, or "passthrough"
            if hasattr(one, "predict"):
                return [name, *_responsible(one, other, rows)]
            continue
        after = one.transform(rows)
        if not _same(after, other.transform(rows)):
            return [name, *_responsible(one, other, rows)]
        rows = after
    for name, one, columns in getattr(first, "transformers_", ()):
        if hasattr(one, "transform") and isinstance(columns, list) and all(isinstance(each, str) for each in columns):
            other, chosen = second.named_transformers_[name], rows[columns]
            if not _same(one.transform(chosen), other.transform(chosen)):
                return [name, *_responsible(one, other, chosen)]
    return [type(first).__name__]
