"""Traits that move with time: as before, or with the first new row."""

import numpy as np
import pytest

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome
from seatrial.trial.traits.trait_checks import compare_traits

OLD, NEW = 1_500, 250
ALPHA = 0.002


def stopped(columns: dict[str, np.ndarray], *, time: bool) -> list[str]:
    labels = np.random.default_rng(5).integers(0, 2, OLD + NEW)
    new = Table(columns, labels, "y")
    old = Table({n: v[:OLD] for n, v in columns.items()}, labels[:OLD], "y")
    order = TimeOrder("", np.arange(OLD), np.arange(NEW)) if time else None
    checks = compare_traits(old, new, np.arange(OLD, OLD + NEW), Policy(), alpha=ALPHA, order=order)
    return sorted({c.subject for c in checks if c.outcome in (Outcome.waiting, Outcome.blocked)})


def drifting(seed: int) -> dict[str, np.ndarray]:
    g, when = np.random.default_rng(seed), np.arange(OLD + NEW)
    return {
        "x": g.normal(size=OLD + NEW),
        "price": g.normal(size=OLD + NEW) + 0.001 * when,
        "web": np.where(g.random(OLD + NEW) < 0.0004 * when, "yes", "no").astype(object),
    }


@pytest.mark.parametrize("seed", range(4))
def test_a_drift_that_goes_on_is_no_fault_and_without_a_time_it_stops(seed: int) -> None:
    assert stopped(drifting(seed), time=True) == []
    assert "price" in stopped(drifting(seed), time=False)


def test_a_fault_beside_a_drift_is_found() -> None:
    columns = drifting(0)
    broken = columns["x"].copy()
    broken[OLD : OLD + 80] = 99.0
    assert stopped({**columns, "x": broken}, time=True) == ["x"]


def test_a_column_that_rises_throughout_may_go_on_and_not_jump() -> None:
    g = np.random.default_rng(3)
    when = np.arange(OLD + NEW)
    columns = {"x": g.normal(size=OLD + NEW), "spent": np.exp(0.002 * when) * (1 + 0.02 * g.normal(size=OLD + NEW))}
    assert stopped(columns, time=True) == []
    jumped = columns["spent"].copy()
    jumped[OLD:] *= 100
    assert "spent" in stopped({**columns, "spent": jumped}, time=True)


def test_repeated_rows_are_found_in_the_order_of_the_table_too() -> None:
    columns = {
        "x": np.random.default_rng(0).normal(size=OLD + NEW),
        "z": np.random.default_rng(1).normal(size=OLD + NEW),
    }
    for values in columns.values():
        values[-40:] = values[-80:-40]
    labels = np.zeros(OLD + NEW, dtype=int)
    labels[::3] = 1
    labels[-40:] = labels[-80:-40]
    new = Table(columns, labels, "y")
    old = Table({n: v[:OLD] for n, v in columns.items()}, labels[:OLD], "y")
    order = TimeOrder("", np.arange(OLD), np.arange(NEW))
    checks = compare_traits(old, new, np.arange(OLD, OLD + NEW), Policy(), alpha=ALPHA, order=order)
    assert any("twice" in check.summary for check in checks if check.outcome is Outcome.blocked)
