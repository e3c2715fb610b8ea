"""Metrics of two releases on the same labelled rows: not worse, better than trivial, and not suspiciously better.

Intervals are paired bootstraps (Efron 1979): each resample of the rows gives the metric of both releases and so their
difference.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seatrial.model.bootstrap import drawn_counts, mean, roc_auc
from seatrial.model.features import Array, Floats
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, judged_check

RESAMPLES = 250
MOST_ROWS = 10_000  # more rows are thinned out for resampling; the interval gets wider, which is the safe direction
PERCENTILES = (2.5, 97.5)
SIGNIFICANT = 3.0  # standard errors that a suspicious gain must exceed
POOR = 3.0  # times the margin: a smaller loss that cannot be determined is worth saying
MORE_LABELS = (
    "Hold more rows out (test_share), or add labelled ones with `seatrial trial --data`, to see smaller losses."
)
FEW_LABELS = "Lower min_rows or hold out more rows."


@dataclass(frozen=True)
class WeightedMetric:
    """One metric of one release: `compute` gives it on some of the rows, for each row of their counts (draws, n).

    `weights` (n,) say how many rows each one counts for; None where all count the same. Where rows come in `groups`
    (n,), resamples are of these.
    """

    name: str
    label: str
    rows: int
    compute: Callable[[slice, Array], Array]
    higher_is_better: bool = True
    weights: Floats | None = None
    groups: Array | None = None

    @cached_property
    def value(self) -> float:
        """The metric on the rows as they are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(self._weighted(slice(None), np.ones((1, self.rows)))[0])

    def resampled(self, seed: int) -> Array:
        """The metric on bootstrap resamples of the rows (draws,); the same seed draws the same rows."""
        thinned = slice(None, None, self.rows // MOST_ROWS + 1 if self.rows > MOST_ROWS else 1)
        groups = None if self.groups is None else self.groups[thinned]
        counts = drawn_counts(len(range(self.rows)[thinned]), seed, RESAMPLES, groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([self._weighted(thinned, chunk) for chunk in counts])

    def _weighted(self, part: slice, counts: Array) -> Array:
        return self.compute(part, counts if self.weights is None else counts * self.weights[part])

    def loss(self, old: Array, new: Array, scale: float) -> Array:
        """How much worse `new` is than `old`; errors as a share of `scale`, the old error. Better is negative."""
        return old - new if self.higher_is_better else (new - old) / max(abs(scale), 1e-3)


def metrics_of(
    scoring: Scoring, scores: Array, truth: Array, weights: Floats | None = None, groups: Array | None = None
) -> list[WeightedMetric]:
    """The metrics of one release, the headline first: ROC AUC, accuracy or RMSE."""

    def metric(name: str, label: str, compute: Callable[[slice, Array], Array], higher: bool) -> WeightedMetric:
        return WeightedMetric(name, label, len(truth), compute, higher, weights, groups)

    def averaged(name: str, label: str, values: Array, *, higher: bool = False) -> WeightedMetric:
        return metric(name, label, lambda part, counts: mean(values[part], counts), higher)

    if not scoring.classifies:
        squares = (scores - truth) ** 2
        rmse = metric("rmse", "RMSE", lambda part, counts: np.sqrt(mean(squares[part], counts)), False)
        return [rmse, averaged("mae", "mean absolute error", np.abs(scores - truth))]
    own = np.clip(scores[np.arange(len(truth)), truth], 1e-6, 1.0)
    metrics = [
        averaged("accuracy", "accuracy", scoring.decide(scores) == truth, higher=True),
        averaged("log_loss", "log loss", -np.log(own)),
    ]
    if scoring.task == "binary":
        hits, p = truth == scoring.positive, scores[:, scoring.positive]
        area = metric("roc_auc", "ROC AUC", lambda part, counts: roc_auc(hits[part], p[part], counts), True)
        metrics.insert(0, area)
    return metrics


def worsening(old: WeightedMetric, new: WeightedMetric) -> float:
    """How much worse the new release is: absolute, or as a share of the old value for errors. Better is negative."""
    before = old.value
    return float(old.loss(np.array(before), np.array(new.value), before))


def compare_metrics(
    scoring: Scoring, old: Array, new: Array, truth: Array, policy: Policy, *,
    noise: dict[str, float] | None = None, weights: Floats | None = None, groups: Array | None = None,
) -> list[Check]:  # fmt: skip
    """Compare both releases on the same rows: one check per metric, and one against the trivial prediction.

    A metric blocks if even the favourable end of the interval is worse than the margin, and the loss is larger than
    what retraining alone causes (`noise`, by metric, from replicas). Rows count by their weights (n,), if they have
    some, and intervals are those of other `groups` (n,), if rows come in groups. Too few labels wait for acceptance.
    """
    if len(truth) < policy.min_rows:
        return [too_few_labels(len(truth), policy)]
    pairs = zip(*(metrics_of(scoring, scores, truth, weights, groups) for scores in (old, new)), strict=True)
    checks = [_worse(before, after, policy, (noise or {}).get(before.name, 0.0)) for before, after in pairs]
    return [*checks, *_blind_to(checks[0], len(truth), policy), _trivial(scoring, old, new, truth, weights)]


def _blind_to(check: Check, rows: int, policy: Policy) -> list[Check]:
    """Say which loss so few rows cannot show, where that is much more than the margin."""
    best, worst = check.evidence["interval"]
    unseen = (worst - best) / 2
    if unseen < POOR * policy.margin:
        return []
    summary = (
        f"On {rows:,} labelled rows, a loss of {check.subject} of less than about {unseen:.2g} cannot be determined; "
        f"the margin is {policy.margin:g}."
    )
    return [Check("metrics.power", "total", Outcome.noted, summary, new=unseen, limit=policy.margin, hint=MORE_LABELS)]


def too_few_labels(count: int, policy: Policy) -> Check:
    """The check that says that metrics cannot be measured. Some labels wait for acceptance; none are inconclusive."""
    summary = (
        f"There are {count} labelled rows, too few to measure metrics; {policy.min_rows} are needed. What equality "
        "shows was checked, but not whether the candidate predicts as well as before"
    )
    outcome = Outcome.waiting if count else Outcome.inconclusive
    if count and policy.inconclusive == "note":
        outcome = Outcome.noted
    return Check(
        "metrics.rows", "total", outcome, summary, new=count, limit=policy.min_rows, hint=FEW_LABELS,
        evidence={"not_run": True},
    )  # fmt: skip


def _worse(old: WeightedMetric, new: WeightedMetric, policy: Policy, noise: float) -> Check:
    before, after = old.value, new.value
    loss = old.loss(old.resampled(0), new.resampled(0), before)
    loss = loss[np.isfinite(loss)]
    # Errors are relative, and a few per cent of an error are less than as many points of accuracy.
    margin = policy.margin * (1 if old.higher_is_better else 3)
    best, worst = np.percentile(loss, PERCENTILES).tolist() if len(loss) else (0.0, 0.0)
    value, limit = worsening(old, new), max(margin, noise)
    summary = f"{old.label} went from {before:.4g} to {after:.4g} (worse by {best:.2g} to {worst:.2g}, 95 % interval)"
    return judged_check(
        "metrics.worse", "total", best > margin and value > limit,
        f"the candidate is worse: {summary}", f"Not worse beyond chance and margin: {summary}.",
        subject=old.name, old=before, new=after, limit=limit, severity=max(value, 0.0) / max(limit, 1e-9),
        evidence={"interval": [best, worst], "proven": bool(worst < margin)},
    )  # fmt: skip


def _trivial(scoring: Scoring, old: Array, new: Array, truth: Array, weights: Floats | None) -> Check:
    """Whether the candidate beats a constant prediction: the labels' shares, or their mean."""
    counts = np.ones(len(truth)) if weights is None else weights
    compared = (scoring.constant_scores(truth, weights), new, old)
    constant, candidate, baseline = (counts * _squared(scoring, scores, truth) for scores in compared)
    saved = constant - candidate
    error = float(saved.std() / np.sqrt(len(saved)))
    before, skill = (1 - float(x.mean() / constant.mean()) if constant.mean() else 0.0 for x in (baseline, candidate))
    failed = float(saved.mean()) + 2 * error < 0 and before > 0
    score = "Brier skill score" if scoring.classifies else "R²"
    summary = f"its {score} is {skill:.2f}, the baseline's {before:.2f}"
    return judged_check(
        "metrics.trivial", "total", failed,
        f"the candidate is worse than a constant prediction: {summary}", f"Better than trivial: {summary}.",
        old=before, new=skill, limit=0.0, severity=20.0 if failed else 0.0,
    )  # fmt: skip


def _squared(scoring: Scoring, scores: Array, truth: Array) -> Array:
    return (scores - truth) ** 2 if not scoring.classifies else scoring.losses(scores, truth)


# Scores and truth, or with weights and groups too.
Measured = tuple[Array, Array] | tuple[Array, Array, Floats | None, Array | None]


def compare_gain(scoring: Scoring, old: Measured, new: Measured, policy: Policy) -> list[Check]:
    """Ask for acceptance of a gain that is too good: what both have on their own held-out rows.

    A leak shows on the rows that carry it, which are the candidate's own. A gain is suspicious above the policy's
    limit, or if it removes most of the error, and if it is far larger than chance in so few rows.
    """
    if min(len(old[1]), len(new[1])) < policy.min_slice:
        return []
    first, second = metrics_of(scoring, *old)[0], metrics_of(scoring, *new)[0]
    before, after, higher = first.value, second.value, first.higher_is_better
    gain = after - before if higher else (before - after) / before
    left = (1 - after) / max(1 - before, 1e-9) if higher else after / before
    # These are two sets of rows, so their resamples are independent.
    spread = math.hypot(*(float(np.nanstd(metric.resampled(seed))) for seed, metric in enumerate((first, second))))
    spread = spread if higher else spread / before
    large = gain > policy.suspicious_gain * (1 if higher else 3) or left < 0.4
    failed = large and gain > SIGNIFICANT * spread
    summary = f"{first.label} went from {before:.3g} to {after:.3g} on rows held out of each training"
    return [
        judged_check(
            "metrics.gain", "total", failed,
            f"the gain is suspiciously large and may come from a leak: {summary}", f"No suspicious gain: {summary}.",
            differs=Outcome.waiting, old=before, new=after, limit=policy.suspicious_gain,
            severity=gain / policy.suspicious_gain if failed else 0.0,
            hint="Look for a column that contains the label; accept the difference if the gain is real.",
        )
    ]  # fmt: skip
