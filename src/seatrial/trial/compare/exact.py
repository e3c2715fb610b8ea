"""Compares scores that must be equal: golden, reproduce, rebuild. Reports which rows differ and the likely cause."""

import math
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.causes import find_cause
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, Suite

MOST_SHOWN = 20


@dataclass(frozen=True)
class Sameness:
    """Two sets of scores that must be equal, and the words for them.

    `columns` are the rows; `expected` and `actual` their scores. `scoring` reads the expected scores, `other` the
    actual ones if its threshold or classes may differ. `rows` names the rows for people.
    """

    name: str  # such as "golden.scores"; unique in a verdict
    suite: Suite
    scoring: Scoring
    columns: Columns
    expected: Array
    actual: Array
    expected_is: str  # "what training stored"
    actual_is: str  # "the installed candidate"
    rows: str = "golden rows"
    other: Scoring | None = None


def compare_exact(same: Sameness, policy: Policy, *, differs: Outcome = Outcome.blocked) -> list[Check]:
    """Compare scores and predicted labels; `differs` is the outcome of a difference (waiting, for a redesign)."""
    expected, actual = same.expected, same.actual
    if expected.shape != actual.shape:
        return [_shapes(same)]
    if not len(expected):
        return [Check(same.name, same.suite, Outcome.inconclusive, f"There are no {same.rows} to compare.")]
    distance = difference(same.scoring, expected, actual)
    off = ~(distance <= policy.tolerance)  # NaN is off
    checks = [_scores(same, distance, off, policy, differs)]
    if same.scoring.classifies:
        moved = same.scoring.decide(expected) != (same.other or same.scoring).decide(actual)
        if moved.any() and not off.any():
            checks.append(_labels(same, moved, differs))
    return checks


def difference(scoring: Scoring, expected: Array, actual: Array) -> Array:
    """How far each row is off (n,): the largest difference of a probability, relative for a regression."""
    if scoring.classifies:
        return np.asarray(np.abs(actual - expected).max(axis=1))
    return np.asarray(np.abs(actual - expected) / np.maximum(np.abs(expected), 1.0))


def _shapes(same: Sameness) -> Check:
    old, new = same.expected.shape, same.actual.shape
    if len(old) == len(new) and old[0] != new[0]:
        summary = f"{same.actual_is} gives {new[0]} answers to {old[0]} {same.rows}: rows were dropped or added"
    else:
        summary = f"{same.actual_is} gives scores of shape {new}, but {same.expected_is} has {old}: the classes differ"
    return Check(same.name, same.suite, Outcome.blocked, summary, old=old[0], new=new[0], severity=math.inf)


def _scores(same: Sameness, distance: Array, off: Array, policy: Policy, differs: Outcome) -> Check:
    count, rows, limit = int(off.sum()), len(off), policy.tolerance
    if not count:
        summary = f"{same.actual_is} equals {same.expected_is} on all {rows:,} {same.rows}, to {limit:g}."
        return Check(same.name, same.suite, Outcome.passed, summary, new=float(distance.max()), limit=limit)
    cause = find_cause(same.scoring, same.columns, same.expected, same.actual, off)
    finite = np.where(np.isfinite(distance), distance, np.inf)
    worst = np.argsort(-finite)[:MOST_SHOWN]
    summary = (
        f"{same.actual_is} differs from {same.expected_is} on {count:,} of {rows:,} {same.rows} "
        f"(by up to {finite.max():.3g}){f': {cause.words}' if cause.words else ''}"
    )
    return Check(
        same.name, same.suite, differs, summary, subject=cause.column,
        new=float(finite.max()) if np.isfinite(finite.max()) else None, limit=limit, severity=math.inf,
        evidence={"rows": worst.tolist(), "off": count, "cause": cause.words, "strength": cause.strength},
    )  # fmt: skip


def _labels(same: Sameness, moved: Array, differs: Outcome) -> Check:
    old, new = same.scoring.threshold, (same.other or same.scoring).threshold
    why = f"the threshold moved from {old:g} to {new:g}" if old != new else "the decision rule differs"
    summary = (
        f"{same.actual_is} gives {int(moved.sum()):,} of {len(moved):,} {same.rows} a different "
        f"label than {same.expected_is}, with equal scores: {why}"
    )
    name = f"{same.name.split('.')[0]}.labels"
    return Check(name, same.suite, differs, summary, old=old, new=new, severity=math.inf)
