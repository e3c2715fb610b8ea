"""Which of several columns that no longer fit each other is the one that moved: without it, the others fit again."""

from collections.abc import Sequence

import numpy as np

from seatrial.trial.traits.fit import TEXT, Coded, predict_linear
from seatrial.trial.traits.pool import Pool

MOST = 6  # columns that are left out in turn
CERTAIN = 3.0  # standard deviations by which a column must fit worse to be counted
EXPLAINED = 0.05


def order_by_misfit(pool: Pool, coded: Sequence[Coded], names: Sequence[str]) -> dict[str, float]:
    """How badly the other columns still fit each other without each of these, as a share of what it was with all."""
    start = _misfit(pool, coded)
    return {
        name: _misfit(pool, [each for each in coded if each.column.name != name]) / start if start else 1.0
        for name in names[:MOST]
    }


def _misfit(pool: Pool, coded: Sequence[Coded]) -> float:
    """The sum over all columns of how much worse the new rows fit, in squared standard deviations beyond chance."""
    from scipy.stats import rankdata

    total = 0.0
    for prediction in predict_linear(list(coded)) if len(coded) > 1 else []:
        if prediction.explained > EXPLAINED and prediction.coded.levels != TEXT:
            place = rankdata(prediction.losses) / pool.rows
            spread = place.std() * np.sqrt(1 / pool.old_rows + 1 / pool.new_rows)
            z = (place[pool.old_rows :].mean() - place[: pool.old_rows].mean()) / (spread or 1.0)
            total += max(float(z) - CERTAIN, 0.0) ** 2
    return total
