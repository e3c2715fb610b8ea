"""A refusal of the service as one text."""

from typing import Any

from seatrial.http.messages import refusal
from seatrial.serve.doors.door import reason
from seatrial.serve.responses import validation_error


def error(*loc: Any, msg: str = "Wrong", rule: str = "rule") -> dict[str, Any]:
    return {"type": rule, "loc": ["body", *loc], "msg": msg}


def test_a_plain_refusal_is_its_own_text() -> None:
    assert reason(refusal(413, "Too large.")) == "Too large."


def test_row_column_and_rule_are_named() -> None:
    assert reason(validation_error([error(3, "age")])) == "row 3, column age: Wrong (rule)"
    assert reason(validation_error([error(3)])) == "row 3: Wrong (rule)"
    assert reason(validation_error([error("age")])) == "column age: Wrong (rule)"
    assert reason(validation_error([error()])) == "Wrong (rule)"


def test_a_cause_in_many_rows_is_said_once() -> None:
    errors = [*(error(row, "age") for row in range(5)), error(7, "fare", msg="Low")]
    assert reason(validation_error(errors)) == (
        "row 0, column age: Wrong (rule), and in 4 more rows; row 7, column fare: Low (rule)"
    )


def test_more_than_five_causes_are_counted() -> None:
    text = reason(validation_error([error(0, f"c{number}") for number in range(9)]))
    assert text.count("Wrong") == 5
    assert text.endswith("; and 4 more")
