"""A figure over time is small whatever its length, keeps its gaps, and shows what is usual without flattening the line."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from seatrial.pages.time_charts import HIGH, WIDE, TimePoint, over_time


def drawn(points: list[TimePoint], **more: object) -> tuple[str, float, float]:
    given: dict[str, object] = {"begin": points[0].time, "end": points[-1].time, **more}
    svg, low, high = over_time(points, "requests", **given)  # type: ignore[arg-type]
    return svg.markup, low, high


def test_a_year_has_as_many_elements_as_a_week() -> None:
    counts = [drawn([TimePoint(day, day % 7) for day in range(days)])[0].count("<") for days in (7, 365)]
    assert counts[0] == counts[1] < 6


def test_a_long_line_is_thinned_and_keeps_its_end() -> None:
    points = [TimePoint(place, place / 100_000) for place in range(100_000)]
    markup, _, _ = drawn(points)
    assert len(markup) < 6_000
    assert markup.split('"/>')[0].endswith(f"L{WIDE - 3} 6")


def test_what_is_from_since_on_is_drawn_as_changed() -> None:
    markup, _, _ = drawn([TimePoint(day, 1.0 + day) for day in range(10)], since=7)
    [path] = re.findall(r'class="changed line" d="([^"]*)"', markup)
    assert path.count("L") == 2


def test_a_wide_band_does_not_flatten_the_line() -> None:
    _, low, high = drawn([TimePoint(0, 1.0), TimePoint(1, 2.0)], usual=(-1000.0, 1000.0), reference=1.5)
    assert (low, high) == (0.0, 3.0)


def test_a_figure_that_is_never_negative_begins_at_zero_at_the_lowest() -> None:
    assert drawn([TimePoint(0, 0.0), TimePoint(1, 0.0)])[1:] == (0.0, 0.5)
    assert drawn([TimePoint(0, 0.1, -0.2, 0.4), TimePoint(1, 0.3, -0.1, 0.7)])[1] == 0.0
    assert drawn([TimePoint(0, -3.0), TimePoint(1, -3.0)])[1] < -3


def test_marks_outside_of_the_time_are_left_out() -> None:
    points = [TimePoint(0, 1.0), TimePoint(10, 2.0)]
    assert 'class="deployed"' not in drawn(points, marks=[-1.0, 11.0])[0]
    assert drawn(points, marks=[float(mark) for mark in range(1, 9)])[0].count('class="deployed"') == 1


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=30))
def test_everything_is_inside_and_well_formed(values: list[float | None]) -> None:
    points = [TimePoint(place, value, value, value) for place, value in enumerate(values)]
    markup, low, high = drawn(points, usual=(-1.0, 1.0), reference=0.5, since=3)
    assert low < high
    for path in ET.fromstring(markup).iter("path"):
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path.get("d", ""))]
        assert all(-1 <= number <= max(WIDE, HIGH) + 1 for number in numbers)
