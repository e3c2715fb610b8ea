"""Finds the numbers behind a release's prediction intervals and sets, and measures how often they are right.

Split conformal prediction (Vovk, Gammerman and Shafer 2005; Lei et al. 2018) needs rows that the model was not fitted
on. These are the held-out rows, all of them: what is fitted stays as it is, so they need not be divided. Only their
coverage cannot be measured on the rows that gave the numbers. It is measured with numbers of one half, on the other.

A regression has two order statistics of its errors, one for each end, within groups of similar predictions, since large
quantities usually have large errors (Mondrian: Vovk et al. 2005). A classifier has one of its probabilities of the true
class, which gives the smallest sets on average (Sadinle, Lei and Wasserman 2019).
"""

from typing import Any

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array, Columns, Floats
from seatrial.model.intervals import LEVELS, PredictionIntervals
from seatrial.model.row_hash import row_hashes
from seatrial.model.row_split import group_places
from seatrial.train.evaluation import Evaluation
from seatrial.train.metrics import wilson

FEWEST_ROWS = 30  # of a group, so that its outermost tenths consist of some rows
MOST_GROUPS = 4
SLACK = 1e-9  # relative; the compiled graph and scikit-learn round differently, and a value at the end must stay inside


def calibrate(
    evaluation: Evaluation,
    held_out: Columns,
    *,
    seed: int,
    groups: Floats | None = None,
    order: Floats | None = None,
) -> dict[str, Any]:
    """Return what release.json stores as `intervals`: the numbers from all held-out rows, and the measured coverage.

    `coverage` has by level the share of right intervals among the `rows` of one half with its 95 % interval, and their
    mean `size`: the width, or the number of classes. Levels that half of the rows do not support are not in it. Where
    the rows come in `groups` (n,), each is in one half, and the interval is that of so many groups. `order` (n,) are
    hashes of the rows, where not all of them are in memory.
    """
    rule, truth = evaluation.rule, evaluation.rule.positions(evaluation.labels)
    if groups is not None:
        first = group_places(groups, seed + 1) < 0.5
    else:
        # The split has put rows with a low hash of the project's seed here, so it takes other hashes to divide them.
        if order is None:
            order = row_hashes(held_out, list(held_out), evaluation.labels, seed=seed + 1)
        first = _half(order)
    units = None if groups is None else len(np.unique(groups[~first]))
    if not 0 < first.sum() < len(first):
        return {**found_numbers(rule, truth, evaluation.scores), "coverage": {}}
    one = PredictionIntervals(rule.classes, found_numbers(rule, truth[first], evaluation.scores[first]))
    found = found_numbers(rule, truth, evaluation.scores)
    rest = truth[~first], evaluation.scores[~first]
    return {**found, "coverage": {f"{level:g}": _coverage(one, *rest, level, units) for level in one.levels}}


def found_numbers(rule: DecisionRule, truth: Array, scores: Floats) -> dict[str, Any]:
    """Return the numbers of each level, and why others are refused; `truth` (n,) are positions of classes, or values.

    Of n rows and a new one, in any order equally likely, the new one is among the k smallest with probability
    k / (n + 1): the correction for a finite number of rows.
    """
    rows = len(truth)
    levels: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for level in LEVELS:
        outside = round(100 * (1 - level))  # percent, since 41 * (1 - 0.8) is less than 8.2 in floating point
        regression = rule.task == "regression"
        needed = max(FEWEST_ROWS, _fewest(outside, 2)) if regression else _fewest(outside, 1)
        if rows < needed:
            refused[f"{level:g}"] = f"{level:g} needs {needed} held-out rows, and there were {rows}"
        elif regression:
            levels[f"{level:g}"] = {"groups": _groups(truth, scores, outside, needed)}
        else:
            of_truth = np.sort(scores[np.arange(rows), truth])
            levels[f"{level:g}"] = {"least": float(of_truth[(rows + 1) * outside // 100 - 1]) * (1 - SLACK)}
    return {"rows": rows, "levels": levels, "refused": refused}


def _fewest(outside: int, ends: int) -> int:
    """The fewest rows of which one, at each end, may be outside."""
    return -(-100 * ends // outside) - 1


def _groups(truth: Floats, predicted: Floats, outside: int, needed: int) -> list[dict[str, Any]]:
    """Divide the rows into groups of similar predictions, as many as there are enough rows for."""
    rows = len(truth)
    order = np.argsort(predicted, kind="stable")
    for groups in range(min(MOST_GROUPS, (rows + 1) // (needed + 1)), 1, -1):
        cuts = order[[rows * number // groups for number in range(1, groups)]]
        edges = predicted[cuts]
        # A row whose prediction is an edge is not drawn like the others in its group, so it does not count.
        place = np.searchsorted(edges, predicted, side="right")
        place[cuts] = -1
        if np.bincount(place[place >= 0], minlength=groups).min() >= needed:  # else many predictions are equal
            begins = [None, *edges.tolist()]
            members = [place == number for number in range(groups)]
            return [
                {"above": above, **_ends(truth[inside], predicted[inside], outside)}
                for above, inside in zip(begins, members, strict=True)
            ]
    return [{"above": None, **_ends(truth, predicted, outside)}]


def _ends(truth: Floats, predicted: Floats, outside: int) -> dict[str, float]:
    errors, slack = truth - predicted, SLACK * np.maximum(np.abs(truth), np.abs(predicted))
    low, high = np.sort(errors - slack), np.sort(errors + slack)
    beyond = (len(errors) + 1) * outside // 200
    return {"low": float(low[beyond - 1]), "high": float(high[-beyond])}


def _half(order: Floats) -> Array:
    """Mark half of the rows, chosen by their content; (n,)."""
    first = np.zeros(len(order), dtype=bool)
    first[np.argsort(order, kind="stable")[: len(order) // 2]] = True
    return first


def _coverage(
    intervals: PredictionIntervals, truth: Array, scores: Floats, level: float, units: int | None = None
) -> dict[str, Any]:
    right = intervals.right(truth, scores, level)
    if intervals.classes:
        sizes = intervals.members(scores, level).sum(axis=1)
    else:
        sizes = np.diff(intervals.ends(scores, level))
    low, high = wilson(float(right.mean()), units or len(right))
    return {
        "share": float(right.mean()),
        "low": low,
        "high": high,
        "rows": len(right),
        "size": float(f"{sizes.mean():.6g}"),
    }
