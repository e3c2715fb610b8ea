"""Trees as expressions: each tree a nest of conditions, and their sum."""

from collections.abc import Sequence
from typing import Any

from seatrial.export.expressions import Expression, Expressions, Untranslatable

LESS_OR_EQUAL, MEMBER = 0, 6  # nodes_modes of TreeEnsemble
SUM = 1


def tree_ensemble(columns: Sequence[Expression], attributes: dict[str, Any], pool: Expressions) -> list[Expression]:
    """Return the sums of a TreeEnsemble node (ai.onnx.ml 5) over its trees, one for each target."""
    if attributes.get("aggregate_function", SUM) != SUM or attributes.get("post_transform", 0) != 0:
        raise Untranslatable("the graph has trees that are not summed")
    trees = _Trees(columns, attributes, pool)
    terms: list[list[Expression]] = [[] for _ in range(attributes["n_targets"])]
    for root in attributes["tree_roots"]:
        value, target = trees.tree(root)
        terms[target].append(value)
    return [pool.total(each) for each in terms]


class _Trees:
    """The attributes of a node, with plain numbers."""

    def __init__(self, columns: Sequence[Expression], attributes: dict[str, Any], pool: Expressions) -> None:
        import onnx

        self._columns, self._pool = columns, pool
        for name in ("splits", "modes"):
            tensor = onnx.numpy_helper.to_array(attributes[f"nodes_{name}"])
            setattr(self, f"_{name}", tensor.tolist())
        self._weights = onnx.numpy_helper.to_array(attributes["leaf_weights"]).tolist()
        self._targets = attributes["leaf_targetids"]
        self._features = attributes["nodes_featureids"]
        self._nulls_left = attributes["nodes_missing_value_tracks_true"]
        self._true = list(zip(attributes["nodes_truenodeids"], attributes["nodes_trueleafs"], strict=True))
        self._false = list(zip(attributes["nodes_falsenodeids"], attributes["nodes_falseleafs"], strict=True))
        self._sets = _sets(attributes, self._modes)

    _splits: list[float]
    _modes: list[int]

    def tree(self, root: int) -> tuple[Expression, int]:
        """The value of a tree, and the target that it is added to. Children come before parents, without recursion."""
        made: dict[tuple[int, int], Expression] = {}
        waiting = [(root, 0)]
        target = 0
        while waiting:
            place = node, leaf = waiting[-1]
            if leaf:
                made[place] = self._pool.number(self._weights[node])
                target = self._targets[node]
                waiting.pop()
                continue
            open_ones = [each for each in (self._true[node], self._false[node]) if each not in made]
            if open_ones:
                waiting += open_ones
                continue
            made[place] = self._pool.case(self._condition(node), made[self._true[node]], made[self._false[node]])
            waiting.pop()
        return made[root, 0], target

    def _condition(self, node: int) -> Expression:
        """Whether a row goes to the true side."""
        pool, column = self._pool, self._columns[self._features[node]]
        if self._modes[node] == LESS_OR_EQUAL:
            condition = pool.compare("<=", column, pool.number(self._splits[node]))
        elif self._modes[node] == MEMBER:
            condition = pool.member(column, self._sets[node])
        else:
            raise Untranslatable(f"the graph has trees with nodes of mode {self._modes[node]}")
        return pool.either(pool.is_null(column), condition) if self._nulls_left[node] else condition


def _sets(attributes: dict[str, Any], modes: list[int]) -> dict[int, list[float]]:
    """The set of each MEMBER node; they are concatenated, each ended by NaN."""
    import onnx

    if "membership_values" not in attributes:
        return {}
    sets: list[list[float]] = [[]]
    for value in onnx.numpy_helper.to_array(attributes["membership_values"]).tolist():
        if value != value:  # noqa: PLR0124 - NaN
            sets.append([])
        else:
            sets[-1].append(value)
    nodes = [node for node, mode in enumerate(modes) if mode == MEMBER]
    return dict(zip(nodes, sets, strict=False))
