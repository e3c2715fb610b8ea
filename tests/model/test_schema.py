"""The schema is strict, and gives columns."""

from enum import StrEnum
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from seatrial import Schema, SeatrialError
from seatrial.model.row_validation import RowError, RowParser
from seatrial.model.schema import columns_of, row_name


class Colour(StrEnum):
    red = "red"
    blue = "blue"


class Thing(Schema):
    size: Literal[1, 2, 3]
    weight: float = Field(gt=0, le=10, title="Weight", description="Net.", json_schema_extra={"unit": "kg"})
    count: int | None = Field(None, ge=0)
    new: bool = False
    colour: Colour | None = None
    kind: Literal["a", "b"] = "a"
    note: str | None = Field(None, max_length=20, examples=["fine"])


PARSER = RowParser(Thing)
GOOD = b'{"size": 1, "weight": 2}'


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        (b'{"size": true, "weight": 2}', ["body", "size"], "1, 2 or 3"),
        (b'{"size": 1.0, "weight": 2}', ["body", "size"], "1, 2 or 3"),
        (b'{"size": "1", "weight": 2}', ["body", "size"], "1, 2 or 3"),
        (b'{"size": 9, "weight": 2}', ["body", "size"], "1, 2 or 3"),
        (b'{"size": 1, "weight": true}', ["body", "weight"], "number"),
        (b'{"size": 1, "weight": NaN}', ["body", "weight"], "finite"),
        (b'{"size": 1, "weight": 1e999}', ["body", "weight"], "finite"),
        (b'{"size": 1, "weight": 0}', ["body", "weight"], "greater than 0"),
        (b'{"size": 1, "weight": "2"}', ["body", "weight"], "number"),
        (b'{"size": 1, "weight": 2, "count": 1.5}', ["body", "count"], "integer"),
        (b'{"size": 1, "weight": 2, "new": 1}', ["body", "new"], "boolean"),
        (b'{"size": 1, "weight": 2, "colour": "green"}', ["body", "colour"], "'red' or 'blue'"),
        (b'{"size": 1, "weigth": 2}', ["body", "weigth"], "did you mean `weight`"),
        (b'{"size": 1, "weight": 2, "zzz": 2}', ["body", "zzz"], "known: size, weight"),
        (b'{"weight": 2}', ["body", "size"], "required"),
        (b'[{"size": 1, "weight": 2}, {"size": 1, "weight": -1}]', ["body", 1, "weight"], "greater than 0"),
        (b'{"inputs": [{"size": 1, "weight": -1}]}', ["body", "inputs", 0, "weight"], "greater than 0"),
        (b'{"inputs": 3}', ["body", "inputs"], "array"),
        (b'{"inputs": [], "more": 1}', ["body", "more"], "not permitted"),
        (b'{"size": 1, "weight": 2', ["body"], "EOF"),
        (b'{"size": 1, "weight": 2, "note": "\\ud800"}', ["body"], "Invalid JSON"),
        (b"", ["body"], "EOF"),
        (b"null", ["body"], "object"),
    ],
)
def test_an_invalid_body_is_refused_with_place_and_rule(body: bytes, place: list[object], rule: str) -> None:
    with pytest.raises(RowError) as caught:
        PARSER.parse(body)
    errors = {tuple(error["loc"]): error for error in caught.value.errors}
    assert tuple(place) in errors
    assert rule in errors[tuple(place)]["msg"]
    assert set(errors[tuple(place)]) == {"type", "loc", "msg"}


@pytest.mark.parametrize("body", [GOOD, b" \n" + GOOD, b"[" + GOOD + b"]", b'{"inputs": [' + GOOD + b"]}"])
def test_one_row_a_list_and_inputs_give_the_same_rows(body: bytes) -> None:
    assert PARSER.parse(body) == [Thing(size=1, weight=2)]


def test_a_value_may_be_the_word_inputs() -> None:
    assert PARSER.parse(b'{"size": 1, "weight": 2, "note": "inputs"}')[0].note == "inputs"


def test_columns_have_what_forms_and_generated_rows_need() -> None:
    columns = {column.name: column for column in columns_of(Thing)}
    assert columns["size"].kind == "category"
    assert columns["size"].numeric
    assert columns["weight"].minimum == 0
    assert columns["weight"].exclusive_minimum
    assert not columns["weight"].exclusive_maximum
    assert columns["weight"].unit == "kg"
    assert columns["count"].nullable
    assert columns["new"].kind == "boolean"
    assert columns["new"].default is False
    assert columns["colour"].categories == ("red", "blue")
    assert not columns["kind"].numeric
    assert columns["note"].max_length == 20
    assert columns["note"].example == "fine"


def test_a_column_of_two_types_is_refused_by_name() -> None:
    class Mixed(Schema):
        value: int | str

    with pytest.raises(SeatrialError, match=r"Mixed\.value"):
        columns_of(Mixed)


def test_python_rows_follow_the_same_rules() -> None:
    with pytest.raises(ValidationError):
        Thing(size=True, weight=2)
    with pytest.raises(RowError):
        PARSER.check([{"size": 1, "weight": 2, "wieght": 3}])


@pytest.mark.parametrize(
    ("schema", "row"),
    [("Passenger", "passenger"), ("HouseSale", "house sale"), ("IrisRow", "iris"), ("Row", "row"), ("URLInput", "URL")],
)
def test_the_noun_for_a_row_comes_from_the_schema_class(schema, row):
    assert row_name(type(schema, (Schema,), {})) == row
