"""Three small tables, and what is fitted on them: see test_every_estimator.py."""

import random
from typing import Any

from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - see all_estimators

SCHEMA = '''
from typing import Literal

from pydantic import Field

from seatrial import Schema


class Row(Schema):
    """A row."""

    size: float = Field(ge=0, le=100)
    count: int = Field(ge=1, le=20)
    weight: float | None = Field(None, ge=0, le=10)
    colour: Literal["red", "blue"]
    kind: Literal["a", "b", "c"] | str | None = None
    note: str | None = None
'''
NUMBERS, GAPS, CATEGORIES = ["size", "half", "count"], ["weight"], ["colour", "kind"]
CURRENT: list[Any] = []  # what the projects' build() returns
TABLES = ("two", "three", "amount")  # binary, multiclass, regression


def table(target: str, rows: int = 120) -> str:
    """CSV of rows with numbers, gaps, categories and texts, and one of three targets."""
    draw = random.Random(3)
    lines = ["size,count,weight,colour,kind,note,y"]
    for _ in range(rows):
        size, count, colour = round(draw.uniform(0, 100), 1), draw.randint(1, 20), draw.choice(["red", "blue"])
        weight = "" if draw.random() < 0.2 else round(draw.uniform(0, 10), 2)
        kind, note = draw.choice(["a", "b", "c", ""]), draw.choice(["good day", "bad day", "no note", ""])
        raw = size / 20 + (colour == "red") + draw.gauss(0, 1)
        label = {"two": "yes" if raw > 3 else "no", "three": min(int(raw // 2) % 3, 2), "amount": round(2 + raw**2, 3)}
        lines.append(f"{size},{count},{weight},{colour},{kind},{note},{label[target]}")
    return "\n".join(lines) + "\n"
