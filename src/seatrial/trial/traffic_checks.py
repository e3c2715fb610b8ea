"""The suite "traffic": what both releases answer to what production was asked.

Decisions that turn are judged as on the rows of the suite "total": by what replicas of the baseline's recipe, which are
harmless retrains, turn among the same rows. Labels say whether a change is for the better.
"""

from collections import Counter
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.answers_in_log import AnswersInLog, compare_logged
from seatrial.trial.compare.groups import Grouping, ticked
from seatrial.trial.compare.metrics import compare_metrics
from seatrial.trial.compare.queries import Queries, QueryScores
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.statistics import groups_of
from seatrial.trial.compare.total import compare_total
from seatrial.trial.noise import calibrate, part_of_budget
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, judged_check
from seatrial.trial.replay import Replay, as_queries, as_scores, finite, queries_of
from seatrial.trial.report.evidence import BeforeAfter
from seatrial.trial.rows.logged_rows import LoggedRows

MOST_NAMED = 5
NOT_REPLAYED = Check(
    "traffic.rows", "traffic", Outcome.noted, "No traffic was replayed: there is no baseline to compare answers with."
)
NO_ROWS = "There are no rows of production in this window, so nothing was replayed."


def check_traffic(found: Replay, scoring: Scoring, version: str, policy: Policy, missing: str = "") -> list[Check]:
    """Judge a replay of the baseline's `version`; `missing` says why there are no replicas."""
    rows = found.rows
    if rows.missing or not rows.size:
        summary = rows.missing or NO_ROWS
        hint = "" if rows.missing else "Name a longer window, or look at `seatrial log`."
        return [Check("traffic.rows", "traffic", Outcome.inconclusive, summary, hint=hint, evidence={"not_run": True})]
    checks = [_drawn(rows)]
    own = np.flatnonzero((rows.versions == version) & finite(rows.scores))
    places = own.tolist()
    logged = AnswersInLog(
        rows.scores[own],
        [rows.answers[k] for k in places],
        [rows.times[k] for k in places],
        [rows.requests[k] for k in places],
        [rows.wheels[k] for k in places],
    )
    checks += compare_logged(scoring, logged, found.old[own], version, policy)
    queries, old, new = queries_of(found, scoring, rows.first)
    groupings = groups_of(queries, policy.slices)
    checks += _changes(found, queries, groupings, old, new, policy, missing)
    answered = finite(old.rows) & finite(new.rows)
    if scoring.classifies and answered.any():
        checks.append(_turned(queries, groupings, old.rows, new.rows, answered, rows.weights[rows.first]))
    return checks + _by_labels(queries, old, new, policy)


def _drawn(rows: LoggedRows) -> Check:
    """What was drawn, of what."""
    distinct = int(rows.first.sum())
    asked = ", ".join(f"{count:,} by {version}" for version, count in sorted(rows.by_version.items()))
    labelled = sum(label is not None for label in rows.labels)
    of = f" of about {rows.distinct:,.0f}" if rows.distinct > distinct * 1.01 else ""
    summary = (
        f"{distinct:,}{of} distinct rows that production was asked {rows.window} were replayed; "
        f"{rows.logged:,} were logged ({asked}), and {labelled:,} of the replayed ones have a label"
    )
    summary = ". ".join([summary, *rows.notes])
    evidence = {"logged": rows.logged, "distinct": rows.distinct, "by_version": rows.by_version, "labelled": labelled}
    return Check("traffic.rows", "traffic", Outcome.noted, summary, new=float(distinct), evidence=evidence)


def _changes(
    found: Replay, queries: Queries, groupings: list[Grouping], old: QueryScores, new: QueryScores, policy: Policy,
    missing: str,
) -> list[Check]:  # fmt: skip
    """How much the answers changed, against what replicas of the baseline change on the same rows."""
    floor = None
    if found.replicas:
        few = {name: values[found.calibrated] for name, values in found.rows.columns.items()}
        asked = as_queries(queries.scoring, few, None)
        floor = calibrate(asked, groups_of(asked, policy.slices), [as_scores(each) for each in found.replicas], policy)
    unlabelled = replace(queries, truth=None)
    if floor is not None:
        compared = compare_total(unlabelled, groupings, old, new, floor, policy)
        return [_as_traffic(check, found) for check in compared]
    lost = int((finite(old.rows) & ~finite(new.rows)).sum())
    checks = [_as_traffic(_lost(lost, len(old.rows)), found)] if lost else []
    outcome = Outcome.inconclusive if policy.inconclusive == "wait" else Outcome.noted
    summary = f"The noise floor of harmless retraining is unknown, so turned decisions cannot be judged. {missing}"
    return [*checks, Check("traffic.noise", "traffic", outcome, summary.strip(), evidence={"not_run": True})]


def _lost(lost: int, rows: int) -> Check:
    summary = f"the candidate does not answer {lost:,} of {rows:,} rows that the baseline answers"
    return Check("total.answered", "total", Outcome.blocked, summary, new=lost, severity=float("inf"))


def _as_traffic(check: Check, found: Replay) -> Check:
    """A check of "total" as one of "traffic"."""
    name = check.name.replace("total.", "traffic.", 1)
    summary = check.summary.replace("its error grew by", "its predictions rose by")  # without labels there is no error
    if name == "traffic.answered":
        refused = int((found.refused & found.rows.first & finite(found.old)).sum())
        summary = f"of what production was asked, {summary}" + (f"; its schema rejects {refused:,}" if refused else "")
    elif check.outcome is Outcome.blocked:
        summary = f"of what production was asked, {summary}"
    return replace(check, name=name, suite="traffic", summary=summary)


