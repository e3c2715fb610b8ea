"""Whether a training fits in memory; if not, which sample of the rows would."""

import warnings
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array

# Copies of each value (eight bytes) besides the table itself at the peak of a training: those of all rows in memory
# (hashes, the pipeline's frame), and those of the fitted rows (what the pipeline makes of them, what boosted trees
# keep). From trainings with 20 columns; a model that keeps more takes more.
TABLE_COPIES, FITTED_COPIES = 3, 5
# Copies of what a pipeline's steps make of the fitted rows, where that is larger: the columns of each step, and all of
# them together; or all of them, and those that a model keeps.
MADE_COPIES = 2
LOOKED_AT = 20_000  # rows that the steps are tried on
VALUE = 8
PER_ROW = 50  # bytes of each row of a table of which a sample is fitted: hashes, label, key, weight, scores
MOST_KEPT = 200_000  # held-out rows in memory beside a sample: those of the reference, the importance, the groups
LEAST_SAMPLE = 10_000  # of fewer rows than that, a sample is no way out
GB = 1e9


def needed_memory(values: int, fitted: int, held_out: int, made: int = 0) -> int:
    """About how many bytes a training takes at its peak; the arguments are those of `require_memory`."""
    return VALUE * values * TABLE_COPIES * (fitted + held_out) + _of_fitted(values, made) * fitted


def _of_fitted(values: int, made: int) -> int:
    """Bytes for each fitted row besides the table's."""
    return max(FITTED_COPIES * VALUE * values, MADE_COPIES * made)


def made_of_a_row(pipeline: Any, frame: Any, target: Array) -> int:
    """The bytes that the steps before an unfitted pipeline's model make of a row, tried on a DataFrame of some rows.

    0 where there are no steps, or where they cannot be fitted to these rows.
    """
    steps = getattr(pipeline, "steps", [])[:-1]
    if not steps:
        return 0
    from sklearn.pipeline import Pipeline

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = Pipeline(steps).fit_transform(frame, target)
    except Exception:  # the fit itself will report it, with the step's name
        return 0
    if hasattr(made, "indptr"):  # sparse
        return int(sum(part.nbytes for part in (made.data, made.indices, made.indptr))) // len(frame)
    if hasattr(made, "memory_usage"):  # a DataFrame, as by set_output()
        return int(made.memory_usage(index=False).sum()) // len(frame)
    return int(getattr(made, "nbytes", 0)) // len(frame)


def require_memory(name: str, values: int, fitted: int, held_out: int, free: int | None, made: int = 0) -> None:
    """Raise SeatrialError where fitting would take more memory than is `free`, naming the sample that would fit.

    `values` counts the columns and features of a row, `made` is what `made_of_a_row` gave, and `name` is the table's.
    None is memory that nobody knows.
    """
    if free is None:
        return
    needed = needed_memory(values, fitted, held_out, made)
    if needed <= free:
        return
    kept, row = min(held_out, MOST_KEPT), VALUE * values * TABLE_COPIES
    fits = int((free - PER_ROW * (fitted + held_out) - row * kept) / (row + _of_fitted(values, made)))
    digits = 10 ** max(len(str(max(fits, 1))) - 2, 0)
    fits -= fits % digits
    way_out = f"Set sample = {fits:_} in [tool.seatrial], which fits" if fits >= LEAST_SAMPLE else "Use fewer rows"
    raise SeatrialError(
        f"Fitting on {fitted:,} rows of {name} takes about {needed / GB:.1f} GB of memory, but {free / GB:.1f} GB are "
        "free.",
        hint=f"{way_out}, or train on a machine with more memory.",
    )
