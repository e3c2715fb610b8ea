"""XGBoost: its trees from the JSON that it saves, summed in double.

XGBoost rounds a row to float32, compares `x < t`, and adds float32 leaves in float32, tree by tree, to a float32
intercept. Everything but the sum is repeated exactly. The sum is not: its order is no contract of XGBoost's, and its
error grows with the trees. So the reference is the intercept and the leaves that XGBoost itself reports, summed in
double, and `bounds` says how far XGBoost's own scores can be from that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seatrial.compile.boosters.booster import add_leaf_blocks
from seatrial.compile.boosters.links import HALF_ULP, bounds_of, scores_of
from seatrial.compile.boosters.xgboost_leaves import OwnLeaves
from seatrial.compile.graph import DOUBLE, FLOAT, Graph, Matrix, Refused
from seatrial.compile.linear import column
from seatrial.compile.single import LAST_FINITE, threshold_below
from seatrial.compile.trees import Ensemble, probabilities
from seatrial.model.features import Array, Floats

CHUNK = 1_000_000  # paths at a time: a bound on memory

# From the objective to the link that turns its sum into scores; what is not here is refused.
LINKS = {
    "binary:logistic": "sigmoid",
    "reg:logistic": "sigmoid",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
    "rank:pairwise": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}


@dataclass(frozen=True)
class _Tree:
    """One tree of n nodes, arrays (n,): as XGBoost numbers them, but for the order of a node's two children."""

    left: Array
    right: Array
    feature: Array
    threshold: Floats
    missing_left: Array
    values: Floats
    sets: dict[int, list[float]]
    group: int

    @property
    def comparing(self) -> Array:
        """The nodes that compare with a threshold (n,)."""
        inner: Array = self.left >= 0
        inner[list(self.sets)] = False
        return inner


