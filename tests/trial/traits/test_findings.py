"""Which of several differences is the cause, which are too small to matter, and what is said about them."""

import numpy as np
from tests.trial.traits.orders_table import changed, compared, joined, orders

from seatrial.trial.records import Outcome
from seatrial.trial.traits.findings import choose
from seatrial.trial.traits.marks import Mark
from seatrial.trial.traits.pool import make_pool
from seatrial.trial.traits.splits import PValues

OLD = orders(1_200, seed=1)
NEW = orders(180, seed=2)
POOL = make_pool(OLD, joined(OLD, NEW), np.arange(OLD.rows, OLD.rows + NEW.rows))


def marked(column: str, old: int, new: int, **fields: object) -> Mark:
    """A mark of this many old rows and new rows."""
    values = np.zeros(POOL.rows, dtype=bool)
    values[:old] = True
    values[POOL.old_rows : POOL.old_rows + new] = True
    return Mark(column, fields.pop("trait", "value"), f"`{column}` is odd", values, **fields)  # type: ignore[arg-type]


def certain(*log_p: float) -> PValues:
    return PValues(np.array(log_p), np.full(len(log_p), -10.0))


def test_a_difference_in_too_few_rows_is_not_reported_however_certain_it_is() -> None:
    marks = [marked("price", 0, 2), marked("count", 300, 46), marked("weight", 0, 3)]
    (kept,) = choose(POOL, marks, certain(-50, -50, -50))
    assert kept.mark.column == "weight"


def test_a_difference_that_is_not_certain_is_not_reported() -> None:
    assert choose(POOL, [marked("price", 0, 90)], certain(-9.9)) == []


def test_what_goes_away_without_the_rows_of_the_cause_only_follows_from_it() -> None:
    marks = [marked("price", 0, 60), marked("total", 0, 50), marked("weight", 0, 0)]
    other = np.zeros(POOL.rows, dtype=bool)
    other[POOL.old_rows + 100 : POOL.old_rows + 150] = True
    marks[2] = Mark("weight", "value", "`weight` is odd", other)
    kept = choose(POOL, marks, certain(-60, -50, -50))
    assert [finding.mark.column for finding in kept] == ["price", "weight"]


def test_a_missing_value_comes_before_a_column_that_no_longer_fits_it() -> None:
    city = NEW.columns["city"].copy()
    city[::3] = None
    (first, *_) = compared(changed(NEW, city=city), OLD)
    assert first.summary.startswith(
        "the new rows are unlike the old ones: `city` is missing in 33% of the 180 new rows"
    )
    assert first.evidence["lines"] == [1202, 1205, 1208]


def test_only_what_the_world_does_not_make_blocks() -> None:
    trend = compared(changed(NEW, price=np.round(NEW.columns["price"] * 1.3, 2), total=np.round(
        np.round(NEW.columns["price"] * 1.3, 2) * NEW.columns["count"], 2)), OLD)  # fmt: skip
    assert {check.outcome for check in trend} <= {Outcome.waiting}
    broken = compared(changed(NEW, price=np.where(np.arange(180) % 10 == 0, 99999.0, NEW.columns["price"])), OLD)
    assert broken[0].outcome is Outcome.blocked
    assert broken[0].evidence["explains"] == 1.0
    assert "line 1,202: 99999" in broken[0].summary


def test_a_way_of_writing_that_was_usual_and_is_more_frequent_now_does_not_block() -> None:
    for before, only_a_fault in ((700, False), (30, True)):  # of 1,200; and 150 of 180 new rows
        (kept,) = choose(POOL, [marked("city", before, 150, trait="format")], certain(-50))
        assert kept.only_a_fault is only_a_fault
