"""What is counted of a library's paths and rounding, and how many rows are compared at once."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from seatrial.compile import leaf_proof
from seatrial.compile.leaf_proof import LeafProof, Paths, _rounding
from seatrial.compile.reference import reference_of
from seatrial.model.decision import DecisionRule
from seatrial.model.inputs import Inputs

BINARY = DecisionRule("binary", (0, 1))
FRAME = pd.DataFrame({"x": np.arange(6.0)})


def pairs(*second: float) -> Any:
    scores = np.array(second)
    return np.column_stack([1 - scores, scores])


def test_a_score_within_its_bound_may_decide_a_label() -> None:
    exact, bounds = pairs(0.2, 0.4999999, 0.9), np.full((3, 2), 2e-7)
    paths = _rounding(pairs(0.2, 0.5, 0.9), exact, bounds, BINARY)
    assert (paths.beyond, paths.decided) == (0, 1)
    assert paths.largest == pytest.approx(1e-7, rel=1e-3)
    assert paths.reason == ""


@pytest.mark.parametrize("own", [0.2000003, np.nan])
def test_a_score_beyond_its_bound_fails(own: float) -> None:
    paths = _rounding(pairs(own, 0.5), pairs(0.2, 0.5), np.full((2, 2), 2e-7), BINARY)
    assert paths.beyond == 1
    assert "own scores of 1 rows differ by more than its rounding explains" in paths.reason


def test_differences_of_a_regression_are_relative() -> None:
    large = np.array([1e6, 0.5])
    paths = _rounding(large + np.array([1.0, 0.0]), large, np.array([2.0, 2.0]), DecisionRule("regression"))
    assert paths.largest == pytest.approx(1e-6)
    assert paths.beyond == 0


def test_sums_of_parts_keep_the_largest_difference() -> None:
    assert Paths(10, 1, 0.5, 2, 3) + Paths(5, 0, 0.7, 1, 0) == Paths(15, 1, 0.7, 3, 3)
    assert "1 of 15 paths" in (Paths(10, 1) + Paths(5)).reason


def test_memory_bounds_how_many_rows_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_proof, "CELLS", 100)
    model = LogisticRegression().fit(FRAME, [0, 1] * 3)
    leaves = LeafProof(reference_of(model), Inputs(("x",), ()))
    assert leaves.rows_at_once(FRAME, 50) == 50
    leaves._reference = SimpleNamespace(trees=lambda rows: 7)  # type: ignore[assignment]
    assert leaves.rows_at_once(FRAME, 50) == 14
    assert leaves.rows_at_once(FRAME, 5) == 5
