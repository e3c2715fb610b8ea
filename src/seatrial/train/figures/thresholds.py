"""What other thresholds would do on the held-out rows: what is predicted positive, and which errors remain."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import DASH, percent, rough
from seatrial.train.evaluation import Evaluation

ROUND = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
PER = 1_000  # rows that errors and costs are counted for


@dataclass(frozen=True)
class ThresholdLine:
    """One threshold, as text; `cost` is empty where the project has none, and `notes` say why it is listed."""

    threshold: str
    positive: str
    precision: str
    recall: str
    f1: str
    false_positives: str
    false_negatives: str
    cost: str
    notes: str
    used: bool


@dataclass(frozen=True)
class _Counts:
    """The outcomes at each threshold, each an array (n,): what is predicted positive, rightly and wrongly."""

    thresholds: Array
    hits: Array
    alarms: Array
    positives: int
    rows: int

    @property
    def misses(self) -> Array:
        return self.positives - self.hits

    @property
    def f1(self) -> Array:
        return np.asarray(2 * self.hits / np.maximum(self.hits + self.alarms + self.positives, 1))


def threshold_lines(evaluation: Evaluation, costs: Mapping[str, float]) -> tuple[ThresholdLine, ...]:
    """Describe round thresholds, the one in use, the one with the highest F1 and, with costs, the cheapest.

    Empty unless the task is binary and the held-out rows have both classes. Of round thresholds that predict the same
    rows, one is listed.
    """
    rule = evaluation.rule
    if rule.task != "binary":
        return ()
    scores, truth = evaluation.scores[:, rule.positive], evaluation.labels == evaluation.positive
    if not 0 < truth.sum() < len(truth):
        return ()
    every = _counted(np.unique(np.append(scores, rule.threshold)), scores, truth)
    chosen: dict[float, list[str]] = {rule.threshold: ["in use"]}
    chosen.setdefault(_written(every, int(every.f1.argmax())), []).append("highest F1")
    if costs:
        cheapest = int(_cost(every, costs).argmin())
        chosen.setdefault(_written(every, cheapest), []).append("lowest cost")
    seen = set()
    for threshold in ROUND:
        rows = int((scores >= threshold).sum())
        if 0 < rows < len(scores) and rows not in seen:
            chosen.setdefault(threshold, [])
        seen.add(rows)
    listed = _counted(np.array(sorted(chosen)), scores, truth)
    return tuple(
        _line(listed, place, chosen[threshold], costs, used=threshold == rule.threshold)
        for place, threshold in enumerate(listed.thresholds.tolist())
    )


def _counted(thresholds: Array, scores: Array, truth: Array) -> _Counts:
    hits, alarms = (
        len(part) - np.searchsorted(np.sort(part), thresholds, side="left") for part in (scores[truth], scores[~truth])
    )
    return _Counts(thresholds, hits, alarms, int(truth.sum()), len(truth))


def _written(counts: _Counts, place: int) -> float:
    """A threshold with few digits that predicts the same rows as the one at this place."""
    high = float(counts.thresholds[place])
    low = float(counts.thresholds[place - 1]) if place else 0.0
    for digits in range(1, 12):
        step = 10.0**-digits
        short = round(float(np.floor(high / step)) * step, digits)
        if low < short <= high:
            return short
    return high


def _cost(counts: _Counts, costs: Mapping[str, float]) -> Array:
    total = counts.alarms * costs["false_positive"] + counts.misses * costs["false_negative"]
    return np.asarray(total / counts.rows * PER)


def _line(counts: _Counts, place: int, notes: list[str], costs: Mapping[str, float], *, used: bool) -> ThresholdLine:
    hits, alarms, misses = (int(part[place]) for part in (counts.hits, counts.alarms, counts.misses))
    predicted = hits + alarms
    return ThresholdLine(
        threshold=f"{counts.thresholds[place]:.6g}",
        positive=percent(predicted / counts.rows),
        precision=percent(hits / predicted) if predicted else DASH,
        recall=percent(hits / counts.positives),
        f1=f"{float(counts.f1[place]):.3f}",
        false_positives=rough(alarms / counts.rows * PER),
        false_negatives=rough(misses / counts.rows * PER),
        cost=rough(float(_cost(counts, costs)[place])) if costs else "",
        notes=", ".join(notes),
        used=used,
    )
