"""Whether a training fits in memory; if not, which sample of the rows would."""

from seatrial.core.errors import SeatrialError

# Copies of each value (eight bytes) besides the table itself at the peak of a training: those of all rows in memory
# (hashes, the pipeline's frame), and those of the fitted rows (what the pipeline makes of them, what boosted trees
# keep). From trainings with 20 columns; a model that keeps more takes more.
TABLE_COPIES, FITTED_COPIES = 3, 5
VALUE = 8
PER_ROW = 50  # bytes of each row of a table of which a sample is fitted: hashes, label, key, weight, scores
MOST_KEPT = 200_000  # held-out rows in memory beside a sample: those of the reference, the importance, the groups
LEAST_SAMPLE = 10_000  # of fewer rows than that, a sample is no way out
GB = 1e9


def require_memory(name: str, values: int, fitted: int, held_out: int, free: int | None) -> None:
    """Raise SeatrialError where fitting would take more memory than is `free`, naming the sample that would fit.

    `values` counts the columns and features of a row, and `name` is the table's. None is memory that nobody knows.
    """
    if free is None:
        return
    row = VALUE * values
    needed = row * (TABLE_COPIES * (fitted + held_out) + FITTED_COPIES * fitted)
    if needed <= free:
        return
    kept = min(held_out, MOST_KEPT)
    fits = int(
        (free - PER_ROW * (fitted + held_out) - row * TABLE_COPIES * kept) / row / (TABLE_COPIES + FITTED_COPIES)
    )
    digits = 10 ** max(len(str(max(fits, 1))) - 2, 0)
    fits -= fits % digits
    way_out = f"Set sample = {fits:_} in [tool.seatrial], which fits" if fits >= LEAST_SAMPLE else "Use fewer rows"
    raise SeatrialError(
        f"Fitting on {fitted:,} rows of {name} takes about {needed / GB:.1f} GB of memory, but {free / GB:.1f} GB are "
        "free.",
        hint=f"{way_out}, or train on a machine with more memory.",
    )
