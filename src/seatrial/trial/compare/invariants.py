"""What must be true of any release: each row answered once and in order, and the same each time, alone or not."""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, judged_check


@dataclass(frozen=True)
class Repeats:
    """One release's answers to the same `rows` rows, asked in several ways.

    `first` and `again` are two calls with all rows; `alone` are the answers to the rows `alone_rows`, asked one by one;
    `permuted` are the answers to the rows in the order `permutation`; `changed` names the columns that the call changed
    in the caller's own rows. Scores are (n, n_classes) or (n,).
    """

    rows: int
    first: Array
    again: Array
    alone: Array
    alone_rows: Array
    permuted: Array
    permutation: Array
    changed: tuple[str, ...] = ()


def compare_invariants(
    repeats: Repeats, scoring: Scoring, policy: Policy, *, role: str = "the candidate"
) -> list[Check]:
    """Check all invariants; a check that another one makes meaningless is left out."""
    first, rows = repeats.first, repeats.rows
    lost = f"{role} gives {len(first)} answers to {rows} rows: rows were dropped"
    checks = [_check("rows", len(first) != rows, lost, f"{role} answers each of {rows:,} rows once")]
    if len(first) != rows:
        return checks
    bad = int((~np.isfinite(first).reshape(rows, -1).all(axis=1)).sum())
    checks.append(_check("finite", bad > 0, f"{role} gives {bad} scores that are not finite", "all scores are finite"))
    if scoring.classifies and bad == 0:
        odd = int(((np.abs(first.sum(axis=1) - 1) > 1e-6) | (first < -1e-9).any(axis=1)).sum())
        failure = f"{role} gives {odd} rows probabilities that do not add up to 1"
        checks.append(_check("sums", odd > 0, failure, "probabilities add up to 1"))
    for name, expected, actual, failure, success in (
        (
            "again", first, repeats.again,
            "scores the same rows differently the second time: it is not deterministic", "the same scores twice",
        ),
        (
            "alone", first[repeats.alone_rows], repeats.alone,
            "scores a row alone differently from the same row in a batch", "the same scores alone and in a batch",
        ),
        (
            "order", first[repeats.permutation], repeats.permuted,
            "scores a row differently if the rows are in another order", "the same scores in any order",
        ),
    ):  # fmt: skip
        if expected.shape != actual.shape:
            lost = f"{role} gives {len(actual)} answers to {len(expected)} rows: rows were dropped"
            checks.append(_check(name, True, lost, ""))
            continue
        distance = difference(scoring, expected, actual) if len(actual) else np.zeros(1)
        # NaN in both is reported by the check on finite values.
        off = int((~(distance <= policy.tolerance) & ~np.isnan(distance)).sum())
        detail = f"({off} of {len(actual)} rows, by up to {np.nanmax(distance):.2g})"
        checks.append(_check(name, off > 0, f"{role} {failure} {detail}", success))
        if off and name == "again":
            return checks  # a model that is not deterministic fails the rest too, which says nothing more
    changed = f"{role} changes the caller's rows in place: {', '.join(f'`{c}`' for c in repeats.changed)}"
    return [*checks, _check("inputs", bool(repeats.changed), changed, "the rows are not changed")]


def _check(name: str, failed: bool, failure: str, success: str) -> Check:
    severity = float("inf") if failed else 0.0
    return judged_check(f"invariants.{name}", "invariants", failed, failure, success, severity=severity)
