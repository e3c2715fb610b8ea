"""What other gates would have decided about the same candidate on the same rows: True means blocked."""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.metrics import metrics_of
from seatrial.trial.compare.scoring import Scoring

NAMES = ("21 labels equal", "metric thresholds", "Kolmogorov-Smirnov")


def rivals(scoring: Scoring, old: Array, new: Array, truth: Array) -> dict[str, bool]:
    """The seed's check, fixed metric thresholds, and a two-sample test of the predictions."""
    from scipy.stats import ks_2samp

    if old.shape != new.shape or not np.isfinite(new).all():
        return dict.fromkeys(NAMES, True)  # each of them would have crashed
    first = slice(0, 21)
    if scoring.classifies:
        labels = bool((scoring.decide(old[first]) != scoring.decide(new[first])).any())
        flat = (
            (old[:, scoring.positive], new[:, scoring.positive])
            if scoring.task == "binary"
            else (old.max(1), new.max(1))
        )
    else:
        labels = not np.allclose(old[first], new[first], rtol=0.05)
        flat = (old, new)
    before = {m.name: m.value for m in metrics_of(scoring, old, truth)}
    after = {m.name: m.value for m in metrics_of(scoring, new, truth)}
    worse = (
        before.get("accuracy", 0) - after.get("accuracy", 0) > 0.02
        or before.get("roc_auc", 0) - after.get("roc_auc", 0) > 0.01
        or after.get("rmse", 0) > 1.02 * before.get("rmse", 0)
    )
    return {
        NAMES[0]: labels,
        NAMES[1]: bool(worse),
        NAMES[2]: bool(ks_2samp(*flat).pvalue < 0.05),
    }
