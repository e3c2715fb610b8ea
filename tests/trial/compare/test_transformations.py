"""Transformations of scores are recognized, and nothing else is mistaken for one."""

import numpy as np
import pytest
from tests.trial.compare.formula_models import BINARY, NUMBER, passengers, survival

from seatrial.trial.compare.transformations import is_tiny, transformation

SCORES = survival(passengers(60))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: np.roll(s, -2, axis=0), "shifted by 2 rows"),
        (lambda s: s[:, ::-1], "order of the classes changed"),
        (lambda s: np.round(s, 3), "rounded to 3 digits"),
        (lambda s: np.clip(s, 0.3, 0.7), "clipped"),
        (lambda s: np.full_like(s, 0.5), "every row the same score"),
    ],
)
def test_a_transformation_is_named(change, words):
    cause = transformation(BINARY, SCORES, change(SCORES))
    assert words in cause.words
    assert cause.strength == 1


def test_other_scores_are_not_mistaken_for_a_transformation():
    assert transformation(BINARY, SCORES, survival(passengers(60, seed=7))).words == ""


def test_a_difference_is_tiny_relative_to_the_spread():
    numbers = np.linspace(0, 1e6, 50)
    assert is_tiny(NUMBER, numbers, numbers + 100)
    assert not is_tiny(NUMBER, numbers, numbers + 1000)
