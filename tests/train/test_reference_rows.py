"""The rows that a release contains."""

import csv
import io
import json
from typing import Literal

import numpy as np
import pytest
from pydantic import Field, model_validator

from seatrial import Schema
from seatrial.core.errors import SeatrialError
from seatrial.model.row_hash import keyed_hashes
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


def test_hashes_recognize_a_row_with_its_label_and_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_REFERENCE_KEY", "a long and random text")
    labels = np.array([0, 1, 1, 0])
    text = reference_rows.reference_hashes(COLUMNS, TABLE, labels, seed=1)
    hashes = json.loads(text)["hashes"]
    assert len(hashes) == 4
    assert hashes == sorted(hashes)  # whatever the order of the rows
    assert "quote" not in text
    names = [column.name for column in COLUMNS]
    assert set(keyed_hashes(TABLE, names, labels.astype(float), b"a long and random text")) == set(hashes)
    assert not set(keyed_hashes(TABLE, names, 1 - labels, b"a long and random text")) & set(hashes)
    assert not set(keyed_hashes(TABLE, names, labels, b"another key, of any length")) & set(hashes)


def test_hashes_need_a_key_that_cannot_be_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("", "short"):
        monkeypatch.setenv("SEATRIAL_REFERENCE_KEY", key)
        with pytest.raises(SeatrialError, match="SEATRIAL_REFERENCE_KEY must be at least 16 characters"):
            reference_rows.reference_hashes(COLUMNS, TABLE, np.zeros(4), seed=1)
