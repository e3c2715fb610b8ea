"""Metrics of two sides on the same labelled rows: not worse, not below the trivial answer, not suspiciously better.

Intervals are paired bootstraps (Efron 1979): each redraw of the rows tells both sides' figures and their difference.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

DRAWS = 250
MOST_ROWS = 10_000  # more rows than this are thinned out for redraws: the interval comes out wide, the safe side
EDGE = 2.5  # per cent below the interval's lower end
SURE = 3.0  # standard errors that a suspicious gain must exceed


@dataclass(frozen=True)
class WeightedMetric:
    """One metric of one side: `figure` gives it for each row of weights (draws, n)."""

    name: str
    label: str
    figure: Callable[[Array], Array]
    rows: int
    higher_is_better: bool
    relative: bool  # margins are shares of the old value
    thinned: "WeightedMetric | None" = None  # the same on fewer rows, for redraws

    @cached_property
    def value(self) -> float:
        """The metric on the rows as they are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(self.figure(np.ones((1, self.rows)))[0])

    def redrawn(self, counts: Array) -> Array:
        """The metric on redraws of the rows, as `drawn_counts` gives them (draws,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.thinned or self).figure(counts))


def drawn_counts(rows: int, seed: int) -> Array:
    """How often each redraw holds each of the rows that are left when there are many: (draws, n)."""
    left = len(range(0, rows, _step(rows)))
    return np.random.default_rng(seed).poisson(1.0, size=(DRAWS, left)).astype(np.float64)


def _step(rows: int) -> int:
    return rows // MOST_ROWS + 1 if rows > MOST_ROWS else 1


def metrics_of(scoring: Scoring, scores: Array, truth: Array) -> list[WeightedMetric]:
    """The metrics of one side, the headline first: ROC AUC, accuracy or RMSE."""
    step = _step(len(truth))
    if step > 1:
        found = _metrics_of(scoring, scores, truth)
        return [
            replace(metric, thinned=part)
            for metric, part in zip(found, _metrics_of(scoring, scores[::step], truth[::step]), strict=True)
        ]
    return _metrics_of(scoring, scores, truth)


def _metrics_of(scoring: Scoring, scores: Array, truth: Array) -> list[WeightedMetric]:
    rows = len(truth)

    def mean(values: Array) -> Callable[[Array], Array]:
        return lambda w: np.asarray(w @ values / w.sum(axis=1))

    if not scoring.classifies:
        errors = scores - truth
        squares = mean(errors**2)
        return [
            WeightedMetric("rmse", "RMSE", lambda w: np.sqrt(squares(w)), rows, higher_is_better=False, relative=True),
            WeightedMetric(
                "mae", "mean absolute error", mean(np.abs(errors)), rows, higher_is_better=False, relative=True
            ),
        ]
    right = (scoring.decide(scores) == truth).astype(float)
    own = np.clip(scores[np.arange(rows), truth], 1e-6, 1.0)
    found = [
        WeightedMetric("accuracy", "accuracy", mean(right), rows, higher_is_better=True, relative=False),
        WeightedMetric("log_loss", "log loss", mean(-np.log(own)), rows, higher_is_better=False, relative=True),
    ]
    if scoring.task == "binary":
        hits, p = (truth == scoring.positive).astype(float), scores[:, scoring.positive]
        area = WeightedMetric(
            "roc_auc", "ROC AUC", lambda w: auc(hits, p, w), rows, higher_is_better=True, relative=False
        )
        found.insert(0, area)
    return found


def worsening(old: WeightedMetric, new: WeightedMetric) -> float:
    """How much worse the new side is: absolute, or as a share of the old value for errors; negative is better."""
    loss = (old.value - new.value) if old.higher_is_better else (new.value - old.value)
    return loss / max(abs(old.value), 1e-3) if old.relative else loss


def auc(hits: Array, scores: Array, weights: Array) -> Array:
    """The area under the ROC curve for each row of `weights` (draws, n); ties count half."""
    order = np.argsort(scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    w = weights[:, order].astype(np.float64)
    up = np.cumsum(w * hits[order], axis=1)[:, last]
    down = np.cumsum(w * (1 - hits[order]), axis=1)[:, last]
    before = np.pad(down, ((0, 0), (1, 0)))[:, :-1]
    steps = np.diff(up, axis=1, prepend=0)
    return np.asarray((steps * (before + down) / 2).sum(axis=1) / (up[:, -1] * down[:, -1]))


def compare_metrics(
    scoring: Scoring, old: Array, new: Array, truth: Array, policy: Policy, *, noise: dict[str, float] | None = None
) -> list[Check]:
    """Compare both sides on the same rows: a check a metric, and one against the trivial answer.

    A metric blocks where even the favourable end of the interval is worse than the margin, and the loss is beyond what
    retraining alone does (`noise`, by metric, from replicas). With too few labels it is inconclusive.
    """
    if len(truth) < policy.min_rows:
        told = f"{len(truth)} labelled rows are too few to compare metrics; {policy.min_rows} are needed"
        return [Check("metrics.rows", "total", Outcome.inconclusive, told, hint="Lower min_rows or hold more out.")]
    before, after = metrics_of(scoring, old, truth), metrics_of(scoring, new, truth)
    counts = drawn_counts(len(truth), 0)
    checks = [_worse(b, a, counts, policy, (noise or {}).get(b.name, 0.0)) for b, a in zip(before, after, strict=True)]
    return [*checks, _trivial(scoring, old, new, truth)]


def _worse(old: WeightedMetric, new: WeightedMetric, counts: Array, policy: Policy, noise: float) -> Check:
    first, second = old.redrawn(counts), new.redrawn(counts)
    loss = (first - second) if old.higher_is_better else (second - first)
    loss = loss / max(abs(old.value), 1e-3) if old.relative else loss
    loss = loss[np.isfinite(loss)]
    # Errors are relative, and a few per cent of an error are less than as many points of accuracy.
    margin = policy.margin * (3 if old.relative else 1)
    best, worst = np.percentile(loss, [EDGE, 100 - EDGE]).tolist() if len(loss) else (0.0, 0.0)
    value = worsening(old, new)
    failed = best > margin and value > max(margin, noise)
    told = f"{old.label} went from {old.value:.4g} to {new.value:.4g} (worse by {best:.2g} to {worst:.2g} with 95 %)"
    return Check(
        "metrics.worse",
        "total",
        Outcome.blocked if failed else Outcome.passed,
        f"the candidate is worse: {told}" if failed else f"Not worse beyond chance and margin: {told}.",
        subject=old.name,
        old=old.value,
        new=new.value,
        limit=max(margin, noise),
        severity=max(value, 0.0) / max(margin, noise, 1e-9),
        evidence={"interval": [best, worst], "proven": bool(worst < margin)},
    )


def _trivial(scoring: Scoring, old: Array, new: Array, truth: Array) -> Check:
    """Whether the candidate beats the answer that knows the labels' shares, or their mean, alone."""
    if scoring.classifies:
        shares = np.bincount(truth, minlength=len(scoring.classes)) / len(truth)
        constant = np.tile(shares, (len(truth), 1))
    else:
        constant = np.full(len(truth), truth.mean())
    trivial = _squared(scoring, constant, truth)
    mine, theirs = _squared(scoring, new, truth), _squared(scoring, old, truth)
    saved = trivial - mine
    error = float(saved.std() / np.sqrt(len(saved)))
    skill = 1 - float(mine.mean() / trivial.mean()) if trivial.mean() else 0.0
    before = 1 - float(theirs.mean() / trivial.mean()) if trivial.mean() else 0.0
    failed = float(saved.mean()) + 2 * error < 0 and before > 0
    told = f"it explains {skill:.0%} of the labels, the baseline {before:.0%}"
    return Check(
        "metrics.trivial",
        "total",
        Outcome.blocked if failed else Outcome.passed,
        f"the candidate is worse than always giving the same answer: {told}"
        if failed
        else f"Better than trivial: {told}.",
        old=before,
        new=skill,
        limit=0.0,
        severity=20.0 if failed else 0.0,
    )


