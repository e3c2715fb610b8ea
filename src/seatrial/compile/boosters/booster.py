"""What the three libraries have in common for the converter and the proof."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from seatrial.compile.graph import Graph, Matrix
from seatrial.model.features import Array, Floats

# The file that reads a class's models, by the class's module and name.
READERS = {
    "xgboost.sklearn.XGBClassifier": "xgboost",
    "xgboost.sklearn.XGBRegressor": "xgboost",
    "xgboost.sklearn.XGBRanker": "xgboost",
    "xgboost.sklearn.XGBRFClassifier": "xgboost",
    "xgboost.sklearn.XGBRFRegressor": "xgboost",
    "lightgbm.sklearn.LGBMClassifier": "lightgbm",
    "lightgbm.sklearn.LGBMRegressor": "lightgbm",
    "lightgbm.sklearn.LGBMRanker": "lightgbm",
    "catboost.core.CatBoostClassifier": "catboost",
    "catboost.core.CatBoostRegressor": "catboost",
    "catboost.core.CatBoostRanker": "catboost",
}


class Booster(Protocol):
    """A fitted model of one of the libraries.

    `rows` are what the model gets from the steps before it: a DataFrame, or an array (n, features).
    """

    statement: str  # what the proof states about this library's scores, in a sentence

    def add_scores(self, matrix: Matrix, graph: Graph) -> str:
        """Add the model: probabilities (n, classes), or predictions (n,)."""

    def add_leaves(self, matrix: Matrix, graph: Graph) -> str:
        """Add the same trees with the number of each leaf, as the library numbers it, for its weight: (n, trees)."""

    def leaves(self, rows: Any) -> Array:
        """The leaf that the library itself says each row ends in: (n, trees)."""

    def reference(self, rows: Any) -> Floats:
        """The true scores: the library's own, or, where it sums in float32, its own leaves summed in double."""

    def bounds(self, rows: Any) -> Floats | None:
        """How far the library's own scores may be from `reference`, in its shape; None where they are the same."""

    def thresholds(self) -> dict[int, Floats]:
        """The doubles at which a comparison of each feature changes: left up to and including the threshold."""


def booster_of(estimator: Any) -> Booster | None:
    """Read a fitted estimator's model if it is one of the three libraries'. Raises Refused where it cannot be exact."""
    kind = type(estimator)
    reader = READERS.get(f"{kind.__module__}.{kind.__qualname__}")
    if reader is None:
        return None
    read: Callable[[Any], Booster] = import_module(f"seatrial.compile.boosters.{reader}").read
    return read(estimator)
