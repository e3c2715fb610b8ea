"""CatBoost, read from the JSON in which it saves a model. It sums in double, so the graph repeats its sums.

A split asks whether float32(x) is above a border, whether a category is one value, or whether a statistic of
categories is above a border (`category_statistics.py`). NaN is above every border or above none, as each feature says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.compile.boosters.cat_columns import save_with_hashes
from seatrial.compile.boosters.category_statistics import Categories
from seatrial.compile.boosters.ctr_tables import above_all, read_categories
from seatrial.compile.graph import Graph, Matrix, Refused, join
from seatrial.compile.linear import column
from seatrial.compile.single import rounded_threshold
from seatrial.compile.trees import Ensemble
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
class CatTree:
    """A tree of n nodes, the root first: children (-1 at a leaf), splits by number, and what a leaf adds (n, outputs).

    `leaf` is the number that CatBoost gives a leaf.
    """

    left: Array
    right: Array
    split: Array
    leaf: Array
    values: Floats


@dataclass(frozen=True)
class CatBoostSplits:
    """What each split asks, by its number: left up to and including a threshold of a column."""

    columns: Array  # of the matrix that `Categories.extend` gives
    thresholds: Floats
    missing_left: Array


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
        outputs = len(self.bias)
        ensemble = Ensemble()
        for tree in self.trees:
            for output in range(outputs):
                self._add(ensemble, tree, tree.values[:, output], output)
        sums = ensemble.node(self._columns(matrix, graph), outputs, graph)
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
        ensemble = Ensemble()
        for target, tree in enumerate(self.trees):
            self._add(ensemble, tree, tree.leaf.astype(np.float64), target)
        return ensemble.node(self._columns(matrix, graph), len(self.trees), graph)

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

    def _add(self, ensemble: Ensemble, tree: CatTree, values: Floats, target: int) -> None:
        ensemble.add_tree(
            tree.left,
            tree.right,
            feature=self.splits.columns[tree.split],
            threshold=self.splits.thresholds[tree.split],
            missing_left=self.splits.missing_left[tree.split],
            values=values,
            target=target,
        )


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
    features = saved["features_info"]
    numbers = [each for each in features.get("float_features") or [] if each["borders"]]
    categories = read_categories(saved, columns, table)
    scale, bias = saved["scale_and_bias"]
    trees = [_symmetric(tree, len(bias)) for tree in saved.get("oblivious_trees") or []]
    trees += [_asymmetric(tree, len(bias)) for tree in saved.get("trees") or []]
    return CatBoostModel(
        estimator,
        objective,
        tuple(trees),
        _splits(numbers, categories),
        categories,
        tuple(int(each["flat_feature_index"]) for each in numbers),
        float(scale),
        np.asarray(bias, dtype=np.float64),
    )


def _splits(numbers: list[dict[str, Any]], categories: Categories) -> CatBoostSplits:
    """Number the splits as CatBoost does: borders of numbers, values of categories, borders of statistics."""
    columns: list[int] = []
    thresholds: list[Floats] = []
    missing_left: list[bool] = []
    for position, feature in enumerate(numbers):
        borders = rounded_threshold(np.asarray(feature["borders"], dtype=np.float32).astype(np.float64))
        columns += [position] * len(borders)
        thresholds.append(borders)
        missing_left += [not above_all(feature)] * len(borders)
    for position, (borders, missing) in enumerate(zip(categories.borders, categories.missing, strict=True)):
        columns += [len(numbers) + position] * len(borders)
        thresholds.append(borders)
        missing_left += (missing <= borders).tolist()
    return CatBoostSplits(np.array(columns), np.concatenate([*thresholds, np.empty(0)]), np.array(missing_left))


def _symmetric(tree: dict[str, Any], outputs: int) -> CatTree:
    """Expand a tree that asks one question at each depth. The last question is the highest bit of the leaf's number.

    So it becomes the root: the leaves are then in order.
    """
    splits = [int(each["split_index"]) for each in tree.get("splits") or []]
    inner = 2 ** len(splits) - 1
    nodes = np.arange(2 * inner + 1)
    depths = np.log2(nodes[:inner] + 1).astype(int)
    nowhere = np.full(inner + 1, -1)
    zeros = np.zeros(inner + 1, dtype=int)
    values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(inner + 1, outputs)
    return CatTree(
        left=np.concatenate([2 * nodes[:inner] + 1, nowhere]),
        right=np.concatenate([2 * nodes[:inner] + 2, nowhere]),
        split=np.concatenate([np.array(splits[::-1], dtype=int)[depths], zeros]),
        leaf=np.concatenate([zeros[:inner], np.arange(inner + 1)]),
        values=np.concatenate([np.zeros((inner, outputs)), values]),
    )


def _asymmetric(tree: dict[str, Any], outputs: int) -> CatTree:
    """Flatten a tree of nested nodes. CatBoost numbers its leaves from left to right, but a leaf before its sibling."""
    nodes: list[list[int]] = []
    values: list[Any] = []
    leaves = 0

    def visit(node: dict[str, Any]) -> int:
        nonlocal leaves
        position = len(nodes)
        nodes.append([-1, -1, 0, leaves])
        values.append(np.broadcast_to(node.get("value", 0.0), outputs))
        if "split" in node:
            order = sorted(("left", "right"), key=lambda side: "split" in node[side])
            children = {side: visit(node[side]) for side in order}
            nodes[position] = [children["left"], children["right"], int(node["split"]["split_index"]), 0]
        else:
            leaves += 1
        return position

    visit(tree)
    left, right, split, leaf = np.array(nodes).T
    return CatTree(left, right, split, leaf, np.array(values, dtype=np.float64))