def _turned(
    queries: Queries, groupings: list[Grouping], old: Array, new: Array, answered: Array, weights: Array
) -> Check:
    """How many decisions turn, which way, and in which groups most."""
    scoring = queries.scoring
    before, after = (scoring.decide(scores[answered]) for scores in (old, new))
    turned, weights = before != after, weights[answered]
    share = float((turned * weights).sum() / weights.sum())
    ways = Counter(zip(before[turned].tolist(), after[turned].tolist(), strict=True))
    names = [str(each) for each in scoring.classes]
    listed = ", ".join(f"{n:,} from {names[a]} to {names[b]}" for (a, b), n in ways.most_common(MOST_NAMED))
    groups = _groups_that_turn([grouping.taken(answered) for grouping in groupings], turned)
    where = ""
    if groups and turned.any():
        where = f"; most in {ticked(str(groups[0]['name']))} ({groups[0]['share']:.1%} of {groups[0]['rows']:,})"
    summary = f"{int(turned.sum()):,} of {len(turned):,} decisions turn ({share:.2%} of what is asked)"
    summary += f": {listed}{where}" if listed else ""
    return Check("traffic.turned", "traffic", Outcome.noted, summary, new=share, evidence={"groups": groups})


def _groups_that_turn(groupings: list[Grouping], turned: Array) -> list[dict[str, Any]]:
    """The groups whose decisions turn more often than all do, by how unlikely that is by chance."""
    share = float(turned.mean()) if len(turned) else 0.0
    found = []
    for grouping in groupings:
        counts, hits = grouping.counts, grouping.sums(turned)
        spread = np.sqrt(np.maximum(counts * share * (1 - share), 1e-12))
        for k in np.flatnonzero(hits > counts * share).tolist():
            rows, own = int(counts[k]), float(hits[k] / counts[k])
            found.append((float((hits[k] - counts[k] * share) / spread[k]), grouping.names[k], own, rows))
    return [{"name": name, "share": own, "rows": rows} for _, name, own, rows in sorted(found, reverse=True)[:8]]


def _by_labels(queries: Queries, old: QueryScores, new: QueryScores, policy: Policy) -> list[Check]:
    """Whether the change is for the better, on the rows whose outcome is known."""
    scoring, truth = queries.scoring, queries.truth
    assert truth is not None
    known = (truth >= 0 if scoring.classifies else np.isfinite(truth)) & finite(old.rows) & finite(new.rows)
    count = int(known.sum())
    if count < policy.min_rows:
        summary = (
            f"{count:,} of the replayed rows have a label, too few to say whether the change is for the better; "
            f"{policy.min_rows} are needed"
        )
        hint = "Record outcomes with `seatrial log labels FILE`."
        return [Check("traffic.labels", "traffic", Outcome.noted, summary, new=float(count), hint=hint)]
    before, after, true = old.rows[known], new.rows[known], truth[known]
    measured = compare_metrics(scoring, before, after, true, policy)
    checks = [
        replace(check, name="traffic.worse", suite="traffic", summary=f"on labelled requests: {check.summary}")
        for check in measured
        if check.name == "metrics.worse"
    ]
    return [*checks, _better_or_worse(scoring, before, after, true, policy)] if scoring.classifies else checks


def _better_or_worse(scoring: Scoring, old: Array, new: Array, truth: Array, policy: Policy) -> Check:
    """Count turned decisions that were right before, and that are right now (McNemar 1947, the exact test)."""
    before, after = scoring.decide(old) == truth, scoring.decide(new) == truth
    worse, better = int((before & ~after).sum()), int((~before & after).sum())
    chance = at_least(worse, worse + better)
    net = (worse - better) / len(truth)
    summary = (
        f"of the labelled decisions that turn, {better:,} were wrong and are right, {worse:,} were right and are wrong "
        f"(net {-net:+.2%} of {len(truth):,}; McNemar's test of worse: p = {chance:.2g})"
    )
    return judged_check(
        "traffic.right", "traffic", chance < part_of_budget(policy) and net > policy.margin,
        f"decisions turn for the worse: {summary}", f"Not for the worse beyond chance and margin: {summary}.",
        old=float(before.mean()), new=float(after.mean()), limit=policy.margin,
        severity=max(net, 0.0) / max(policy.margin, 1e-9),
    )  # fmt: skip


def at_least(hits: int, trials: int) -> float:
    """The probability of at least so many heads of a fair coin."""
    from scipy.special import bdtrc

    return float(bdtrc(hits - 1, trials, 0.5)) if hits else 1.0


def traffic_pictures(found: Replay, scoring: Scoring, policy: Policy) -> list[dict[str, Any]]:
    """What share of each group gets the positive answer, before and now, for the page; [] where it has none."""
    chosen = found.rows.first & finite(found.old) & finite(found.new) if found.rows.size else np.zeros(0, dtype=bool)
    if not (chosen.any() and scoring.task == "binary"):
        return []
    queries, old, new = queries_of(found, scoring, chosen)
    before, after = (scoring.decide(each.rows) == scoring.positive for each in (old, new))
    pairs = [
        BeforeAfter(grouping.names[k], float(old_share[k]), float(new_share[k]), rows=int(grouping.counts[k]))
        for grouping in groups_of(queries, policy.slices)
        for old_share, new_share in [(grouping.means(before), grouping.means(after))]
        for k in np.flatnonzero(grouping.counts >= policy.min_slice).tolist()
    ]
    return [asdict(pair) for pair in pairs]
