"""What a release costs: size, load time and latency, as ratios to the baseline's."""

from dataclasses import dataclass

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, judged_check

# Shorter times are noise of the timer and the machine; their ratios mean nothing.
SHORTEST_LOAD = 0.2  # s
SHORTEST_ROW = 2e-3  # s
SMALLEST = 2**20  # bytes


@dataclass(frozen=True)
class ReleaseCost:
    """One release's cost: the wheel in bytes, seconds to import and load, seconds for one row (medians)."""

    wheel_bytes: int
    load_seconds: float
    row_seconds: float


def compare_cost(old: ReleaseCost, new: ReleaseCost, policy: Policy) -> list[Check]:
    """Compare the ratios with the policy; what is too small to measure passes."""
    return [
        _ratio("size", "wheel", old.wheel_bytes, new.wheel_bytes, policy.max_larger, SMALLEST, "bytes"),
        _ratio("load", "loading", old.load_seconds, new.load_seconds, policy.max_load, SHORTEST_LOAD, "s"),
        _ratio("latency", "one row", old.row_seconds, new.row_seconds, policy.max_slower, SHORTEST_ROW, "s"),
    ]


def _ratio(name: str, what: str, old: float, new: float, limit: float, least: float, unit: str) -> Check:
    ratio = new / max(old, 1e-12)
    summary = f"{what}: {old:.3g} {unit} before, {new:.3g} {unit} now ({ratio:.2g} times)"
    return judged_check(
        f"cost.{name}", "cost", ratio > limit and new > least,
        f"it costs more than allowed: {summary}", f"Within the allowed cost, {summary}.",
        old=float(old), new=float(new), limit=limit, severity=ratio / limit,
    )  # fmt: skip
