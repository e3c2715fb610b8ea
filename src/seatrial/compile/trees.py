"""Trees, forests and boosted trees: one TreeEnsemble node (ai.onnx.ml 5, double thresholds and leaves) for all trees.

scikit-learn's own trees round their input to float32 before they compare it with a double threshold. Rounding keeps
the order, so `float32(x) <= t` is `x <= t'` with a t' that can be computed (`single.py`). That saves two casts in the
graph and is exact for every double. Histogram boosting compares doubles; its thresholds stay.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from onnx import numpy_helper

from seatrial.compile.encoders import ordinal_encoder
from seatrial.compile.graph import ML, Graph, Matrix, Refused, join, refuse_text
from seatrial.compile.linear import by_link, column
from seatrial.compile.single import rounded_threshold
from seatrial.model.engines import GRAPH_LIMIT
from seatrial.model.features import Array, Floats

LESS_OR_EQUAL, MEMBER = 0, 6  # nodes_modes of TreeEnsemble
TENSORS = {"nodes_splits": np.float64, "nodes_modes": np.uint8, "leaf_weights": np.float64}  # the others are lists
NODE_BYTES = 25  # of a comparison and a leaf, at least: two doubles, and integers of a byte or more
SUM = 1  # its aggregate_function; AVERAGE would divide by the number of all trees, not of one class's


class Ensemble:
    """The attributes of one TreeEnsemble node, by their names in ONNX, collected tree by tree."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Array]] = {}
        self._members: list[float] = []
        self._roots: list[int] = []
        self._inner = 0
        self._leaves = 0

    def add_tree(
        self,
        left: Array,
        right: Array,
        *,
        feature: Array,
        threshold: Floats,
        missing_left: Array,
        values: Floats,
        target: int,
        sets: dict[int, list[float]] | None = None,
    ) -> None:
        """Add a tree of n nodes, all arrays (n,), leaves where `left` is -1, that adds `values` to column `target`.

        `sets` contains for some inner nodes the set of numbers that goes left, instead of a threshold.
        """
        leaf = left < 0
        if leaf[0]:  # TreeEnsemble needs a comparison in each tree: both sides lead to the same leaf
            self._append(
                nodes_featureids=[0], nodes_splits=[0.0], nodes_modes=[LESS_OR_EQUAL],
                nodes_missing_value_tracks_true=[0], nodes_truenodeids=[self._leaves], nodes_trueleafs=[1],
                nodes_falsenodeids=[self._leaves], nodes_falseleafs=[1],
            )  # fmt: skip
            self._close(1, values[:1], target)
            return
        index = np.where(leaf, np.cumsum(leaf) - 1 + self._leaves, np.cumsum(~leaf) - 1 + self._inner)
        inner = ~leaf
        mode = np.zeros(len(left), dtype=np.uint8)
        for node in sorted(sets or {}):
            mode[node] = MEMBER
            self._members += [*(sets or {})[node], np.nan]  # the sets are concatenated, each ended by NaN
        self._append(
            nodes_featureids=feature[inner],
            nodes_splits=threshold[inner],
            nodes_modes=mode[inner],
            nodes_missing_value_tracks_true=missing_left[inner],
            nodes_truenodeids=index[left[inner]],
            nodes_trueleafs=leaf[left[inner]],
            nodes_falsenodeids=index[right[inner]],
            nodes_falseleafs=leaf[right[inner]],
        )
        self._close(int(inner.sum()), values[leaf], target)

    def _append(self, **columns: Any) -> None:
        for name, values in columns.items():
            self._parts.setdefault(name, []).append(np.asarray(values))

    def _close(self, inner: int, leaves: Floats, target: int) -> None:
        self._roots.append(self._inner)
        self._append(leaf_weights=leaves, leaf_targetids=np.full(len(leaves), target))
        self._inner += inner
        self._leaves += len(leaves)

    def node(self, matrix: Matrix, targets: int, graph: Graph) -> str:
        """Add the node to the graph, and return its sums (n, targets)."""
        refuse_text(matrix)
        if self._inner * NODE_BYTES > GRAPH_LIMIT:  # before memory is used for it
            most = GRAPH_LIMIT // NODE_BYTES
            raise Refused(f"its trees have {self._inner:,} comparisons, and a graph has room for {most:,}")
        tensor, positions, _ = graph.packed(matrix)
        integers = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        integers["nodes_featureids"] = np.take(positions, integers["nodes_featureids"])
        tensors = {name: integers.pop(name).astype(kind) for name, kind in TENSORS.items()}
        if self._members:
            tensors["membership_values"] = np.array(self._members)
        return graph.add(
            "TreeEnsemble",
            tensor,
            domain=ML,
            n_targets=targets,
            aggregate_function=SUM,
            post_transform=0,
            tree_roots=self._roots,
            **{name: values.astype(np.int64).tolist() for name, values in integers.items()},
            **{name: numpy_helper.from_array(values, name) for name, values in tensors.items()},
        )


