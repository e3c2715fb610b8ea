"""What a release costs, compared with the baseline's."""

import pytest

from seatrial.trial.compare.cost import compare_cost
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

OLD = {
    "size": 5_000_000,
    "load": 1.0,
    "latency": 1e-3,
    "latency_64": 4e-3,
    "latency_10000": 0.2,
    "memory": 120.0,
}


def blocked(**new: float) -> list[str]:
    checks = compare_cost(OLD, {**OLD, **new}, Policy())
    assert len(checks) == len(OLD)
    return [check.name for check in checks if check.outcome is Outcome.blocked]


def test_the_same_costs_pass():
    assert blocked() == []
    assert blocked(size=6_000_000, load=1.2, latency=1.5e-3, latency_64=6e-3, latency_10000=0.3, memory=200.0) == []


@pytest.mark.parametrize(("name", "factor"), [("size", 10), ("load", 9), ("latency", 10), ("memory", 3)])
def test_more_than_the_policy_allows_is_blocked(name: str, factor: float):
    assert blocked(**{name: OLD[name] * factor}) == [f"cost.{name}"]


@pytest.mark.parametrize("name", ["latency_64", "latency_10000"])
def test_what_is_slow_in_batches_alone_is_blocked(name: str):
    assert blocked(**{name: OLD[name] * 10}) == [f"cost.{name}"]


def test_what_is_too_little_to_notice_passes():
    tiny = {"size": 1_000, "load": 0.001, "latency": 1e-5, "latency_64": 1e-4, "latency_10000": 1e-3, "memory": 20.0}
    checks = compare_cost(tiny, {name: 9 * value for name, value in tiny.items() if name != "memory"}, Policy())
    assert [check.outcome for check in checks] == [Outcome.passed] * 5
    (memory,) = compare_cost({"memory": 20.0}, {"memory": 65.0}, Policy())
    assert memory.outcome is Outcome.passed
    (memory,) = compare_cost({"memory": 20.0}, {"memory": 75.0}, Policy())
    assert memory.outcome is Outcome.blocked


def test_the_limit_of_memory_is_a_setting():
    (check,) = compare_cost({"memory": 100.0}, {"memory": 250.0}, Policy(max_memory=3.0))
    assert check.outcome is Outcome.passed


def test_the_batch_of_a_wide_table_is_named_by_its_size():
    (check,) = compare_cost({"latency_10000": 0.1}, {"latency_10000": 0.1}, Policy(), batch=3_333)
    assert "3,333 rows: 0.1 s before" in check.summary
