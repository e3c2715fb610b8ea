"""Rows that differ each time: valid by the schema, and no value twice where that is possible."""

from typing import Any

import pytest

from seatrial.model.schema import Column
from seatrial.trial.rows.varied_rows import CALLS, varied_values


def column(kind: Any, **how: Any) -> Column:
    return Column("x", kind, nullable=True, required=True, **how)


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (column("number", minimum=0, exclusive_minimum=True, maximum=1, exclusive_maximum=True), [0.25, None, 0.5]),
        (column("number"), [3.0, 3.0]),
        (column("integer", minimum=0), [7, 8]),
        (column("text", max_length=6), ["a long text", None, "b"]),
        (column("category", categories=("a", "b"), open=True), ["a", "b"]),
        (column("other"), ["2024-02-29", "2023-01-01"]),
        (column("other"), ["2024-02-29T10:00:00"]),
    ],
)
def test_values_are_valid_and_differ(made: Column, known: list[Any]) -> None:
    values = varied_values([made], [{"x": value} for value in known])["x"]
    assert len(values) == CALLS
    assert len(set(values)) > 0.9 * CALLS
    assert {type(value) for value in values} == {type(known[0])}
    low, high = made.limits
    assert all(low < value < high if made.kind == "number" else low <= value <= high
               for value in values if made.kind in ("number", "integer"))  # fmt: skip
    assert made.max_length is None or max(map(len, values)) <= made.max_length


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (column("boolean"), [True, False]),
        (column("category", categories=(1, 2)), [1, 2]),
        (column("integer", minimum=1, maximum=12), [1, 12]),
        (column("other"), ["not a date"]),
        (column("text"), [None]),
    ],
)
def test_columns_with_few_values_are_left_out(made: Column, known: list[Any]) -> None:
    assert varied_values([made], [{"x": value} for value in known]) == {}


def test_wide_tables_have_fewer_rows() -> None:
    columns = [Column(f"x{number}", "number", nullable=False, required=True) for number in range(400)]
    values = varied_values(columns, [{each.name: 1.0 for each in columns}])
    assert {len(each) for each in values.values()} == {500}