def forest_classifier(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to the probabilities of a tree, or the mean over a forest's trees, summed first as in scikit-learn."""
    classes = len(model.classes_)
    if classes != 2:
        return _forest(model, range(classes), matrix, graph)
    share = _forest(model, [1], matrix, graph)
    return graph.add("Gemm", share, graph.constant([[-1.0, 1.0]]), graph.constant([1.0, 0.0]))  # 1 - p, p


def forest_regressor(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert to the predictions (n,) of a tree, or the mean over a forest's trees."""
    return column(_forest(model, [0], matrix, graph), graph)


def gradient_boosting(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert boosted trees with a constant initial prediction to probabilities, or predictions (n,)."""
    raw, baseline = _boosted(model, matrix, graph)
    if not hasattr(model, "classes_"):
        return column(graph.add("Add", raw, graph.constant(baseline)), graph)
    return probabilities(raw, baseline, 2.0 if type(model._loss).__name__ == "ExponentialLoss" else 1.0, graph)


def hist_gradient_boosting(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert boosted trees over doubles, with native categories, to probabilities, or predictions (n,)."""
    raw, baseline = _boosted(model, matrix, graph)
    if hasattr(model, "classes_"):
        return probabilities(raw, baseline, 1.0, graph)
    sums = graph.add("Add", raw, graph.constant(baseline))
    return column(by_link(model._loss.link, sums, graph), graph)


def boosted_sums(model: Any, matrix: Matrix, graph: Graph) -> str:
    """Convert boosted trees to their raw sums, (n, 1) or (n, n_classes): a classifier's decision function."""
    raw, baseline = _boosted(model, matrix, graph)
    return graph.add("Add", raw, graph.constant(baseline))


def _boosted(model: Any, matrix: Matrix, graph: Graph) -> tuple[str, Floats]:
    """Add the trees, and return their sums and the constant that they start from."""
    ensemble = Ensemble()
    if hasattr(model, "_predictors"):
        matrix = _with_codes(model, matrix, graph)
        baseline = np.ravel(model._baseline_prediction)
        for iteration in model._predictors:
            for target, predictor in enumerate(iteration):
                _add_histogram_tree(ensemble, predictor, target, model)
        return ensemble.node(matrix, len(baseline), graph), baseline
    start = model.init_
    if not (isinstance(start, str) and start == "zero"):
        constant = getattr(start, "strategy", None) not in ("stratified", "uniform")
        if not type(start).__name__.startswith("Dummy") or not constant:
            raise Refused(f"its init is {type(start).__name__}, and only a constant initial prediction compiles")
    baseline = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0]
    for stage in model.estimators_:
        for target, tree in enumerate(stage):
            _add(ensemble, tree.tree_, model.learning_rate * tree.tree_.value[:, 0, 0], target)
    return ensemble.node(matrix, len(baseline), graph), baseline


def _forest(model: Any, outputs: Sequence[int], matrix: Matrix, graph: Graph) -> str:
    """Add the mean over all trees of these of their outputs, (n, outputs)."""
    if model.n_outputs_ > 1:
        raise Refused("it predicts several targets")
    trees = [each.tree_ for each in model.estimators_] if hasattr(model, "estimators_") else [model.tree_]
    ensemble = Ensemble()
    for tree in trees:
        for position, output in enumerate(outputs):
            _add(ensemble, tree, tree.value[:, 0, output], position)
    sums = ensemble.node(matrix, len(outputs), graph)
    return sums if len(trees) == 1 else graph.add("Div", sums, graph.constant(float(len(trees))))


def _add(ensemble: Ensemble, tree: Any, values: Floats, target: int) -> None:
    ensemble.add_tree(
        tree.children_left,
        tree.children_right,
        feature=tree.feature,
        threshold=rounded_threshold(tree.threshold),
        missing_left=tree.missing_go_to_left,
        values=values,
        target=target,
    )


def probabilities(raw: str, baseline: Floats, factor: float, graph: Graph) -> str:
    """Add the softmax of baseline plus trees; for two classes over (0, raw), which is the logistic function."""
    if len(baseline) > 1:
        return graph.add("Softmax", graph.add("Add", raw, graph.constant(baseline)), axis=1)
    bias = graph.constant([0.0, factor * float(baseline[0])])
    both = graph.add("Gemm", raw, graph.constant([[0.0, factor]]), bias)
    return graph.add("Softmax", both, axis=1)


def _with_codes(model: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Repeat what the model does before its trees: encode the categories, and move them to the front."""
    if model._preprocessor is None:
        return matrix
    categorical = np.asarray(model.is_categorical_, dtype=bool)
    chosen = matrix.take(np.flatnonzero(categorical))
    encoder = model._preprocessor.named_transformers_["encoder"]
    return join([ordinal_encoder(encoder, chosen, graph), matrix.take(np.flatnonzero(~categorical))])


def _add_histogram_tree(ensemble: Ensemble, predictor: Any, target: int, model: Any) -> None:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    missing_left = nodes["missing_go_to_left"].astype(np.int64)
    sets: dict[int, list[float]] = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf).tolist():
        known = np.arange(len(model._bin_mapper.bin_thresholds_[int(nodes["feature_idx"][node])]))
        goes_left = _bits(predictor.raw_left_cat_bitsets[int(nodes["bitset_idx"][node])])
        # Unknown categories go where missing values go, so the set must be the one of the other side.
        sets[node] = [float(code) for code in known.tolist() if (code in goes_left) != missing_left[node]]
        if missing_left[node]:
            left[node], right[node] = right[node], left[node]
            missing_left[node] = 0
    ensemble.add_tree(
        left,
        right,
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=missing_left,
        values=nodes["value"],
        target=target,
        sets=sets,
    )


def _bits(words: Array) -> set[int]:
    """Read a bit set of 32-bit words."""
    return {32 * position + bit for position, word in enumerate(words.tolist()) for bit in range(32) if word >> bit & 1}


def thresholds_of(model: Any, known: Mapping[int, dict[int, Floats]] = MappingProxyType({})) -> dict[int, Floats]:
    """Return the thresholds that a fitted tree model compares each feature with; none for other models.

    They are the doubles at which the comparison changes: rounded for scikit-learn's own trees. An ensemble has those of
    its parts that see its own columns; `known` has those of parts that are not scikit-learn's, by the part's `id`.
    """
    found = [known[id(model)] if id(model) in known else _own_thresholds(model)]
    for part, features in _parts_of(model):
        for feature, values in thresholds_of(part, known).items():
            found.append({int(feature if features is None else features[feature]): values})
    features = sorted({feature for each in found for feature in each})
    return {name: np.unique(np.concatenate([each[name] for each in found if name in each])) for name in features}


def _own_thresholds(model: Any) -> dict[int, Floats]:
    if hasattr(model, "_predictors"):
        if model._preprocessor is not None:
            return {}  # its features are reordered; bisection of the scores covers it
        nodes = np.concatenate([predictor.nodes for each in model._predictors for predictor in each])
        nodes = nodes[~nodes["is_leaf"].astype(bool)]
        feature, threshold = nodes["feature_idx"], nodes["num_threshold"].astype(np.float64)
    elif hasattr(model, "tree_"):
        inner = model.tree_.children_left >= 0
        feature, threshold = model.tree_.feature[inner], rounded_threshold(model.tree_.threshold[inner])
    else:
        return {}
    finite = np.isfinite(threshold)
    return {int(f): np.unique(threshold[finite & (feature == f)]) for f in np.unique(feature[finite])}


def _parts_of(model: Any) -> list[tuple[Any, Any]]:
    """The fitted estimators inside another one that get its columns, and which of them where that is a choice."""
    inner = getattr(model, "estimators_", ())
    parts = list(inner.ravel()) if isinstance(inner, np.ndarray) else list(inner)
    chosen = getattr(model, "estimators_features_", [None] * len(parts))
    calibrated = [one.estimator for one in getattr(model, "calibrated_classifiers_", ())]
    single = [getattr(model, name) for name in ("estimator_", "regressor_", "best_estimator_") if hasattr(model, name)]
    single = [part for part in single if part is not model and not hasattr(model, "estimators_")]
    return [*zip(parts, chosen, strict=False), *((part, None) for part in (*calibrated, *single))]
