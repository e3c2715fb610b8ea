"""Checks the node numbers in a saved model of trees, before its library follows them out of its memory.

XGBoost and LightGBM believe their files: a child or a feature that does not exist is read from wherever it would be,
and a file that was cut short ends the process. Raises ValueError with the tree and what is wrong with it.
"""

import re
from typing import Any

import numpy as np

from seatrial.model.features import Array

# The lists of a tree in LightGBM's text, and how many entries they have more than the tree has inner nodes.
_LISTS = {"split_feature": 0, "threshold": 0, "decision_type": 0, "left_child": 0, "right_child": 0, "leaf_value": 1}
_LISTS |= {"split_gain": 0, "internal_value": 0, "internal_weight": 0, "internal_count": 0}
_LISTS |= {"leaf_weight": 1, "leaf_count": 1}
_NEEDED = ("split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value")


def check_xgboost(learner: dict[str, Any]) -> None:
    """Check the trees in `learner` of the JSON that XGBoost writes of a model that it has read."""
    booster = learner["gradient_booster"]
    model = booster.get("gbtree", booster).get("model", {})
    facts = learner["learner_model_param"]
    features, groups = int(facts["num_feature"]), max(int(facts["num_class"]), int(facts.get("num_target", 1)), 1)
    for number, (tree, group) in enumerate(zip(model.get("trees", ()), model.get("tree_info", ()), strict=True)):
        _require(0 <= group < groups, number, f"belongs to class {group}, which does not exist")
        left, right, feature = (
            np.asarray(tree[name], dtype=np.int64) for name in ("left_children", "right_children", "split_indices")
        )
        inner = _reached(left, right, number)
        _require(bool((feature[inner] < features).all()), number, "compares a feature that does not exist")
        starts, sizes = (
            np.asarray(tree.get(f"categories_{name}", ()), dtype=np.int64) for name in ("segments", "sizes")
        )
        ends = starts + sizes
        fits = (starts >= 0).all() and (sizes >= 0).all() and (ends <= len(tree.get("categories", ()))).all()
        _require(bool(fits), number, "has categories that do not exist")


def _reached(left: Array, right: Array, number: int) -> Array:
    """The inner nodes that rows can reach; each node once, and none that does not exist."""
    level, found, seen = np.zeros(1, dtype=np.int64), [], 0
    while len(level):
        _require(bool(((level >= 0) & (level < len(left))).all()), number, "has a node that does not exist")
        seen += len(level)
        _require(seen <= len(left), number, "comes back to one of its nodes")
        found.append(level[left[level] != -1])
        level = np.concatenate([left[found[-1]], right[found[-1]]])
    return np.concatenate(found)


def check_lightgbm(content: bytes) -> None:
    """Check the text of a LightGBM model: that it is whole, and the nodes of its trees."""
    head, separator, _ = content.partition(b"\nTree=0\n")
    facts = _facts(head)
    at = len(head) + 1 if separator else len(content)
    for number, size in enumerate(map(int, facts.get("tree_sizes", "").split())):
        tree = content[at : at + size]
        whole = len(tree) == size and tree.startswith(f"Tree={number}\n".encode())
        _require(whole, number, "is not where the file says: it was cut short or changed")
        _check_lightgbm_tree(_facts(tree), number, int(facts["max_feature_idx"]))
        at += size
    if not content[at:].lstrip().startswith(b"end of trees"):
        raise ValueError("it ends before its trees do, or has none")


def _facts(text: bytes) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", text.decode("utf-8", "replace"), re.MULTILINE))


def _check_lightgbm_tree(facts: dict[str, str], number: int, last_feature: int) -> None:
    leaves = int(facts["num_leaves"])
    _require(leaves >= 1, number, "has no leaf")
    if leaves == 1:
        return
    lists = {name: np.array(facts[name].split(), dtype=np.float64) for name in _LISTS if name in facts}
    fits = all(len(values) == leaves - 1 + _LISTS[name] for name, values in lists.items() if len(values))
    fits = fits and all(len(lists.get(name, ())) for name in _NEEDED)
    _require(fits, number, "has lists of other lengths than its nodes")
    children = np.sort(np.concatenate([lists["left_child"], lists["right_child"]]))
    # Each leaf (-1, -2, ...) and each inner node but the first is the child of one other.
    expected = np.r_[-leaves:0, 1 : leaves - 1]
    _require(bool((children == expected).all()), number, "has a node that does not exist, or one twice")
    features = np.concatenate([lists["split_feature"], np.array(facts.get("leaf_features", "").split(), float)])
    _require(
        bool(((features >= 0) & (features <= last_feature)).all()), number, "compares a feature that does not exist"
    )
    sets = lists["threshold"][lists["decision_type"].astype(int) & 1 == 1]
    bounds = np.array(facts.get("cat_boundaries", "").split(), dtype=np.float64)
    words = len(facts.get("cat_threshold", "").split())
    fits = not len(sets) or bool(
        len(bounds) and (sets >= 0).all() and (sets < len(bounds) - 1).all()
        and (np.diff(bounds) >= 0).all() and bounds[0] == 0 and bounds[-1] == words
    )  # fmt: skip
    _require(fits, number, "has categories that do not exist")


def _require(holds: bool, number: int, what: str) -> None:
    if not holds:
        raise ValueError(f"tree {number} {what}")
