"""Metrics of two sides on the same labelled rows: not worse, not below the trivial answer, not suspiciously better.

Intervals are paired bootstraps (Efron 1979): each redraw of the rows tells both sides' figures and their difference.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.meaning import Meaning
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

DRAWS = 300
MOST_ROWS = 20_000  # more rows than this are thinned out: the interval comes out wide, which is the safe side
EDGE = 2.5  # per cent below the interval's lower end
SURE = 3.0  # standard errors that a suspicious gain must exceed


@dataclass(frozen=True)
class Measured:
    """One metric of one side: its value and its redraws (draws,)."""

    name: str
    label: str
    value: float
    drawn: Array
    higher_is_better: bool
    relative: bool  # margins are shares of the old value


def measure_side(meaning: Meaning, scores: Array, truth: Array, *, seed: int = 0) -> list[Measured]:
    """Measure one side, the headline first: ROC AUC, accuracy or RMSE. The same seed draws the same rows."""
    if len(truth) > MOST_ROWS:
        step = len(truth) // MOST_ROWS + 1
        scores, truth = scores[::step], truth[::step]
    counts = _counts(len(truth), seed)
    if not meaning.classifies:
        errors = scores - truth
        return [
            _of("rmse", "RMSE", lambda w: np.sqrt(w @ errors**2 / w.sum(axis=1)), counts, higher=False),
            _of("mae", "mean absolute error", lambda w: w @ np.abs(errors) / w.sum(axis=1), counts, higher=False),
        ]
    right = (meaning.decide(scores) == truth).astype(float)
    own = np.clip(scores[np.arange(len(truth)), truth], 1e-6, 1.0)
    found = [
        _of("accuracy", "accuracy", lambda w: w @ right / w.sum(axis=1), counts, higher=True, relative=False),
        _of("log_loss", "log loss", lambda w: w @ -np.log(own) / w.sum(axis=1), counts, higher=False),
    ]
    if meaning.task == "binary":
        hits, p = (truth == meaning.positive).astype(float), scores[:, meaning.positive]
        found.insert(0, _of("roc_auc", "ROC AUC", lambda w: auc(hits, p, w), counts, higher=True, relative=False))
    return found


def _counts(rows: int, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    return generator.poisson(1.0, size=(DRAWS, rows)).astype(np.float32)


def _of(name: str, label: str, figure, counts: Array, *, higher: bool, relative: bool = True) -> Measured:  # type: ignore[no-untyped-def]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(figure(np.ones((1, counts.shape[1])))[0])
        return Measured(name, label, value, np.asarray(figure(counts)), higher, relative)


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
    meaning: Meaning, old: Array, new: Array, truth: Array, policy: Policy, *, noise: dict[str, float] | None = None
) -> list[Check]:
    """Compare both sides on the same rows: a check a metric, and one against the trivial answer.

    A metric blocks where even the favourable end of the interval is worse than the margin, and the loss is beyond what
    retraining alone does (`noise`, by metric, from replicas). With too few labels it is inconclusive.
    """
    if len(truth) < policy.min_rows:
        told = f"{len(truth)} labelled rows are too few to compare metrics; {policy.min_rows} are needed"
        return [Check("metrics.rows", "total", Outcome.inconclusive, told, hint="Lower min_rows or hold more out.")]
    before, after = measure_side(meaning, old, truth), measure_side(meaning, new, truth)
    checks = [_worse(b, a, policy, (noise or {}).get(b.name, 0.0)) for b, a in zip(before, after, strict=True)]
    return [*checks, _trivial(meaning, old, new, truth)]


def worsening(old: Measured, new: Measured) -> Array:
    """How much worse each redraw is: absolute, or as a share of the old value for errors."""
    loss = (old.drawn - new.drawn) if old.higher_is_better else (new.drawn - old.drawn)
    return np.asarray(loss / max(abs(old.value), 1e-12) if old.relative else loss)


def _worse(old: Measured, new: Measured, policy: Policy, noise: float) -> Check:
    loss = worsening(old, new)
    loss = loss[np.isfinite(loss)]
    # Errors are relative, and a few per cent of an error are less than as many points of accuracy.
    margin = policy.margin * (3 if old.relative else 1)
    best, worst = np.percentile(loss, [EDGE, 100 - EDGE]).tolist() if len(loss) else (0.0, 0.0)
    value = (old.value - new.value) if old.higher_is_better else (new.value - old.value)
    value = value / max(abs(old.value), 1e-12) if old.relative else value
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


def _trivial(meaning: Meaning, old: Array, new: Array, truth: Array) -> Check:
    """Whether the candidate beats the answer that knows the labels' shares, or their mean, alone."""
    if meaning.classifies:
        shares = np.bincount(truth, minlength=len(meaning.classes)) / len(truth)
        constant = np.tile(shares, (len(truth), 1))
    else:
        constant = np.full(len(truth), truth.mean())
    trivial = _squared(meaning, constant, truth)
    mine, theirs = _squared(meaning, new, truth), _squared(meaning, old, truth)
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


def _squared(meaning: Meaning, scores: Array, truth: Array) -> Array:
    return (scores - truth) ** 2 if not meaning.classifies else meaning.losses(scores, truth)


def compare_gain(meaning: Meaning, old: tuple[Array, Array], new: tuple[Array, Array], policy: Policy) -> list[Check]:
    """Ask for acceptance of a gain that is too good: each side's (scores, truth) on rows held out of its own training.

    A leak shows on rows that carry it, which are the candidate's own. Suspicious is a gain above the policy's, or one
    that removes most of what was wrong, if it is far beyond what so few rows can feign.
    """
    if min(len(old[1]), len(new[1])) < policy.min_slice:
        return []
    before, after = measure_side(meaning, *old)[0], measure_side(meaning, *new, seed=1)[0]
    gain = (after.value - before.value) if before.higher_is_better else (before.value - after.value) / before.value
    left = (1 - after.value) / max(1 - before.value, 1e-9) if before.higher_is_better else after.value / before.value
    spread = float(np.hypot(np.nanstd(before.drawn), np.nanstd(after.drawn)))
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
