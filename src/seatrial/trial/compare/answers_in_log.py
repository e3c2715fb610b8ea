"""Whether a release answers logged requests as the log says that it did: log, wheel and server agree, or one does not.

A difference is a finding of its own, whatever the candidate does: features that a server computed differently, another
wheel under the same version, a log that was changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.exact import difference
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

NAME = "traffic.logged"
MOST_SHOWN = 5
HINT = (
    "Find out which of them is wrong: install that release's wheel again where it serves, and look for another build "
    "of the same version, or for a changed log."
)


@dataclass(frozen=True)
class AnswersInLog:
    """What one version answered, by the log; (n,) each. `scores` (n, k) or (n,), and `answers` the predicted labels."""

    scores: Array
    answers: Sequence[Any]
    times: Sequence[datetime]
    requests: Sequence[tuple[str, int]]
    wheels: Sequence[str]


def compare_logged(scoring: Scoring, logged: AnswersInLog, now: Array, version: str, policy: Policy) -> list[Check]:
    """Compare logged answers with those of the release's wheel `now`, of the same shape; NaN if it rejects a row."""
    if not len(now):
        summary = (
            f"{version} has answered none of these rows, so what it answered cannot be compared with its wheel. "
            "Other versions did."
        )
        return [Check(NAME, "traffic", Outcome.noted, summary)]
    distance = difference(scoring, logged.scores, now)
    off = ~(distance <= policy.tolerance)
    if scoring.classifies:
        said = np.array([str(each) for each in logged.answers], dtype=object)
        decided = np.array([str(each) for each in scoring.labels(scoring.decide(np.nan_to_num(now)))], dtype=object)
        off |= said != decided
    count, rows = int(off.sum()), len(off)
    largest = float(np.nanmax(distance)) if np.isfinite(distance).any() else None
    if not count:
        summary = f"The wheel of {version} gives all {rows:,} answers that the log has of it, to {policy.tolerance:g}."
        return [Check(NAME, "traffic", Outcome.passed, summary, new=largest, limit=policy.tolerance)]
    order = sorted(np.flatnonzero(off).tolist(), key=lambda place: logged.times[place])
    summary = (
        f"the log says that {version} answered {count:,} of {rows:,} rows differently from its wheel, "
        f"{_since(logged, off, order)}{_builds(logged, off)}; first request {logged.requests[order[0]][0]}: "
        f"{_difference(scoring, logged, now, order[0])}"
    )
    evidence = {
        "off": count,
        "since": logged.times[order[0]].isoformat(),
        "until": logged.times[order[-1]].isoformat(),
        "requests": [
            {"request_id": logged.requests[k][0], "row": logged.requests[k][1], "time": logged.times[k].isoformat(),
             "logged": _plain(logged.scores[k]), "now": _plain(now[k])}
            for k in order[:MOST_SHOWN]
        ],
    }  # fmt: skip
    return [
        Check(
            NAME, "traffic", Outcome.waiting, summary, new=largest, limit=policy.tolerance, severity=float("inf"),
            hint=HINT, evidence=evidence,
        )
    ]  # fmt: skip


def _since(logged: AnswersInLog, off: Array, order: list[int]) -> str:
    """Since when answers differ, as far as the equal ones around them say."""
    same = [logged.times[place] for place in np.flatnonzero(~off).tolist()]
    first, last = logged.times[order[0]], logged.times[order[-1]]
    words = f"since {first:%Y-%m-%d %H:%M} UTC"
    if not same:
        return f"all of them {words}"
    if last < max(same):
        words = f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    between = sum(first <= moment <= last for moment in same)
    return f"{words}, with {between:,} equal ones in that time" if between else words


def _builds(logged: AnswersInLog, off: Array) -> str:
    """Say whether another build of the version explains the difference."""
    different = {logged.wheels[place] for place in np.flatnonzero(off).tolist()}
    same = {logged.wheels[place] for place in np.flatnonzero(~off).tolist()}
    return ", all by another build of that version" if same and different and not different & same else ""


def _difference(scoring: Scoring, logged: AnswersInLog, now: Array, place: int) -> str:
    if not np.isfinite(now[place]).all():
        return "its wheel rejects the row"
    before, after = logged.scores[place], now[place]
    if before.ndim:
        far = int(np.abs(after - before).argmax()) if np.isfinite(before).all() else scoring.positive
        before, after = before[far], after[far]
    if before == after:
        return f"logged as {logged.answers[place]}, with equal scores"
    return f"logged {float(before):.6g}, now {float(after):.6g}"


def _plain(scores: Array) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in np.atleast_1d(scores)]
