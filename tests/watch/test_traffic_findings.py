"""What the traffic itself says: requests that are refused from the first one on, and rows that come twice."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.watch.answer_tally import LatencyTally, RefusalTally
from seatrial.watch.changes import LookAt
from seatrial.watch.tallies import SlotCounts
from seatrial.watch.traffic_findings import traffic_findings
from seatrial.watch.watch_records import Finding, Level
from seatrial.watch.watch_series import traffic_series

FIRST = 500_000  # an hour
ALPHA = 4e-4


def found(answered: Any, refused: Any = None, repeated: Any = None) -> list[Finding]:
    """What is found in hours (hours,) with so many rows answered, refused, and repeated."""
    hours, traffic, refusals = len(answered), LatencyTally(), RefusalTally()
    refusals.names.append(("sex", "literal_error"))
    repeats = SlotCounts(2)
    for hour, rows in enumerate(answered):
        slots = np.full(rows, FIRST + hour)
        traffic.counts.add("1", slots, np.zeros(rows, np.int64))
        twice = 0 if repeated is None else repeated[hour]
        repeats.add("1", slots, np.repeat([0, 1], [rows - twice, twice]))
        if refused is not None:
            refusals.counts.add("1", np.full(2 * refused[hour], FIRST + hour), np.arange(2 * refused[hour]) % 2)
    inputs: Any = SimpleNamespace(repeats=repeats)
    return traffic_findings(traffic, refusals, inputs, LookAt(FIRST + hours - 1, 24, 91, FIRST), ALPHA, "1")


def drawn(rows: int, hours: int, share: float, seed: int = 3) -> Any:
    return np.random.default_rng(seed).binomial(rows, share, hours)


@pytest.mark.parametrize(("share", "days", "names"), [(0.16, 1, ["traffic.refusals"]), (0.16, 30, ["traffic.refusals"]),
                                                      (0.03, 1, []), (0.03, 30, [])])  # fmt: skip
def test_refusals_from_the_first_request_on_alarm_on_the_first_day(share: float, days: int, names: list[str]) -> None:
    refused = drawn(25, 24 * days, share)
    findings = found(25 - refused, refused)
    assert [each.name for each in findings if each.level == Level.alarm] == names
    if names:
        assert "% of them; the training had no such row. A category was renamed" in findings[0].summary


@pytest.mark.parametrize(("begin", "share"), [(2, 0.14), (3, 0.14), (6, 1.0), (13, 0.14), (20, 0.14)])
@pytest.mark.parametrize("days", [2, 12])
def test_refusals_that_began_in_the_first_weeks_alarm_and_go_on_to(begin: int, share: float, days: int) -> None:
    refused = np.where(np.arange(24 * (begin + days)) < 24 * begin, 0, drawn(50, 24 * (begin + days), share))
    assert [each.name for each in found(50 - refused, refused) if each.level == Level.alarm] == ["traffic.refusals"]


def test_few_refused_requests_of_few_are_no_evidence() -> None:
    assert found(np.full(24, 1), np.array([1, 1, *[0] * 22])) == []


@pytest.mark.parametrize("broken", [1, 40])
def test_a_refused_row_counts_once_however_many_of_its_columns_break_a_rule(broken: int) -> None:
    traffic, refusals = LatencyTally(), RefusalTally()
    traffic.counts.add("1", np.full(100, FIRST), np.zeros(100, np.int64))
    lines = {
        "column": [f"c{k:02}" for _ in range(25) for k in range(broken)],
        "rule": ["missing"] * 25 * broken,
        "request_id": [f"r{n}" for n in range(25) for _ in range(broken)],
        "row": [0] * 25 * broken,
    }
    refusals.add(pa.RecordBatch.from_pydict(lines), "1", np.full(25 * broken, FIRST))
    inputs: Any = SimpleNamespace(repeats=SlotCounts(2))
    look = LookAt(FIRST, 24, 91, FIRST)
    findings = traffic_findings(traffic, refusals, inputs, look, ALPHA, "1")
    assert [each.subject for each in findings] == [f"c{k:02}: missing" for k in range(broken)]
    assert {each.share for each in findings} == {0.2}
    refused = next(each for each in traffic_series(traffic, refusals, look) if each.title == "Refused")
    assert [point.value for point in refused.points] == [0.2]


def chance(rows: Any, distinct: int, seed: int = 5) -> Any:
    """How many rows of each hour are repeated by chance, if all are from so many distinct ones of unlike frequency."""
    g = np.random.default_rng(seed)
    shares = 1 / np.arange(1, distinct + 1) ** 0.5
    return np.array([n - len(np.unique(g.choice(distinct, n, p=shares / shares.sum()))) for n in rows])


def test_a_surge_repeats_more_rows_of_few_distinct_ones_by_chance() -> None:
    rows = np.where(np.arange(24 * 20) < 24 * 18, 30, 90)
    assert chance(rows, 400)[-48:].sum() > 2 * 3 * chance(rows, 400)[:48].sum()  # a share of more than twice
    assert [each.name for each in found(rows, repeated=chance(rows, 400))] == []


@pytest.mark.parametrize("distinct", [400, 20_000])
def test_requests_that_come_twice_are_found_beside_those_by_chance(distinct: int) -> None:
    hours = np.arange(24 * 20)
    rows = np.full(len(hours), 30)
    again = np.where(hours < 24 * 18, 0, 9)
    repeated = chance(rows, distinct) + again
    findings = found(rows + again, repeated=repeated)
    assert [each.name for each in findings if each.level == Level.alarm] == ["traffic.repeats"]


def test_requests_that_come_twice_after_a_pause_of_weeks_are_found() -> None:
    hours = np.arange(24 * 40)
    again = np.where(hours < 24 * 38, 0, 9)
    rows = np.where((hours < 24 * 20) | (hours >= 24 * 38), 30, 0)
    repeated = np.array([min(n, rows[hour]) for hour, n in enumerate(chance(np.maximum(rows, 1), 20_000) + again)])
    findings = found(rows + again, repeated=repeated)
    assert [each.name for each in findings if each.level == Level.alarm] == ["traffic.repeats"]
