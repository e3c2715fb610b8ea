"""Whether a recipe can be fitted in the memory that is free: what its pipeline makes of a row is tried on some."""

import numpy as np

from seatrial.core.memory_limits import free_memory
from seatrial.train.memory_needs import LOOKED_AT, made_of_a_row, require_memory
from seatrial.train.pipeline_code import build_pipeline
from seatrial.train.recipe import Recipe
from seatrial.train.reference_rows import take

FEWEST_ROWS = 100_000  # of fewer rows, what the pipeline's steps make needs no look


def require_memory_to_fit(recipe: Recipe) -> None:
    """Raise SeatrialError where fitting takes more memory than is free."""
    split, made = recipe.split, 0
    if len(split.train) >= FEWEST_ROWS:
        rows = split.train[np.linspace(0, len(split.train) - 1, LOOKED_AT, dtype=int)]
        frame = recipe.framer(take(recipe.table.columns, rows))
        made = made_of_a_row(build_pipeline(recipe.project), frame, recipe.table.target[rows])
    values = len(recipe.columns) + len(recipe.features)
    require_memory(recipe.project.data.name, values, len(split.train), len(split.test), free_memory(), made)
