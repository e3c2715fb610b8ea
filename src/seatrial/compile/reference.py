"""The reference: the scores that a graph must give.

They are the pipeline's own, unless its last estimator, or one inside of it, sums in float32 (XGBoost). Then they are
that library's own leaves, summed in double.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from seatrial.compile.boosters import ROUNDING, Booster, booster_of, is_booster, library_title
from seatrial.compile.ensembles import wrapped
from seatrial.compile.graph import Refused
from seatrial.compile.inner_boosters import inner_boosters
from seatrial.core.errors import CompileError, SeatrialError
from seatrial.model.features import Floats

FAILS = "Impute missing values, and set handle_unknown in encoders; the server would fail on such rows too."


@dataclass(frozen=True)
class Reference:
    """A fitted pipeline, taken apart: the steps before its model, the model, and its boosters."""

    pipeline: Any
    before: Any
    model: Any
    booster: Booster | None

    def rows(self, frame: Any) -> Any:
        """What the model gets for the rows of a DataFrame."""
        return frame if self.before is None else _call(self.before.transform, frame)

    def trees(self, frame: Any) -> int:
        """How many trees a booster has, by what it answers for a DataFrame's first row; 0 for other models."""
        return 0 if self.booster is None else int(self.booster.leaves(self.rows(frame.iloc[:1])).shape[1])

    def scores(self, frame: Any) -> Floats:
        """The true scores of a DataFrame: (n, classes) probabilities or (n,) predictions."""
        if self.booster is None:
            return self.own_scores(frame)
        return np.asarray(_call(self.booster.reference, self.rows(frame)), dtype=np.float64)

    def own_scores(self, frame: Any) -> Floats:
        """What the pipeline itself answers; CompileError where it fails on rows that the schema allows."""
        score = getattr(self.pipeline, "predict_proba", None) or self.pipeline.predict
        return np.asarray(_call(score, frame), dtype=np.float64)


def reference_of(pipeline: Any, frame: Any = None) -> Reference:
    """Take a fitted pipeline apart. Raises CompileError where the model of a booster cannot be exact.

    `frame` is a DataFrame with the training rows, or a function that makes it: CatBoost's categories are found again in
    it.
    """
    steps: list[Any] = []
    model = _inside(pipeline)
    while type(model) is Pipeline:
        steps += model.steps[:-1]
        model = _inside(model.steps[-1][1])
    before = Pipeline([(str(position), step) for position, (_, step) in enumerate(steps)]) if steps else None
    reference = Reference(pipeline, before, model, None)
    try:
        rows = None if frame is None else lambda: reference.rows(frame() if callable(frame) else frame)
        booster: Booster | None = booster_of(model, rows) if is_booster(model) else inner_boosters(model, rows)
        return replace(reference, booster=booster)
    except Refused as refused:
        raise CompileError(f"{type(model).__name__} does not compile: {refused}.") from None


def _inside(estimator: Any) -> Any:
    """The estimator whose scores a search, a threshold, or a frozen estimator answers with; others as they are."""
    while (inner := wrapped(estimator)) is not None:
        estimator = inner
    return estimator


def reference_scorer(pipeline: Any) -> Callable[[Any], Floats] | None:
    """Return what scores a DataFrame with the reference; None where that is the pipeline itself.

    Raises SeatrialError where the model of a booster cannot be exact: there is no other way to serve it.
    """
    if library_title(pipeline) not in ROUNDING or (is_classifier(pipeline) and not hasattr(pipeline, "predict_proba")):
        return None
    with stopping_without_fallback(pipeline):
        return reference_of(pipeline).scores


@contextmanager
def stopping_without_fallback(pipeline: Any) -> Iterator[None]:
    """Turn a CompileError into a SeatrialError, which stops the training, if only a graph can serve the model."""
    try:
        yield
    except CompileError as error:
        library = library_title(pipeline)
        if not library:
            raise
        hint = error.hint or f"docs/models.md lists which models of {library} compile."
        message = f"{error.message.rstrip('.')}. Models of {library} are only served compiled."
        raise SeatrialError(message, hint=hint) from None


def _call(function: Callable[[Any], Any], rows: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns about unknown categories, which are here on purpose
            return function(rows)
    except (ValueError, TypeError, IndexError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise CompileError(f"The pipeline itself fails on rows that the schema allows: {line}.", hint=FAILS) from None
