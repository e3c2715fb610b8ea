"""What must be true of any trained model. What must be true of yours belongs beside it, in files of your own."""

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


def test_it_gives_the_answers_that_were_stored_in_training() -> None:
    for answer, stored in zip(predict(GOLDEN["rows"]), GOLDEN["scores"], strict=True):
        wanted = stored if isinstance(stored, list) else [stored]
        assert scores(answer) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_a_row_is_answered_alone_as_among_others() -> None:
    rows = GOLDEN["rows"][:20]
    together = [scores(answer) for answer in predict(rows)]
    backwards = [scores(answer) for answer in predict(rows[::-1])][::-1]
    alone = [scores(predict(row)[0]) for row in rows]
    for one, other, third in zip(together, backwards, alone, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9)
        assert one == pytest.approx(third, rel=1e-9, abs=1e-9)


def test_probabilities_sum_to_one_and_numbers_are_finite() -> None:
    for answer in predict(GOLDEN["rows"]):
        if "probabilities" in answer:
            assert math.isclose(sum(scores(answer)), 1.0)
            assert all(0 <= score <= 1 for score in scores(answer))
        else:
            assert math.isfinite(answer["prediction"])


def test_a_row_of_which_little_is_known_gets_an_answer() -> None:
    known = {column.name: EXAMPLE[column.name] for column in release.columns if column.required}
    assert len(predict(known)) == 1


def test_it_beats_always_giving_the_same_answer() -> None:
    """The bar that every model must clear; raise it to what you have promised."""
    figures = release.metadata.metrics[release.metadata.headline]
    held_out = release.metadata.split["test_rows"]
    if held_out < 30:
        pytest.skip(f"{held_out} held-out rows are too few to tell")
    sign = 1 if figures["higher_is_better"] else -1
    assert sign * (figures["value"] - figures["baseline"]) > 0


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(SeatrialError, match="no_such_column"):
        predict({**EXAMPLE, "no_such_column": 1})


@pytest.mark.parametrize("column", [column.name for column in release.columns if column.required])
def test_a_column_that_is_needed_is_missed(column: str) -> None:
    with pytest.raises(SeatrialError, match=column):
        predict({name: value for name, value in EXAMPLE.items() if name != column})


@pytest.mark.parametrize("column", [column.name for column in release.columns])
def test_a_value_of_the_wrong_kind_is_refused(column: str) -> None:
    with pytest.raises(SeatrialError, match=column):
        predict({**EXAMPLE, column: ["neither a number nor a text"]})


BOUNDED = [column for column in release.columns if column.maximum is not None]


@pytest.mark.parametrize("column", BOUNDED, ids=[column.name for column in BOUNDED])
def test_a_value_beyond_its_range_is_refused(column: Any) -> None:
    beyond = type(EXAMPLE[column.name] or column.maximum)(column.maximum + abs(column.maximum) + 1)
    with pytest.raises(SeatrialError, match=column.name):
        predict({**EXAMPLE, column.name: beyond})
