"""Suites where nothing may differ: golden, reproduce, rebuild. Says which rows differ and what the likely cause is."""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.causes import find_cause
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.transformations import Cause
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, Suite

MOST_SHOWN = 20


@dataclass(frozen=True)
class Sameness:
    """Two sets of scores that have to be the same, and the words for them.

    `columns` are the rows that both answer; `expected` and `given` their scores. `meaning` reads the expected scores,
    `other` the given ones where its threshold or classes may be others. `rows` names the rows for people.
    """

    name: str  # as "golden.scores"; unique in a verdict
    suite: Suite
    scoring: Scoring
    columns: Columns
    expected: Array
    given: Array
    expected_is: str  # "what training stored"
    given_is: str  # "the installed candidate"
    rows: str = "golden rows"
    other: Scoring | None = None


def compare_exact(same: Sameness, policy: Policy, *, differs: Outcome = Outcome.blocked) -> list[Check]:
    """Compare scores and decided labels; `differs` is what a difference comes to (a redesign's is waiting)."""
    expected, given = same.expected, same.given
    if expected.shape != given.shape:
        return [_shapes(same)]
    if not len(expected):
        return [Check(same.name, same.suite, Outcome.inconclusive, f"There are no {same.rows} to compare.")]
    away = difference(same.scoring, expected, given)
    off = ~(away <= policy.tolerance)  # NaN is off
    checks = [_scores(same, away, off, policy, differs)]
    if same.scoring.classifies:
        before, after = same.scoring.decide(expected), (same.other or same.scoring).decide(given)
        moved = before != after
        if moved.any() and not off.any():
            checks.append(_labels(same, moved, differs))
    return checks


def difference(scoring: Scoring, expected: Array, given: Array) -> Array:
    """How far each row is off (n,): the largest difference of a probability, relative for a regression."""
    if scoring.classifies:
        return np.asarray(np.abs(given - expected).max(axis=1))
    return np.asarray(np.abs(given - expected) / np.maximum(np.abs(expected), 1.0))


def _shapes(same: Sameness) -> Check:
    old, new = same.expected.shape, same.given.shape
    if len(old) == len(new) and old[0] != new[0]:
        summary = f"{same.given_is} gives {new[0]} answers to {old[0]} {same.rows}: rows were dropped or added"
    else:
        summary = f"{same.given_is} gives scores of shape {new}, and {same.expected_is} has {old}: other classes"
    return Check(same.name, same.suite, Outcome.blocked, summary, old=old[0], new=new[0], severity=float("inf"))


def _scores(same: Sameness, away: Array, off: Array, policy: Policy, differs: Outcome) -> Check:
    count, rows = int(off.sum()), len(off)
    if not count:
        return Check(
            same.name,
            same.suite,
            Outcome.passed,
            f"{same.given_is} equals {same.expected_is} on all {rows:,} {same.rows}, to {policy.tolerance:g}.",
            new=float(away.max()),
            limit=policy.tolerance,
        )
    cause = find_cause(same.scoring, same.columns, same.expected, same.given, off)
    finite = np.where(np.isfinite(away), away, np.inf)
    worst = np.argsort(-finite)[:MOST_SHOWN]
    return Check(
        same.name,
        same.suite,
        differs,
        f"{same.given_is} differs from {same.expected_is} on {count:,} of {rows:,} {same.rows} "
        f"(by up to {finite.max():.3g}){_told(cause)}",
        subject=cause.column,
        new=float(finite.max()) if np.isfinite(finite.max()) else None,
        limit=policy.tolerance,
        severity=float("inf"),
        evidence={"rows": worst.tolist(), "off": count, "cause": cause.words, "strength": cause.strength},
    )


def _told(cause: Cause) -> str:
    return f": {cause.words}" if cause.words else ""


def _labels(same: Sameness, moved: Array, differs: Outcome) -> Check:
    old, new = same.scoring.threshold, (same.other or same.scoring).threshold
    why = f": the threshold moved from {old:g} to {new:g}" if old != new else ": the labels are decided otherwise"
    name = f"{same.name.split('.')[0]}.labels"
    return Check(
        name,
        same.suite,
        differs,
        f"{same.given_is} decides {int(moved.sum()):,} of {len(moved):,} {same.rows} otherwise "
        f"than {same.expected_is}, with equal scores{why}",
        old=old,
        new=new,
        severity=float("inf"),
    )
