"""One test for many marks holds its budget of false alarms, and its single p-values are right."""

import numpy as np
import pytest
from scipy.stats import hypergeom
from tests.soak import turns

from seatrial.trial.traits import splits
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
    for seed in range(turns(200, 80)):
        g = np.random.default_rng(seed)
        degrees = [*g.normal(size=(10, 200)), *g.lognormal(sigma=2, size=(10, 200))]
        marks = [g.random(200) < share for share in np.geomspace(0.01, 0.5, 30)] + degrees
        tested = compare_with_splits(marks, np.zeros(len(marks)), 160, alpha=0.05)
        stopped += bool(len(tested.certain))
    assert stopped <= turns(18, 9)  # 10 and 4 expected; more than 18 or 9 has a probability of less than 1 %


def test_a_stricter_budget_than_the_splits_can_count_is_still_stricter() -> None:
    g = np.random.default_rng(0)
    marks = list(g.normal(size=(20, 200)))
    limits = [compare_with_splits(marks, np.zeros(20), 160, alpha=alpha).limits[0] for alpha in (0.05, 1e-3, 1e-6)]
    assert limits[0] > limits[1] > limits[2] > np.log(1e-9)


def test_skewed_marks_do_not_make_the_limit_of_the_others_stricter(monkeypatch) -> None:
    g = np.random.default_rng(0)
    marks = [*g.normal(size=(20, 400)), *g.exponential(size=(5, 400)) ** 2.5]

    def limit() -> float:
        return float(compare_with_splits(marks, np.ones(25), 360, alpha=1e-3).limits[0])

    corrected = limit()
    monkeypatch.setattr(splits, "SKEWED", np.inf)
    assert corrected > np.log(1e-3 / 25) - 1 > limit() + 1


def test_the_short_side_of_a_skewed_mark_does_not_make_the_limit_stricter() -> None:
    """A gamma distribution of the same skewness ends where sums of these marks without the large value still are."""
    marks = np.random.default_rng(0).normal(size=(20, 400))
    marks[:, 0] += 20
    limit = float(compare_with_splits(list(marks), np.zeros(20), 360, alpha=1e-3).limits[0])
    assert limit > np.log(1e-3 / 20) - 1


@pytest.mark.parametrize("sign", [1, -1])
def test_the_p_value_of_a_skewed_mark_is_right(sign: int) -> None:
    """Of 20,000 random sums, as many are as far out as the p-value says; by a normal distribution, many times more."""
    g = np.random.default_rng(1)
    mark = sign * g.exponential(size=500)
    mark[450:] += sign * 0.42
    log_p = compare_with_splits([mark], np.array([sign > 0]), 450, alpha=0.01).log_p[0]
    sums = sign * np.array([g.permutation(mark)[:50].sum() for _ in range(20_000)])
    share = float((sums >= sign * mark[450:].sum()).mean()) * (1 if sign > 0 else 2)
    assert 0.5 < np.exp(log_p) / share < 2
