"""Rows from JSON: three forms, errors with place and rule, and bounded work for invalid bodies."""

import datetime as dt
import json
import time
from typing import Literal

import pytest
from pydantic import AwareDatetime, Field

from seatrial import Schema
from seatrial.model.row_validation import ERRORS_SHOWN, RowError, RowParser


class Person(Schema):
    pclass: Literal[1, 2, 3]
    age: float | None = Field(None, ge=0, le=100)
    name: str = Field("", max_length=20)


PARSER = RowParser(Person, limit=50)
GOOD = {"pclass": 3, "age": 4.5, "name": "Ann"}


@pytest.mark.parametrize("body", [GOOD, [GOOD], {"inputs": [GOOD]}], ids=["row", "list", "inputs"])
def test_all_forms_of_a_body_give_the_same_rows(body):
    assert PARSER.parse(json.dumps(body).encode()) == [Person(**GOOD)]
    assert PARSER.parse(b" \n" + json.dumps(body, indent=2).encode()) == [Person(**GOOD)]


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        ('{"pclass": 99}', ["body", "pclass"], "Input should be 1, 2 or 3"),
        ('[{"pclass": 1}, {"pclass": 1, "age": -5}]', ["body", 1, "age"], "greater than or equal to 0"),
        ('{"inputs": [{"pclass": 1, "age": -5}]}', ["body", "inputs", 0, "age"], "greater than or equal to 0"),
        ('{"pclass": true}', ["body", "pclass"], "Input should be 1, 2 or 3"),
        ('{"pclass": 1.5}', ["body", "pclass"], "Input should be 1, 2 or 3"),
        ('{"pclass": 1, "age": NaN}', ["body", "age"], "finite number"),
        ('{"pclass": 1, "age": 1e999}', ["body", "age"], "finite number"),
        ('{"pclass": 1, "age": "4"}', ["body", "age"], "valid number"),
        ('{"pclass": 1, "agee": 4}', ["body", "agee"], "did you mean `age`?"),
        ('{"pclass": 1, "zzz": 4}', ["body", "zzz"], "known: pclass, age, name"),
        ("{}", ["body", "pclass"], "Field required"),
        ("[1]", ["body", 0], "object"),
        ("{", ["body"], "Invalid JSON"),
        ("", ["body"], "Invalid JSON"),
        ("null", ["body"], "object"),
    ],
)
def test_an_error_names_place_and_rule(body, place, rule):
    with pytest.raises(RowError) as raised:
        PARSER.parse(body.encode())
    (error,) = raised.value.errors
    assert error["loc"] == place
    assert rule in error["msg"]
    assert set(error) == {"type", "loc", "msg"}  # never the input


class Order(Schema):
    day: dt.date
    at: AwareDatetime | None = None
    size: int = 1


def test_a_date_may_be_given_as_text_in_python_as_in_json():
    """As a release's own example has it, which was read from JSON."""
    parser = RowParser(Order)
    row = {"day": "2024-02-29", "at": "2024-02-29T10:00:00+02:00"}
    assert parser.check([row]) == parser.parse(json.dumps([row]).encode())
    assert parser.check([{"day": dt.date(2024, 2, 29), "at": None}])[0].day == dt.date(2024, 2, 29)
    assert row["day"] == "2024-02-29"
    for wrong in ("2024-02-30", "soon", 20240229, None):
        with pytest.raises(RowError, match=r"0\.day: Input should be"):
            parser.check([{"day": wrong}])


def test_more_rows_than_the_limit_are_refused():
    assert len(PARSER.parse(json.dumps([GOOD] * 50).encode())) == 50
    for body in ([GOOD] * 51, {"inputs": [GOOD] * 51}):
        with pytest.raises(RowError, match="at most 50 items"):
            PARSER.parse(json.dumps(body).encode())


def test_an_empty_list_is_valid():
    assert PARSER.parse(b"[]") == PARSER.parse(b'{"inputs": []}') == []


@pytest.mark.parametrize("form", ["[%s]", '{"inputs":[%s]}'])
def test_only_the_first_of_many_errors_are_reported(form):
    with pytest.raises(RowError) as raised:
        RowParser(Person, limit=10**6).parse((form % ",".join(["{}"] * (ERRORS_SHOWN + 1))).encode())
    assert len(raised.value.errors) == ERRORS_SHOWN + 1
    assert raised.value.errors[-1]["msg"] == "101 errors; these are the first 100"


WIDE = ",".join(f'"c{i}":1' for i in range(60_000))


@pytest.mark.parametrize(
    "body",
    ["[" + ",".join(["{}"] * 300_000) + "]", '{"inputs":[' + ",".join(["1"] * 300_000) + "]}", "[" + "[]," * 300_000 + "1]",
     "{" + WIDE + "}", '[{"pclass":1},{' + WIDE + "}]", '{"inputs":[{' + WIDE + "}]}"],
    ids=["empty rows", "numbers", "lists", "wide row", "wide row in a list", "wide row in inputs"],
)  # fmt: skip
def test_a_body_full_of_errors_is_rejected_quickly(body):
    parser = RowParser(Person, limit=10**6)
    parser.parse(b"[]"), parser._failing_fast
    took = []
    for _ in range(3):
        began = time.process_time()  # a busy machine takes longer by the clock
        with pytest.raises(RowError) as raised:
            parser.parse(body.encode())
        took.append(time.process_time() - began)
    assert min(took) < 0.05
    assert len(raised.value.errors) <= ERRORS_SHOWN + 1


def test_the_text_of_an_error_says_each_cause_once():
    with pytest.raises(RowError) as raised:
        PARSER.check([{"pclass": 1, "age": -1}, {"pclass": 9, "age": -2}, {"pclass": 1, "age": -3}])
    assert str(raised.value) == (
        "0.age: Input should be greater than or equal to 0 (and in 2 more rows); 1.pclass: Input should be 1, 2 or 3"
    )
    assert len(raised.value.errors) == 4


def test_a_column_name_that_cannot_be_encoded_is_reported():
    with pytest.raises(RowError) as raised:
        PARSER.check([{"pclass": 1, "\ud800" * 500: 1}])
    text = json.dumps(raised.value.errors, ensure_ascii=False)
    assert text.encode()
    assert len(text) < 1000


def test_a_schema_may_have_a_column_named_inputs():
    class Odd(Schema):
        inputs: int

    assert RowParser(Odd).parse(b'{"inputs": 3}') == [Odd(inputs=3)]
