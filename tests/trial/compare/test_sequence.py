"""Dates of appended rows that do not go on where those of the old rows ended."""

from datetime import date, timedelta

import numpy as np
import pytest

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.sequence import check_sequence
from seatrial.trial.records import Outcome

OLD, NEW = 600, 120
G = np.random.default_rng(0)
DAYS = np.sort(G.integers(0, 720, OLD + NEW))
ROWS = np.arange(OLD, OLD + NEW)


def table(days) -> Table:
    dates = np.array([date(2023, 1, 1) + timedelta(days=int(day)) for day in days], dtype=object)
    return Table({"seen": dates}, np.zeros(len(dates), dtype=int), "y")


def checked(new_days):
    new = table(np.concatenate([DAYS[:OLD], new_days]))
    return check_sequence(Table({"seen": new.columns["seen"][:OLD]}, new.target[:OLD], "y"), new, ROWS)


def test_dates_that_go_on_are_in_sequence():
    assert checked(DAYS[OLD:]) == []


@pytest.mark.parametrize(
    ("change", "outcome", "words"),
    [
        (G.permutation, Outcome.blocked, "out of sequence"),
        (lambda days: np.full(NEW, days[0]), Outcome.blocked, "in 100% of the new rows"),
        (lambda days: days - 150, Outcome.waiting, "are dated before the newest old row"),
        (lambda days: days + 365, Outcome.waiting, "no row is dated in the"),
    ],
)
def test_dates_that_do_not_are_named(change, outcome, words):
    (check,) = checked(change(DAYS[OLD:]))
    assert (check.subject, check.outcome) == ("seen", outcome)
    assert words in check.summary
    assert all(OLD + 2 <= line <= OLD + NEW + 1 for line in check.evidence["lines"])


def test_a_table_that_is_not_in_the_order_of_its_dates_is_not_judged():
    shuffled = table(G.permutation(DAYS))
    old = Table({"seen": shuffled.columns["seen"][:OLD]}, shuffled.target[:OLD], "y")
    assert check_sequence(old, shuffled, ROWS) == []
