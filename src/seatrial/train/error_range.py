"""How far a regression's predictions are from the truth, as an interval around each prediction.

The errors of held-out rows give it, without an assumption about their distribution: split conformal prediction (Lei et
al. 2018), within groups of similar predictions, since large quantities usually have large errors.
"""

import math
from typing import Any

import numpy as np

from seatrial.model.features import Floats
from seatrial.train.evaluation import Evaluation

SHARE = 0.8
FEWEST_ROWS = 30  # of a group, so that its outermost tenths consist of some rows
MOST_GROUPS = 4


def error_range(evaluation: Evaluation) -> dict[str, Any]:
    """Return the share of the held-out rows, their number, and the groups; empty where there are too few rows.

    A group begins at the prediction `above` (None for the first one). In it, that share of the true values lies between
    `prediction + low` and `prediction + high`.
    """
    truth, predicted = evaluation.labels.astype(float), evaluation.scores
    count = len(truth)
    if count < FEWEST_ROWS:
        return {}
    errors = truth - predicted
    groups = min(MOST_GROUPS, count // FEWEST_ROWS)
    edges = np.unique(np.quantile(predicted, np.arange(1, groups) / groups))
    place = np.searchsorted(edges, predicted, side="right")
    if np.bincount(place, minlength=len(edges) + 1).min() < FEWEST_ROWS:  # many equal predictions
        edges, place = edges[:0], np.zeros(count, dtype=int)
    begins = [None, *edges.tolist()]
    found = [{"above": above, **_ends(errors[place == group])} for group, above in enumerate(begins)]
    return {"share": SHARE, "rows": count, "groups": found}


def _ends(errors: Floats) -> dict[str, float]:
    """The ends of the range of new errors; of n errors, a new one is below the k-th with probability k / (n + 1)."""
    ordered, count = np.sort(errors), len(errors)
    outside = max(math.floor((count + 1) * (1 - SHARE) / 2), 1)
    return {"low": float(ordered[outside - 1]), "high": float(ordered[count - outside])}
