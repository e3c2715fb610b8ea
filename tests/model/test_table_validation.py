"""Tables are checked as rows are: the same values pass, with the same result."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from seatrial import Schema
from seatrial.model.categorical import SharedValues, categorical
from seatrial.model.table_validation import TableChecker, from_array


class Thing(Schema):
    size: Literal[1, 2, 3]
    weight: float | None = Field(None, gt=0, le=10)
    count: int = Field(0, ge=0, le=100)
    new: bool | None = None
    kind: Literal["a", "b"] | None = None
    note: str | None = Field(None, max_length=3)


CHECKER = TableChecker(Thing)
ROWS = st.fixed_dictionaries(
    {
        "size": st.sampled_from([0, 1, 2, 3, 4, None]),
        "weight": st.one_of(st.none(), st.floats(-1, 11), st.sampled_from([0.0, 10.0, 1e308])),
        "count": st.integers(-2, 102),
        "new": st.sampled_from([True, False, None]),
        "kind": st.sampled_from(["a", "b", "c", None]),
        "note": st.one_of(st.none(), st.text(min_size=1, max_size=5)),
    }
)


@given(st.lists(ROWS, min_size=1, max_size=20))
def test_a_table_and_its_rows_agree(rows: list[dict[str, Any]]) -> None:
    table = {name: [row[name] for row in rows] for name in rows[0]}
    columns, problems = CHECKER.check(table)
    bad = {problem.row for problem in problems}
    for position, row in enumerate(rows):
        if position in bad:
            with pytest.raises(ValidationError) as raised:
                Thing.model_validate(row)
            broken = {p.column for p in problems if p.row == position}
            assert {e["loc"][0] for e in raised.value.errors()} == broken
        else:
            values = {c.name: from_array(c, columns[c.name][position]) for c in CHECKER.columns}
            assert values == Thing.model_validate(row).model_dump()


@given(st.lists(st.one_of(st.floats(allow_nan=True), st.floats(-1, 101), st.integers(-2, 102).map(float)), min_size=1))
def test_arrays_are_checked_like_their_values(values: list[float]) -> None:
    base: dict[str, Any] = {
        "size": [1] * len(values),
        "new": [None] * len(values),
        "kind": [None] * len(values),
    }
    base |= {"note": [None] * len(values), "weight": [None] * len(values), "count": [1] * len(values)}
    for name in ("weight", "count"):
        as_array = CHECKER.check({**base, name: np.array(values)})
        as_list = CHECKER.check({**base, name: values})
        assert as_array[1] == as_list[1]
        np.testing.assert_array_equal(as_array[0][name], as_list[0][name])


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("weight", "heavy", "a number"),
        ("weight", "1_0", "a number"),
        ("weight", "nan", "finite"),
        ("weight", "inf", "finite"),
        ("count", "1.5", "integer"),
        ("count", "", "integer"),
        ("size", "9", "1, 2 or 3"),
        ("size", True, "1, 2 or 3"),
        ("new", "perhaps", "a boolean"),
        ("kind", "A", "'a' or 'b'"),
        ("note", "long text", "at most 3"),
        ("note", [1], "a text"),
    ],
)
def test_a_bad_cell_is_reported_with_row_value_and_rule(column: str, cell: object, rule: str) -> None:
    good: dict[str, Any] = {"size": "1", "weight": "2", "count": "3", "new": "yes", "kind": "a", "note": "x"}
    columns, problems = CHECKER.check(
        {name: [value, cell if name == column else value] for name, value in good.items()}
    )
    assert [(p.row, p.column) for p in problems] == [(1, column)]
    assert rule in problems[0].rule
    assert columns["weight"][0] == 2.0
    assert columns["new"][0] == 1.0


def test_rules_that_span_columns_are_applied_to_rows() -> None:
    class Stay(Schema):
        arrival: date
        nights: int
        guests: int

        @model_validator(mode="after")
        def enough(self) -> "Stay":
            if self.guests > 2 * self.nights:
                raise ValueError("too many guests")
            return self

    checker = TableChecker(Stay)
    columns, problems = checker.check({"arrival": ["2026-01-02"] * 2, "nights": ["1", "1"], "guests": ["2", "3"]})
    assert [(p.row, p.rule) for p in problems] == [(1, "Value error, too many guests")]
    assert columns["arrival"][0] == date(2026, 1, 2)


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("size", "2", 2.0), ("size", "2.00", 2.0), ("size", "2.5", None), ("count", "7.0", 7.0), ("count", "7.5", None),
        ("count", "1E+40", None), ("count", "9007199254740993", None), ("weight", "1.25", 1.25),
        ("weight", "Infinity", None), ("new", "1", 1.0), ("new", "2", None),
    ],
)  # fmt: skip
def test_decimals_of_a_database_are_numbers(column: str, cell: str, expected: float | None) -> None:
    row: dict[str, Any] = {"size": 1, "weight": None, "count": 0, "new": None, "kind": None, "note": None}
    columns, problems = CHECKER.check({name: [value] for name, value in {**row, column: Decimal(cell)}.items()})
    assert [problem.column for problem in problems] == ([column] if expected is None else [])
    if expected is not None:
        assert columns[column].tolist() == [expected]


def test_chunks_that_share_their_values_are_checked_as_others_are() -> None:
    values = np.array(["abc", "abcd", None, ""], dtype=object)
    shared = values.view(SharedValues)
    for codes in ([0, 1, 0], [1, 1], [0, 2, 3]):
        rows = {"size": [1] * len(codes), "weight": [None] * len(codes), "count": [0] * len(codes)}
        rows |= {"new": [None] * len(codes), "kind": [None] * len(codes)}
        plain, expected = CHECKER.check({**rows, "note": values[codes].tolist()})
        for _ in range(2):
            checked, problems = CHECKER.check({**rows, "note": categorical(shared, np.array(codes))})
            assert checked["note"].tolist() == plain["note"].tolist()
            assert problems == expected
