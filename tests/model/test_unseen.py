"""Values that no training row had: found in rows and in tables alike, and named in answers."""

import datetime as dt
import json
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import AwareDatetime, Field

from seatrial import Schema
from seatrial.model.schema import columns_of
from seatrial.model.table_validation import TableChecker
from seatrial.model.unseen import UnseenValues, as_json, seen_in


class Trip(Schema):
    """One of each kind of column."""

    month: int = Field(ge=1, le=12)
    distance: float | None
    carrier: Literal["AA", "DL", "WN"] | str
    gate: Literal[1, 2, 3] | int | None
    weekend: bool
    code: str
    note: str
    day: dt.date
    at: AwareDatetime


SEEN: dict[str, list[Any]] = {
    "month": [5, 6, 7, 8],
    "distance": [1.5, None, 20.0, 99.25],
    "carrier": ["AA", "DL", "AA", "DL"],
    "gate": [1, 2, 2, 1],
    "weekend": [True, True, True, True],
    "code": ["x1", "x2", "x1", "x2"],
    "note": ["fine", "late", "fine", "fine"],
    "day": ["2024-01-01", "2024-03-01", "2024-02-01", "2024-02-02"],
    "at": ["2024-01-01T00:00:00Z", "2024-03-01T12:00:00Z", "2024-02-01T00:00:00Z", "2024-02-02T00:00:00Z"],
}
ROW = {name: values[1] for name, values in SEEN.items()}
CHECKER = TableChecker(Trip)


@pytest.fixture(scope="module")
def unseen() -> UnseenValues:
    columns = columns_of(Trip)
    checked, problems = CHECKER.check(SEEN)
    assert not problems
    return UnseenValues(columns, seen_in(columns, checked, ["code"]))


CASES = [
    ({}, ""),
    ({"note": "a new note"}, ""),  # read by feature functions only
    ({"month": 9}, "month: Above 8, the largest value in training"),
    ({"month": 4}, "month: Below 5, the smallest value in training"),
    ({"distance": 99.25}, ""),
    ({"distance": 99.5}, "distance: Above 99.3, the largest value in training"),
    ({"distance": None}, ""),
    ({"carrier": "WN"}, "carrier: Never seen in training"),  # listed by the schema
    ({"carrier": "B6"}, "carrier: Never seen in training"),
    ({"gate": 3}, "gate: Never seen in training"),
    ({"gate": 99}, "gate: Never seen in training"),
    ({"gate": None}, "gate: Missing, as in no training row"),
    ({"weekend": False}, "weekend: Never seen in training"),
    ({"code": "x9"}, "code: Never seen in training"),
    ({"day": "2024-03-02"}, ""),  # dates are noted by their months
    ({"day": "2024-04-01"}, "day: Above 2024-03-31, the largest value in training"),
    ({"at": "2023-12-31T23:00:00Z"}, "at: Below 2024-01-01T00:00:00+00:00, the smallest value in training"),
]


@pytest.mark.parametrize(("change", "text"), CASES)
def test_a_row_and_a_table_say_the_same(unseen: UnseenValues, change: dict[str, Any], text: str) -> None:
    row = {**ROW, **change}
    parsed = Trip.model_validate_json(json.dumps(row))
    found = unseen.in_rows([parsed])
    assert "; ".join(f"{each.column}: {each.msg}" for each in found) == text
    checked, problems = CHECKER.check({name: [value] for name, value in row.items()})
    assert not problems
    assert unseen.in_table(checked) == [text or None]


def test_several_values_are_named_with_their_rows(unseen: UnseenValues) -> None:
    def trip(**change: Any) -> Trip:
        return Trip.model_validate_json(json.dumps({**ROW, **change}))

    found = as_json(unseen.in_rows([trip(), trip(month=12, carrier="B6")]))
    assert [(each["row"], each["column"], each["type"]) for each in found] == [
        (1, "month", "above_range"),
        (1, "carrier", "value_unseen"),
    ]


def test_many_rows_with_distinct_values_as_codes_are_found_too(unseen: UnseenValues) -> None:
    table = {name: np.array(values * 1000, dtype=object) for name, values in SEEN.items()}
    table["month"] = np.array([5.0, 6, 7, 12] * 1000)
    checked, _ = CHECKER.check(table)
    texts = unseen.in_table(checked)
    assert texts[:4] == [None, None, None, "month: Above 8, the largest value in training"]
    assert texts.count(None) == 3000


def test_a_release_without_the_note_has_no_warnings() -> None:
    assert UnseenValues(columns_of(Trip), {}).in_rows([Trip.model_construct(**ROW)]) == ()


def test_free_text_is_not_stored() -> None:
    checked, _ = CHECKER.check(SEEN)
    assert "note" not in seen_in(columns_of(Trip), checked, ["code"])


def test_text_of_few_rows_is_noted_as_a_digest_and_still_known() -> None:
    columns = [column for column in columns_of(Trip) if column.name == "code"]
    common = ["JFK"] * 6 + ["LAX"] * 5
    values = np.array([*common, "Ada Lovelace"], dtype=object)
    seen = seen_in(columns, {"code": values}, ["code"])
    assert seen["code"]["values"] == ["JFK", "LAX"]
    assert "Lovelace" not in json.dumps(seen)
    unseen = UnseenValues(columns, seen)
    texts = unseen.in_table({"code": np.array(["Ada Lovelace", "JFK", "Ada"], dtype=object)})
    assert texts == [None, None, "code: Never seen in training"]


def test_the_ends_of_a_range_are_rounded_away_from_the_values() -> None:
    columns = [column for column in columns_of(Trip) if column.name == "distance"]
    for values, expected in (
        ([0.1667, 512.3292], [0.166, 513.0]),
        ([-1234.5, 7.0], [-1240.0, 7.0]),
        ([0.0, 2024.0], [0.0, 2024.0]),
    ):
        assert seen_in(columns, {"distance": np.array(values)}, [])["distance"]["range"] == expected


def test_no_exact_date_is_noted() -> None:
    """The first or last date may be one person's birthday, and a service shows it in its warnings."""
    day, at = columns_of(Trip)[-2:]
    for column, values, expected in (
        (day, [dt.date(1960, 3, 6), dt.date(2024, 2, 2)], ["1960-03-01", "2024-02-29"]),
        (
            at,
            [dt.datetime(1, 1, 1, 3, tzinfo=dt.UTC), dt.datetime(9999, 12, 3, 4, 5, tzinfo=dt.UTC)],
            ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"],
        ),
    ):
        noted = seen_in([column], {column.name: np.array(values, dtype=object)}, [])
        assert noted[column.name]["range"] == expected
