"""The suite "total": what changed between two releases on the same rows, relative to harmless retraining."""

from dataclasses import replace

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, ticked
from seatrial.trial.compare.queries import USER_ROWS, Queries, QueryScores
from seatrial.trial.compare.statistics import MINIMAL, FamilyStatistics, NoiseFloor, measure
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, judged_check

WORDS = {
    "changes": "predictions moved",
    "flips": "labels flipped",
    "shares": "the shares of the predictions changed",
    "losses": "the candidate is worse",
    "slices": "a group changed",
    "search": "a pair of groups became worse",
    "sensitivity": "the use of a column changed",
    "probes": "predictions for generated rows changed",
}
MOST_MEMBERS = 8  # listed in a check's evidence
TURNED = "turned_by_replicas"  # in the evidence, for `follow`
IGNORED = 0.05  # of the old effect of shuffling a column: no retraining loses that much of it
EXPLAINING = ("total.sensitivity", "total.probes")


def compare_total(
    queries: Queries,
    groupings: list[Grouping],
    old: QueryScores,
    new: QueryScores,
    floor: NoiseFloor,
    policy: Policy,
) -> list[Check]:
    """Compare each family's statistics with its limit: one check per family, naming its worst member.

    Rows that one release does not answer (NaN) are left out; rows that only the candidate does not answer block.
    """
    checks = []
    there, here = _answered(old.rows), _answered(new.rows)
    lost = int((there & ~here).sum())
    if lost:
        summary = f"the candidate does not answer {lost:,} of {len(there):,} rows that the baseline answers"
        checks.append(Check("total.answered", "total", Outcome.blocked, summary, new=lost, severity=float("inf")))
    both = there & here
    if not both.any():
        summary = "No row is answered by both releases."
        return [*checks, Check("total.rows", "total", Outcome.inconclusive, summary)]
    groupings = [grouping.taken(both) for grouping in groupings] if not both.all() else groupings
    queries, old, new = answered_by_both(queries, old, new)
    for family, statistics in measure(queries, groupings, old, new, policy.min_slice).items():
        if family == "metrics":
            continue  # they have intervals, see `metrics`
        if family in floor.dropped:
            summary = f"Not judged: whether {WORDS[family]}, because {floor.dropped[family]}."
            hint = "Raise [tool.seatrial.trial] replicas, or give the trial more rows."
            checks.append(Check(f"total.{family}", "total", Outcome.noted, summary, hint=hint))
        elif family in floor.limits:
            checks.append(_judge(queries, family, statistics, floor))
    return [_weighed(check, checks) for check in checks]


def _weighed(check: Check, checks: list[Check]) -> Check:
    """Do not block because of sensitivity or probes alone: they show changes in rows that no caller sent.

    If two columns carry the same information, retraining may switch from one to the other while the predictions for
    real rows stay the same. If those change too, sensitivity and probes explain why.
    """
    others = [c for c in checks if c.outcome is Outcome.blocked and c.name not in EXPLAINING]
    if check.outcome is not Outcome.blocked or check.name not in EXPLAINING or others:
        return check
    if check.name == "total.sensitivity" and (check.new or 0.0) <= IGNORED * (check.old or 0.0):
        return check  # the column was used and no longer is: it was lost, whatever these rows show
    summary = f"On real rows, nothing changed beyond harmless retraining, but {check.summary}"
    return replace(check, outcome=Outcome.noted, summary=summary)


def _answered(scores: Array) -> Array:
    return np.asarray(np.isfinite(scores).all(axis=tuple(range(1, scores.ndim))))


def answered_by_both(queries: Queries, old: QueryScores, new: QueryScores) -> tuple[Queries, QueryScores, QueryScores]:
    """Leave out rows and probes that a release does not answer, and columns whose shuffled rows it does not answer.

    Shuffling mixes values, which may break a rule of the schema.
    """
    both = _answered(old.rows) & _answered(new.rows)
    if not both.all():
        queries, pick = queries.narrowed(both)
        old, new = pick(old), pick(new)
    kept = _answered(old.probes) & _answered(new.probes)
    columns = tuple(
        name for name in queries.columns if (_answered(old.shuffled[name]) & _answered(new.shuffled[name])).all()
    )
    probed = tuple(name for name, keep in zip(queries.probed, kept.tolist(), strict=True) if keep)
    probes = {name: values[kept] for name, values in queries.probes.items()}
    narrow = replace(queries, probed=probed, columns=columns, probes=probes)
    return narrow, replace(old, probes=old.probes[kept]), replace(new, probes=new.probes[kept])


