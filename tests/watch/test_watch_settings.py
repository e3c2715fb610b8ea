"""Budgets and lengths in [tool.seatrial.watch] are read as people write them."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.watch.watch_settings import WatchSettings, read_budget, read_watch_settings


@pytest.mark.parametrize(
    ("text", "a_year"), [("1 a year", 1), ("2 per month", 24), ("0.5 a year", 0.5), ("1 a week", 52)]
)
def test_budgets(text, a_year):
    assert read_budget(text) == a_year


@pytest.mark.parametrize("text", ["", "one a year", "-1 a year", "0 a year", "400 a year", "1 a day", "1"])
def test_budgets_that_are_none(text):
    with pytest.raises(SeatrialError, match="not a number of false alarms"):
        read_budget(text)


def test_the_defaults_are_valid_and_a_whole_number_is_a_share_only_where_it_can_be():
    assert read_watch_settings({}, Path()) == WatchSettings()
    with pytest.raises(SeatrialError, match=r"margin = 1\.0"):
        read_watch_settings({"margin": 1}, Path())


def test_a_window_is_whole_hours_since_the_log_is_counted_by_hour():
    with pytest.raises(SeatrialError, match="window = '90min' is not a whole number of hours"):
        read_watch_settings({"window": "90min"}, Path())
