"""The folds of a search: parts of the training rows, each of which is scored by a model of the others."""

from dataclasses import dataclass

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array
from seatrial.train.recipe import Recipe


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to fit on and of those to score, among the recipe's."""

    fitted: Array
    scored: Array


def folds_of(recipe: Recipe, count: int) -> tuple[Fold, ...]:
    """Part the recipe's rows as its split parts a table: with the same class shares, shuffled by the project's seed.

    There are fewer folds where a class has fewer rows. Raises SeatrialError where a class has a single one.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    target, classes = recipe.table.target, recipe.table.classes
    rows = [int((target == label).sum()) for label in classes] or [len(target)]
    if min(rows) < 2:
        raise SeatrialError(
            f"The training rows have one row of a label of `{recipe.project.target}`, which cannot be in two folds.",
            hint="Collect more such rows, or remove the label from the table.",
        )
    kind = StratifiedKFold if recipe.split.stratified else KFold
    splitter = kind(min(count, *rows), shuffle=True, random_state=recipe.project.seed)
    return tuple(Fold(fitted, scored) for fitted, scored in splitter.split(np.zeros(len(target)), target))
