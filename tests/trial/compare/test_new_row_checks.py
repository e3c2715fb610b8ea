"""What is said about new rows: which column, what kind of change, and whether the world moved or an export broke."""

import numpy as np
import pytest

from seatrial.trial.compare.new_row_checks import compare_new_rows
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.records import Check, Outcome

ALPHA = 0.01 / 12
OLD, NEW = 2_000, 300


def drifting(seed: int, speed: float = 0.0006) -> dict[str, np.ndarray]:
    """Seven columns, of which two move with time."""
    g, when = np.random.default_rng(seed), np.arange(OLD + NEW)
    columns = {f"x{k}": g.normal(size=OLD + NEW) for k in range(5)}
    columns["price"] = g.normal(size=OLD + NEW) + speed * when
    columns["channel"] = np.where(g.random(OLD + NEW) < 0.1 + 0.3 * speed * when, "web", "shop").astype(object)
    return columns


def checked(columns: dict[str, np.ndarray], *, time: bool = True, target: np.ndarray | None = None) -> list[Check]:
    labels = np.random.default_rng(0).integers(0, 2, OLD + NEW) if target is None else target
    new = Table(columns, labels, "y")
    old = Table({n: v[:OLD] for n, v in columns.items()}, labels[:OLD], "y")
    order = TimeOrder("", np.arange(OLD), np.arange(NEW)) if time else None
    return compare_new_rows(old, new, np.arange(OLD, OLD + NEW), ALPHA, order)


def failed(checks: list[Check]) -> dict[str, Check]:
    return {check.subject: check for check in checks if check.outcome in (Outcome.blocked, Outcome.waiting)}


def with_new(columns: dict[str, np.ndarray], name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {**columns, name: np.concatenate([columns[name][:OLD], values])}


@pytest.mark.parametrize("seed", range(5))
def test_a_drift_that_goes_on_as_before_is_noted_and_without_a_time_it_stops(seed: int) -> None:
    checks = checked(drifting(seed))
    assert not failed(checks)
    (drift,) = [check for check in checks if check.name == "data.drift"]
    assert drift.outcome is Outcome.noted
    assert "`price`" in drift.summary
    assert "price" in failed(checked(drifting(seed), time=False))


def test_a_jump_of_one_column_with_the_first_new_row_is_named_as_a_fault_of_the_export() -> None:
    columns = drifting(0)
    found = failed(checked(with_new(columns, "x1", columns["x1"][OLD:] + 3)))
    assert set(found) == {"x1"}
    assert "began with the first new rows, as after a faulty export" in found["x1"].summary
    assert found["x1"].outcome is Outcome.blocked


def test_a_jump_of_many_columns_is_not_called_a_fault() -> None:
    columns = drifting(0)
    for name in ("x0", "x1", "x2", "x3"):
        columns = with_new(columns, name, columns[name][OLD:] + 3)
    found = failed(checked(columns))
    assert set(found) == {"x0", "x1", "x2", "x3"}
    assert all("the export changed, or the world may have changed" in check.summary for check in found.values())


def test_a_change_that_began_before_the_new_rows_is_noted_and_does_not_blame_the_export() -> None:
    columns = drifting(0)
    columns["x1"] = columns["x1"] + np.maximum(np.arange(OLD + NEW) - (OLD - NEW), 0) * 0.0025
    checks = checked(columns)
    assert not failed(checks)
    (noted,) = (check for check in checks if check.subject == "x1")
    assert noted.outcome is Outcome.noted
    assert "it grew over time: the world may have changed" in noted.summary


def test_a_change_that_grows_within_the_new_rows_is_the_world_and_waits() -> None:
    columns = drifting(0)
    found = failed(checked(with_new(columns, "x1", columns["x1"][OLD:] + np.linspace(0, 6, NEW))))
    assert found["x1"].outcome is Outcome.waiting
    assert "it grew over time: the world may have changed" in found["x1"].summary


def test_a_label_that_is_rarer_and_a_column_that_leaks_it_are_named() -> None:
    labels = np.random.default_rng(0).integers(0, 2, OLD + NEW)
    rare = labels.copy()
    rare[OLD:] = np.where(np.random.default_rng(1).random(NEW) < 0.5, 0, rare[OLD:])
    assert "the label `y` = " in failed(checked(drifting(0), target=rare))["y"].summary
    columns = drifting(0)
    leaking = failed(checked(with_new(columns, "x2", labels[OLD:] * 2.0 - 1)))
    assert "x2" in leaking


def test_the_column_that_lost_its_partners_is_named_once() -> None:
    columns = drifting(0)
    g = np.random.default_rng(8)
    hidden = g.normal(size=OLD + NEW)
    columns |= {name: hidden + 0.1 * g.normal(size=OLD + NEW) for name in ("a", "b", "c")}
    found = failed(checked(with_new(columns, "b", g.permutation(columns["b"][OLD:]))))
    assert set(found) == {"b"}
    assert found["b"].name == "data.partners"
    assert "`b` is no longer related to" in found["b"].summary
