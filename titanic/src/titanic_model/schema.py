"""The input columns of the model. The same rules apply in training, in the trial and in the API."""

from typing import Literal

from pydantic import Field
from seatrial import Schema


class Passenger(Schema):
    """A passenger of the Titanic, as on the passenger list."""

    pclass: Literal[1, 2, 3] = Field(
        title="Class",
        description="1 is first class, 3 is third class.",
        examples=[2],
    )
    name: str = Field(
        title="Name",
        description="Family name, title, given names, as on the passenger list.",
        min_length=1,
        max_length=120,
        examples=["Marsh, Miss. Ada"],
    )
    sex: Literal["female", "male"] = Field(
        title="Sex",
        examples=["female"],
    )
    age: float | None = Field(
        None,
        title="Age",
        description="Fractions of a year for babies.",
        ge=0,
        le=130,
        examples=[8],
        json_schema_extra={"unit": "years"},
    )
    sibsp: int = Field(
        0,
        title="Siblings and spouses",
        description="The number aboard.",
        ge=0,
        examples=[0],
    )
    parch: int = Field(
        0,
        title="Parents and children",
        description="The number aboard.",
        ge=0,
        examples=[2],
    )
    ticket: str | None = Field(
        None,
        title="Ticket",
        description="The ticket's number. The model does not use it.",
        max_length=40,
        examples=["F.C.C. 24601"],
    )
    fare: float | None = Field(
        None,
        title="Fare",
        description="The price of the whole ticket, in pounds of 1912.",
        ge=0,
        examples=[26],
        json_schema_extra={"unit": "£"},
    )
    cabin: str | None = Field(
        None,
        title="Cabin",
        description="Its letter is the deck; A is the top one.",
        max_length=40,
        examples=[None],
    )
    embarked: Literal["C", "Q", "S"] | None = Field(
        None,
        title="Embarked at",
        description="Cherbourg, Queenstown or Southampton.",
        examples=["S"],
    )
