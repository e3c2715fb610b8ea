"""Prediction intervals of a regression and prediction sets of a classifier, from a few numbers in release.json.

Training finds the numbers (train/interval_calibration.py): the errors of held-out rows, at a few levels. For rows like
those of the table, the true value is in the interval, or the true class in the set, with a probability of at least the
level, whatever the model is (split conformal prediction: Vovk, Gammerman and Shafer 2005).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array, Floats
from seatrial.model.metadata import Metadata

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
SHOWN = 0.8  # the level of a regression's range on the page and on the model card
SHOWN_SET = 0.9  # the level of a classifier's set on the page


class LevelError(SeatrialError):
    """A release has no intervals at a level; `message` says what it has, or why there are none."""


@dataclass(frozen=True)
class PredictionIntervals:
    """The intervals or sets of one release.

    `stored` has `rows`, the number of held-out rows; `levels`, the numbers of each level; and `refused`, for each level
    that these rows cannot support, the reason. A classifier's level has `least`: a class is in the set from this
    probability upwards. A regression's has `groups` of similar predictions. A group begins at the prediction `above`
    (None for the first one), and its interval is from `prediction + low` to `prediction + high`.
    """

    classes: tuple[Any, ...]
    stored: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What they are called in an answer."""
        return "sets" if self.classes else "intervals"

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels that the release supports, lowest first."""
        return tuple(float(level) for level in self.stored.get("levels", ()))

    @property
    def shown_range(self) -> dict[str, Any]:
        """The share, the rows and the groups of the range that people see of a regression; empty without one."""
        numbers = self.stored.get("levels", {}).get(f"{SHOWN:g}", {})
        return {"share": SHOWN, "rows": self.stored["rows"], **numbers} if "groups" in numbers else {}

    @property
    def shown_set(self) -> dict[str, Any]:
        """The level, the rows and the least probability of the set that people see of classes; empty without one."""
        numbers = self.stored.get("levels", {}).get(f"{SHOWN_SET:g}", {})
        return {"level": SHOWN_SET, "rows": self.stored["rows"], **numbers} if "least" in numbers else {}

    def numbers(self, level: float | str) -> dict[str, Any]:
        """Return the numbers of a level, 0.9 or "0.9". Raises LevelError where the release does not have it."""
        try:
            name = f"{float(level):g}"
        except ValueError:
            name = ""
        found: dict[str, Any] | None = self.stored.get("levels", {}).get(name)
        if found is None:
            raise LevelError(self._missing(name), hint="Choose another level, or train on more rows.")
        return found

    def _missing(self, name: str) -> str:
        if not self.stored:
            return f"The release was trained without prediction {self.name}"
        known = [f"{level:g}" for level in self.levels]
        listed = " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
        refused = self.stored.get("refused", {})
        reason = refused.get(name, "" if known else next(iter(refused.values()), ""))
        text = f"Input should be {listed}" if known else f"The release has no prediction {self.name}"
        return f"{text}; {reason}" if reason else text

    def ends(self, predictions: Floats, level: float | str) -> Floats:
        """Return the lower and the upper end of each prediction's interval; (n, 2). Raises LevelError."""
        groups = self.numbers(level)["groups"]
        place = np.searchsorted([group["above"] for group in groups[1:]], predictions, side="right")
        offsets = np.array([[group["low"], group["high"]] for group in groups])
        return np.asarray(predictions[:, None] + offsets[place], dtype=np.float64)

    def members(self, probabilities: Floats, level: float | str) -> npt.NDArray[np.bool_]:
        """Return which classes are in each row's set; (n, classes). Raises LevelError.

        The most probable class always is: an empty set would be of no use, and a larger one covers no less. A decision
        threshold does not matter.
        """
        inside = probabilities >= self.numbers(level)["least"]
        inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
        return np.asarray(inside, dtype=bool)

    def of(self, scores: Floats | Sequence[Any], level: float | str) -> list[list[Any]]:
        """Return [low, high] or the labels in the set, most probable first, of each row. Raises LevelError."""
        if not self.classes:
            listed: list[list[Any]] = self.ends(np.asarray(scores, dtype=np.float64), level).tolist()
            return listed
        shares = np.asarray(scores, dtype=np.float64).reshape(-1, len(self.classes))
        inside, order = self.members(shares, level), np.argsort(-shares, axis=1, kind="stable")
        return [
            [self.classes[at] for at in best if mask[at]]
            for best, mask in zip(order.tolist(), inside.tolist(), strict=True)
        ]

    def right(self, truth: Array, scores: Floats, level: float | str) -> npt.NDArray[np.bool_]:
        """Mark the rows whose true value, or class at this position, is in the interval or set. Raises LevelError."""
        if self.classes:
            return np.asarray(self.members(scores, level)[np.arange(len(truth)), truth])
        low, high = self.ends(scores, level).T
        return np.asarray((low <= truth) & (truth <= high))

    def columns(self, scores: Floats, level: float | str) -> dict[str, Any]:
        """Return the columns of a table: `low` and `high`, or `in_set_<label>` for each class. Raises LevelError."""
        if not self.classes:
            low, high = self.ends(scores, level).T
            return {"low": low, "high": high}
        inside = self.members(scores, level)
        return {f"in_set_{label}": inside[:, position] for position, label in enumerate(self.classes)}


def prediction_intervals(metadata: Metadata) -> PredictionIntervals:
    """Return the intervals of a release."""
    return PredictionIntervals(metadata.classes, metadata.intervals)
