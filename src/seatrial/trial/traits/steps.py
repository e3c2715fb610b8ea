"""What was done to a column that made a step with the first new row: the change that, undone, leaves no step.

Where a column moves with time, new rows are never quite like old ones. But right after the seam they are where the
rows right before it were going.
"""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.traits.explanations import ColumnChange, number_changes
from seatrial.trial.traits.pool import PooledColumn

QUANTILES = (0.25, 0.5, 0.75)
LEFT = 0.2  # of the step at most, for a change to be named


def explain_step(column: PooledColumn, values: Array, old_rows: int, half: int) -> ColumnChange | None:
    """Find the change of all new rows that leaves no step at the seam; None if none leaves less than a fifth.

    `values` (n,) are the column's, with the old ones and the new ones each in the order of time; `half` is the number
    of rows on either side that are compared.
    """
    new = values[old_rows:]
    if column.form != "number" or old_rows < 2 * half or np.isnan(values[old_rows - 2 * half :]).any():
        return None
    earlier, last = values[old_rows - 2 * half : old_rows - half], values[old_rows - half : old_rows]
    scale = float(np.median(np.abs(last))) or 1.0

    def level(part: Array) -> Array:
        return np.asarray(np.quantile(np.arcsinh(part / scale), QUANTILES))

    aimed = 2 * level(last) - level(earlier)
    step = float(np.abs(level(new[:half]) - aimed).mean())
    best: tuple[float, str] | None = None
    for words, undo in number_changes(column, new):
        with np.errstate(all="ignore"):
            undone = undo(new[:half])
        if np.isfinite(undone).all():
            left = float(np.abs(level(undone) - aimed).mean()) / max(step, 1e-12)
            best = min(best or (left, words), (left, words))
    if best is None or best[0] > LEFT:
        return None
    return ColumnChange(best[1], 1 - best[0], np.ones(len(new), dtype=bool))
