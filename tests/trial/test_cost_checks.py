"""What both releases cost, measured in turns: the checks, without the processes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.trial import cost_checks
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, NotComparedError, Outcome
from seatrial.trial.sandbox.turns import CostMeasurements

QUICK = CostMeasurements({1: np.full(9, 2e-5), 64: np.full(9, 2e-4), 10_000: np.full(4, 0.03)}, "predict", 90.0)
SLOW = CostMeasurements({**QUICK.seconds, 64: np.full(9, 4e-3), 10_000: np.full(4, 0.4)}, "predict", 190.0)


def release(load: float = 0.3) -> Any:
    asked = SimpleNamespace(load_seconds=load)
    sandbox = SimpleNamespace(wheel=SimpleNamespace(size=30_000), ask=lambda _: asked)
    return SimpleNamespace(sandbox=sandbox, golden=SimpleNamespace(rows=[{"x": 1.0}]))


def checks(
    monkeypatch: pytest.MonkeyPatch, measure: Any, new_load: float = 0.3, again: tuple[float, float] = (0.3, 0.3)
) -> list[Check]:
    monkeypatch.setattr(cost_checks, "measure_in_turns", measure)
    old, new = (SimpleNamespace(load_seconds=seconds) for seconds in (0.3, new_load))
    rows = {"x": np.arange(3.0)}
    return cost_checks.check_cost(release(again[0]), old, release(again[1]), new, rows, Policy())  # type: ignore[arg-type]


def test_what_is_slow_in_batches_and_needs_more_memory_is_blocked(monkeypatch: pytest.MonkeyPatch):
    sizes = []

    def measure(old: Any, new: Any, rows: Any, tables: Any) -> tuple[CostMeasurements, CostMeasurements]:
        sizes.extend(len(table["x"]) for table in tables)
        return QUICK, SLOW

    found = {check.name: check.outcome for check in checks(monkeypatch, measure)}
    assert sizes == [10_000, 10_000]
    blocked = {name for name, outcome in found.items() if outcome is Outcome.blocked}
    assert blocked == {"cost.latency_64", "cost.latency_10000", "cost.memory"}
    assert set(found) - blocked == {"cost.size", "cost.load", "cost.latency"}


@pytest.mark.parametrize(
    ("again", "outcome"),
    [((0.3, 0.4), Outcome.passed), ((0.3, 2.0), Outcome.blocked), ((0.9, 2.0), Outcome.passed)],
    ids=["quick after all", "slow again", "both slow on a busy machine"],
)
def test_loading_that_seems_slow_is_measured_again_for_both_releases(
    monkeypatch: pytest.MonkeyPatch, again: tuple[float, float], outcome: Outcome
):
    found = checks(monkeypatch, lambda *_: (QUICK, QUICK), new_load=2.5, again=again)
    (load,) = [check for check in found if check.name == "cost.load"]
    assert load.outcome is outcome


def test_a_release_that_fails_while_it_is_timed_is_inconclusive(monkeypatch: pytest.MonkeyPatch):
    def fails(*_: Any) -> Any:
        raise NotComparedError("The candidate failed.", hint="Look at it.")

    (check,) = checks(monkeypatch, fails)
    assert (check.name, check.outcome) == ("cost.latency", Outcome.inconclusive)
    assert "could not be measured: The candidate failed." in check.summary
