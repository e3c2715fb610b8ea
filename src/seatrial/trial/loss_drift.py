"""How much worse earlier models predicted the rows that came after them: how the losses drifted before.

A model of old rows often predicts later rows worse than rows of its own time. If earlier models of the same recipe,
trained on what there was before a window of the old table, did as badly in that window, the new rows show nothing new.
"""

from dataclasses import replace

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.recipes import Training
from seatrial.trial.records import Check, Outcome

WINDOWS = 3  # earlier windows; each trains one more model
FEWEST = 30  # rows of a window, and of the rows before it
FEWEST_LABELS = 5  # rows of each class that an earlier model is trained on
MARGIN = 1.15  # for what so few windows did not show


def in_time(check: Check, base: Training, scoring: Scoring, order: TimeOrder) -> Check:
    """Add to a check about losses that grew (means `old` and `new`) whether they had grown as much before."""
    assert check.old is not None
    assert check.new is not None
    past = [ratio for k in range(1, WINDOWS + 1) if (ratio := _growth(base, scoring, order, k)) is not None]
    now = check.new / max(check.old, 1e-12)
    figures = ", ".join(f"{ratio:.2f}" for ratio in past)
    evidence = {**check.evidence, "past_ratios": past}
    if past and now <= MARGIN * max(*past, 1.0):
        summary = (
            f"The new rows are predicted worse than rows held out before ({now:.2f} times the loss), as the rows of "
            f"earlier windows were by earlier models ({figures} times, by {order.words})."
        )
        return replace(
            check, outcome=Outcome.noted, summary=summary, subject="", hint="", severity=0.0, evidence=evidence
        )
    said = f"; rows of earlier windows had {figures} times the loss" if past else ""
    words = f"the world may have changed, or {check.summary}{said}"
    return replace(check, summary=words, evidence=evidence)


def _growth(base: Training, scoring: Scoring, order: TimeOrder, k: int) -> float | None:
    """How many times larger the losses of the k-th window from the end were for a model of the rows before it."""
    size = len(order.new)
    end = len(order.old) - (k - 1) * size
    start = end - size
    if start < max(2 * size, FEWEST) or size < FEWEST:
        return None
    places = order.places
    earlier = np.flatnonzero(places[base.trained_rows] < start)
    labels = base.target[earlier]
    if scoring.classifies and _fewest(labels, len(scoring.classes)) < FEWEST_LABELS:
        return None
    held_out = np.setdiff1d(np.arange(len(order.old)), base.trained_rows, assume_unique=True)
    before, window = held_out[places[held_out] < start], order.old[start:end]
    if len(before) < FEWEST:
        return None
    score = base.refit(earlier)
    losses = [_losses(base, scoring, score(_taken(base.table.columns, rows)), rows) for rows in (before, window)]
    return float(losses[1].mean() / max(losses[0].mean(), 1e-12))


def _taken(columns: Columns, rows: Array) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _fewest(labels: Array, classes: int) -> int:
    counts = np.unique(labels.astype(str), return_counts=True)[1]
    return int(counts.min()) if len(counts) == classes else 0


def _losses(base: Training, scoring: Scoring, scores: Array, rows: Array) -> Array:
    return scoring.losses(np.asarray(scores), scoring.positions(base.table.target[rows]))
