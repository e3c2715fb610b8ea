"""Traits that move with time: as before, or with the first new row."""

import numpy as np
import pytest

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
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


def exponential(rate: float) -> dict[str, np.ndarray]:
    """What grows all the time, by a larger amount each time."""
    g, when = np.random.default_rng(8), np.arange(OLD + NEW)
    return {"x": g.normal(size=OLD + NEW), "emitted": np.exp(rate * when) * (1 + 0.05 * g.normal(size=OLD + NEW))}


def checks_of(columns: dict[str, np.ndarray], order: TimeOrder, size: int = OLD) -> list[Check]:
    labels = np.random.default_rng(5).integers(0, 2, size + NEW)
    new = Table(columns, labels, "y")
    old = Table({n: v[:size] for n, v in columns.items()}, labels[:size], "y")
    return compare_traits(old, new, np.arange(size, size + NEW), Policy(), alpha=ALPHA, order=order)


IN_ORDER = TimeOrder("", np.arange(OLD), np.arange(NEW))


@pytest.mark.parametrize("rate", [0.001, 0.003])
def test_growth_is_not_another_unit(rate: float) -> None:
    columns = exponential(rate)
    checks = checks_of(columns, IN_ORDER)
    assert {check.outcome for check in checks} <= {Outcome.passed, Outcome.noted}
    litres = {**columns, "emitted": columns["emitted"].copy()}
    litres["emitted"][OLD:] *= 3.78541
    (check,) = (c for c in checks_of(litres, IN_ORDER) if c.outcome is Outcome.blocked)
    assert "`emitted` is 3.785 times (litres for gallons) what it was" in check.summary


def test_what_went_on_further_than_before_is_noted_in_words_about_the_world() -> None:
    columns = drifting(1)
    rise = np.maximum(np.arange(OLD + NEW) - 1_200, 0) * 0.004  # since shortly before the first new row
    columns["price"] = np.random.default_rng(2).normal(size=OLD + NEW) + rise
    checks = checks_of(columns, IN_ORDER)
    assert {check.outcome for check in checks} <= {Outcome.passed, Outcome.noted}
    (noted,) = (check for check in checks if check.outcome is Outcome.noted)
    assert "`price` has been rising, and goes on" in noted.summary
    assert "the order of the rows" in noted.summary


def test_a_few_rows_that_do_not_fit_count_where_nothing_moved_before() -> None:
    g, rows = np.random.default_rng(1), OLD + NEW
    x = g.normal(size=rows)
    columns = {"x": x, "z": x + 0.3 * g.normal(size=rows), "w": g.normal(size=rows)}
    few = g.choice(np.arange(OLD, rows), NEW // 8, replace=False)
    columns["z"][few] = g.permutation(columns["z"][few])
    assert {check.outcome for check in checks_of(columns, IN_ORDER)} == {Outcome.waiting}


def test_values_that_come_and_go_are_no_placeholders_and_one_value_in_a_steady_column_is() -> None:
    g, when = np.random.default_rng(4), np.arange(OLD + NEW)
    rates = g.normal(80, 20, 70).round(6)
    columns = {"x": g.normal(size=OLD + NEW).round(3), "rate": rates[when // 25], "z": g.normal(size=OLD + NEW)}
    columns["w"] = g.normal(size=OLD + NEW)
    assert not [c for c in checks_of(columns, IN_ORDER) if c.outcome in (Outcome.waiting, Outcome.blocked)]
    columns["x"][OLD::5] = 0.123
    assert "x" in {c.subject for c in checks_of(columns, IN_ORDER) if c.outcome is Outcome.waiting}


def of_years(rows: int) -> dict[str, np.ndarray]:
    """People of whom little is known, by year: in one year many are alike but for their age."""
    g = np.random.default_rng(7)
    return {
        "year": np.arange(rows) // 250 + 2000.0,
        "age": g.integers(18, 60, rows).astype(float),
        "sex": g.choice(["f", "m"], rows).astype(object),
        "calls": np.minimum(g.poisson(1.2, rows), 4).astype(float),
        "pays": g.choice(["cash", "card"], rows).astype(object),
    }


def test_rows_of_one_year_that_are_alike_but_for_the_age_are_no_repeats() -> None:
    columns = of_years(OLD + NEW)
    order = TimeOrder("year", np.arange(OLD), np.arange(NEW))
    assert not [c for c in checks_of(columns, order) if c.outcome in (Outcome.waiting, Outcome.blocked)]


def test_numbers_that_lose_their_decimals_at_the_seam_wait_though_the_column_rises() -> None:
    columns = drifting(2)
    columns["price"] = columns["price"] * 100
    columns["price"][OLD:] = np.round(columns["price"][OLD:] / 5) * 5
    checks = checks_of(columns, IN_ORDER)
    assert "price" in {check.subject for check in checks if check.outcome in (Outcome.waiting, Outcome.blocked)}
