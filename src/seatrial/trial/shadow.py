"""A shadow: what a candidate answers to what production is asked, as the log grows, and what that decides.

Two things are counted, each row once: how far the candidate's answer is from the logged one, and, where the outcome is
known, how much worse it is. `compare.sequential` says when either is proven, however often it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.sequential import proven, rows_needed

STEPS = 200  # between no change and the largest, in which values are counted
REPRESENTED = 0.5  # how much of the change of all rows labelled ones must show, to speak for the others
VALUES: Floats = np.linspace(0, 1, STEPS + 1)


class ShadowState(StrEnum):
    """What is known about a candidate."""

    promote = "promote"
    take_back = "take back"
    undecided = "undecided"


@dataclass(frozen=True)
class ShadowLimits:
    """What decides: the mean change that is harmless, the loss that is (`margin`), and the probability of an error.

    For a classifier the change is the share of decisions that turn, and the loss that of the right ones; for a
    regression both are in units of the answers' spread. Above `most` it is too much; between it and `change`, which is
    never above it, only labels decide.
    """

    change: float
    margin: float
    alpha: float
    change_from: str = ""  # where that limit is from, for people
    most: float = 0.0  # 0: the same as `change`
    classifies: bool = True

    def words(self, change: float, rows: int) -> str:
        """How much the answers changed, beside the limits."""
        limits = f"up to {self.change:.2%} counts as harmless"
        if self.most > self.change:
            limits += f", above {self.most:.2%} it is too much"
        if self.classifies:
            return f"{change:.2%} of {rows:,} rows turn; {limits}"
        return f"answers to {rows:,} rows move by {change:.2%} of their spread on average; {limits}"


@dataclass(frozen=True)
class ShadowCounts:
    """Histograms over VALUES: of how far answers moved, and of how much worse they are (0.5: as good).

    `lost` are rows that the candidate did not answer; they count as moved as far as possible. `told` is the sum of how
    far the answers to labelled rows moved.
    """

    moved: Array = field(default_factory=lambda: np.zeros(STEPS + 1, dtype=np.int64))
    worse: Array = field(default_factory=lambda: np.zeros(STEPS + 1, dtype=np.int64))
    lost: int = 0
    told: float = 0.0

    @property
    def rows(self) -> int:
        """The number of rows that were compared."""
        return int(self.moved.sum())

    @property
    def labelled(self) -> int:
        """The number of rows whose outcome is known."""
        return int(self.worse.sum())

    @property
    def change(self) -> float:
        """The mean change so far."""
        return float((VALUES * self.moved).sum() / max(self.rows, 1))

    @property
    def loss(self) -> float:
        """The mean loss so far; negative if the candidate is better."""
        return float((2 * VALUES - 1) @ self.worse / max(self.labelled, 1))

    @property
    def told_change(self) -> float:
        """The mean change of labelled rows."""
        return self.told / max(self.labelled, 1)

    def with_rows(self, moved: Array) -> "ShadowCounts":
        """Add rows by how far their answers moved, in [0, 1]; NaN is a row that the candidate did not answer."""
        lost = int(np.isnan(moved).sum())
        return replace(self, moved=self.moved + _counted(np.nan_to_num(moved, nan=1.0)), lost=self.lost + lost)

    def with_labels(self, worse: Array, moved: Array) -> "ShadowCounts":
        """Add labelled rows by how much worse the candidate is, in [-1, 1], and how far their answers moved."""
        told = self.told + float(np.nan_to_num(moved, nan=1.0).sum())
        return replace(self, worse=self.worse + _counted((worse + 1) / 2), told=told)


@dataclass(frozen=True)
class ShadowDecision:
    """What is known, why, and how many more rows would probably decide; None where that cannot be said."""

    state: ShadowState
    why: str
    more_rows: int | None = None


def _counted(values: Array) -> Array:
    places = np.rint(np.clip(values, 0, 1) * STEPS).astype(np.int64)
    return np.bincount(places, minlength=STEPS + 1)


def moved(scoring: Scoring, logged: Array, new: Array) -> Array:
    """How far the candidate's answers are from the logged ones (n,), in [0, 1]; NaN where it gave none.

    `logged` are positions in the classes, or the predictions of a regression.
    """
    gone = ~np.isfinite(new.reshape(len(new), -1)).all(axis=1)
    change = (
        (scoring.decide(np.nan_to_num(new)) != logged).astype(float)
        if scoring.classifies
        else np.minimum(np.abs(new - logged) / scoring.scale, 1.0)
    )
    return np.where(gone, np.nan, change)


def worsened(scoring: Scoring, logged: Array, new: Array, labels: Sequence[Any]) -> Array:
    """How much worse the candidate is on labelled rows (n,), in [-1, 1]; 1 for a row that it does not answer."""
    gone = ~np.isfinite(new.reshape(len(new), -1)).all(axis=1)
    truth = scoring.positions(list(labels))
    if scoring.classifies:
        loss = (logged == truth).astype(float) - (scoring.decide(np.nan_to_num(new)) == truth)
    else:
        loss = np.clip((np.abs(new - truth) - np.abs(logged - truth)) / scoring.scale, -1, 1)
    return np.where(gone, 1.0, loss)


def decide(counts: ShadowCounts, limits: ShadowLimits) -> ShadowDecision:
    """Say what the counts prove: labels count for more than the number of decisions that turn."""
    alpha = limits.alpha / 2  # two hypotheses may each stop it
    same = proven(VALUES, counts.moved, limits.change, alpha, above=False)
    changed = proven(VALUES, counts.moved, max(limits.most, limits.change), alpha, above=True)
    null = (1 + limits.margin) / 2
    harmless = proven(VALUES, counts.worse, null, alpha, above=False)
    harmful = proven(VALUES, counts.worse, null, alpha, above=True)
    change = limits.words(counts.change, counts.rows)
    loss = f"on {counts.labelled:,} labelled rows it is worse by {counts.loss:+.2%}; the margin is {limits.margin:.2%}"
    if harmful:
        return ShadowDecision(ShadowState.take_back, f"The candidate is worse: {loss}.")
    if harmless and not counts.lost and not _selective(counts, limits):
        return ShadowDecision(ShadowState.promote, f"The candidate is not worse: {loss}.")
    if changed:
        lost = f", {counts.lost:,} of them without an answer" if counts.lost else ""
        what = "Too many decisions turn" if limits.classifies else "The answers change too much"
        return ShadowDecision(ShadowState.take_back, f"{what}: {change}{lost}.")
    if same:
        what = "decisions turn" if limits.classifies else "answers change"
        return ShadowDecision(ShadowState.promote, f"No more {what} than a harmless retrain changes: {change}.")
    return _undecided(counts, limits, f"{change}{f'; {loss}' * bool(counts.labelled)}")


def _selective(counts: ShadowCounts, limits: ShadowLimits) -> bool:
    """Whether what changes has few labels: a loan that was refused has no outcome, whatever is said of it now."""
    return counts.change > limits.change and counts.told_change < REPRESENTED * counts.change


def _undecided(counts: ShadowCounts, limits: ShadowLimits, known: str) -> ShadowDecision:
    """Say how many more rows, or labels, would decide if they are like those so far."""
    alpha, null = limits.alpha / 2, (1 + limits.margin) / 2

    def needed(seen: Array, low: float, high: float) -> int | None:
        both = [rows_needed(VALUES, seen, at, alpha, above=above) for at, above in ((low, False), (high, True))]
        return min((each for each in both if each is not None), default=None)

    rows = needed(counts.moved, limits.change, max(limits.most, limits.change))
    labels = needed(counts.worse, null, null)
    ahead = [f"about {n:,} more {what}" for n, what in ((rows, "rows"), (labels, "labels")) if n is not None]
    words = f"{' or '.join(ahead)} would decide" if ahead else "how many more rows are needed is unknown"
    if labels == 0 and _selective(counts, limits):
        words = f"labels cannot decide, since answers to labelled rows change by {counts.told_change:.2%} only"
    if rows is None and limits.change < counts.change <= limits.most and not counts.labelled:
        words = "only labels can decide this (`seatrial log labels FILE`), or you"
    return ShadowDecision(ShadowState.undecided, f"Nothing is proven yet: {known}; {words}.", rows)
