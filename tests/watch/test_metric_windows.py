"""Windows of counts by hour, and how much worse the newest are than chance explains."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from seatrial.watch.metric_windows import (
    Look,
    first_worse,
    metric_windows,
    shift_of,
    spans_of,
    together,
    usual_spread,
)
from seatrial.watch.tallies import SlotCounts, slot_of

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


def counts(days: int, rows: int) -> SlotCounts:
    found = SlotCounts(2)
    for day in range(days):
        slots = np.full(rows, slot_of(BEGIN) + 24 * day) + np.arange(rows) % 24
        found.add("1", slots, np.arange(rows) % 2)
    return found


def test_days_end_where_the_look_does() -> None:
    look = Look(BEGIN + timedelta(days=3))
    windows = metric_windows(counts(4, 200), "1", look.end, look.hours)  # the fourth day is not over yet
    assert [window.start for window in windows] == [BEGIN + timedelta(days=day) for day in (2, 1, 0)]
    assert [window.rows for window in windows] == [200] * 3
    assert together(windows, 2).rows == 400
    assert together(windows, 2).start == BEGIN + timedelta(days=1)


def test_days_with_few_rows_become_weeks() -> None:
    look = Look(BEGIN + timedelta(days=28))
    windows = metric_windows(counts(28, 30), "1", look.end, look.hours)
    assert [window.rows for window in windows] == [210] * 4
    assert metric_windows(counts(1, 30), "9", look.end, look.hours) == []


def test_spans_need_a_history() -> None:
    windows = metric_windows(counts(9, 200), "1", Look(BEGIN + timedelta(days=9)).end, 24)
    assert spans_of(windows) == [1, 7]
    assert spans_of(windows[:3]) == [1]


def test_rows_younger_than_the_delay_are_after_the_end() -> None:
    look = Look(BEGIN + timedelta(days=9, hours=1), label_delay=timedelta(days=2))
    assert look.end - look.labelled_until == 48


def test_a_loss_within_the_margin_is_nothing() -> None:
    quiet = usual_spread(np.zeros(20), np.full(20, 1e-4), 0.01)
    assert shift_of(1, 0.005, 1e-4, quiet, 500, 0.01).log_p > np.log(0.5)
    assert shift_of(1, 0.12, 1e-4, quiet, 500, 0.01).log_p < np.log(1e-6)


def test_windows_that_differed_before_count_as_chance() -> None:
    g = np.random.default_rng(1)
    quiet = usual_spread(np.zeros(40), np.full(40, 1e-4), 0.01)
    restless = usual_spread(g.normal(0, 0.05, 40), np.full(40, 1e-4), 0.01)
    assert restless[0] > 10 * quiet[0]
    assert shift_of(1, 0.12, 1e-4, restless, 500, 0.01).log_p > shift_of(1, 0.12, 1e-4, quiet, 500, 0.01).log_p


def test_a_slow_loss_and_one_sudden_step_do_not_hide_themselves() -> None:
    slow = usual_spread(np.linspace(0.2, 0, 40), np.full(40, 1e-6), 0.01)
    sudden = usual_spread(np.array([0.2] * 5 + [0.0] * 35), np.full(40, 1e-6), 0.01)
    assert slow[0] < 0.006**2
    assert sudden[0] < 0.006**2


@pytest.mark.parametrize(("losses", "since"), [((0.3, 0.2, 0.0, 0.4), 1), ((0.0, 0.3), None)])
def test_since_when_without_a_break(losses: tuple[float, ...], since: int | None) -> None:
    windows = [(BEGIN - timedelta(days=n), loss) for n, loss in enumerate(losses)]
    assert first_worse(windows, 0.1) == (None if since is None else BEGIN - timedelta(days=since))
