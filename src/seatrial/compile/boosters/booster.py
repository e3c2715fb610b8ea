"""What the three libraries have in common for the converter and the proof."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeVar, runtime_checkable

from seatrial.compile.graph import Graph, Matrix
from seatrial.compile.trees import Ensemble
from seatrial.core.model_libraries import library_of
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

LIBRARIES = {"xgboost": "XGBoost", "lightgbm": "LightGBM", "catboost": "CatBoost"}
# Those that sum in float32, so that their own scores are not the reference.
ROUNDING = ("XGBoost",)

BLOCK = 200  # trees whose leaves are asked for at a time: what fits into a processor's cache, row after row

Tree = TypeVar("Tree")


class Booster(Protocol):
    """A fitted model of one of the libraries.

    `rows` are what the model gets from the steps before it: a DataFrame, or an array (n, features).
    """

    @property
    def estimator(self) -> Any:
        """The fitted estimator that was read."""

    @property
    def statement(self) -> str:
        """What the proof states about this library's scores, in a sentence."""

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


@runtime_checkable
class DecidingBooster(Protocol):
    """A booster whose estimator has a decision function, which a calibration reads in place of probabilities."""

    def add_decision(self, matrix: Matrix, graph: Graph) -> str:
        """Add the decision function: (n, 1) for two classes, (n, classes) for more."""


def blocks(count: int, trees: int = 1) -> Iterator[slice]:
    """Divide `count` trees, or rounds of so many trees each, into blocks of up to `BLOCK` trees."""
    step = max(BLOCK // trees, 1)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def add_leaf_blocks(
    trees: Sequence[Tree], add: Callable[[Ensemble, Tree, int], None], matrix: Matrix, graph: Graph
) -> str:
    """Add trees that have the numbers of leaves for weights: (n, trees). `add` adds a tree for a column of these.

    One node for 5,000 trees would be half as fast, since a row goes through all trees of a node before the next row.
    """
    nodes = []
    for block in blocks(len(trees)):
        ensemble = Ensemble()
        for position, tree in enumerate(trees[block]):
            add(ensemble, tree, position)
        nodes.append(ensemble.node(matrix, len(trees[block]), graph))
    return nodes[0] if len(nodes) == 1 else graph.add("Concat", *nodes, axis=1)


def is_booster(estimator: Any) -> bool:
    """Whether an estimator is one of the three libraries', by its exact class."""
    return _class_of(estimator) in READERS


def booster_of(estimator: Any, rows: Callable[[], Any] | None = None) -> Booster:
    """Read a fitted estimator of the three libraries. Raises Refused where its model cannot be exact.

    `rows` returns the training rows as the model gets them: CatBoost saves hashes of categories, not the categories.
    """
    reader = READERS[_class_of(estimator)]
    read: Callable[..., Booster] = import_module(f"seatrial.compile.boosters.{reader}").read
    return read(estimator, rows) if reader == "catboost" else read(estimator)


def _class_of(estimator: Any) -> str:
    kind = type(estimator)
    return f"{kind.__module__}.{kind.__qualname__}"


def library_title(estimator: Any, *, parts: bool = True) -> str:
    """Name the library of the three that an estimator, or one of its parts, is of, also as a subclass; "" if none.

    Of several, one that rounds comes first, since that decides about the proof.
    """
    inner = estimator.get_params().values() if parts and hasattr(estimator, "get_params") else ()
    found = [LIBRARIES[name] for part in (estimator, *inner) if (name := library_of(part))]
    return min(found, key=lambda name: name not in ROUNDING, default="")
