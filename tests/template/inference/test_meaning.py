"""What a column is in the world decides its bounds and its values, not what the table happens to have."""

import random
from typing import Any

import pytest
from tests.template.projects import source_of

from seatrial.template.inference.examination import examine
from seatrial.template.records import ColumnFacts, Overrides

ROWS = 60
DRAW = random.Random(7)


def read(name: str, values: list[Any], *, beside: str = "other", kind: Any = None) -> ColumnFacts:
    """Examine one column, whose rows are drawn from `values`, next to a column named `beside`."""
    drawn = values[: len(values)] + DRAW.choices(values, k=ROWS - len(values))
    source = source_of(**{name: drawn, beside: DRAW.choices([1.5, 2.5, -3.5, 4.0], k=ROWS), "y": [0, 1] * (ROWS // 2)})
    overrides = Overrides(keep=(name, beside), kinds={name: kind} if kind else {})
    return next(column for column in examine(source, "y", overrides).columns if column.source == name)


@pytest.mark.parametrize(
    ("name", "values", "low", "high"),
    [
        ("Month", [5, 6, 7, 8], 1, 12),
        ("mnth", [0, 3, 11], 0, 11),
        ("months_since_visit", [5, 6, 7, 8], 0, None),
        ("months", [3, 11, 2], 0, None),
        ("DayOfWeek", [1, 2, 5], 0, 6),
        ("day_of_week", [1, 2, 7], 1, 7),
        ("day", [3, 11, 20], 1, 31),
        ("yday", [3, 110, 220], 1, 366),
        ("dep_hour", [6, 9, 22], 0, 23),
        ("minute", [6, 9, 50], 0, 59),
        ("minute", [6, 9, 74], 0, None),
        ("minutes_played", [6, 9, 50], 0, None),
        ("hours_per_week", [20, 38, 45], 0, 168),
        ("quarter", [1, 2, 3], 1, 4),
        ("week_of_year", [3, 20], 1, 53),
        ("year", [2015, 2018, 2016], 1000, 9999),
        ("YrSold", [2006, 2010], 1000, 9999),
        ("model_year", [70, 76, 82], 0, 99),
        ("years_employed", [1, 2, 30], 0, None),
        ("humidity", [20.5, 30.5, 74.0], 0, 100),
        ("pct_free", [1.5, 30.0], 0, 100),
        ("share_price", [0.25, 0.75], 0, None),
        ("day_charge", [3.5, 20.25], None, None),
        ("month_sales", [3, 11], 0, None),
        ("sale_month", [3, 11], 1, 12),
        ("MoSold", [3, 11], 1, 12),
        ("growth_pct", [1.5, 30.0], None, None),
        ("change_percent", [-4.5, 30.0], None, None),
        ("fill %", [1.5, 30.0], 0, 100),
        ("churn_probability", [0.2, 0.7], 0, 1),
        ("Latitude", [32.5, 41.9], -90, 90),
        ("lng", [-122.3, -114.1], -180, 180),
        ("wind_direction", [10.0, 350.5], 0, 360),
        ("pH", [5.5, 7.25], 0, 14),
        ("children", [0, 1, 2, 3], 0, None),
        ("price", [9.99, 20.5], 0, None),
        ("distance_km", [9.99, 20.5], 0, None),
        ("capital", [0.0, 20.5, 5000.25], 0, None),
        ("temperature", [4, 12, 31], None, None),
        ("account_balance", [4.5, 12.0, 31.0], None, None),
        ("dep_delay", [0, 12, 31], None, None),
        ("V17", [0.25, 3.5], None, None),
        ("alcohol", [11.5, 14.25], None, None),
        ("concrete_age", [3, 28, 90, 365], 0, None),
        ("patient_age", [30, 45, 70], 0, 130),
        ("house_age", [30, 45, 70], 0, None),
    ],
)
def test_a_number_has_the_bounds_of_what_it_is(name: str, values: list[Any], low: Any, high: Any) -> None:
    meaning = read(name, values).meaning
    assert (meaning.low, meaning.high) == (low, high)
    assert bool(meaning.about) == (low is not None)


@pytest.mark.parametrize(("beside", "high"), [("income", 130), ("cement", None)])
def test_an_age_is_a_persons_where_the_table_is_about_persons(beside: str, high: Any) -> None:
    assert read("age", [20, 33, 61], beside=beside).meaning.high == high


def test_a_unit_says_it_too() -> None:
    assert read("fill", ["20 %", "31 %", "44 %"]).meaning.high == 100
    assert read("t", ["20 °C", "31 °C", "44 °C"]).meaning.low == -273.15


@pytest.mark.parametrize(
    ("name", "values", "count", "another"),
    [
        ("day", ["Thur", "Fri", "Sat", "Sun"], 9, "Tues"),
        ("weekday", ["Mon", "Tue"], 7, "Sun"),
        ("wd", ["MONDAY", "FRIDAY"], 7, "SUNDAY"),
        ("tag", ["Montag", "Freitag"], 7, "Mittwoch"),
        ("month", ["jan", "feb"], 12, "dec"),
        ("month", ["january", "may"], 12, "june"),
        ("month", ["Sept", "Oct"], 14, "June"),
        ("month", ["01", "02", "11"], 12, "10"),
        ("state", ["CA", "NY"], 56, "TX"),
        ("st", ["California", "Texas"], 56, "Ohio"),
        ("country", ["DE", "FR"], 249, "CH"),
        ("nationality", ["DEU", "FRA"], 249, "CHE"),
        ("currency", ["EUR", "USD"], 160, "CHF"),
        ("sex", ["female", "male"], 2, None),
        ("gender", ["F", "M"], 2, None),
        ("level", ["low", "high"], 3, "medium"),
        ("level", ["Low", "Very High"], 5, "Medium"),
        ("q", ["Q1", "Q2"], 4, "Q4"),
    ],
)
def test_a_category_whose_values_are_known_has_all_of_them(
    name: str, values: list[str], count: int, another: Any
) -> None:
    listed = read(name, values).meaning.values
    assert len(listed) == count
    assert set(values) <= set(listed)
    assert another is None or another in listed


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("carrier", ["AA", "DL", "UA", "WN", "B6"]),
        ("country", ["DE", "UK"]),
        ("plan", ["basic", "plus"]),
        ("size", ["S", "M", "one size"]),
        ("status", ["S", "M"]),
        ("code", ["CA", "NY"]),
        ("day", ["Mon", "Holiday"]),
        ("month", ["Jan", "feb"]),
        ("level", ["low", "unknown level"]),
    ],
)
def test_other_categories_are_open(name: str, values: list[str]) -> None:
    assert read(name, values).meaning.values == ()


def test_whole_numbers_as_a_category_are_complete_where_they_are_known() -> None:
    assert read("month", [5, 6, 7], kind="category").meaning.values == tuple(range(1, 13))
    assert read("pclass", [1, 2, 3], kind="category").meaning.values == ()


def test_all_states_are_a_closed_category_although_they_are_many() -> None:
    from typing import get_args

    from seatrial.model.world import UsState

    assert read("addr_state", list(get_args(UsState))[:50]).meaning.named == "UsState"
