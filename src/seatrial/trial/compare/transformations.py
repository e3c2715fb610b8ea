"""Recognizes scores that are a transformation of others: shifted, sorted, rounded, rescaled, or of another class.

Such a difference arises after the model, and is recognized from the scores alone.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.scoring import Scoring

FEWEST = 8  # rows or values from which an order or a function can be recognized


@dataclass(frozen=True)
class Cause:
    """A cause: `words` for people, the `column` if it is one, and how well it explains the difference, 0 to 1."""

    words: str = ""
    column: str = ""
    strength: float = 0.0


def transformation(scoring: Scoring, expected: Array, actual: Array) -> Cause:
    """Name the transformation that turns `expected` into `actual`, or return an empty Cause."""
    words = _order(scoring, expected, actual) or _class_order(expected, actual) or _function(scoring, expected, actual)
    return Cause(words, strength=1) if words else Cause()


def margins(scoring: Scoring, scores: Array) -> Array:
    """Scores before they are squashed into probabilities (n, k): log odds, or predictions in units of the spread."""
    if scores.ndim == 1:
        return np.asarray(scores[:, None] / scoring.scale)
    logs = np.log(np.clip(scores, 1e-12, 1.0))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _equal(left: Array, right: Array) -> bool:
    return np.allclose(left, right, rtol=0, atol=1e-9)


def _order(scoring: Scoring, expected: Array, actual: Array) -> str:
    if len(expected) <= FEWEST:
        return ""
    for shift in (1, -1, 2, -2):
        if _equal(np.roll(expected, shift, axis=0), actual):
            return f"its scores are shifted by {abs(shift)} row{'s' * (abs(shift) > 1)}: the order is lost"
    old, new = scoring.headline(expected), scoring.headline(actual)
    if len(np.unique(old)) > 4 and _equal(np.sort(old), np.sort(new)) and np.abs(old - new).max() > 1e-6:
        return "its scores are the same in another order"
    return ""


def _class_order(expected: Array, actual: Array) -> str:
    if expected.ndim != 2 or expected.shape[1] < 2:
        return ""
    shifted = any(_equal(np.roll(expected, shift, axis=1), actual) for shift in range(1, expected.shape[1]))
    if shifted or _equal(np.sort(expected, axis=1), np.sort(actual, axis=1)):
        return "the probabilities belong to other classes: the order of the classes changed"
    return ""


def _function(scoring: Scoring, expected: Array, actual: Array) -> str:
    """Whether the actual scores are one rising function of the expected ones: rounded, rescaled, clipped."""
    x, y = scoring.headline(expected), scoring.headline(actual)
    if len(np.unique(x)) < FEWEST:
        return ""
    if float(np.ptp(actual, axis=0).max()) < 1e-12:
        return "it gives every row the same score"
    if scoring.task == "multiclass":
        # Each row's classes must be in the same order as before, or equal; otherwise it is more than a rescaling.
        order = np.argsort(expected, axis=1, kind="stable")
        if (np.diff(np.take_along_axis(actual, order, axis=1), axis=1) < -1e-12).any():
            return ""
    return _exact(x, y) or _scaled(scoring, expected, actual) or _rising(x, y)


def _exact(x: Array, y: Array) -> str:
    for digits in range(7):
        rounded = np.round(x, digits)
        if np.abs(y - rounded).max() < 1e-9 and np.abs(x - rounded).max() > 1e-9:
            return f"its scores are rounded to {digits} digits"
    if np.abs(y - x.astype(np.float16)).max() < 1e-9 or np.abs(y - x.astype(np.float32)).max() < 1e-12:
        return "its scores have lost precision"
    if np.abs(y - np.clip(x, y.min(), y.max())).max() < 1e-9:
        return "its scores are clipped at the ends"
    return ""


def _scaled(scoring: Scoring, expected: Array, actual: Array) -> str:
    if expected.ndim != 2:
        return ""
    a, b = margins(scoring, expected), margins(scoring, actual)
    slope = float((a * b).sum() / max(float((a * a).sum()), 1e-12))
    if slope > 0 and np.abs(b - slope * a).max() < 1e-3 * np.abs(b - a).max():
        return f"its scores are the right ones on another scale (a temperature of {1 / slope:.3g})"
    return ""


def _rising(x: Array, y: Array) -> str:
    if not _smooth(x, y):
        return ""
    order = np.argsort(x, kind="stable")
    steps_x, steps_y = np.diff(x[order]), np.diff(y[order])
    same = steps_x < 1e-12
    if not (np.abs(steps_y[same]) < 1e-9).all():
        return ""
    if (steps_y > -1e-12).all() and (steps_y[~same] > 0).mean() > 0.3:
        return "its scores are the right ones on another scale (a temperature, a cut or a calibration)"
    if (steps_y < 1e-12).all() and (steps_y[~same] < 0).mean() > 0.9:
        return "its scores fall where they should rise: the sign or the class is reversed"
    return ""


def _smooth(x: Array, y: Array) -> bool:
    """Whether each row's y follows from its neighbours in x: the rest is small relative to the distance from y to x."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    wide = np.maximum(x[2:] - x[:-2], 1e-15)
    between = y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / wide
    return bool(np.mean(np.abs(y[1:-1] - between)) < 0.25 * np.mean(np.abs(y - x)))


def is_tiny(scoring: Scoring, expected: Array, actual: Array) -> bool:
    """Whether all differences are small relative to the spread of the expected scores."""
    x, y = scoring.headline(expected), scoring.headline(actual)
    return bool(np.abs(y - x).max() < 5e-4 * (float(np.ptp(x)) or 1.0))
