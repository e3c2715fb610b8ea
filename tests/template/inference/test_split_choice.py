"""How rows should be split, as the table suggests it."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.template.inference.examination import examine
from seatrial.template.records import Examination, Overrides, TableSource

DAYS = [dt.date(2023, 1, 1) + dt.timedelta(days=n) for n in range(400)]
RANDOM = np.random.default_rng(5)
X, Y = RANDOM.normal(size=400), RANDOM.permutation([0, 1] * 200)
CUSTOMERS = [f"K{n:03d}" for n in RANDOM.permutation(np.repeat(np.arange(80), 5))]


def examined(split: str = "", **columns: Any) -> Examination:
    table = pa.table({"x": X, **columns, "y": [str(label) for label in Y]})
    return examine(TableSource("t", table), "y", Overrides(split=split))


def said(found: Examination) -> list[str]:
    return [str(decision) for decision in found.decisions if decision.about == "split"]


def test_a_table_of_unrelated_rows_is_split_at_random() -> None:
    found = examined()
    assert found.split.by == "rows"
    assert said(found) == []


def test_a_key_that_repeats_splits_by_group_and_says_why() -> None:
    found = examined(customer_id=CUSTOMERS)
    assert (found.split.by, found.split.column) == ("group", "customer_id")
    (words,) = said(found)
    assert "all rows with the same customer_id are on one side" in words
    assert "a random split flatters (80 distinct values in 400 rows)" in words


def test_a_key_of_which_nearly_every_row_has_its_own_splits_nothing() -> None:
    assert examined(customer_id=[f"K{n:03d}" for n in range(400)]).split.by == "rows"
    assert examined(customer_id=[f"K{n * n % 397:03d}" for n in range(400)]).split.by == "group"  # two rows each


def test_a_time_of_the_rows_splits_by_it_and_names_the_other_way() -> None:
    found = examined(sold_at=DAYS, customer_id=CUSTOMERS)
    assert (found.split.by, found.split.column) == ("time", "sold_at")
    (words,) = said(found)
    assert "2023-01-01 to 2024-02-04" in words
    assert "--split group:customer_id" in words


@pytest.mark.parametrize("name", ["birth_date", "due_date", "last_order", "contract_end", "signup_date", "deadline"])
def test_a_date_that_does_not_say_when_a_row_came_about_splits_nothing(name: str) -> None:
    assert examined(**{name: DAYS}).split.by == "rows"


def test_what_cannot_be_carried_out_is_not_proposed() -> None:
    missing = [None, *DAYS[1:]]
    one_day = [DAYS[0]] * 200 + DAYS[:200]
    newest_only = np.array(["a"] * 350 + ["b"] * 50)
    assert examined(sold_at=missing).split.by == "rows"
    assert examined(sold_at=one_day[::-1]).split.by == "time"
    assert examined(sold_at=[DAYS[0]] * 340 + DAYS[:60]).split.by == "rows"
    table = pa.table({"x": X, "sold_at": DAYS, "y": newest_only})
    assert examine(TableSource("t", table), "y").split.by == "rows"
    one_large = ["K000"] * 100 + [f"K{n // 4:03d}" for n in range(300)]
    assert examined(customer_id=one_large).split.by == "rows"


def test_a_request_is_followed_and_said() -> None:
    assert examined("rows", customer_id=CUSTOMERS).split.by == "rows"
    found = examined("group: customer_id", customer_id=CUSTOMERS, sold_at=DAYS)
    assert (found.split.by, found.split.column) == ("group", "customer_id")
    assert said(found) == ["split by group (`customer_id`): as requested"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("time", "not a way to split", "time:COLUMN"),
        ("tiem:sold_at", "not a way to split", "time:COLUMN"),
        ("time:sold", "`sold`, which is not a column", "sold_at"),
    ],
)
def test_a_request_that_makes_no_sense_is_an_error(text: str, message: str, hint: str) -> None:
    with pytest.raises(SeatrialError, match=message) as raised:
        examined(text, sold_at=DAYS)
    assert hint in raised.value.hint
