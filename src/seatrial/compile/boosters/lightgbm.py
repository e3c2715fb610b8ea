"""LightGBM, read from the text in which it saves a model. All of it is in double, so the graph repeats its sums.

Its trees go left by `x <= t`, or where the whole part of a code is in a set. A value within 1e-35 of zero arrives at
them as 0; NaN is 0 too, or goes to a side of its own, depending on the feature's missing type.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from seatrial.compile.boosters.booster import add_leaf_blocks, blocks
from seatrial.compile.graph import Graph, Matrix, Refused, join
from seatrial.compile.linear import column
from seatrial.compile.trees import Ensemble, probabilities
from seatrial.model.features import Array, Floats

ZERO = float(np.float32(1e-35))  # kZeroThreshold: values up to this far from 0 are 0
CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of a node's decision_type; the next two are its missing type
AS_ZERO, AS_MISSING = 0, 1  # missing types: NaN is 0; what is 0 is missing too. The third: NaN only is missing
WORD = 32  # bits of a word of a set of categories
FIRST = 1.0  # the graph's number of the category 0: onnxruntime tests a set of 1 to 64 at once, others number by number

IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg")
EXPONENTIAL = ("poisson", "gamma", "tweedie")
LOGISTIC = ("binary", "cross_entropy")
SEVERAL = ("multiclass", "multiclassova")

# What a tree compares: the number as it is, the number with all that is 0 as NaN, or the whole part of a code.
Form = Literal["number", "zero is missing", "code"]


@dataclass(frozen=True)
class LightObjective:
    """What turns sums of leaves into the answer: `regression sqrt`, `binary sigmoid:1`."""

    name: str
    sigmoid: float
    squared: bool

    @classmethod
    def of(cls, text: str) -> "LightObjective":
        """Read the line of a saved model. Raises Refused where the link is not known to be exact."""
        name, *words = text.split() or [""]
        options = dict(word.split(":", 1) for word in words if ":" in word)
        if not name:
            raise Refused("its objective is a function of its own; use one of LightGBM's objectives")
        if name not in (*IDENTITY, *EXPONENTIAL, *LOGISTIC, *SEVERAL):
            raise Refused(f"its objective {name} is not supported")
        return cls(name, float(options.get("sigmoid", 1.0)), "sqrt" in words)


@dataclass(frozen=True)
class LightTree:
    """A tree as it is saved: inner nodes (n,) with children, `~leaf` for a leaf, and the leaves' values (n + 1,)."""

    left: Array
    right: Array
    feature: Array
    threshold: Floats
    decision: Array
    values: Floats
    sets: dict[int, list[float]]  # by inner node: the categories that go left

    @property
    def categorical(self) -> Array:
        """Which inner nodes compare a category."""
        return np.asarray(self.decision & CATEGORICAL, dtype=bool)

    @property
    def forms(self) -> list[Form]:
        """What each inner node compares."""
        missing = (self.decision >> 2) & 3
        numeric: list[Form] = ["zero is missing" if kind == AS_MISSING else "number" for kind in missing.tolist()]
        return ["code" if code else form for code, form in zip(self.categorical.tolist(), numeric, strict=True)]

    @property
    def bounds(self) -> Floats:
        """Each threshold as the double up to which a value goes left, as all within 1e-35 of zero are the same."""
        shifted = np.where(self.threshold < 0, np.nextafter(-ZERO, -np.inf), ZERO)
        return np.where(np.abs(self.threshold) <= ZERO, shifted, self.threshold)

    @property
    def missing_left(self) -> Array:
        """Whether NaN goes left; never for a category."""
        as_zero = (self.decision >> 2) & 3 == AS_ZERO
        default = (self.decision & DEFAULT_LEFT) != 0
        return np.where(as_zero, self.threshold >= 0, default) & ~self.categorical

    def add_to(self, ensemble: Ensemble, positions: dict[tuple[Form, int], int], values: Floats, target: int) -> None:
        """Add it with a value for each leaf; `positions` says in which column is what its nodes compare."""
        inner = len(self.left)
        none = np.full(len(values), -1)
        pairs = zip(self.forms, self.feature.tolist(), strict=True)
        nothing = np.zeros(len(values))  # what a leaf does not have
        ensemble.add_tree(
            np.concatenate([np.where(self.left >= 0, self.left, inner + ~self.left), none]),
            np.concatenate([np.where(self.right >= 0, self.right, inner + ~self.right), none]),
            feature=np.concatenate([np.array([positions[pair] for pair in pairs], dtype=np.int64), none]),
            threshold=np.concatenate([np.where(self.categorical, 0.0, self.bounds), nothing]),
            missing_left=np.concatenate([self.missing_left, nothing.astype(bool)]),
            values=np.concatenate([np.zeros(inner), values]),
            target=target,
            sets={node: [code + FIRST for code in codes] for node, codes in self.sets.items()},
        )


