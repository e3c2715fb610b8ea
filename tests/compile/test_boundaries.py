"""Rows on a model's thresholds, found through the preprocessing, and none for smooth models."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from seatrial.compile import boundaries
from seatrial.compile.boundaries import boundary_rows
from seatrial.compile.reference import Reference
from seatrial.model.inputs import Inputs

INPUTS = Inputs(("x", "y"), ())
FRAME = pd.DataFrame(np.random.default_rng(0).normal(50, 10, (200, 2)), columns=["x", "y"])
TARGET = (FRAME["x"] > 47).to_numpy()


@pytest.mark.parametrize("scaled", [False, True])
def test_the_score_changes_between_neighbouring_rows(scaled: bool) -> None:
    first = ColumnTransformer([("n", StandardScaler() if scaled else "passthrough", ["x", "y"])])
    pipeline = make_pipeline(first, DecisionTreeClassifier(max_depth=1)).fit(FRAME, TARGET)
    rows = boundary_rows(pipeline, INPUTS, FRAME, FRAME, seed=1)
    assert list(rows) == ["x", "y"]
    near = rows[(rows["x"] - 47).abs() < 1]
    scores = pipeline.predict_proba(near)[:, 1]
    highest_no, lowest_yes = near["x"][scores < 0.5].max(), near["x"][scores >= 0.5].min()
    assert highest_no < lowest_yes
    assert lowest_yes == np.nextafter(highest_no, np.inf)  # adjacent doubles on both sides of the threshold


def test_a_smooth_model_has_no_boundary_rows() -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, TARGET)
    assert len(boundary_rows(pipeline, INPUTS, FRAME, FRAME)) == 0


def test_the_same_seed_gives_the_same_rows() -> None:
    pipeline = make_pipeline(ColumnTransformer([("n", "passthrough", ["x", "y"])]), DecisionTreeClassifier()).fit(FRAME, TARGET)  # fmt: skip
    first, second = (boundary_rows(pipeline, INPUTS, FRAME, FRAME, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


class _ManyTrees:
    """A booster of 1,000 trees, which counts how often a row went through one of them."""

    def __init__(self) -> None:
        self.paths = 0

    def leaves(self, rows: pd.DataFrame) -> np.ndarray:
        return np.zeros((len(rows), 1000))

    def reference(self, rows: pd.DataFrame) -> np.ndarray:
        self.paths += 1000 * len(rows)
        return (rows["x"].to_numpy() > 47).astype(float)

    def thresholds(self) -> dict[int, np.ndarray]:
        return {0: np.array([47.0])}


def test_a_model_of_many_trees_gets_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thresholds are searched all the same, which takes no tree."""
    monkeypatch.setattr(boundaries, "PATHS", 64 * 1000 * 20)
    booster = _ManyTrees()
    reference = Reference(None, None, None, booster)  # type: ignore[arg-type]
    rows = boundary_rows(None, INPUTS, FRAME, FRAME, reference=reference)
    assert 0 < booster.paths <= boundaries.PATHS
    assert {47.0, np.nextafter(47.0, 99.0)} <= set(rows["x"])
    monkeypatch.setattr(boundaries, "PATHS", 10**12)
    assert len(boundary_rows(None, INPUTS, FRAME, FRAME, reference=reference)) > len(rows)
    assert booster.paths > 64 * 1000 * 20
