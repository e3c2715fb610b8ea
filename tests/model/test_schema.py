"""The schema is strict, and gives columns."""

from enum import StrEnum
from typing import Literal

import numpy as np
import pytest
from pydantic import Field, ValidationError

from seatrial import Schema, SeatrialError
from seatrial.model.row_validation import RowError, RowParser
from seatrial.model.schema import columns_of, row_name
from seatrial.model.table_validation import TableChecker


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
        (b'{"size": 1.5, "weight": 2}', ["body", "size"], "1, 2 or 3"),
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


class Flight(Schema):
    carrier: Literal["AA", "DL"] | str
    gate: Literal[1, 2] | int | None = None
    stops: str | Literal["none"] = "none"
    delay: float | None = None
    count: int = 0
    big: int = Field(0, le=10**18)


def test_an_open_category_lists_values_and_accepts_others() -> None:
    columns = {column.name: column for column in columns_of(Flight)}
    assert [(c.kind, c.open, c.categories, c.nullable) for c in columns.values()][:3] == [
        ("category", True, ("AA", "DL"), False),
        ("category", True, (1, 2), True),
        ("category", True, ("none",), False),
    ]
    parser = RowParser(Flight)
    assert parser.parse(b'{"carrier": "B6", "gate": 9}')[0].carrier == "B6"
    for body, column, message in (
        (b'{"carrier": 7}', "carrier", "Input should be a valid string"),
        (b'{"carrier": "AA", "gate": true}', "gate", "Input should be a valid integer"),
        (b'{"carrier": "AA", "gate": "1"}', "gate", "Input should be a valid integer"),
    ):
        with pytest.raises(RowError) as caught:
            parser.parse(body)
        assert [(e["loc"], e["msg"]) for e in caught.value.errors] == [(["body", column], message)]
    checked, problems = TableChecker(Flight).check(
        {
            "carrier": ["B6", None],
            "gate": ["3", "x"],
            "stops": ["two"] * 2,
            "delay": [1.0] * 2,
            "count": [1] * 2,
            "big": [1] * 2,
        }
    )
    assert [(p.row, p.column, p.rule) for p in problems] == [
        (1, "carrier", "Input should be a valid string"),
        (1, "gate", "Input should be a valid integer"),
    ]
    assert checked["gate"][0] == 3


@pytest.mark.parametrize(
    ("name", "good", "bad"), [("delay", -1e150, 1e151), ("count", 2**53, 2**53 + 2), ("big", 10**17, 10**19)]
)
def test_a_number_without_bounds_has_those_of_a_double(name: str, good: float, bad: float) -> None:
    parser, checker = RowParser(Flight), TableChecker(Flight)
    rows = [
        {"carrier": "AA", "gate": 1, "stops": "none", "delay": 0.0, "count": 0, "big": 0, name: v} for v in (good, bad)
    ]
    assert parser.check(rows[:1])
    with pytest.raises(RowError, match=name):
        parser.check(rows[1:])
    table = {key: [row[key] for row in rows] for key in rows[0]}
    assert [(p.row, p.column) for p in checker.check(table)[1]] == [(1, name)]
    table[name] = np.array(table[name], dtype=np.float64)
    assert [(p.row, p.column) for p in checker.check(table)[1]] == [(1, name)]


def test_the_bounds_of_a_double_are_not_shown() -> None:
    document = Flight.model_json_schema()["properties"]
    assert document["count"] == {"default": 0, "title": "Count", "type": "integer"}
    assert document["delay"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    columns = {column.name: column for column in columns_of(Flight)}
    assert (columns["delay"].minimum, columns["count"].maximum, columns["big"].maximum) == (None, None, 10**18)


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
    [
        ("Passenger", "passenger"),
        ("HouseSale", "house sale"),
        ("IrisRow", "iris"),
        ("Row", "row"),
        ("URLInput", "URL"),
        ("Loans", "row"),
    ],
)
def test_the_noun_for_a_row_comes_from_the_schema_class(schema, row):
    assert row_name(type(schema, (Schema,), {})) == row


def test_the_name_of_a_project_is_no_noun_for_its_rows():
    assert row_name(type("CustomerChurn", (Schema,), {"__module__": "customer_churn_model.schema"})) == "row"
    assert row_name(type("Passenger", (Schema,), {"__module__": "titanic_model.schema"})) == "passenger"


class Text(Schema):
    plain: str = ""
    maybe: str | None = None
    open_kind: Literal["a", "b"] | str = "a"


@pytest.mark.parametrize("name", Text.model_fields)
@pytest.mark.parametrize("text", ["\ud800", "half \udfff of a pair", "\ud83d\ude00"])
def test_a_text_that_cannot_be_written_as_utf_8_is_refused(name, text):
    with pytest.raises(RowError, match=f"{name}: Input should be a valid string"):
        RowParser(Text).check([{name: text}])
    checker = TableChecker(Text)
    values = {column: ["a", "a"] for column in Text.model_fields} | {name: ["good \U0001f600", text]}
    (problem,) = checker.check(values)[1]
    assert (problem.row, problem.column) == (1, name)
    assert "\\ud" in problem.value.encode().decode()


def test_what_refuses_such_a_text_is_not_in_the_json_schema():
    assert Text.model_json_schema()["properties"]["plain"] == {"default": "", "title": "Plain", "type": "string"}
