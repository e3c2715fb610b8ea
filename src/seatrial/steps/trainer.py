"""The trainer that `prove` injects faults with: the project's recipe, applied to any table."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.train.recipe import Recipe
    from seatrial.trial.prove.trainer import Alter, TrainedRelease, Trainer


def trainer_of(recipe: "Recipe") -> "Trainer":
    """Turn a project's recipe into functions that train on another table, with another seed, or by faulty code."""
    from seatrial.trial.prove.trainer import Trainer

    own = _trained(recipe)
    fitted = recipe.fit()
    frame = fitted.frame(recipe.table.columns)
    numbers, strings = recipe.inputs.numbers, recipe.inputs.strings

    def train(columns: Any, target: Any) -> "TrainedRelease":
        import numpy as np

        table = recipe.table
        classes = () if table.task == "regression" else tuple(np.unique(target).tolist())
        return _trained(
            recipe.on(replace(table, columns=columns, target=target, classes=classes, rows_read=len(target)))
        )

    def reseed() -> "TrainedRelease":
        # The same rows are held out: only the model draws differently, as another version of a library might.
        return _trained(replace(recipe, project=replace(recipe.project, seed=recipe.project.seed + 1)))

    def altered(alter: "Alter") -> "TrainedRelease | None":
        changed = False

        def once(pipeline: Any, target: Any) -> Any:
            nonlocal changed
            new_target = alter(pipeline, target)
            changed = new_target is not None
            return target if new_target is None else new_target

        faulty = _trained(replace(recipe, alter=once))
        faulty.training.score(recipe.held_out)  # only a fitted pipeline shows whether there was anything to alter
        return faulty if changed else None

    draws = any(name.endswith("random_state") for name in fitted.pipeline.get_params())
    return Trainer(
        own,
        train,
        reseed if draws else None,
        altered,
        recipe.checker.allowed,
        numbers,
        strings,
        (frame[list(numbers)].to_numpy(dtype=float), frame[list(strings)].to_numpy(dtype=object)),
    )


def _trained(recipe: "Recipe") -> "TrainedRelease":
    from seatrial.steps.recipes import training_of
    from seatrial.train.profile import fingerprint
    from seatrial.trial.prove.trainer import TrainedRelease

    table, split = recipe.table, recipe.split
    profile = fingerprint("", table.columns, recipe.columns, table.target, recipe.project.target, table.task)
    return TrainedRelease(training_of(recipe), {"cuts": split.cuts, "seed": split.seed}, asdict(profile))
