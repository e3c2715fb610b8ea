"""Tests that every trained model must pass. Put tests of what yours must do into files of their own."""

import json
import math
from typing import Any

import pytest
from seatrial import SeatrialError

from titanic_model import predict, release

EXAMPLE = release.metadata.example
GOLDEN = json.loads((release.artifacts / "golden.json").read_text(encoding="utf-8"))


def scores(answer: dict[str, Any]) -> list[float]:
    """The probabilities of all labels, or the number that a regression predicts."""
    probabilities = answer.get("probabilities")
    return list(probabilities.values()) if probabilities else [answer["prediction"]]


def test_scores_are_those_stored_in_training() -> None:
    for answer, stored in zip(predict(GOLDEN["rows"]), GOLDEN["scores"], strict=True):
        expected = stored if isinstance(stored, list) else [stored]
        assert scores(answer) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_scores_do_not_depend_on_other_rows() -> None:
    rows = GOLDEN["rows"][:20]
    together = [scores(answer) for answer in predict(rows)]
    reversed_order = [scores(answer) for answer in predict(rows[::-1])][::-1]
    alone = [scores(predict(row)[0]) for row in rows]
    for one, two, three in zip(together, reversed_order, alone, strict=True):
        assert one == pytest.approx(two, rel=1e-9, abs=1e-9)
        assert one == pytest.approx(three, rel=1e-9, abs=1e-9)


def test_probabilities_sum_to_one_and_numbers_are_finite() -> None:
    for answer in predict(GOLDEN["rows"]):
        if "probabilities" in answer:
            assert math.isclose(sum(scores(answer)), 1.0)
            assert all(0 <= score <= 1 for score in scores(answer))
        else:
            assert math.isfinite(answer["prediction"])


def test_row_with_only_the_required_columns_is_accepted() -> None:
    required = {column.name: EXAMPLE[column.name] for column in release.columns if column.required}
    assert len(predict(required)) == 1


def test_model_is_better_than_a_constant_prediction() -> None:
    """The minimum for any model; raise it to what you have promised."""
    figures = release.metadata.metrics[release.metadata.headline]
    held_out = release.metadata.split["test_rows"]
    if held_out < 30:
        pytest.skip(f"only {held_out} held-out rows")
    sign = 1 if figures["higher_is_better"] else -1
    assert sign * (figures["value"] - figures["baseline"]) > 0


def test_unknown_column_is_rejected() -> None:
    with pytest.raises(SeatrialError, match="no_such_column"):
        predict({**EXAMPLE, "no_such_column": 1})


@pytest.mark.parametrize("column", [column.name for column in release.columns if column.required])
def test_row_without_a_required_column_is_rejected(column: str) -> None:
    with pytest.raises(SeatrialError, match=column):
        predict({name: value for name, value in EXAMPLE.items() if name != column})


@pytest.mark.parametrize("column", [column.name for column in release.columns])
def test_value_of_the_wrong_type_is_rejected(column: str) -> None:
    with pytest.raises(SeatrialError, match=column):
        predict({**EXAMPLE, column: ["neither a number nor a text"]})


LIMITED = [column for column in release.columns if column.maximum is not None]


@pytest.mark.parametrize("column", LIMITED, ids=[column.name for column in LIMITED])
def test_value_above_the_maximum_is_rejected(column: Any) -> None:
    above = type(EXAMPLE[column.name] or column.maximum)(column.maximum + abs(column.maximum) + 1)
    with pytest.raises(SeatrialError, match=column.name):
        predict({**EXAMPLE, column.name: above})