class XGBoostTrees:
    """A fitted model of XGBoost; a `Booster`."""

    statement = (
        "XGBoost adds its leaves in single precision, so the release states their sum in double precision instead: "
        "every row ends in XGBoost's own leaf of every tree, and XGBoost's own scores differ by its rounding only."
    )

    def __init__(self, estimator: Any, learner: dict[str, Any]) -> None:
        self.estimator = estimator
        self._missing = np.float32(np.nan if estimator.missing is None else estimator.missing)
        self._link = _link(estimator, learner)
        model, weights = _model(learner)
        self._weighted = weights is not None
        self._trees = list(_trees(learner, model, weights))
        self._intercept = _intercept(learner, self._link)
        infinite = any((tree.threshold == LAST_FINITE).any() for tree in self._trees)
        self._own_leaves = OwnLeaves(estimator, len(self._intercept), infinite_splits=infinite)
        self._last: tuple[Any, Array] = (None, np.empty(0))

    def add_scores(self, matrix: Matrix, graph: Graph) -> str:
        """Add the sums of intercept and leaves, and the link: probabilities (n, classes), or predictions (n,)."""
        ensemble = Ensemble()
        for tree in self._trees:
            _add(ensemble, tree, tree.values, tree.group)
        raw = ensemble.node(self._inputs(matrix, graph), len(self._intercept), graph)
        if self._classifies:
            return probabilities(raw, self._intercept, 1.0, graph)
        sums = graph.add("Add", raw, graph.constant(self._intercept))
        operator = {"exp": "Exp", "sigmoid": "Sigmoid"}.get(self._link)
        return column(graph.add(operator, sums) if operator else sums, graph)

    def add_leaves(self, matrix: Matrix, graph: Graph) -> str:
        """Add the same trees with XGBoost's number of each leaf for its weight: (n, trees)."""
        return add_leaf_blocks(self._trees, _add_numbers, self._inputs(matrix, graph), graph)

    def leaves(self, rows: Any) -> Array:
        """The leaf of each tree that XGBoost itself says each row ends in: (n, trees)."""
        if self._last[0] is not rows:
            self._last = rows, self._own_leaves(rows)
        return self._last[1]

    def reference(self, rows: Any) -> Floats:
        """XGBoost's own leaves and its intercept, summed in double, with the link: its scores without its rounding."""
        chunks = [scores_of(self._margins(v), self._link, self._classifies) for v in self._values(rows)]
        return np.concatenate(chunks)

    def bounds(self, rows: Any) -> Floats:
        """How far XGBoost's own scores can be from `reference`, in its shape.

        A float32 addition is off by at most 2^-24 of its result, so a sum is off by that of all partial sums. DART
        multiplies by a weight first, and may round once or twice.
        """
        chunks = [
            bounds_of(self._margins(values), self._sum_bounds(values), self._link, self._classifies)
            for values in self._values(rows)
        ]
        return np.concatenate(chunks)

    def thresholds(self) -> dict[int, Floats]:
        """The doubles at which a comparison of each feature changes."""
        features = np.concatenate([tree.feature[tree.comparing] for tree in self._trees])
        thresholds = np.concatenate([tree.threshold[tree.comparing] for tree in self._trees])
        finite = np.isfinite(thresholds)
        return {int(f): np.unique(thresholds[finite & (features == f)]) for f in np.unique(features[finite])}

    @property
    def _classifies(self) -> bool:
        return hasattr(self.estimator, "predict_proba")

    def _inputs(self, matrix: Matrix, graph: Graph) -> Matrix:
        """Repeat what XGBoost does to a row: find what is missing, and truncate the codes of categories."""
        chosen = sorted({int(tree.feature[node]) for tree in self._trees for node in tree.sets})
        if not chosen and not matrix.sparse and np.isnan(self._missing):
            return matrix
        tensor = graph.numbers(matrix)
        if matrix.sparse:
            tensor = _without(graph.add("Equal", tensor, graph.constant(0.0)), tensor, graph)
        if not np.isnan(self._missing):
            rounded = graph.add("Cast", graph.add("Cast", tensor, to=FLOAT), to=DOUBLE)
            tensor = _without(graph.add("Equal", rounded, graph.constant(float(self._missing))), tensor, graph)
        known = graph.matrix(tensor, matrix.width)
        if not chosen:
            return known
        codes = graph.add("Floor", graph.add("Cast", graph.numbers(known.take(chosen)), to=FLOAT))
        whole = graph.matrix(graph.add("Cast", codes, to=DOUBLE), len(chosen))  # no set has negative ones, so Floor
        cells = dict(zip(chosen, whole.cells, strict=True))
        return Matrix(tuple(cells.get(position, cell) for position, cell in enumerate(known.cells)))

    @cached_property
    def _table(self) -> tuple[Floats, Array]:
        """The values of all trees' nodes, one after another, and where each tree begins."""
        starts = np.cumsum([0, *(len(tree.values) for tree in self._trees[:-1])], dtype=np.int32)
        return np.concatenate([tree.values for tree in self._trees]), starts

    def _values(self, rows: Any) -> Iterator[Floats]:
        """The values of the rows' leaves (n, trees), some rows at a time."""
        leaves, (values, starts) = self.leaves(rows), self._table
        step = max(CHUNK // len(self._trees), 1)
        for start in range(0, len(leaves), step):
            yield values.take(leaves[start : start + step] + starts)

    def _of_groups(self, values: Floats) -> list[Floats]:
        """Divide the values by the sum that they belong to."""
        groups = np.array([tree.group for tree in self._trees])
        count = len(self._intercept)
        return [values] if count == 1 else [values[:, groups == group] for group in range(count)]

    def _margins(self, values: Floats) -> Floats:
        """The sums in double (n, groups)."""
        return np.stack([part.sum(axis=1) for part in self._of_groups(values)], axis=1) + self._intercept

    def _sum_bounds(self, values: Floats) -> Floats:
        """How far XGBoost's sums can be from these (n, groups)."""
        bounds = []
        for part, intercept in zip(self._of_groups(values), self._intercept, strict=True):
            partial = np.empty((len(part), part.shape[1] + 1), dtype=np.float32)
            partial[:, 0], partial[:, 1:] = intercept, part
            np.cumsum(partial, axis=1, out=partial)
            error = np.abs(partial[:, 1:], out=partial[:, 1:]).sum(axis=1, dtype=np.float64)
            bounds.append(error + np.abs(part).sum(axis=1) if self._weighted else error)
        return np.stack(bounds, axis=1) * HALF_ULP


def read(estimator: Any) -> XGBoostTrees:
    """Read a fitted estimator of XGBoost. Raises Refused where its scores are not those of trees with a known link."""
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    return XGBoostTrees(estimator, learner)


def _link(estimator: Any, learner: dict[str, Any]) -> str:
    objective = learner["objective"]["name"]
    link = LINKS.get(objective)
    if link is None:
        raise Refused(f"its objective {objective} is not one of {', '.join(LINKS)}")
    if hasattr(estimator, "predict_proba") and link not in ("sigmoid", "softmax"):
        raise Refused(f"its objective {objective} gives no probabilities")
    return link


def _intercept(learner: dict[str, Any], link: str) -> Floats:
    """The float32 sums that the trees are added to, one for each group of trees: base_score before the link."""
    parameters = learner["learner_model_param"]
    base = np.array(json.loads(parameters["base_score"]), dtype=np.float32).reshape(-1)
    groups = max(int(parameters["num_class"]), 1)
    if link == "sigmoid":
        odds = np.float32(1.0) / base - np.float32(1.0)
        base = (-np.log(odds.astype(np.float64))).astype(np.float32)
    elif link == "exp":
        base = np.log(base.astype(np.float64)).astype(np.float32)
    return np.broadcast_to(base, (groups,)).astype(np.float64)


def _model(learner: dict[str, Any]) -> tuple[dict[str, Any], list[float] | None]:
    """The trees' part of the document, and the weights of DART's trees, which are in one of two places."""
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        raise Refused("booster=gblinear has no trees; use a linear model of scikit-learn")
    if int(learner["learner_model_param"].get("num_target", "1")) > 1:
        raise Refused("it predicts several targets")
    model = booster["gbtree"]["model"] if "gbtree" in booster else booster["model"]
    if model.get("cats", {}).get("enc"):
        raise Refused("it encodes the categories of a DataFrame itself; encode them with OrdinalEncoder before it")
    return model, booster.get("weight_drop") or model.get("weight_drop") or None  # the latter since XGBoost 3.4


def _trees(learner: dict[str, Any], model: dict[str, Any], weights: list[float] | None) -> Iterator[_Tree]:
    """Read the trees that predictions use: after early stopping, those up to the best round."""
    trees, best = model["trees"], learner["attributes"].get("best_iteration")
    for position in range(len(trees) if best is None else model["iteration_indptr"][int(best) + 1]):
        weight = np.float32(weights[position] if weights else 1)
        yield _tree(trees[position], model["tree_info"][position], weight)


def _tree(tree: dict[str, Any], group: int, weight: np.float32) -> _Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise Refused("its leaves are vectors (multi_strategy)")
    left, right = (np.array(tree[f"{side}_children"], dtype=np.int64) for side in ("left", "right"))
    conditions = np.array(tree["split_conditions"], dtype=np.float64).astype(np.float32)
    threshold = threshold_below(conditions.astype(np.float64))
    missing_left = np.array(tree["default_left"], dtype=np.int64)
    sets = _sets(tree)
    # A chosen category goes right, and no number is below minus infinity: there, the other side is what is asked for.
    swapped = np.isneginf(conditions) & (left >= 0)
    threshold[swapped] = np.inf
    swapped[list(sets)] = True
    left, right = np.where(swapped, right, left), np.where(swapped, left, right)
    missing_left = np.where(swapped, 1 - missing_left, missing_left)
    values = np.where(left < 0, conditions * weight, 0).astype(np.float64)
    feature = np.array(tree["split_indices"], dtype=np.int64)
    return _Tree(left, right, feature, threshold, missing_left, values, sets, group)


def _sets(tree: dict[str, Any]) -> dict[int, list[float]]:
    """The categories that each node of categories chooses."""
    parts = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    return {node: [float(c) for c in tree["categories"][start : start + size]] for node, start, size in parts}


def _add(ensemble: Ensemble, tree: _Tree, values: Floats, target: int) -> None:
    ensemble.add_tree(
        tree.left,
        tree.right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_left,
        values=values,
        target=target,
        sets=tree.sets,
    )


def _add_numbers(ensemble: Ensemble, tree: _Tree, target: int) -> None:
    _add(ensemble, tree, np.arange(len(tree.left), dtype=np.float64), target)


def _without(absent: str, tensor: str, graph: Graph) -> str:
    return graph.add("Where", absent, graph.constant(np.nan), tensor)
