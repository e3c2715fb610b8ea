"""A join that breaks slowly is found by the oldest windows, and named; other rows and few rows are nothing."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.watch.changes import LookAt
from seatrial.watch.slow_changes import slow_joins, slow_mix
from seatrial.watch.tallies import SlotCounts
from seatrial.watch.watch_records import Finding

FIRST, DAY = 500_000, 24
USUAL = np.array([0.05, 0.10, 0.15, 0.2, 0.2, 0.3])
MIXED = np.array([0.3, 0.25, 0.15, 0.1, 0.1, 0.1])
BETTER = np.array([0.05, 0.15, 0.05, 0.3, 0.1, 0.35])  # levels as other rows have them: not towards MIXED


def windows(shares: Any, rows: int = 1_000, towards: Any = MIXED) -> Any:
    """Counts of the levels (windows, 6) of days in which so many of the rows (windows,) are mixed up."""
    g = np.random.default_rng(7)
    return np.array([g.multinomial(rows, USUAL + share * (towards - USUAL)) for share in shares])


def slowly(most: float, days: int = 70) -> Any:
    return most * np.clip((np.arange(days) - 28) / (days - 28), 0, 1)


def found(shares: Any, known: tuple[str, ...] = (), **options: Any) -> list[Finding]:
    counts = {"fare": SlotCounts(6), "age": SlotCounts(6)}
    for name, each in (("fare", windows(shares, **options)), ("age", windows(0.2 * shares, **options))):
        for day, row in enumerate(each):
            counts[name].add("1", np.full(int(row.sum()), FIRST + DAY * day), np.repeat(np.arange(6), row))
    fits = [SimpleNamespace(name=n, partners=(o,), mixed=MIXED) for n, o in (("age", "fare"), ("fare", "age"))]
    tally: Any = SimpleNamespace(fits=fits, fit_counts=counts)
    return slow_joins(tally, known, LookAt(FIRST + DAY * len(shares) - 1, DAY, 91, FIRST), 5e-5, "1")


def test_a_join_that_breaks_slowly_is_found_and_named() -> None:
    (only,) = found(slowly(0.3))
    assert (only.id, only.level) == ("drift.join[fare]", "alarm")
    assert 0.2 < (only.share or 0) < 0.32
    assert "`fare` goes together with `age` in fewer and fewer rows" in only.summary


@pytest.mark.parametrize("most", [0.0, 0.06])
def test_little_that_is_mixed_up_is_nothing(most: float) -> None:
    assert found(slowly(most)) == []


def test_other_rows_that_go_together_otherwise_are_nothing() -> None:
    assert found(slowly(0.9), towards=BETTER) == []


def test_what_changed_by_itself_is_not_said_twice() -> None:
    assert found(slowly(0.3), known=("fare",)) == []
    assert found(slowly(0.3), known=("age",)) == []


def test_few_rows_are_no_evidence_and_a_short_log_has_no_first_weeks() -> None:
    assert found(slowly(0.15), rows=30) == []
    assert found(slowly(0.5)[34:]) != []
    assert found(slowly(0.5)[35:]) == []


def test_the_share_is_that_of_the_newest_windows() -> None:
    mix = slow_mix(windows(np.repeat([0.0, 0.25], [40, 8]), rows=20_000), MIXED)
    assert mix is not None
    assert mix.share == pytest.approx(0.25, abs=4 * mix.spread)
    assert mix.explained > 0.98
