"""What must be true of any release: each broken invariant fails its own check."""

import dataclasses

import numpy as np
import pytest
from tests.trial.compare.formula_models import BINARY, passengers, survival

from seatrial.trial.compare.invariants import Repeats, compare_invariants
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

ROWS = passengers(30)
SCORES = survival(ROWS)
ORDER = np.random.default_rng(1).permutation(30)
SOUND = Repeats(30, SCORES, SCORES, SCORES[[0, 10, 20]], np.array([0, 10, 20]), SCORES[ORDER], ORDER)


def failed(repeats):
    checks = compare_invariants(repeats, BINARY, Policy())
    return {c.name for c in checks if c.outcome is Outcome.blocked}


def test_a_sound_release_passes_all_of_them():
    checks = compare_invariants(SOUND, BINARY, Policy())
    assert {c.outcome for c in checks} == {Outcome.passed}
    assert {c.name for c in checks} == {
        f"invariants.{n}" for n in ("rows", "finite", "sums", "again", "alone", "order", "inputs")
    }


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"first": SCORES[:29]}, "rows"),
        ({"again": SCORES + np.array([1e-6, -1e-6])}, "again"),
        ({"alone": SCORES[[1, 10, 20]]}, "alone"),
        ({"alone": SCORES[[0, 10]]}, "alone"),
        ({"permuted": SCORES}, "order"),
        ({"permuted": SCORES[ORDER][:-1]}, "order"),
        ({"changed": ("age",)}, "inputs"),
    ],
)
def test_each_broken_invariant_is_the_only_one_reported(change, name):
    assert failed(dataclasses.replace(SOUND, **change)) == {f"invariants.{name}"}


def test_scores_that_are_not_finite_or_not_probabilities_are_found():
    bad = SCORES.copy()
    bad[4] = np.nan
    assert "invariants.finite" in failed(dataclasses.replace(SOUND, first=bad, again=bad))
    half = SCORES * 0.9
    names = failed(dataclasses.replace(SOUND, first=half, again=half, alone=half[[0, 10, 20]], permuted=half[ORDER]))
    assert names == {"invariants.sums"}


def test_changed_inputs_are_named():
    checks = compare_invariants(dataclasses.replace(SOUND, changed=("age", "fare")), BINARY, Policy())
    assert "`age`, `fare`" in checks[-1].summary
