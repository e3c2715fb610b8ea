"""The total suite: what changed between two releases on the same rows, against what harmless retraining changes."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, ticked
from seatrial.trial.compare.queries import Queries, QueryScores
from seatrial.trial.compare.statistics import MINIMAL, Figures, measure
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

if TYPE_CHECKING:
    from seatrial.trial.noise import NoiseFloor

WORDS = {
    "changes": "predictions moved",
    "flips": "labels flipped",
    "shares": "what is predicted how often changed",
    "losses": "the candidate is worse",
    "slices": "a group changed",
    "search": "a pair of groups became worse",
    "sensitivity": "the use of a column changed",
    "probes": "answers to made-up rows changed",
}


IGNORED = 0.05  # of what shuffling a column did before: no retraining gives up that much of it
EXPLAINING = ("total.sensitivity", "total.probes")


def compare_total(
    queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, null: "NoiseFloor", policy: Policy
) -> list[Check]:
    """Hold every family's figures to the null's limits: one check a family, naming its worst member.

    Rows that a side does not answer (NaN) are left out; those that the candidate alone does not answer block.
    """
    checks = []
    there, here = _answered(old.rows), _answered(new.rows)
    lost = int((there & ~here).sum())
    if lost:
        told = f"the candidate does not answer {lost:,} of {len(there):,} rows that the baseline answers"
        checks.append(Check("total.answered", "total", Outcome.blocked, told, new=lost, severity=float("inf")))
    both = there & here
    if not both.any():
        told = "There is no row that both sides answer."
        return [*checks, Check("total.rows", "total", Outcome.inconclusive, told)]
    if not both.all():
        queries, pick = queries.narrowed(both)
        groupings = [replace(grouping, codes=grouping.codes[both]) for grouping in groupings]
        old, new = pick(old), pick(new)
    queries, old, new = _answered_elsewhere(queries, old, new)
    for family, figures in measure(queries, groupings, old, new, policy.min_slice).items():
        if family == "metrics":
            continue  # they have intervals of their own, see `metrics`
        if family in null.dropped:
            checks.append(_dropped(family, null.dropped[family]))
        elif family in null.limits:
            checks.append(_judge(queries, family, figures, null))
    return [_weighed(check, checks) for check in checks]


def _weighed(check: Check, checks: list[Check]) -> Check:
    """Let what is only seen in rows that nobody sent decide nothing alone.

    Where columns tell the same, retraining may turn from one to the other, or one odd row may, and real rows are
    answered as before. If these are not, sensitivity and probes say why.
    """
    others = [c for c in checks if c.outcome is Outcome.blocked and c.name not in EXPLAINING]
    if check.outcome is not Outcome.blocked or check.name not in EXPLAINING or others:
        return check
    if check.name == "total.sensitivity" and (check.new or 0.0) <= IGNORED * (check.old or 0.0):
        return check  # a column that was used and is not any more was lost on the way, whatever the rows happen to show
    summary = f"Real rows are answered as after any retraining, though {check.summary}"
    return replace(check, outcome=Outcome.noted, summary=summary)


def _answered(scores: Array) -> Array:
    return np.asarray(np.isfinite(scores).all(axis=tuple(range(1, scores.ndim))))


def _answered_elsewhere(
    queries: Queries, old: QueryScores, new: QueryScores
) -> tuple[Queries, QueryScores, QueryScores]:
    """Leave out probes that a side refuses, and columns whose shuffled rows it does: mixed values may break a rule."""
    kept = _answered(old.probes) & _answered(new.probes)
    columns = tuple(
        name for name in queries.columns if (_answered(old.shuffled[name]) & _answered(new.shuffled[name])).all()
    )
    probed = tuple(name for name, keep in zip(queries.probed, kept.tolist(), strict=True) if keep)
    narrow = replace(queries, probed=probed, columns=columns, probes={n: v[kept] for n, v in queries.probes.items()})
    return narrow, replace(old, probes=old.probes[kept]), replace(new, probes=new.probes[kept])


def _dropped(family: str, reason: str) -> Check:
    return Check(
        f"total.{family}",
        "total",
        Outcome.noted,
        f"Not judged: whether {WORDS[family]}, as {reason}.",
        hint="Raise [tool.seatrial.trial] replicas, or give the trial more rows.",
    )


def _judge(queries: Queries, family: str, figures: Figures, null: "NoiseFloor") -> Check:
    limit = null.limits[family]
    members = ("",) if family == "search" else figures.members
    limits = np.array([limit.of(name) for name in members])
    over = figures.values / limits
    counted = np.where(figures.plain >= MINIMAL[family], over, np.minimum(over, 0.99))
    worst = int(counted.argmax())
    failed = bool(counted[worst] > 1)
    outcome = Outcome.blocked if failed else Outcome.passed
    name = figures.members[worst]
    old = None if figures.old is None else float(figures.old[worst])
    new = None if figures.new is None else float(figures.new[worst])
    subject = name.removesuffix(" (moved)").removesuffix(" (worse)")
    rank = np.argsort(-counted)[:8]
    return Check(
        f"total.{family}",
        "total",
        outcome,
        _sentence(queries, family, figures, worst, failed, float(limits[worst])),
        subject=subject if failed else "",
        old=old,
        new=float(figures.plain[worst]) if new is None else new,
        limit=float(limits[worst]),
        severity=float(counted[worst]),
        evidence={
            "members": [
                {"name": figures.members[k], "value": float(figures.values[k]), "limit": float(limits[k])}
                for k in rank.tolist()
            ]
        },
    )


def _sentence(queries: Queries, family: str, figures: Figures, worst: int, failed: bool, limit: float) -> str:
    name, value, plain = figures.members[worst], float(figures.values[worst]), float(figures.plain[worst])
    unit = "" if queries.scoring.classifies else " (in units of the labels' spread)"
    against = f"harmless retraining reaches {limit:.3g}"
    if family == "sensitivity" and figures.old is not None and figures.new is not None:
        old, new = float(figures.old[worst]), float(figures.new[worst])
        told = f"shuffling it moved predictions by {old:.2g} before, {new:.2g} now"
        if not failed:
            return f"Every column is used as before; most changed `{name}` ({told})."
        if new <= 0.1 * old:
            return f"the candidate ignores `{name}` ({told})"
        if old <= 0.1 * new:
            return f"the candidate leans on `{name}`, which the baseline hardly used ({told})"
        return f"the candidate uses `{name}` {'less' if new < old else 'more'} than the baseline ({told})"
    if family in ("slices", "search"):
        group, worse = name.removesuffix(" (moved)").removesuffix(" (worse)"), not name.endswith("(moved)")
        what = "its error grew" if worse else "its predictions moved"
        told = f"{what} by {value:.3g}{unit}; {against}"
        return f"the group {ticked(group)} changed: {told}" if failed else f"No group changed; most: {group}, {told}."
    if family == "probes":
        told = f"by {value:.3g}{unit}; {against}"
        if failed:
            return f"answers to made-up rows that vary `{name}` moved {told}"
        return f"Answers to made-up rows stay; most moved those that vary `{name}`, {told}."
    told = f"{name} is {plain:.3g}{unit}; {against}"
    if family == "losses":
        name_old, name_new = (
            (float(figures.old[worst]), float(figures.new[worst]))
            if (figures.old is not None and figures.new is not None)
            else (0.0, 0.0)
        )
        told = f"{name} went from {name_old:.3g} to {name_new:.3g}{unit}; {against}"
        return f"the candidate is worse: {told}" if failed else f"Not worse: {told}."
    return f"{WORDS[family]} beyond what retraining explains: {told}" if failed else f"As after any retraining: {told}."
