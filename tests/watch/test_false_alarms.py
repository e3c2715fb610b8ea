"""The budget of false alarms holds for all looks of a year together, however many there are."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import t

from seatrial.watch.false_alarms import SHARES, YEAR, limit, log_tail, spent_by_look

BEGIN, DAY = datetime(2027, 1, 1, tzinfo=UTC), timedelta(days=1)


@pytest.mark.parametrize("every", [timedelta(minutes=5), timedelta(hours=1), DAY])
def test_a_year_of_looks_spends_the_budget_however_often_somebody_looks(every):
    looks = int(YEAR / every)
    spent = looks * spent_by_look(2.0, DAY, BEGIN + every, BEGIN)
    assert spent == pytest.approx(2.0, rel=0.01)


def test_a_look_after_a_long_time_spends_no_more_than_one_window():
    assert spent_by_look(1.0, DAY, BEGIN + 30 * DAY, BEGIN) == spent_by_look(1.0, DAY, BEGIN, None) == DAY / YEAR


def test_a_look_in_the_past_spends_nothing():
    assert spent_by_look(1.0, DAY, BEGIN, BEGIN + DAY) == 0.0
    assert limit(0.0, 5) == -np.inf


def test_parts_share_all_of_it_and_tests_share_a_part():
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert limit(0.01, 100) == pytest.approx(np.log(1e-4))


def test_tails_are_those_of_student():
    values, freedom = np.array([-400.0, -1.5, 0.0, 2.0, 30.0, 1e6]), np.array([3.0, 1e5, 7.0, 0.5, 12.0, 150.0])
    assert np.array_equal(log_tail(values, freedom), t.logsf(values, freedom))
    assert np.isnan(log_tail(float("nan"), 3.0))