def _squared(scoring: Scoring, scores: Array, truth: Array) -> Array:
    return (scores - truth) ** 2 if not scoring.classifies else scoring.losses(scores, truth)


def compare_gain(scoring: Scoring, old: tuple[Array, Array], new: tuple[Array, Array], policy: Policy) -> list[Check]:
    """Ask for acceptance of a gain that is too good: each side's (scores, truth) on rows held out of its own training.

    A leak shows on rows that carry it, which are the candidate's own. Suspicious is a gain above the policy's, or one
    that removes most of what was wrong, if it is far beyond what so few rows can feign.
    """
    if min(len(old[1]), len(new[1])) < policy.min_slice:
        return []
    before, after = metrics_of(scoring, *old)[0], metrics_of(scoring, *new)[0]
    gain = (after.value - before.value) if before.higher_is_better else (before.value - after.value) / before.value
    left = (1 - after.value) / max(1 - before.value, 1e-9) if before.higher_is_better else after.value / before.value
    # Two sets of rows: their redraws have nothing to do with one another.
    spread = math.hypot(*(float(np.nanstd(m.redrawn(drawn_counts(m.rows, k)))) for k, m in enumerate((before, after))))
    spread = spread if before.higher_is_better else spread / before.value
    large = gain > policy.suspicious_gain * (1 if before.higher_is_better else 3) or left < 0.4
    failed = large and gain > SURE * spread
    told = f"{before.label} went from {before.value:.3g} to {after.value:.3g} on rows held out of each training"
    return [
        Check(
            "metrics.gain",
            "total",
            Outcome.waiting if failed else Outcome.passed,
            f"the gain is suspicious, as a leak may be behind it: {told}" if failed else f"No suspicious gain: {told}.",
            old=before.value,
            new=after.value,
            limit=policy.suspicious_gain,
            severity=gain / policy.suspicious_gain if failed else 0.0,
            hint="Look for a column that knows the label; accept it if the gain is real.",
        )
    ]
