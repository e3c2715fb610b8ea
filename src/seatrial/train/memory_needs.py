"""Whether a training fits in memory; if not, which sample of the rows would."""

from seatrial.core.errors import SeatrialError
from seatrial.core.memory_limits import free_memory
from seatrial.train.recipe import Recipe

# Copies of each value (eight bytes) besides the table itself at the peak of a training: those of all rows (hashes, the
# pipeline's frame), and those of the fitted rows (what the pipeline makes of them, what boosted trees keep). From
# trainings with 20 columns; a model that keeps more takes more.
TABLE_COPIES, FITTED_COPIES = 3, 5
VALUE = 8
LEAST_SAMPLE = 10_000  # of fewer rows than that, a sample is no way out
GB = 1e9


def require_memory(recipe: Recipe) -> None:
    """Raise SeatrialError where fitting would take more memory than is free, naming the sample that would fit."""
    free = free_memory()
    if free is None:
        return
    values = VALUE * (len(recipe.columns) + len(recipe.features))
    fitted, held_out = len(recipe.split.train), len(recipe.split.test)
    needed = values * (TABLE_COPIES * (fitted + held_out) + FITTED_COPIES * fitted)
    if needed <= free:
        return
    fits = int((free / values - TABLE_COPIES * held_out) / (TABLE_COPIES + FITTED_COPIES))
    digits = 10 ** max(len(str(max(fits, 1))) - 2, 0)
    fits -= fits % digits
    way_out = f"Set sample = {fits:_} in [tool.seatrial], which fits" if fits >= LEAST_SAMPLE else "Use fewer rows"
    raise SeatrialError(
        f"Fitting on {fitted:,} rows of {recipe.project.data.name} takes about {needed / GB:.1f} GB of memory, but "
        f"{free / GB:.1f} GB are free.",
        hint=f"{way_out}, or train on a machine with more memory.",
    )
