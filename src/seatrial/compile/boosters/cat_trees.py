"""CatBoost's trees: read from its JSON, and added to the graph with the values, or the numbers, of their leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.compile.boosters.booster import add_leaf_blocks
from seatrial.compile.boosters.symmetric_trees import DEPTH, add_leaf_numbers, add_leaf_values
from seatrial.compile.graph import Graph, Matrix
from seatrial.compile.trees import Ensemble
from seatrial.model.features import Array, Floats


@dataclass(frozen=True)
class CatTree:
    """A tree of n nodes, the root first: children (-1 at a leaf), splits by number, and what a leaf adds (n, outputs).

    `leaf` is the number that CatBoost gives a leaf. A symmetric tree has `questions`: the split of each bit of it.
    """

    left: Array
    right: Array
    split: Array
    leaf: Array
    values: Floats
    questions: tuple[int, ...] = ()


@dataclass(frozen=True)
class CatBoostSplits:
    """What each split asks, by its number: whether float32(x) of a column is above a border in float32.

    That is, whether x is above the threshold in double. NaN is compared as `missing`, by column.
    """

    columns: Array
    borders: Array
    thresholds: Floats
    missing: Floats

    @property
    def missing_left(self) -> Array:
        """Of each split, whether NaN is not above the border."""
        left: Array = self.missing[self.columns] <= self.borders
        return left


def read_trees(saved: dict[str, Any], outputs: int) -> tuple[CatTree, ...]:
    """Read the trees of a model in JSON."""
    trees = [_symmetric(tree, outputs) for tree in saved.get("oblivious_trees") or []]
    return (*trees, *(_asymmetric(tree, outputs) for tree in saved.get("trees") or []))


def add_sums(trees: Sequence[CatTree], splits: CatBoostSplits, columns: Matrix, graph: Graph) -> str:
    """Add the sums of all leaves that a row ends in: (n, outputs)."""
    outputs = range(trees[0].values.shape[1])
    if _fit_matrices(trees):
        numbers = _leaf_numbers(trees, splits, columns, graph)
        tables = [[tree.values[tree.left < 0, output] for tree in trees] for output in outputs]
        values = [add_leaf_values(numbers, each, graph) for each in tables]
        sums = [graph.add("ReduceSum", each, graph.constant([0], np.int64), keepdims=1) for each in values]
        return graph.add("Transpose", sums[0] if len(sums) == 1 else graph.add("Concat", *sums, axis=0), perm=[1, 0])
    ensemble = Ensemble()
    for tree in trees:
        for output in outputs:
            _add(ensemble, tree, splits, tree.values[:, output], output)
    return ensemble.node(columns, len(outputs), graph)


def add_leaves(trees: Sequence[CatTree], splits: CatBoostSplits, columns: Matrix, graph: Graph) -> str:
    """Add the numbers of all leaves that a row ends in: (n, trees)."""
    if _fit_matrices(trees):
        tables = [tree.leaf[tree.left < 0].astype(np.float64) for tree in trees]
        numbers = _leaf_numbers(trees, splits, columns, graph)
        return graph.add("Transpose", add_leaf_values(numbers, tables, graph), perm=[1, 0])

    def add(ensemble: Ensemble, tree: CatTree, target: int) -> None:
        _add(ensemble, tree, splits, tree.leaf.astype(np.float64), target)

    return add_leaf_blocks(trees, add, columns, graph)


def _fit_matrices(trees: Sequence[CatTree]) -> bool:
    return all(0 < len(tree.questions) <= DEPTH for tree in trees)


def _leaf_numbers(trees: Sequence[CatTree], splits: CatBoostSplits, columns: Matrix, graph: Graph) -> str:
    questions = [tree.questions for tree in trees]
    return add_leaf_numbers(questions, columns, splits.columns, splits.borders, splits.missing, graph)


def _add(ensemble: Ensemble, tree: CatTree, splits: CatBoostSplits, values: Floats, target: int) -> None:
    ensemble.add_tree(
        tree.left,
        tree.right,
        feature=splits.columns[tree.split],
        threshold=splits.thresholds[tree.split],
        missing_left=splits.missing_left[tree.split],
        values=values,
        target=target,
    )


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
        questions=tuple(splits),
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
