"""Months, quarters, weeks and epoch numbers become dates, if nothing else can be meant."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from tests.template.projects import source_of

from seatrial.template.inference.examination import examine
from seatrial.template.reading.periods import read_period_numbers, read_periods
from seatrial.template.records import Overrides


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["Jan-2018", "Feb-2018"], (2018, 1, 1)),
        (["January 2018", "sept 2019"], (2018, 1, 1)),
        (["März 2018", "Mai 2018"], (2018, 3, 1)),
        (["Dec-15", "Nov-99"], (2015, 12, 1)),
        (["2018-01", "2018-12"], (2018, 1, 1)),
        (["2018/7", "2018/12"], (2018, 7, 1)),
        (["2018M07", "2018M12"], (2018, 7, 1)),
        (["07/2018", "12/2018"], (2018, 7, 1)),
        (["2018 Jul", "2018 Dec"], (2018, 7, 1)),
        (["2018Q1", "2018Q4"], (2018, 1, 1)),
        (["Q3 2018", "Q4 2018"], (2018, 7, 1)),
        (["4Q18", "1Q19"], (2018, 10, 1)),
        (["2018-W05", "2018-W52"], (2018, 1, 29)),
        (["2020-W53", "2021-W01"], (2020, 12, 28)),
        (["W01 2021", "W02 2021"], (2021, 1, 4)),
    ],
)
def test_a_period_is_its_first_day(texts: list[str], first: tuple[int, int, int]) -> None:
    period = read_periods(texts)
    assert period is not None
    assert period.values[0].as_py().date() == dt.date(*first)


@pytest.mark.parametrize(
    "texts",
    [
        ["Jan-2018"], ["Jan-2018", "later"], ["2018-01", "2018-13"], ["2018/19", "2019/20"], ["2009/10", "2010/11"],
        ["1-2", "3-4"], ["2018Q1", "2018Q5"], ["2018-W05", "2018-W54"], ["Jan", "Feb"], ["1234-01", "1235-02"],
    ],
)  # fmt: skip
def test_other_texts_are_not_periods(texts: list[str]) -> None:
    assert read_periods(texts) is None


@pytest.mark.parametrize(
    ("name", "values", "first", "instants"),
    [
        ("created_ts", [1514764800, 1520000000], "2018-01-01T00:00:00", True),
        ("UnixTime", [1514764800.5, 1520000000.25], "2018-01-01T00:00:00.500000", True),
        ("timestamp", [874724710, 893286638], "1997-09-20T03:05:10", True),
        ("event time", [1514764800000, 1520000000000], "2018-01-01T00:00:00", True),
        ("updated_at", [1514764800000000, 1520000000000000], "2018-01-01T00:00:00", True),
        ("yyyymm", [201801, 201812], "2018-01-01T00:00:00", False),
        ("issue_month", [201801, 201812], "2018-01-01T00:00:00", False),
        ("year_week", [201805, 201852], "2018-01-29T00:00:00", False),
    ],
)
def test_numbers_are_dates_where_the_name_says_so(name: str, values: list[Any], first: str, instants: bool) -> None:
    period = read_period_numbers(name, np.array(values, dtype=np.float64))
    assert period is not None
    assert period.instants == instants
    assert period.values[0].as_py().replace(tzinfo=None).isoformat() == first


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("amount", [1514764800, 1520000000]), ("time", [12, 172792]), ("time", [874724710, 893286638]),
        ("month", [201801, 201813]), ("price", [201801, 201812]), ("timestamp", [1, 2]), ("date", [201801.5, 201802]),
        ("created_ts", [1514764800, 15147648000000]),
    ],
)  # fmt: skip
def test_other_numbers_stay_numbers(name: str, values: list[Any]) -> None:
    assert read_period_numbers(name, np.array(values, dtype=np.float64)) is None


@pytest.mark.parametrize("as_text", [True, False])
def test_a_column_of_epoch_seconds_is_a_moment_in_utc_and_gaps_stay(as_text: bool) -> None:
    seconds: list[Any] = [1514764800 + 86_400 * n for n in range(40)]
    column = [None if n == 3 else str(s) if as_text else s for n, s in enumerate(seconds)]
    source = source_of(created_ts=column, other=[n * 7 % 5 for n in range(40)], y=[n % 2 for n in range(40)])
    facts = next(c for c in examine(source, "y").columns if c.source == "created_ts")
    assert (facts.kind, facts.aware, facts.missing) == ("moment", True, 1)
    assert facts.values[4].as_py() == dt.datetime(2018, 1, 5, tzinfo=dt.UTC)
    kept = examine(source, "y", Overrides(kinds={"created_ts": "integer"}))
    assert next(c for c in kept.columns if c.source == "created_ts").kind == "integer"
