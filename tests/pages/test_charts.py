"""Ticks are round numbers, and drawings are small and well-formed."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.pages.charts import WIDTH, Axis, Chart, draw, nice_ticks, small_bars, strip


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 7, [0, 2, 4, 6]),
        (-3, 3, [-2, 0, 2]),
        (0, 512, [0, 200, 400]),
        (12_789, 755_000, [200_000, 400_000, 600_000]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round_numbers_within_the_range(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == ticks


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_are_few_ascending_and_within_the_range(low: float, width: float) -> None:
    high = low + width
    ticks = nice_ticks(low, high)
    assert len(ticks) <= 12
    assert ticks == sorted(ticks)
    slack = max(abs(low), abs(high), width) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0, 0.1], ["0.00", "0.05", "0.10"]),
        ([-10, 10], ["\u221210", "\u22125", "0", "5", "10"]),
        ([0, 600_000], ["0", "200k", "400k", "600k"]),
        ([20_000, 30_000], ["20k", "25k", "30k"]),
        ([0, 5e6], ["0", "2M", "4M"]),
        ([1_000, 3_000], ["1,000", "1,500", "2,000", "2,500", "3,000"]),
    ],
)
def test_tick_labels_have_enough_digits_to_differ(values: list[float], texts: list[str]) -> None:
    axis = Axis.over("", values)
    assert [axis.written(tick) for tick in axis.ticks] == texts


def test_shares_are_labelled_in_percent() -> None:
    axis = Axis.of_shares("")
    assert [axis.written(tick) for tick in axis.ticks] == ["0 %", "25 %", "50 %", "75 %", "100 %"]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_an_axis_fits_all_values_even_if_they_are_equal(values: list[float]) -> None:
    axis = Axis.over("", values)
    assert axis.low < axis.high
    assert all(-1e-9 <= axis.at(value) <= 1 + 1e-9 for value in values)


def test_marks_are_placed_by_the_axes() -> None:
    chart = Chart(Axis("", 0, 10, ()), Axis("", 0, 10, ()), left=40)
    left, bottom = chart.place(0, 0)
    right, top = chart.place(10, 10)
    assert left == 40 < right < WIDTH
    assert top < bottom < chart.height
    assert chart.place(5, 5) == ((left + right) / 2, (top + bottom) / 2)


def test_a_long_line_is_thinned_and_keeps_its_ends() -> None:
    chart = Chart(Axis.of_shares(""), Axis.of_shares(""))
    points = [(x / 50_000, math.sqrt(x / 50_000)) for x in range(50_001)]
    chart.line(points, 1)
    drawing = draw("a line", chart).markup
    assert len(drawing) < 8_000
    x, y = chart.place(1, 1)
    assert f"{x:g} {y:g}" in drawing


def test_a_long_array_is_drawn_as_the_same_points() -> None:
    steps = np.random.default_rng(0).random((20_000, 2)) ** 9
    points = np.cumsum(steps, axis=0) / steps.sum(axis=0)
    points[:9_000, 0] = 0  # a part that one block of points does not cover
    drawings = []
    for each in (points, list(map(tuple, points.tolist()))):
        chart = Chart(Axis.of_shares(""), Axis.of_shares(""))
        chart.line(each, 1)
        drawings.append(draw("a line", chart).markup)
    assert drawings[0] == drawings[1]
    assert drawings[0].count("L") > 50


def test_texts_are_escaped_and_drawings_well_formed() -> None:
    chart = Chart(Axis.of_shares("<x>"), Axis.over("&", [1, 2]), names=('"<b>', "c"))
    chart.text(0.5, 1.5, "<script>", 1)
    chart.dots([(0.1, 1.1)], 2)
    chart.bar((0, 1), (0.5, 1.5), 1)
    root = ET.fromstring(draw('a "<described>" drawing', chart, chart).markup)
    assert root.get("aria-label") == 'a "<described>" drawing'
    assert "<script>" in {text.text for text in root.iter("text")}


def test_panels_are_stacked_vertically() -> None:
    chart = Chart(Axis.of_shares(""), Axis.of_shares(""), height=100)
    root = ET.fromstring(draw("two", chart, chart).markup)
    assert root.get("viewBox") == f"0 0 {WIDTH} 200"
    assert [group.get("transform") for group in root.findall("g")] == ["translate(0 0)", "translate(0 100)"]


def test_small_bars_show_every_nonzero_share() -> None:
    root = ET.fromstring(small_bars([0.9, 0.0, 0.0001], "bars").markup)
    heights = [float(rect.get("height", "0")) for rect in root.iter("rect")]
    assert len(heights) == 2
    assert min(heights) >= 1


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(0, 5), st.one_of(st.none(), st.floats(-20, 20)))
def test_a_strip_keeps_its_marks_inside(value: float, below: float, above: float, baseline: float | None) -> None:
    root = ET.fromstring(strip(value, value - below, value + above, baseline, "a figure").markup)
    (point,) = root.iter("circle")
    assert 6 <= float(point.get("cx", "0")) <= 194
    assert len([path for path in root.iter("path") if path.get("class") == "mark"]) == (baseline is not None)


def test_a_logarithmic_axis_has_its_ticks_at_round_values_and_equal_ratios_at_equal_distances() -> None:
    axis = Axis.of_magnitudes("C", [0.001, 100])
    assert axis.ticks == (0.001, 0.01, 0.1, 1, 10, 100)
    assert axis.at(0.1) - axis.at(0.01) == pytest.approx(axis.at(10) - axis.at(1))
    assert [axis.written(tick) for tick in axis.ticks] == ["0.001", "0.01", "0.1", "1", "10", "100"]
    assert 0 < axis.at(0.001) < axis.at(100) < 1
    assert Axis.of_magnitudes("rate", [0.01, 0.3]).ticks == (0.01, 0.02, 0.05, 0.1, 0.2)
    assert len(Axis.of_magnitudes("wide", [1e-9, 1e9]).ticks) <= 6
    assert Axis.of_magnitudes("one", [5]).ticks == (5,)
