"""Conditions: what is understood, and that anything else is an error and never code."""

import pyarrow as pa
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import Condition, expression, parse_conditions


def none(_: str) -> tuple[str, ...]:
    return ()


def test_comparisons_joined_by_and() -> None:
    assert parse_conditions(["fare > 100 AND sex=female", "age != null"]) == (
        Condition("fare", ">", "100"),
        Condition("sex", "=", "female"),
        Condition("age", "!=", None),
    )


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("name = Tom and Jerry", "name", "Tom and Jerry"),
        ("name = 'Tom and x = 3'", "name", "Tom and x = 3"),
        ('name == "O\'Neil ""Bo"""', "name", 'O\'Neil "Bo"'),
        ("name = 'it''s'", "name", "it's"),
        ('"odd = name" = 3', "odd = name", "3"),
        ("`two words` <> null", "two words", None),
        ("name = 'null'", "name", "null"),
        ("Straße = Königsallee 1", "Straße", "Königsallee 1"),
    ],
)
def test_names_and_values_of_every_form(text: str, column: str, value: str | None) -> None:
    (condition,) = parse_conditions([text])
    assert (condition.column, condition.value) == (column, value)


@pytest.mark.parametrize("condition", [Condition("a", "<=", "x' and b = 'y"), Condition("a", "=", None)])
def test_a_condition_reads_back_what_it_prints(condition: Condition) -> None:
    assert parse_conditions([str(condition)]) == (condition,)


@pytest.mark.parametrize(
    "text",
    [
        *("", "fare", "fare >", "> 3", "fare > null", "fare = = 3", "fare => 3", "name = 'open", "name = 'a' b"),
        *("__import__('os') = 3", "1 = 1", "a = 'x' or b = 'y'", "a = 'x'; drop table x"),
    ],
)
def test_anything_else_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(SeatrialError) as caught:
        parse_conditions([text])
    assert repr(text) in caught.value.message or text == "fare > null"
    assert "Examples" in caught.value.hint


TABLE = pa.table(
    {
        "input_i": pa.array([1, 2, None], pa.int64()),
        "input_f": pa.array([0.5, 2.0, None]),
        "input_s": pa.array(["01", "1", None]),
        "input_b": pa.array([True, False, None]),
        "input_d": pa.array([0, 1, None], pa.int32()).cast(pa.date32()),
        "time": pa.array([0, 60_000_000, None], pa.int64()).cast(pa.timestamp("us", "UTC")),
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        *[("i > 1", [1]), ("i = 1.5", []), ("i < 1.5", [0]), ("i = 2.0", [1]), ("i != 1", [1]), ("i = null", [2])],
        *[("f >= 0.5", [0, 1]), ("s = 1", [1]), ("s = 01", [0]), ("s != null", [0, 1]), ("s >= 1", [1])],
        *[("b = true", [0]), ("b = FALSE", [1]), ("d = 1970-01-02", [1]), ("d < 1970-01-02", [0])],
        *[("time >= 1970-01-01T00:01Z", [1]), ("time < 1970-01-01T01:00:30+01:00", [0]), ("gone = null", [0, 1, 2])],
    ],
)
def test_a_value_is_compared_as_the_column_is(text: str, rows: list[int]) -> None:
    (condition,) = parse_conditions([text])
    wanted = expression(condition, TABLE.schema, none)
    numbered = TABLE.append_column("n", pa.array([0, 1, 2]))
    assert numbered.filter(wanted)["n"].to_pylist() == rows


@pytest.mark.parametrize("text", ["i > x", "f = nan", "f < inf", "b = 1", "d = yesterday", "time > noon"])
def test_a_value_that_does_not_fit_is_refused(text: str) -> None:
    (condition,) = parse_conditions([text])
    with pytest.raises(ValueError):  # noqa: PT011 - it carries no message
        expression(condition, TABLE.schema, none)


def test_a_column_that_is_not_there_satisfies_nothing() -> None:
    assert expression(Condition("gone", "=", "1"), TABLE.schema, none) is None
    assert expression(Condition("gone", "!=", None), TABLE.schema, none) is None


def test_a_text_is_also_found_by_its_hash() -> None:
    hashed = pa.table({"input_name": ["h(Ann)", "Ann", "Bob"]})
    wanted = expression(Condition("name", "=", "Ann"), hashed.schema, lambda text: [f"h({text})"])
    assert hashed.filter(wanted)["input_name"].to_pylist() == ["h(Ann)", "Ann"]
    wanted = expression(Condition("name", "!=", "Ann"), hashed.schema, lambda text: [f"h({text})"])
    assert hashed.filter(wanted)["input_name"].to_pylist() == ["Bob"]
