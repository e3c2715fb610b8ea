"""Contributions: they sum to the difference, and agree with what can be computed by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from seatrial.model.shapley import EXACT_UP_TO, contributions

NAMES = [f"c{i}" for i in range(14)]


def additive(rows: Sequence[dict[str, Any]]) -> Any:
    return np.array([sum((i + 1) * row[name] for i, name in enumerate(NAMES) if name in row) for row in rows])


@pytest.mark.parametrize("count", [0, 1, 4, EXACT_UP_TO, EXACT_UP_TO + 3])
def test_an_additive_models_contributions_are_its_terms(count: int) -> None:
    names = NAMES[:count]
    row = dict.fromkeys(names, 2.0)
    result = contributions(row, dict.fromkeys(names, 1.0), names, additive)
    assert {c.column: pytest.approx(c.contribution) for c in result} == {n: i + 1.0 for i, n in enumerate(names)}


def test_an_interaction_is_shared_and_the_largest_comes_first() -> None:
    def score(rows: Sequence[dict[str, Any]]) -> Any:
        return np.array([row["a"] * row["b"] + 10 * row["c"] for row in rows])

    row, typical = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 5.0}, {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0}
    result = contributions(row, typical, ["a", "b", "c", "d"], score)
    assert result[0].column == "c"
    assert {c.column: c.contribution for c in result} == pytest.approx({"a": 0.5, "b": 0.5, "c": 10.0, "d": 0.0})


@pytest.mark.parametrize("count", [6, 13])
def test_contributions_sum_to_the_difference(count: int) -> None:
    generator = np.random.default_rng(count)
    weights = generator.normal(size=(count, count))

    def score(rows: Sequence[dict[str, Any]]) -> Any:
        values = np.array([[row[name] for name in NAMES[:count]] for row in rows])
        return np.tanh(((values @ weights) * values).sum(axis=1))

    row = dict(zip(NAMES, generator.normal(size=count).tolist(), strict=False))
    typical = dict(zip(NAMES, generator.normal(size=count).tolist(), strict=False))
    result = contributions(row, typical, NAMES[:count], score)
    difference = float((score([row]) - score([typical]))[0])
    assert sum(c.contribution for c in result) == pytest.approx(difference)
