"""CatBoost, read from the JSON in which it saves a model. It sums in double, so the graph repeats its sums.

A split asks whether float32(x) is above a border, whether a category is one value, or whether a statistic of
categories is above a border (`category_statistics.py`). NaN is above every border or above none, as each feature says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.compile.boosters.cat_columns import save_with_hashes
from seatrial.compile.boosters.cat_trees import CatBoostSplits, CatTree, add_leaves, add_sums, read_trees
from seatrial.compile.boosters.category_statistics import Categories
from seatrial.compile.boosters.ctr_tables import above_all, read_categories
from seatrial.compile.graph import Graph, Matrix, Refused, join
from seatrial.compile.linear import column
from seatrial.compile.single import rounded_threshold
from seatrial.model.features import Array, Floats

IDENTITY = (
    "RMSE", "MAE", "Quantile", "LogLinQuantile", "MAPE", "Lq", "Huber", "Expectile", "LogCosh", "Cox",
    "PairLogit", "PairLogitPairwise", "YetiRank", "YetiRankPairwise", "QueryRMSE", "QuerySoftMax", "LambdaMart",
    "QueryCrossEntropy", "StochasticRank",
)  # fmt: skip
EXPONENTIAL = ("Poisson", "Tweedie")
LOGISTIC = ("Logloss", "CrossEntropy", "Focal")
SOFTMAX = ("MultiClass",)


@dataclass(frozen=True)
class CatBoostModel:
    """A fitted model of CatBoost."""

    estimator: Any
    objective: str
    trees: tuple[CatTree, ...]
    splits: CatBoostSplits
    categories: Categories
    numbers: tuple[int, ...]  # the columns of the rows that are compared as numbers
    scale: float
    bias: Floats

    statement = "Every row ends in CatBoost's own leaf of every tree, and the scores are CatBoost's own to 1e-9."

    def add_scores(self, matrix: Matrix, graph: Graph) -> str:
        """Add the model: probabilities (n, classes), or predictions (n,)."""
        sums = add_sums(self.trees, self.splits, self._columns(matrix, graph), graph)
        if self.objective in LOGISTIC:
            both = graph.constant([[0.0, self.scale]]), graph.constant([0.0, self.bias[0]])
            return graph.add("Softmax", graph.add("Gemm", sums, *both), axis=1)
        if self.scale != 1.0:
            sums = graph.add("Mul", sums, graph.constant(self.scale))
        raw = graph.add("Add", sums, graph.constant(self.bias))
        if self.objective in SOFTMAX:
            return graph.add("Softmax", raw, axis=1)
        return column(graph.add("Exp", raw) if self.objective in EXPONENTIAL else raw, graph)

    def add_leaves(self, matrix: Matrix, graph: Graph) -> str:
        """Add the same trees with the number of each leaf for its weight: (n, trees)."""
        return add_leaves(self.trees, self.splits, self._columns(matrix, graph), graph)

    def leaves(self, rows: Any) -> Array:
        """The leaf that CatBoost says each row ends in: (n, trees)."""
        return np.asarray(self.estimator.calc_leaf_indexes(rows), dtype=np.int64)

    def reference(self, rows: Any) -> Floats:
        """CatBoost's own scores."""
        score = getattr(self.estimator, "predict_proba", self.estimator.predict)
        return np.asarray(score(rows), dtype=np.float64)

    def bounds(self, rows: Any) -> None:
        """None: the reference is CatBoost's own score."""

    def thresholds(self) -> dict[int, Floats]:
        """The doubles at which a comparison of each number changes."""
        found: dict[int, Floats] = {}
        for position, feature in enumerate(self.numbers):
            chosen = self.splits.thresholds[self.splits.columns == position]
            found[feature] = np.unique(chosen[np.isfinite(chosen)])
        return found

    def _columns(self, matrix: Matrix, graph: Graph) -> Matrix:
        return join([matrix.take(self.numbers), self.categories.add(matrix, graph)])


def read(estimator: Any, rows: Callable[[], Any] | None = None) -> CatBoostModel:
    """Read a fitted estimator's model.

    `rows` returns those that it was trained on, maybe among others: a DataFrame or an array (n, features). A saved
    model contains hashes of its categories, which are found again in these rows. Raises Refused where the model cannot
    be exact, or contains a category that no row has.
    """
    for kind in ("text", "embedding"):
        if getattr(estimator, f"get_{kind}_feature_indices")():
            raise Refused(f"it has {kind} features")
    table = rows() if rows is not None and estimator.get_cat_feature_indices() else None
    saved, columns = save_with_hashes(estimator, table)
    objective = str(saved["model_info"]["params"]["loss_function"]["type"])
    if objective not in (*IDENTITY, *EXPONENTIAL, *LOGISTIC, *SOFTMAX):
        raise Refused(f"its loss_function {objective} is not supported")
    numbers = [each for each in saved["features_info"].get("float_features") or [] if each["borders"]]
    categories = read_categories(saved, columns, table)
    scale, bias = saved["scale_and_bias"]
    return CatBoostModel(
        estimator,
        objective,
        read_trees(saved, len(bias)),
        _splits(numbers, categories),
        categories,
        tuple(int(each["flat_feature_index"]) for each in numbers),
        float(scale),
        np.asarray(bias, dtype=np.float64),
    )


def _splits(numbers: list[dict[str, Any]], categories: Categories) -> CatBoostSplits:
    """Number the splits as CatBoost does: borders of numbers, values of categories, borders of statistics."""
    borders = [np.asarray(each["borders"], dtype=np.float32) for each in numbers]
    thresholds = [rounded_threshold(each.astype(np.float64)) for each in borders]
    missing = [np.inf if above_all(each) else -np.inf for each in numbers]
    borders += [each.astype(np.float32) for each in categories.borders]
    return CatBoostSplits(
        columns=np.repeat(np.arange(len(borders)), [len(each) for each in borders]),
        borders=np.concatenate([*borders, np.empty(0, dtype=np.float32)]),
        thresholds=np.concatenate([*thresholds, *categories.borders, np.empty(0)]),
        missing=np.concatenate([missing, categories.missing]),
    )
