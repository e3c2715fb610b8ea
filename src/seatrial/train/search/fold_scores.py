"""Scores values of a pipeline's parameters by cross-validation on a recipe's rows."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.project import importable
from seatrial.core.random_state import seed_pipeline
from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array
from seatrial.train import pipeline_code
from seatrial.train.evaluation import labelled
from seatrial.train.metrics import measures_of
from seatrial.train.recipe import Recipe
from seatrial.train.search.folds import Fold, folds_of

Values = Mapping[str, Any]


class FoldScorer:
    """Scores values of parameters, fold by fold, by the headline measure; `pipeline` is what the project builds now.

    `rows` are the positions in the project's table of the recipe's rows.
    """

    def __init__(self, recipe: Recipe, rule: DecisionRule, folds: int, rows: Array) -> None:
        self.recipe, self.rule, self.rows = recipe, rule, rows
        self.folds = folds_of(recipe, folds)
        self.measure = measures_of(rule.task, recipe.table.target)[0]
        with importable(recipe.project):
            self.pipeline = pipeline_code.build_pipeline(recipe.project)
            seed_pipeline(self.pipeline, recipe.project.seed, recipe.table.target)

    def scores(self, values: Values) -> Iterator[float]:
        """Yield the score of each fold."""
        recipe = self.recipe.altered(lambda pipeline, target: _with_values(pipeline, values, target))
        for fold in self.folds:
            yield self._score(recipe, fold)

    def _score(self, recipe: Recipe, fold: Fold) -> float:
        fitted = recipe.fit(fold.fitted)
        target, weights = recipe.table.target[fold.scored], recipe.weights_of(fold.scored)
        rows = labelled(self.rule, target, recipe.scores(fitted, fold.scored), weights)
        score = self.measure.of(rows)
        if not np.isfinite(score):
            raise SeatrialError(
                f"{self.measure.label} is not defined on the rows of a fold.", hint="Use fewer --folds."
            )
        return score


def _with_values(pipeline: Any, values: Values, target: Array) -> Array:
    try:
        pipeline.set_params(**values)
    except ValueError as error:
        raise WrongParameterError(
            f"The pipeline cannot take these values: {str(error).splitlines()[0]}",
            hint="space(trial) in pipeline.py must return the names of the pipeline's parameters, as model__C.",
        ) from None
    return target


class WrongParameterError(SeatrialError):
    """The project's search space names a parameter that its pipeline does not have: every trial would fail."""
