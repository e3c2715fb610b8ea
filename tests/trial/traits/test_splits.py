"""One test for many marks holds its budget of false alarms, and its single p-values are right."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from seatrial.trial.traits.splits import compare_with_splits


def test_a_counted_mark_has_the_exact_probability_of_fishers_test() -> None:
    mark = np.zeros(120, dtype=bool)
    mark[[3, 100, 105, 110, 119]] = True  # one of 90 old rows, four of 30 new ones
    tested = compare_with_splits([mark], np.array([1]), 90, alpha=0.01)
    assert float(np.exp(tested.log_p[0])) == pytest.approx(hypergeom.sf(3, 120, 5, 30), rel=1e-9)


def test_fewer_of_a_mark_count_only_if_asked_for() -> None:
    mark = np.ones(300, dtype=bool)
    mark[250:] = False
    both, more = compare_with_splits([mark, mark], np.array([0, 1]), 240, alpha=0.01).log_p
    assert both < np.log(1e-6)
    assert more == 0


def test_the_family_of_all_marks_holds_its_budget() -> None:
    stopped = 0
    for seed in range(200):
        g = np.random.default_rng(seed)
        degrees = [*g.normal(size=(10, 200)), *g.lognormal(sigma=2, size=(10, 200))]
        marks = [g.random(200) < share for share in np.geomspace(0.01, 0.5, 30)] + degrees
        tested = compare_with_splits(marks, np.zeros(len(marks)), 160, alpha=0.05)
        stopped += bool(len(tested.certain))
    assert stopped <= 18  # 10 expected; more than 18 has a probability of 0.6 %


def test_a_stricter_budget_than_the_splits_can_count_is_still_stricter() -> None:
    g = np.random.default_rng(0)
    marks = list(g.normal(size=(20, 200)))
    limits = [compare_with_splits(marks, np.zeros(20), 160, alpha=alpha).limits[0] for alpha in (0.05, 1e-3, 1e-6)]
    assert limits[0] > limits[1] > limits[2] > np.log(1e-9)
