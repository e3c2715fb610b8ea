"""Saved models with nodes that do not exist are refused before a library follows them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.compile.saved_models import load_model
from seatrial.core.errors import SeatrialError

X = np.random.default_rng(0).normal(size=(200, 2))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def edited(name: str, place: int, value: int) -> Callable[[Any], None]:
    return lambda model: model["trees"][0][name].__setitem__(place, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited("left_children", 0, 9999), "tree 0 has a node that does not exist"),
        (edited("left_children", 0, -7), "tree 0 has a node that does not exist"),
        (edited("left_children", 0, 0), "tree 0 comes back to one of its nodes"),
        (edited("split_indices", 0, 77), "tree 0 compares a feature that does not exist"),
        (lambda model: model["tree_info"].__setitem__(0, 5), "tree 0 belongs to class 5"),
    ],
)
def test_nodes_of_xgboost(tmp_path: Path, change: Callable[[Any], None], said: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    file = tmp_path / "model.json"
    xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(X, Y).save_model(file)
    assert load_model(file).predict(X).shape == (200,)
    document = json.loads(file.read_text())
    change(document["learner"]["gradient_booster"]["model"])
    file.write_text(json.dumps(document))
    with pytest.raises(SeatrialError, match=said):
        load_model(file)


@pytest.mark.parametrize(
    ("pattern", "by", "said"),
    [
        (r"^left_child=\S+", "left_child=99", "tree 0 has a node that does not exist, or one twice"),
        (r"^right_child=\S+", "right_child=0", "tree 0 has a node that does not exist, or one twice"),
        (r"^split_feature=\S+", "split_feature=77", "tree 0 compares a feature that does not exist"),
        (r"^num_leaves=\d+", "num_leaves=99", "tree 0 has lists of other lengths"),
        (r"^leaf_value=\S+", "leaf_value=", "tree 0 has lists of other lengths"),
        (r"(?s)^Tree=1.*", "", "tree 1 is not where the file says"),
        (r"(?s)^end of trees.*", "", "it ends before its trees do"),
        (r"(?s)^tree_sizes.*", "", "it ends before its trees do"),
    ],
)
def test_nodes_of_lightgbm(tmp_path: Path, pattern: str, by: str, said: str) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    file = tmp_path / "model.txt"
    lightgbm.LGBMClassifier(n_estimators=2, num_leaves=4, verbose=-1).fit(X, Y).booster_.save_model(file)
    assert load_model(file).predict(X).shape == (200,)
    text = file.read_text()
    changed = re.sub(pattern, by, text, count=1, flags=re.MULTILINE)
    grown = len(changed) - len(text)
    sizes = re.sub(r"(?<=tree_sizes=)\d+", lambda size: str(int(size[0]) + grown), changed)
    file.write_text(sizes if "Tree=1" in changed and "end of trees" in changed else changed)
    with pytest.raises(SeatrialError, match=said):
        load_model(file)


def test_categories_of_lightgbm(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rows = np.random.default_rng(0).integers(0, 30, size=(600, 1)).astype(float)
    file = tmp_path / "model.txt"
    model = lightgbm.LGBMClassifier(n_estimators=1, min_data_per_group=1, verbose=-1)
    model.fit(rows, (rows[:, 0] % 3 == 0).astype(int), categorical_feature=[0]).booster_.save_model(file)
    assert load_model(file).predict(rows).shape == (600,)
    text = file.read_text()
    changed = re.sub(r"(?<=^cat_boundaries=0 )\d", "9", text, count=1, flags=re.MULTILINE)
    assert changed != text
    file.write_text(changed)
    with pytest.raises(SeatrialError, match="tree 0 has categories that do not exist"):
        load_model(file)
