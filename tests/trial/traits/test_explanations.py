"""A change of a column is named if undoing it makes the new rows like the old ones again."""

import datetime as dt

import numpy as np
import pytest
from tests.trial.traits.orders_table import changed, joined, objects, orders

from seatrial.model.features import Array
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.traits.explanations import ColumnChange, explain
from seatrial.trial.traits.fit_marks import fit_marks
from seatrial.trial.traits.pool import make_pool

OLD = orders(1_200, seed=1)
NEW = orders(180, seed=2)


def explanation(new: Table, name: str) -> ColumnChange | None:
    pool = make_pool(OLD, joined(OLD, new), np.arange(OLD.rows, OLD.rows + new.rows))
    predictions = {prediction.coded.column.name: prediction for prediction in fit_marks(pool)[1]}
    (column,) = [column for column in pool.columns if column.name == name]
    return explain(pool, column, predictions)


def slipped(**by: float) -> Array:
    return objects([value + dt.timedelta(**by) for value in NEW.columns["ordered"].tolist()])


def days_for_months(value: dt.date) -> dt.date:
    return value.replace(day=value.month, month=value.day) if value.day <= 12 else value


WEIGHT = NEW.columns["weight"]
CHANGES: dict[str, tuple[str, Array, str]] = {
    "pounds": ("weight", WEIGHT * 2.20462, "is 2.205 times (pounds for kilograms) what it was"),
    "thousandths": ("weight", WEIGHT * 1000, "is 1,000 times what it was"),
    "Fahrenheit": ("weight", WEIGHT * 1.8 + 32, "is in Fahrenheit, it was in Celsius"),
    "a third": (
        "weight", np.where(np.arange(180) % 3 == 0, WEIGHT * 10, WEIGHT), "is 10 times what it was",
    ),
    "hours": ("ordered", slipped(hours=5), "is five hours later than it was"),
    "a day": ("ordered", slipped(days=1), "is a day later than it was"),
    "a category": (
        "segment", np.where(NEW.columns["segment"] == "online", "web", NEW.columns["segment"]),
        "is web where it was online",
    ),
    "days and months": (
        "due", objects([days_for_months(value) for value in NEW.columns["due"].tolist()]),
        "has days and months exchanged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_known_change_is_named_with_the_share_that_it_explains(change: str) -> None:
    name, values, words = CHANGES[change]
    found = explanation(changed(NEW, **{name: values}), name)
    assert found is not None
    assert found.words == words
    assert 0.5 <= found.explains <= 1


def test_the_rows_of_a_partial_change_are_found() -> None:
    found = explanation(changed(NEW, weight=np.where(np.arange(180) % 3 == 0, WEIGHT * 10, WEIGHT)), "weight")
    assert found is not None
    assert found.rows[::3].mean() > 0.9
    assert np.delete(found.rows, np.arange(0, 180, 3)).mean() < 0.1


@pytest.mark.parametrize("name", ["weight", "price", "ordered", "due", "segment", "city"])
def test_no_change_is_named_where_nothing_was_changed(name: str) -> None:
    assert explanation(NEW, name) is None


def test_no_change_is_named_that_explains_less_than_half() -> None:
    noise = np.random.default_rng(4).permutation(WEIGHT)
    assert explanation(changed(NEW, weight=noise), "weight") is None
