"""Made-up rows are plausible and valid, and none of them is a row of the table."""

import datetime as dt
import random
from typing import Literal

import numpy as np
import pytest
from pydantic import Field, model_validator

from seatrial import Schema
from seatrial.core.errors import SeatrialError
from seatrial.model.schema import Column, columns_of
from seatrial.train.made_up_rows import (
    choices,
    common_values,
    copied,
    example_row,
    in_table,
    made_up_table,
    typical_row,
)

RANDOM = random.Random(0)
ROWS = 400


class Patient(Schema):
    """A patient."""

    name: str
    born: dt.date
    ward: Literal["north", "south", "east"] | str
    weight: float | None = Field(None, ge=0, le=300)
    visits: int = Field(ge=0)
    insured: bool
    note: str | None = None


COLUMNS = columns_of(Patient)


def drawn(maker: object, kind: object = object) -> np.ndarray:
    values = np.empty(ROWS, dtype=kind)
    values[:] = [maker() for _ in range(ROWS)]  # type: ignore[operator]
    return values


TABLE = {
    "name": drawn(lambda: f"{RANDOM.choice(['Dr.', 'Ms.'])} {''.join(RANDOM.choices('abcdefgh', k=7)).title()}"),
    "born": drawn(lambda: dt.date(1950, 1, 1) + dt.timedelta(days=RANDOM.randrange(18_000))),
    "ward": drawn(lambda: RANDOM.choice(["north", "north", "south", "east", f"room {RANDOM.randrange(900)}"])),
    "weight": drawn(lambda: RANDOM.choice([np.nan, RANDOM.gauss(70, 10), RANDOM.gauss(70, 10)]), np.float64),
    "visits": drawn(lambda: float(RANDOM.randrange(9)), np.float64),
    "insured": drawn(lambda: float(RANDOM.random() < 0.8), np.float64),
    "note": drawn(lambda: None if RANDOM.random() < 0.7 else f"case {RANDOM.randrange(10**6)}"),
}


def test_the_typical_row_is_of_common_values() -> None:
    row = typical_row(COLUMNS, Patient, TABLE, common_values(COLUMNS, TABLE), seed=1)
    assert row["name"] in ("Dr. Xxxxxxx", "Ms. Xxxxxxx")
    assert (row["ward"], row["insured"], row["note"]) == ("north", True, None)
    assert row["visits"] == np.median(TABLE["visits"])
    assert row["weight"] == float(f"{np.nanmedian(TABLE['weight']):.3g}")
    assert row["born"].endswith("-01")


def test_no_made_up_row_is_in_the_table_and_no_free_text_is_copied() -> None:
    table = made_up_table(COLUMNS, TABLE, seed=3)
    rows = len(table["name"])
    assert rows > 400
    for n in range(rows):
        assert not in_table(COLUMNS, TABLE, {name: values[n] for name, values in table.items()})
    assert not set(table["name"]) & set(TABLE["name"])
    assert not set(table["note"]) & set(TABLE["note"]) - {None}
    assert set(table["ward"]) == {"north", "south", "east"}  # no room that one patient had
    weights, real = table["weight"][~np.isnan(table["weight"])], TABLE["weight"]
    assert not np.isin(weights, real[~np.isnan(real)]).any()


def test_a_row_of_the_table_is_recognized() -> None:
    for n in (0, 17):
        assert in_table(COLUMNS, TABLE, {name: values[n] for name, values in TABLE.items()})
    first = {name: values[0] for name, values in TABLE.items()}
    assert not in_table(COLUMNS, TABLE, {**first, "visits": 99.0})
    assert not in_table(COLUMNS, TABLE, {**first, "note": "another"})


class Answer(Schema):
    """Two choices and a number: few rows are possible."""

    left: Literal["a", "b"]
    right: Literal["x", "y"]
    count: int = Field(ge=0, le=3)


ANSWERS = columns_of(Answer)


def answers(*rows: tuple[str, str, int]) -> dict[str, np.ndarray]:
    left, right, count = zip(*rows, strict=True)
    return {
        "left": np.array(left, dtype=object),
        "right": np.array(right, dtype=object),
        "count": np.array(count, dtype=np.float64),
    }


def test_another_combination_is_taken_where_the_most_common_one_is_a_row() -> None:
    table = answers(*[("a", "x", 1)] * 10, *[("b", "y", 2)] * 6, *[("a", "y", 2)] * 5)
    row = typical_row(ANSWERS, Answer, table, common_values(ANSWERS, table), seed=1)
    assert not in_table(ANSWERS, table, row)
    assert row["left"] in "ab"
    assert row["right"] in "xy"


def test_where_all_combinations_are_rows_the_most_common_values_are_shown() -> None:
    table = answers(*[(left, right, n) for left in "aab" for right in "xxy" for n in range(4)] * 5)
    row = typical_row(ANSWERS, Answer, table, common_values(ANSWERS, table), seed=1)
    assert (row["left"], row["right"]) == ("a", "x")


def test_the_schemas_own_examples_come_first_unless_they_are_a_row_or_a_text_of_the_table() -> None:
    class Known(Patient):
        """With examples."""

        name: str = Field(examples=["Dr. Nobody"])
        visits: int = Field(ge=0, examples=[3])

    columns = columns_of(Known)
    row = example_row(columns, Known, TABLE, common_values(columns, TABLE), seed=1)
    assert (row["name"], row["visits"]) == ("Dr. Nobody", 3)
    assert copied(columns, TABLE) == []

    class Copied(Patient):
        """With an example from the table."""

        name: str = Field(examples=[TABLE["name"][5]])

    columns = columns_of(Copied)
    assert copied(columns, TABLE) == ["name"]
    assert example_row(columns, Copied, TABLE, common_values(columns, TABLE), seed=1)["name"] in (
        "Dr. Xxxxxxx",
        "Ms. Xxxxxxx",
    )


def test_rules_across_columns_are_kept_or_an_example_is_asked_for() -> None:
    class Ruled(Answer):
        """With a rule."""

        @model_validator(mode="after")
        def _rule(self) -> "Ruled":
            assert self.left == "b" or self.count > 2
            return self

    table = answers(*[("a", "x", 1)] * 30, *[("b", "y", 3)] * 5)
    row = typical_row(ANSWERS, Ruled, table, common_values(ANSWERS, table), seed=1)
    assert row["left"] == "b" or row["count"] > 2

    class Impossible(Answer):
        """With a rule that no common value keeps."""

        @model_validator(mode="after")
        def _rule(self) -> "Impossible":
            assert self.count == 0
            return self

    with pytest.raises(SeatrialError, match="rows of the table are not shown") as caught:
        typical_row(ANSWERS, Impossible, table, common_values(ANSWERS, table), seed=1)
    assert "examples=" in caught.value.hint


def test_numbers_stay_within_the_schemas_limits() -> None:
    column = Column("x", "integer", nullable=False, required=True, minimum=1_234_567, maximum=1_234_570)
    values = np.array([1_234_568.0] * 20)
    assert all(1_234_567 <= value <= 1_234_570 for value in choices(column, values))


def test_a_column_without_any_value() -> None:
    column = Column("x", "number", nullable=True, required=False)
    assert choices(column, np.full(10, np.nan)) == [None]


def test_known_deciles_give_the_same_numbers() -> None:
    column = Column("x", "number", nullable=False, required=True)
    values = np.random.default_rng(0).normal(size=101)
    assert choices(column, values, np.quantile(values, np.arange(11) / 10).tolist()) == choices(column, values)
