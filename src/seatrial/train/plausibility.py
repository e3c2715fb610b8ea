"""Doubts about a result: that it is too good to be true, or that one or two columns carry all of it.

Such a result is often a leak, a column that is only known once the outcome is. It may also be right, so a person decides.
"""

from collections.abc import Callable, Sequence
from math import log

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Columns
from seatrial.model.metadata import Task
from seatrial.pages.words import short
from seatrial.train.evaluation import Evaluation, Importance, Metric, headline_measure, labelled

# What the model leaves unexplained: 0 is perfect, and 1 is as good as the trivial baseline. An AUC of 0.998 leaves 0.4 %.
TOO_GOOD: dict[Task, float] = {"binary": 0.004, "multiclass": 0.005, "regression": 0.001}
CHANCE = 0.05  # that a model which leaves SLACK of the error unexplained makes no error at all on so few rows
SLACK = 0.2
VERY_GOOD = 0.1
CARRIED = 0.95  # the share of what the model explains that it explains with the other columns shuffled
LOST = 0.75  # the share that it loses with the one column shuffled
ALONE = 0.4  # what the best single column leaves unexplained, where two columns together explain nearly all
FEWEST_ROWS = 30
MOST_ROWS = 5_000


def doubts_about(
    evaluation: Evaluation,
    importance: Sequence[Importance],
    held_out: Columns,
    score: Callable[[Columns], Array],
    *,
    seed: int,
) -> dict[str, str]:
    """Return each doubt by its name, in words; `score` gives the model's scores for checked columns."""
    headline = evaluation.metrics[0]
    left = _unexplained(headline, headline.value)
    if left is None or left > VERY_GOOD or len(evaluation.labels) < FEWEST_ROWS:
        return {}
    result = f"{headline.label} {short(headline.value)}"
    found = {}
    if left <= TOO_GOOD[evaluation.rule.task] and _enough_rows(evaluation):
        found["too_good"] = f"The result is too good to be true: {result}. Does a column contain the answer?"
    ranked = sorted(importance, key=lambda one: -one.mean)
    carried = _carried(evaluation, [one.column for one in ranked[:2]], held_out, score, seed)
    explained = (1 - left) * (1 - (headline.baseline or 0.0))
    if len(ranked) > 1 and carried[0] >= CARRIED and ranked[0].mean >= LOST * explained:
        found["one_column"] = (
            f"`{ranked[0].column}` carries nearly the whole result ({result}): with all other columns shuffled, "
            f"{carried[0]:.0%} of it remain. Is it known when the prediction is made?"
        )
    alone = _unexplained(headline, headline.single)
    if "one_column" not in found and len(ranked) > 1 and alone and alone >= ALONE and carried[1] >= CARRIED:
        found["two_columns"] = (
            f"`{ranked[0].column}` and `{ranked[1].column}` together carry nearly the whole result ({result}), while "
            f"the best single column, `{evaluation.best_column}`, reaches {short(headline.single or 0.0)}. Is the "
            "target calculated from them?"
        )
    return found


def _unexplained(headline: Metric, value: float | None) -> float | None:
    """All headline metrics are 1 at best."""
    if value is None or headline.baseline is None or headline.baseline >= 1:
        return None
    return (1 - value) / (1 - headline.baseline)


def _enough_rows(evaluation: Evaluation) -> bool:
    """Whether a merely good model would have made an error on these rows."""
    accuracy = evaluation.metric("accuracy")
    error = 1.0 if accuracy is None or accuracy.baseline is None else 1 - accuracy.baseline
    return len(evaluation.labels) * error * SLACK >= log(1 / CHANCE)


def _carried(
    evaluation: Evaluation, columns: Sequence[str], held_out: Columns, score: Callable[[Columns], Array], seed: int
) -> list[float]:
    """The share of the result that remains if only the first, the first two ... columns keep their values."""
    measure, baseline = headline_measure(evaluation), evaluation.metrics[0].baseline or 0.0
    order = np.random.default_rng(seed).permutation(len(evaluation.labels))
    rows = np.sort(order[:MOST_ROWS])
    shuffled = np.random.default_rng(seed + 1).permutation(rows)
    labels = evaluation.labels[rows]
    whole = measure.of(labelled(evaluation.rule, labels, evaluation.scores[rows]))
    found = []
    for count in range(1, len(columns) + 1):
        kept = columns[:count]
        table = {name: values[rows if name in kept else shuffled] for name, values in held_out.items()}
        try:
            value = measure.of(labelled(evaluation.rule, labels, score(table)))
        except SeatrialError:  # a rule across columns
            value = baseline
        found.append((value - baseline) / (whole - baseline) if whole > baseline else 0.0)
    return found
