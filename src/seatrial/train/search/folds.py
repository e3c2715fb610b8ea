"""The folds of a search: parts of the training rows, each of which is scored by a model of the others."""

from dataclasses import dataclass

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array
from seatrial.model.row_folds import row_folds
from seatrial.train.recipe import Recipe


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to fit on and of those to score, among the recipe's."""

    fitted: Array
    scored: Array


def folds_of(recipe: Recipe, count: int) -> tuple[Fold, ...]:
    """Part the recipe's rows as its split parts a table: with the same class shares, by time, or by group.

    There are fewer folds where a class has fewer rows, or where there are fewer groups. Raises SeatrialError where a
    class has a single row, and where no such fold has every class on both sides.
    """
    target, classes = recipe.table.target, recipe.table.classes
    rows = [int((target == label).sum()) for label in classes] or [len(target)]
    if min(rows) < 2:
        raise SeatrialError(
            f"The training rows have one row of a label of `{recipe.project.target}`, which cannot be in two folds.",
            hint="Collect more such rows, or remove the label from the table.",
        )
    found = row_folds(
        recipe.split.by,
        recipe.table.keys,
        target,
        min(count, *rows),
        classes=recipe.table.task != "regression",
        seed=recipe.project.seed,
    )
    if not found:
        raise SeatrialError(
            f"No fold by {recipe.split.by} (`{recipe.split.column}`) has every label of `{recipe.project.target}` "
            "on both sides.",
            hint="Use fewer --folds, or more rows.",
        )
    return tuple(Fold(fitted, scored) for fitted, scored in found)
