"""Doubts about a result: that it is too good to be true, or that one or two columns carry all of it.

Often such a result is a leak: a column that is only known once the outcome is. It may be right, so a person decides.
"""

from collections.abc import Callable, Sequence
from math import log

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Columns
from seatrial.model.metadata import Task
from seatrial.pages.words import short
from seatrial.train.evaluation import Evaluation, Importance, Metric, headline_measure, labelled

# What the model leaves unexplained: 0 is perfect, 1 is as good as the trivial baseline. An AUC of 0.999 leaves 0.2 %.
TOO_GOOD: dict[Task, float] = {"binary": 0.002, "multiclass": 0.005, "regression": 0.001}
# A model that leaves this much of the trivial error makes an error on so many rows, but for a chance of 5 %. The three
# cultivars of scikit-learn's wines are told apart without an error on 45 rows, and honestly so.
HONEST: dict[Task, float] = {"binary": 0.3, "multiclass": 0.1, "regression": 1.0}
CHANCE = 0.05
VERY_GOOD = 0.06
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
    if len(evaluation.labels) < FEWEST_ROWS:
        return {}
    return _too_good(evaluation) | _carried_by_few(evaluation, importance, held_out, score, seed)


def _too_good(evaluation: Evaluation) -> dict[str, str]:
    """A linear model may show what the pipeline's trees only approximate, such as a part of a sum."""
    headline, rule = evaluation.metrics[0], evaluation.rule
    accuracy = evaluation.metric("accuracy")
    trivial_error = 1.0 if accuracy is None or accuracy.baseline is None else 1 - accuracy.baseline
    if len(evaluation.labels) * trivial_error * HONEST[rule.task] < log(1 / CHANCE):
        return {}
    for value, whose in ((headline.value, ""), (headline.linear, " by a plain linear model")):
        if _unexplained(headline, value) <= TOO_GOOD[rule.task]:
            result = f"{headline.label} {short(value or 0.0)}{whose}"
            return {
                "too_good": f"The result is too good to be true: {result}. Check that no column contains the answer."
            }
    return {}


def _carried_by_few(
    evaluation: Evaluation,
    importance: Sequence[Importance],
    held_out: Columns,
    score: Callable[[Columns], Array],
    seed: int,
) -> dict[str, str]:
    headline = evaluation.metrics[0]
    left = _unexplained(headline, headline.value)
    if left > VERY_GOOD or len(importance) < 2:
        return {}
    first, second = sorted(importance, key=lambda one: -one.mean)[:2]
    by_first, by_both = _carried(evaluation, (first.column, second.column), held_out, score, seed)
    result = f"nearly the whole result ({headline.label} {short(headline.value)})"
    explained = (1 - left) * (1 - (headline.baseline or 0.0))
    if by_first >= CARRIED and first.mean >= LOST * explained:
        return {
            "one_column": f"`{first.column}` carries {result}: {100 * by_first:.0f} % of it remains when all other "
            "columns are shuffled. Check that it is known when the prediction is made."
        }
    if by_both >= CARRIED and headline.single is not None and _unexplained(headline, headline.single) >= ALONE:
        return {
            "two_columns": f"`{first.column}` and `{second.column}` together carry {result}, while the best single "
            f"column, `{evaluation.best_column}`, reaches {short(headline.single)}. Check that the target "
            "is not calculated from them."
        }
    return {}


def _unexplained(headline: Metric, value: float | None) -> float:
    """The share that a value of the headline metric, which is 1 at best, leaves of the trivial baseline's distance."""
    if value is None or headline.baseline is None or headline.baseline >= 1:
        return 1.0
    return (1 - value) / (1 - headline.baseline)


def _carried(
    evaluation: Evaluation, columns: tuple[str, str], held_out: Columns, score: Callable[[Columns], Array], seed: int
) -> list[float]:
    """The share of the result that remains if only the first, or both, of the columns keep their values."""
    measure, baseline = headline_measure(evaluation), evaluation.metrics[0].baseline or 0.0
    order = np.random.default_rng(seed).permutation(len(evaluation.labels))
    rows = np.sort(order[:MOST_ROWS])
    shuffled = np.random.default_rng(seed + 1).permutation(rows)
    labels, weights = evaluation.labels[rows], None if evaluation.weights is None else evaluation.weights[rows]
    whole = measure.of(labelled(evaluation.rule, labels, evaluation.scores[rows], weights))
    found = []
    for count in range(1, len(columns) + 1):
        kept = columns[:count]
        table = {name: values[rows if name in kept else shuffled] for name, values in held_out.items()}
        try:
            value = measure.of(labelled(evaluation.rule, labels, score(table), weights))
        except SeatrialError:  # a rule across columns
            value = baseline
        found.append((value - baseline) / (whole - baseline) if whole > baseline else 0.0)
    return found
