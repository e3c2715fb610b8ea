"""The fields of the form: their order, what they suggest, and how wide they are."""

import datetime as dt
from typing import Any, Literal

import pytest
from pydantic import AwareDatetime, Field, create_model
from tests.serve.made_up_releases import release_of

from seatrial import Schema
from seatrial.serve.form_fields import FIRST_FIELDS, by_importance, form_fields


def schema_of(**columns: Any) -> type[Schema]:
    return create_model("Sale", __base__=Schema, **columns)


def test_many_fields_are_sorted_by_importance_and_few_stay_as_they_are() -> None:
    names = [f"x{number:02d}" for number in range(53)]
    fields = form_fields(release_of(schema_of(**{name: (float, Field(examples=[1.0])) for name in names})))
    importance = {name: number / 100 for number, name in enumerate(names[:-1])}  # one could not be measured
    first, more = by_importance(fields, importance)
    assert [field.column.name for field in first] == names[51 : 51 - FIRST_FIELDS : -1]
    assert [field.column.name for field in (*first, *more)][-2:] == ["x00", "x52"]
    assert by_importance(fields[:12], importance) == (fields[:12], [])
    assert by_importance(fields, {}) == (fields, [])


@pytest.mark.parametrize(
    ("values", "rows", "suggested"),
    [
        (["Bremen", "Köln"], 100, ["Bremen", "Köln"]),
        ([f"person {n}" for n in range(90)], 100, []),  # free text, which may be personal
        ([f"town {n}" for n in range(600)], 100_000, []),  # too many for a small page
    ],
)
def test_known_values_of_a_text_are_suggested(values: list[str], rows: int, suggested: list[str]) -> None:
    facts = {"seen": {"city": {"values": values}}, "split": {"train_rows": rows}}
    (field,) = form_fields(release_of(schema_of(city=(str, Field(examples=["Bremen"]))), **facts))
    assert field.suggestions == suggested


def test_an_open_category_suggests_what_it_does_not_list() -> None:
    schema = schema_of(
        carrier=(Literal["AA", "DL"] | str, Field(examples=["AA"])), plan=(Literal["a", "b"], Field(examples=["a"]))
    )
    seen = {"carrier": {"values": ["AA", "DL", "UA"]}, "plan": {"values": ["a"]}}
    carrier, plan = form_fields(release_of(schema, seen=seen, split={"train_rows": 500}))
    assert (carrier.suggestions, plan.suggestions) == (["UA"], [])


def test_moments_are_wide_and_days_are_not() -> None:
    schema = schema_of(
        day=(dt.date, Field(examples=["2024-01-31"])),
        local=(dt.datetime, Field(examples=["2024-01-31T12:00:00"])),
        zoned=(AwareDatetime, Field(examples=["2024-01-31T12:00:00+00:00"])),
    )
    fields = form_fields(release_of(schema))
    assert [field.control for field in fields] == ["date", "datetime-local", "text"]
    assert [field.wide for field in fields] == [False, True, True]


def test_large_bounds_are_written_out() -> None:
    (field,) = form_fields(release_of(schema_of(x=(float, Field(ge=-1_234_567_890_123, le=2_000, examples=[1.0])))))
    assert field.valid_range == "\u22121,234,567,890,123 to 2000"