@dataclass(frozen=True)
class LightModel:
    """A fitted model of LightGBM."""

    estimator: Any
    objective: LightObjective
    trees: list[LightTree]
    outputs: int
    averaged: bool  # a random forest: the sums are divided by the number of iterations

    statement = "Every row reaches LightGBM's own leaf in every tree, and the scores are LightGBM's own to 1e-9."

    def add_scores(self, matrix: Matrix, graph: Graph) -> str:
        """Add the model: probabilities (n, classes), or predictions (n,)."""
        raw = self.add_decision(matrix, graph)
        if self.averaged:
            raw = graph.add("Div", raw, graph.constant(float(len(self.trees) // self.outputs)))
        name = self.objective.name
        if name == "multiclass":
            return graph.add("Softmax", raw, axis=1)
        if name == "multiclassova":
            return self._logistic(raw, graph)
        if hasattr(self.estimator, "classes_"):
            return probabilities(raw, np.zeros(1), self.objective.sigmoid, graph)
        if name in LOGISTIC:
            return column(self._logistic(raw, graph), graph)
        if name in EXPONENTIAL:
            return column(graph.add("Exp", raw), graph)
        return column(graph.add("Mul", raw, graph.add("Abs", raw)) if self.objective.squared else raw, graph)

    def add_decision(self, matrix: Matrix, graph: Graph) -> str:
        """Add what LightGBM calls raw scores, the sums of leaves: (n, 1) for two classes, (n, classes) for more."""
        ensemble = Ensemble()
        for number, tree in enumerate(self.trees):
            tree.add_to(ensemble, self._positions, tree.values, number % self.outputs)
        return ensemble.node(self._inputs(matrix, graph), self.outputs, graph)

    def add_leaves(self, matrix: Matrix, graph: Graph) -> str:
        """Add the same trees with the number of each leaf for its weight: (n, trees)."""

        def add(ensemble: Ensemble, tree: LightTree, target: int) -> None:
            tree.add_to(ensemble, self._positions, np.arange(float(len(tree.values))), target)

        return add_leaf_blocks(self.trees, add, self._inputs(matrix, graph), graph)

    def leaves(self, rows: Any) -> Array:
        """The leaf that LightGBM says each row ends in: (n, trees)."""
        booster = self.estimator.booster_
        found = []
        for block in blocks(max(booster.best_iteration, 0) or booster.current_iteration(), self.outputs):
            some = {"start_iteration": block.start, "num_iteration": block.stop - block.start}
            leaves = np.asarray(self.estimator.predict(rows, pred_leaf=True, **some))
            found.append(leaves.reshape(rows.shape[0], -1).astype(np.int32))
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def reference(self, rows: Any) -> Floats:
        """LightGBM's own scores, which are in double."""
        score = getattr(self.estimator, "predict_proba", None) or self.estimator.predict
        return np.asarray(score(rows), dtype=np.float64)

    def bounds(self, rows: Any) -> None:
        """Nothing is rounded."""

    def thresholds(self) -> dict[int, Floats]:
        """The doubles at which a comparison of each feature changes: left up to and including the threshold."""
        found: dict[int, set[float]] = {}
        for tree in self.trees:
            bounds = tree.bounds.tolist()
            for node, (form, feature) in enumerate(zip(tree.forms, tree.feature.tolist(), strict=True)):
                edges = found.setdefault(feature, set())
                if form != "code":
                    edges.add(bounds[node])
                if form == "zero is missing":
                    edges |= {float(np.nextafter(-ZERO, -np.inf)), ZERO}
                for code in tree.sets.get(node, ()):
                    edges |= {_below(code) if code else -1.0, _below(code + 1)}
        return {feature: np.array(sorted(edges)) for feature, edges in sorted(found.items())}

    def _logistic(self, raw: str, graph: Graph) -> str:
        """Add the logistic function of each column, in the form in which LightGBM computes it."""
        exponential = graph.add("Exp", graph.add("Mul", raw, graph.constant(-self.objective.sigmoid)))
        return graph.add("Reciprocal", graph.add("Add", exponential, graph.constant(1.0)))

    def _inputs(self, matrix: Matrix, graph: Graph) -> Matrix:
        return join(self._form(form, features, matrix, graph) for form, features in self._compared.items())

    @cached_property
    def _positions(self) -> dict[tuple[Form, int], int]:
        """Where in `_inputs` is what the nodes compare."""
        pairs = [(form, feature) for form, features in self._compared.items() for feature in features]
        return {pair: position for position, pair in enumerate(pairs)}

    @cached_property
    def _compared(self) -> dict[Form, list[int]]:
        """The features that the trees compare, by form; a model without a split gets one, since its node needs one."""
        pairs = {pair for tree in self.trees for pair in zip(tree.forms, tree.feature.tolist(), strict=True)}
        found: dict[Form, list[int]] = {}
        for form, feature in sorted(pairs) or [("number", 0)]:
            found.setdefault(form, []).append(feature)
        return found

    @staticmethod
    def _form(form: Form, features: list[int], matrix: Matrix, graph: Graph) -> Matrix:
        chosen = matrix.take(features)
        if form == "number":
            return chosen
        numbers = graph.numbers(chosen)
        size = graph.add("Abs", numbers)
        if form == "code":
            whole = graph.add("Mul", graph.add("Sign", numbers), graph.add("Floor", size))
            return graph.matrix(graph.add("Add", whole, graph.constant(FIRST)), len(features))
        zero = graph.add("LessOrEqual", size, graph.constant(ZERO))
        return graph.matrix(graph.add("Where", zero, graph.constant(np.nan), numbers), len(features))


def read(estimator: Any) -> LightModel:
    """Read a fitted LGBMClassifier, LGBMRegressor or LGBMRanker, up to the best iteration where it stopped early.

    Raises Refused where it cannot be exact.
    """
    booster = estimator.booster_
    if booster.pandas_categorical:
        raise Refused(
            "it was fitted on columns of pandas' type category; encode them with OrdinalEncoder, and name them with "
            "categorical_feature"
        )
    if estimator.get_params().get("pred_early_stop"):
        raise Refused("pred_early_stop gives approximate scores; leave it out")
    header, *blocks = booster.model_to_string().split("\nTree=")
    facts = dict(line.partition("=")[::2] for line in header.splitlines())
    trees = [_tree(block) for block in blocks]
    objective = LightObjective.of(facts.get("objective", ""))
    outputs = int(facts["num_tree_per_iteration"])
    if not trees:
        raise Refused("it has no trees")
    classifier = hasattr(estimator, "classes_")
    kind = "classifier" if classifier else "regressor"
    allowed = (*LOGISTIC, *SEVERAL) if classifier else (*IDENTITY, *EXPONENTIAL, *LOGISTIC)
    if objective.name not in allowed:
        raise Refused(f"its objective {objective.name} does not give what a {kind} predicts")
    return LightModel(estimator, objective, trees, outputs, "average_output" in facts)


def _tree(block: str) -> LightTree:
    """Read one tree: a line `name=numbers` for each array."""
    lines = dict(line.partition("=")[::2] for line in block.split("\n\n", 1)[0].splitlines()[1:])
    if lines.get("is_linear", "0") != "0":
        raise Refused("its leaves are linear models (linear_tree=True), which do not compile; leave linear_tree out")

    def integers(name: str) -> Array:
        return np.array(lines.get(name, "").split(), dtype=np.int64)

    threshold = np.array(lines.get("threshold", "").split(), dtype=np.float64)
    decision = integers("decision_type")
    starts, words = integers("cat_boundaries"), integers("cat_threshold")
    sets = {}
    for node in np.flatnonzero(decision & CATEGORICAL).tolist():
        chosen = int(threshold[node])
        sets[node] = _members(words[starts[chosen] : starts[chosen + 1]])
    return LightTree(
        integers("left_child"),
        integers("right_child"),
        integers("split_feature"),
        threshold,
        decision,
        np.array(lines["leaf_value"].split(), dtype=np.float64),
        sets,
    )


def _members(words: Array) -> list[float]:
    """The numbers in a bit set of 32-bit words."""
    bits = (words[:, None] >> np.arange(WORD)) & 1
    return [float(number) for number in np.flatnonzero(bits.ravel()).tolist()]


def _below(value: float) -> float:
    return float(np.nextafter(value, -np.inf))
