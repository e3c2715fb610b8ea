"""When rows came: by a column that is named, by dates that go on, or by the order of the table."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import days_of, find_order
from seatrial.trial.policy import Policy
from seatrial.trial.records import PolicyError

G = np.random.default_rng(2)
ROWS = 240
DAYS = np.array([date(2024, 1, 1) + timedelta(days=k) for k in range(ROWS)], dtype=object)


def tables(order=slice(None), **columns):
    values = {"x": G.normal(size=ROWS), **columns}
    target = G.integers(0, 2, ROWS)
    new = Table({n: v[order] for n, v in values.items()}, target, "y")
    return Table({n: v[:200] for n, v in new.columns.items()}, target[:200], "y"), new, np.arange(200, ROWS)


def test_dates_that_new_rows_continue_are_the_time():
    order = find_order(*tables(seen=DAYS), Policy())
    assert order is not None
    assert order.column == "seen"
    assert order.words == "`seen`"
    assert order.old.tolist() == list(range(200))


def test_dates_all_over_the_new_rows_are_no_order():
    order = find_order(*tables(G.permutation(ROWS), seen=DAYS), Policy())
    assert order is not None
    assert order.column == ""


def test_the_order_of_the_table_is_the_time_unless_a_column_sorts_it():
    assert find_order(*tables(), Policy()) is not None
    size = np.concatenate([np.sort(G.normal(size=200)), G.normal(size=40)])
    assert find_order(*tables(size=size), Policy()) is None
    kinds = np.repeat(np.array(["a", "b", "c"], dtype=object), 80)
    assert find_order(*tables(kind=kinds), Policy()) is None
    assert find_order(*tables(kind=kinds), Policy(time="rows")) is not None


def test_a_year_that_sorts_the_table_is_the_time_if_the_new_rows_continue_it():
    years = np.arange(ROWS) // 30 + 2000.0
    order = find_order(*tables(year=years), Policy())
    assert order is not None
    assert order.column == "year"
    again = years.copy()
    again[200:] = years[:40]
    assert find_order(*tables(year=again), Policy()) is None
    assert find_order(*tables(year=-years), Policy()) is None


def test_a_year_is_the_time_though_a_column_rises_with_it_and_the_new_rows_are_not_all_higher():
    years = np.arange(ROWS) // 30 + 2000.0
    spent = np.arange(ROWS) + np.r_[np.zeros(200), -np.linspace(0, 80, 40)]
    order = find_order(*tables(year=years, spent=spent), Policy())
    assert order is not None
    assert order.column == "year"


def test_a_class_that_sorts_the_table_is_no_time_though_the_new_rows_are_of_the_last_one():
    classes = np.repeat([1.0, 2.0, 3.0], [70, 60, 110])  # all new rows are of class 3
    assert find_order(*tables(pclass=classes), Policy()) is None


def test_new_rows_in_the_middle_of_the_table_are_no_order():
    old, new, _ = tables()
    assert find_order(old, new, np.arange(50, 90), Policy()) is None


def test_a_named_column_is_used_and_none_turns_it_off():
    order = find_order(*tables(year=np.arange(ROWS) // 30 + 2000.0), Policy(time="year"))
    assert order is not None
    assert order.column == "year"
    assert find_order(*tables(seen=DAYS), Policy(time="none")) is None


def test_an_unknown_column_is_an_error():
    with pytest.raises(PolicyError, match="time names 'when'") as caught:
        find_order(*tables(), Policy(time="when"))
    assert "x" in caught.value.hint


def test_moments_are_days_with_fractions():
    values = np.array([date(1970, 1, 2), datetime(1970, 1, 1, 12), None], dtype=object)
    assert days_of(values)[:2].tolist() == [1.0, 0.5]
    assert np.isnan(days_of(values)[2])


def test_a_year_beside_a_date_tells_the_time_too():
    years = np.arange(ROWS) // 30 + 2000.0
    order = find_order(*tables(year=years, week=np.arange(ROWS) / 7.0), Policy())
    assert order is not None
    assert order.told_by("year")
    assert order.told_by("week")
    assert not order.told_by("x")
    assert not order.told_by("")
