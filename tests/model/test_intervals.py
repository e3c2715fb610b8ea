"""Intervals and sets from stored numbers, and the reasons where there are none."""

from typing import Any

import numpy as np
import pytest

from seatrial.model.intervals import LevelError, PredictionIntervals

GROUPS = [{"above": None, "low": -1.0, "high": 2.0}, {"above": 10.0, "low": -5.0, "high": 5.0}]
NUMBERS = PredictionIntervals((), {"rows": 50, "levels": {"0.5": {"groups": GROUPS}}, "refused": {"0.99": "too few"}})
LEVELS = {"0.5": {"least": 0.6}, "0.9": {"least": 0.2}}
SETS = PredictionIntervals(("no", "yes", "?"), {"rows": 50, "levels": LEVELS, "refused": {}})
SCORES = np.array([[0.1, 0.8, 0.1], [0.3, 0.4, 0.3], [0.2, 0.7, 0.1]])


def test_a_group_begins_at_its_prediction() -> None:
    assert NUMBERS.of([9.0, 10.0], 0.5) == [[8.0, 11.0], [5.0, 15.0]]
    assert NUMBERS.of([], 0.5) == []
    columns = NUMBERS.columns(np.array([9.0, 10.0]), 0.5)
    assert {name: values.tolist() for name, values in columns.items()} == {"low": [8.0, 5.0], "high": [11.0, 15.0]}
    assert NUMBERS.right(np.array([11.0, 4.0]), np.array([9.0, 10.0]), 0.5).tolist() == [True, False]


def test_a_set_has_the_classes_from_the_least_probability_upwards_and_never_none() -> None:
    assert SETS.of(SCORES, 0.9) == [["yes"], ["yes", "no", "?"], ["yes", "no"]]
    assert SETS.of(SCORES.tolist(), "0.5") == [["yes"], ["yes"], ["yes"]]
    assert SETS.of([], 0.9) == []
    assert SETS.columns(SCORES, 0.9)["in_set_no"].tolist() == [False, True, True]
    assert SETS.right(np.array([0, 0, 0]), SCORES, 0.9).tolist() == [False, True, True]


def test_what_people_see_is_one_level() -> None:
    shown = PredictionIntervals((), {"rows": 50, "levels": {"0.8": {"groups": GROUPS}}, "refused": {}})
    assert shown.shown_range == {"share": 0.8, "rows": 50, "groups": GROUPS}
    assert SETS.shown_set == {"level": 0.9, "rows": 50, "least": 0.2}
    assert NUMBERS.shown_range == SETS.shown_range == shown.shown_set == PredictionIntervals((), {}).shown_set == {}


@pytest.mark.parametrize(
    ("known", "level", "message"),
    [
        (SETS, 0.7, "Input should be 0.5 or 0.9"),
        (SETS, "high", "Input should be 0.5 or 0.9"),
        (SETS, "nan", "Input should be 0.5 or 0.9"),
        (NUMBERS, "0.990", "Input should be 0.5; too few"),
        (
            PredictionIntervals((), {"rows": 9, "levels": {}, "refused": {"0.5": "0.5 needs 30 rows"}}),
            0.9,
            "The release has no prediction intervals; 0.5 needs 30 rows",
        ),
        (PredictionIntervals(("a", "b"), {}), 0.9, "The release was trained without prediction sets"),
    ],
)
def test_another_level_is_refused_with_what_there_is(known: PredictionIntervals, level: Any, message: str) -> None:
    with pytest.raises(LevelError) as caught:
        known.numbers(level)
    assert caught.value.message == message
    assert caught.value.hint
