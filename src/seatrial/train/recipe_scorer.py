"""A recipe as a function from raw columns to scores."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.train.recipe import Fitted, Recipe
from seatrial.train.reference_rows import take


class RecipeScorer:
    """Scores raw columns with a pipeline that is fitted on first use.

    Rows that the recipe's schema rejects get NaN: its feature functions never see them, and need not handle them.
    """

    # Replicas score the same table one after another. For each recipe: the table, a mask of the rows that its schema
    # accepts, and these rows as checked.
    _checked: dict[int, tuple[Columns, Array, Columns]] = {}  # noqa: RUF012

    def __init__(self, recipe: Recipe, fit: Callable[[], Fitted]) -> None:
        self._checker, self._classes = recipe.checker, len(recipe.table.classes)
        self._fit: Callable[[], Fitted] | None = fit
        self._fitted: Fitted | None = None

    def fit_without_table(self, recipe: Recipe) -> None:
        """Fit now, and hold nothing of a large table afterwards: only the model is still needed."""
        assert self._fit is not None
        self._fitted, self._fit = replace(self._fit(), frame=recipe.framer), None

    def __call__(self, columns: Columns) -> Array:
        """Score a table: (n, n_classes), or (n,) for a regression."""
        if self._fitted is None:
            assert self._fit is not None
            self._fitted = self._fit()
        cached = self._checked.get(id(self._checker))
        if cached is None or cached[0] is not columns:
            checked, problems = self._checker.check(columns)
            valid = np.ones(len(next(iter(checked.values()))), dtype=bool)
            valid[[problem.row for problem in problems]] = False
            cached = (columns, valid, checked if valid.all() else take(checked, np.flatnonzero(valid)))
            self._checked[id(self._checker)] = cached
        _, valid, checked = cached
        classes = self._classes
        scores: Array = np.full((len(valid), classes) if classes else len(valid), np.nan)
        if valid.any():
            scores[valid] = self._fitted(checked)
        return scores
