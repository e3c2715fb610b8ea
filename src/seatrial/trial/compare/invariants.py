"""What must hold of any release, exactly: each row answered once and in order, alike each time, alone or not."""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome


@dataclass(frozen=True)
class Repeats:
    """One side's answers to the same `rows` rows, asked in several ways.

    `first` and `again` are two calls with all rows; `alone` the answers to the rows `alone_rows` asked one by one;
    `permuted` the answers to the rows in the order `permutation`; `changed` names the columns that the call changed in
    the caller's own rows. Scores are (n, n_classes) or (n,).
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
    repeats: Repeats, scoring: Scoring, policy: Policy, *, side: str = "the candidate"
) -> list[Check]:
    """Check all of them; a check that another one makes meaningless is left out."""
    if len(repeats.first) != repeats.rows:
        return [_fail("rows", f"{side} gives {len(repeats.first)} answers to {repeats.rows} rows: rows were dropped")]
    checks = [_check("rows", True, f"{side} answers each of {repeats.rows:,} rows once", "")]
    finite = np.isfinite(repeats.first)
    bad = int((~finite.reshape(repeats.rows, -1).all(axis=1)).sum())
    checks.append(
        _check("finite", bad == 0, "all scores are finite", f"{side} gives {bad} answers that are not finite numbers")
    )
    if scoring.classifies and bad == 0:
        sums = repeats.first.sum(axis=1)
        odd = int(((np.abs(sums - 1) > 1e-6) | (repeats.first < -1e-9).any(axis=1)).sum())
        checks.append(
            _check(
                "sums",
                odd == 0,
                "probabilities add up to 1",
                f"{side} gives {odd} rows whose probabilities do not add up to 1",
            )
        )
    told = [
        (
            "again",
            repeats.first,
            repeats.again,
            f"{side} gives another answer to the same rows the second time: it is not deterministic",
        ),
        (
            "alone",
            repeats.first[repeats.alone_rows],
            repeats.alone,
            f"{side} answers a row alone otherwise than in a batch",
        ),
        (
            "order",
            repeats.first[repeats.permutation],
            repeats.permuted,
            f"{side} answers a row otherwise when the rows come in another order",
        ),
    ]
    for name, expected, given, words in told:
        if expected.shape != given.shape:
            checks.append(_fail(name, f"{side} gives {len(given)} answers to {len(expected)} rows: rows were dropped"))
            continue
        away = difference(scoring, expected, given) if len(given) else np.zeros(1)
        # NaN where NaN was is told by the check on finite values.
        off = int((~(away <= policy.tolerance) & ~np.isnan(away)).sum())
        good = {"again": "twice the same answer", "alone": "alone as in a batch", "order": "the same in any order"}[
            name
        ]
        checks.append(
            _check(name, off == 0, good, f"{words} ({off} of {len(given)} rows, by up to {np.nanmax(away):.2g})")
        )
        if off and name == "again":
            return checks  # what is not deterministic fails the rest too, and that says nothing more
    checks.append(
        _check(
            "inputs",
            not repeats.changed,
            "the rows are left as they were",
            f"{side} changes the caller's rows in place: {', '.join(f'`{c}`' for c in repeats.changed)}",
        )
    )
    return checks


def _check(name: str, good: bool, passed: str, failed: str) -> Check:
    return Check(f"invariants.{name}", "invariants", Outcome.passed, passed) if good else _fail(name, failed)


def _fail(name: str, summary: str) -> Check:
    return Check(f"invariants.{name}", "invariants", Outcome.blocked, summary, severity=float("inf"))
