"""Scores that are another's transformation: shifted, sorted, rounded, on another scale, of another class.

Such a difference comes from behind the model and is told from the scores alone.
"""

from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.scoring import Scoring


@dataclass(frozen=True)
class Cause:
    """What is to blame: `words` for people, the `column` if it is one, and how well it explains, 0 to 1."""

    words: str = ""
    column: str = ""
    strength: float = 0.0


def transformation(scoring: Scoring, expected: Array, given: Array) -> Cause:
    """Name the transformation that makes `given` of `expected`, or give an empty Cause."""
    for ask in (_order, _class_order, _function):
        found = ask(scoring, expected, given)
        if found.words:
            return found
    return Cause()


def flat(scoring: Scoring, scores: Array) -> Array:
    """One telling number a row."""
    if scores.ndim == 1:
        return scores
    return np.asarray(scores[:, scoring.positive] if scoring.task == "binary" else scores.max(axis=1))


def margins(scoring: Scoring, scores: Array) -> Array:
    """Scores before they are squashed into probabilities (n, k): log odds, or predictions in units of the spread."""
    if scores.ndim == 1:
        return np.asarray(scores[:, None] / scoring.scale)
    logs = np.log(np.clip(scores, 1e-12, 1.0))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _order(scoring: Scoring, expected: Array, given: Array) -> Cause:
    for shift in (1, -1, 2, -2):
        if len(expected) > 8 and np.allclose(np.roll(expected, shift, axis=0), given, rtol=0, atol=1e-9):
            return Cause(
                f"its answers are shifted by {abs(shift)} row{'s' * (abs(shift) > 1)}: the order is lost", strength=1
            )
    if len(expected) > 8 and len(np.unique(flat(scoring, expected))) > 4:
        old, new = np.sort(flat(scoring, expected)), np.sort(flat(scoring, given))
        if (
            np.allclose(old, new, rtol=0, atol=1e-9)
            and np.abs(flat(scoring, expected) - flat(scoring, given)).max() > 1e-6
        ):
            return Cause("the answers are the same in another order", strength=1)
    return Cause()


def _class_order(_meaning: Scoring, expected: Array, given: Array) -> Cause:
    if expected.ndim != 2 or expected.shape[1] < 2:
        return Cause()
    for shift in range(1, expected.shape[1]):
        if np.allclose(np.roll(expected, shift, axis=1), given, rtol=0, atol=1e-9):
            return Cause("the probabilities belong to other classes: the order of the classes changed", strength=1)
    if np.allclose(np.sort(expected, axis=1), np.sort(given, axis=1), rtol=0, atol=1e-9):
        return Cause("the probabilities belong to other classes: the order of the classes changed", strength=1)
    return Cause()


def _function(scoring: Scoring, expected: Array, given: Array) -> Cause:
    """Whether what is given is one rising function of what is expected: rounded, scaled, cut."""
    x, y = flat(scoring, expected), flat(scoring, given)
    if len(np.unique(x)) < 8:
        return Cause()
    if float(np.ptp(given, axis=0).max()) < 1e-12:
        return Cause("it gives every row the same answer", strength=1)
    if scoring.task == "multiclass":
        # Each row's classes in the same order as before, or equal: else it is more than another scale.
        order = np.argsort(expected, axis=1, kind="stable")
        if (np.diff(np.take_along_axis(given, order, axis=1), axis=1) < -1e-12).any():
            return Cause()
    return _exact(x, y) or _scaled(scoring, expected, given) or _rising(x, y) or Cause()


def _exact(x: Array, y: Array) -> Cause | None:
    for digits in range(7):
        rounded = np.round(x, digits)
        if np.abs(y - rounded).max() < 1e-9 and np.abs(x - rounded).max() > 1e-9:
            return Cause(f"its scores are rounded to {digits} digits", strength=1)
    if np.abs(y - x.astype(np.float16)).max() < 1e-9 or np.abs(y - x.astype(np.float32)).max() < 1e-12:
        return Cause("its scores have lost precision", strength=1)
    if np.abs(y - np.clip(x, y.min(), y.max())).max() < 1e-9:
        return Cause("its scores are cut at the ends", strength=1)
    return None


def _scaled(scoring: Scoring, expected: Array, given: Array) -> Cause | None:
    if expected.ndim != 2:
        return None
    a, b = margins(scoring, expected), margins(scoring, given)
    slope = float((a * b).sum() / max(float((a * a).sum()), 1e-12))
    if slope > 0 and np.abs(b - slope * a).max() < 1e-3 * np.abs(b - a).max():
        return Cause(f"its scores are the right ones on another scale (a temperature of {1 / slope:.3g})", strength=1)
    return None


def _rising(x: Array, y: Array) -> Cause | None:
    if not _smooth(x, y):
        return None
    order = np.argsort(x, kind="stable")
    steps_x, steps_y = np.diff(x[order]), np.diff(y[order])
    same = steps_x < 1e-12
    if (np.abs(steps_y[same]) < 1e-9).all() and (steps_y > -1e-12).all() and (steps_y[~same] > 0).mean() > 0.3:
        return Cause(
            "its scores are the right ones on another scale (a temperature, a cut or a calibration)", strength=1
        )
    if (np.abs(steps_y[same]) < 1e-9).all() and (steps_y < 1e-12).all() and (steps_y[~same] < 0).mean() > 0.9:
        return Cause("its scores fall where they should rise: the sign or the class is reversed", strength=1)
    return None


def _smooth(x: Array, y: Array) -> bool:
    """Whether each row's y follows from its neighbours in x: what is left is small against how far y is from x."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    wide = np.maximum(x[2:] - x[:-2], 1e-15)
    between = y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / wide
    return bool(np.mean(np.abs(y[1:-1] - between)) < 0.25 * np.mean(np.abs(y - x)))


def is_tiny(scoring: Scoring, expected: Array, given: Array) -> bool:
    """Whether all differences are small against the spread of what is expected."""
    x, y = flat(scoring, expected), flat(scoring, given)
    return bool(np.abs(y - x).max() < 5e-4 * (float(np.ptp(x)) or 1.0))
