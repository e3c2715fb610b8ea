"""The other dates and places in which a release is asked."""

from datetime import UTC, datetime

import pytest

from seatrial.trial.sandbox.conditions import all_conditions, dates, single_conditions


@pytest.mark.parametrize(
    ("today", "leap"), [("2026-11-30T08:00", 2028), ("2027-12-31T23:59", 2028), ("2028-02-29T12:00", 2032)]
)
def test_the_dates_are_next_year_next_week_and_a_29_february_ahead(today: str, leap: int):
    now = datetime.fromisoformat(today).replace(tzinfo=UTC)
    moved = {
        name: datetime.fromtimestamp(now.timestamp() + ahead, UTC) for name, ahead in dates(now.timestamp()).items()
    }
    assert moved["next year"].year == now.year + 1 or (now.month, now.day) == (12, 31)
    assert 7 <= (moved["next week"] - now).days <= 8
    assert (moved["29 February"].year, moved["29 February"].month, moved["29 February"].day) == (leap, 2, 29)
    assert now.hour not in {moved[name].hour for name in ("next year", "next week")}  # and other hours of the day


def test_each_condition_alone_differs_in_one_thing_and_all_of_them_are_in_the_process_that_has_all():
    single = single_conditions(1, 2)
    together = all_conditions("next year", {}, [], 2)
    assert "threads" not in single_conditions(1, 1)
    usual = vars(single["process"][1])
    changed = {name: {k for k, v in vars(each).items() if v != usual[k]} for name, (_, each) in single.items()}
    assert changed.pop("process") == set()
    assert all(len(keys) == 1 for keys in changed.values()), changed
    for keys in changed.values():
        (key,) = keys
        assert vars(together)[key] != usual[key]
