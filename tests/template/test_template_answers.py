"""What the README says about columns, and texts that have to fit into a cell, a docstring or a heading."""

import pytest

from seatrial.template.template_answers import schema_answers, sentence

SCHEMA = '''"""Columns."""

import datetime as dt
from typing import Literal

from pydantic import Field
from seatrial import Schema


class Parcel(Schema):
    """A parcel."""

    weight: float = Field(ge=0, le=1200, json_schema_extra={"unit": "kg"}, examples=[2.5])
    kind: Literal["box", "tube"] = Field(title="Shape", examples=["box"])
    colour: Literal["red", "blue", "green"] | None = Field(None, description="Of the paper.")
    note: str | None = Field(None, max_length=2000)
    sent: dt.date | None = None
'''


def test_columns_as_the_readme_shows_them() -> None:
    answers = schema_answers(SCHEMA)
    assert {column["name"]: (column["about"], column["optional"]) for column in answers["columns"]} == {
        "weight": ("number from 0 to 1,200 (kg)", False),
        "kind": ("Shape: box or tube", False),
        "colour": ("one of red, blue, green. Of the paper.", True),
        "note": ("text, up to 2,000 characters", True),
        "sent": ("date", True),
    }
    assert answers["example"] == '{"weight": 2.5, "kind": "box"}'
    assert answers["more_columns"] == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Predicts churn", "Predicts churn."),
        ("Will it\nrain?", "Will it rain?"),
        ('The "best"', "The 'best'."),
        ("x" * 200, "x" * 97 + "..."),
    ],
)
def test_a_description_becomes_one_sentence(text: str, line: str) -> None:
    assert sentence(text) == line