def _judge(queries: Queries, family: str, statistics: FamilyStatistics, floor: NoiseFloor) -> Check:
    members = ("",) if family == "search" else statistics.members
    limits = np.array([floor.limits[family].of(name) for name in members])
    over = statistics.values / limits
    counted = np.where(statistics.effects >= MINIMAL[family], over, np.minimum(over, 0.99))
    worst = int(counted.argmax())
    failed = bool(counted[worst] > 1)
    old, new = (None if v is None else float(v[worst]) for v in (statistics.old, statistics.new))
    effect = float(statistics.effects[worst])
    failure, success = _sentences(queries, family, statistics, worst, float(limits[worst]))
    names = statistics.members
    return judged_check(
        f"total.{family}", "total", failed, failure, success,
        subject=group_of(names[worst]) if failed else "", old=old, new=effect if new is None else new,
        limit=float(limits[worst]), severity=float(counted[worst]),
        evidence={
            "members": [
                {"name": names[k], "value": float(statistics.values[k]), "limit": float(limits[k])}
                for k in np.argsort(-counted)[:MOST_MEMBERS].tolist()
            ],
            **({TURNED: floor.turned} if family in ("flips", "changes") else {}),
        },
    )  # fmt: skip


def group_of(member: str) -> str:
    """The group that a member of the family "slices" is about."""
    return member.removesuffix(" (moved)").removesuffix(" (worse)")


def _sentences(
    queries: Queries, family: str, statistics: FamilyStatistics, worst: int, limit: float
) -> tuple[str, str]:
    """What a family's check says if it fails, and if it passes."""
    name, value, effect = statistics.members[worst], statistics.values[worst], statistics.effects[worst]
    unit = "" if queries.scoring.classifies else " (in units of the labels' spread)"
    reach = f"harmless retraining reaches {limit:.3g}"
    old, new = (0.0 if v is None else float(v[worst]) for v in (statistics.old, statistics.new))
    if family == "sensitivity":
        words = f"shuffling it moved predictions by {old:.2g} before, {new:.2g} now"
        use = f"the candidate uses `{name}` {'less' if new < old else 'more'} than the baseline ({words})"
        if new <= 0.1 * old:
            use = f"the candidate ignores `{name}` ({words})"
        elif old <= 0.1 * new:
            use = f"the candidate relies on `{name}`, which the baseline hardly used ({words})"
        return use, f"Every column is used as before; `{name}` changed most ({words})."
    if family in ("slices", "search"):
        group, what = group_of(name), "its predictions moved" if name.endswith("(moved)") else "its error grew"
        words = f"{what} by {value:.3g}{unit}; {reach}"
        return f"the group {ticked(group)} changed: {words}", f"No group changed much; {group} changed most: {words}."
    if family == "probes":
        # The user's rows without labels are compared among the probes.
        rows, vary = ("rows", "come from --data") if name == USER_ROWS else ("generated rows", f"vary `{name}`")
        words = f"by {value:.3g}{unit}; {reach}"
        return (
            f"predictions for {rows} that {vary} moved {words}",
            f"Predictions for {rows} changed little; those that {vary} moved most, {words}.",
        )
    if family == "losses":
        words = f"{name} went from {old:.3g} to {new:.3g}{unit}; {reach}"
        return f"the candidate is worse: {words}", f"Not worse: {words}."
    verb = "changed by" if family == "shares" else "were" if family == "flips" else "is"
    words = f"{name} {verb} {effect:.3g}{unit}; {reach}"
    return f"{WORDS[family]} more than retraining explains: {words}", f"No more than after retraining: {words}."
