"""The rows that a release contains."""

import csv
import io
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from seatrial import Schema
from seatrial.model.schema import columns_of
from seatrial.train import reference_rows


class Thing(Schema):
    """A thing."""

    size: float | None = Field(None, ge=0, le=10, examples=[4.5])
    count: int = Field(ge=1, examples=[2])
    colour: Literal["red", "blue"] = Field("red", examples=["blue"])
    note: str | None = None

    @model_validator(mode="after")
    def _small_things_are_few(self) -> "Thing":
        assert not (self.size == 0 and self.count > 5)
        return self


COLUMNS = columns_of(Thing)
TABLE = {
    "size": np.array([1.0, np.nan, 5.0, 9.0]),
    "count": np.array([1.0, 2.0, 7.0, 9.0]),
    "colour": np.array(["red", "red", "red", "blue"], dtype=object),
    "note": np.array([None, 'a "quote", and a\nline', "x", "y"], dtype=object),
}


def test_a_row_has_the_values_of_its_json() -> None:
    assert reference_rows.row_at(COLUMNS, TABLE, 1) == {
        "size": None,
        "count": 2,
        "colour": "red",
        "note": 'a "quote", and a\nline',
    }


def test_the_typical_row_is_a_real_row_close_to_the_center() -> None:
    numbers = np.column_stack([TABLE["size"], TABLE["count"]])
    assert reference_rows.typical_row(COLUMNS, TABLE, numbers, TABLE["colour"][:, None])["size"] == 5


def test_the_example_comes_from_the_schema_or_is_the_typical_row() -> None:
    other = {"size": 1.0, "count": 1, "colour": "red", "note": None}
    assert reference_rows.example_row(COLUMNS, Thing, other) == {
        "size": 4.5,
        "count": 2,
        "colour": "blue",
        "note": None,
    }

    class Strict(Schema):
        """Needs what has no example."""

        size: float = Field(examples=[2.0])
        name: str

    assert reference_rows.example_row(columns_of(Strict), Strict, other) == other


def test_the_reference_rows_can_be_read_back() -> None:
    text = reference_rows.reference_csv(COLUMNS, TABLE, "y", np.array([0, 1, 1, 0]), seed=1)
    read = list(csv.reader(io.StringIO(text)))
    assert read[0] == ["size", "count", "colour", "note", "y"]
    assert read[2] == ["", "2", "red", 'a "quote", and a\nline', "1"]


def test_a_large_reference_is_a_sample_in_the_tables_order() -> None:
    many = reference_rows.REFERENCE_ROWS + 100
    table = {name: np.resize(values, many) for name, values in TABLE.items()}
    table["count"] = np.arange(1.0, many + 1)
    read = list(csv.reader(io.StringIO(reference_rows.reference_csv(COLUMNS, table, "y", np.zeros(many), seed=1))))[1:]
    counts = [int(row[1]) for row in read]
    assert len(counts) == reference_rows.REFERENCE_ROWS
    assert counts == sorted(counts)
