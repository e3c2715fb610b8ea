"""What a release costs: size, load time, latency and memory, as ratios to the baseline's."""

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, judged_check


@dataclass(frozen=True)
class _Cost:
    """What is measured, the policy's key, and the unit.

    New values below `least` and increases below `step` are noise of the timer and the machine, and hurt nobody.
    """

    what: str
    key: str
    unit: str
    least: float
    step: float


COSTS = {
    "size": _Cost("wheel", "max_larger", "bytes", 2**20, 0),
    "load": _Cost("loading", "max_load", "s", 0.2, 0),
    "latency": _Cost("one row", "max_slower", "s", 0, 2e-4),
    "latency_64": _Cost("64 rows", "max_slower", "s", 0, 1e-3),
    "latency_10000": _Cost("10,000 rows", "max_slower", "s", 0, 5e-2),
    "memory": _Cost("peak memory", "max_memory", "MB", 0, 50),
}


def compare_cost(
    old: Mapping[str, float], new: Mapping[str, float], policy: Policy, *, batch: int = 10_000
) -> list[Check]:
    """Compare the ratios with the policy; what is too small to measure passes.

    The costs are by the names of COSTS: the wheel in bytes, the seconds to import and load it, the median seconds for
    one row, for 64 and for 10,000 (in a wide table `batch`, which is fewer), and the peak memory in MB.
    """
    checks = []
    for name, cost in COSTS.items():
        if name not in old or name not in new:
            continue
        before, after, limit = float(old[name]), float(new[name]), float(getattr(policy, cost.key))
        ratio = after / max(before, 1e-12)
        what = f"{batch:,} rows" if name == "latency_10000" else cost.what
        summary = f"{what}: {before:.3g} {cost.unit} before, {after:.3g} {cost.unit} now ({ratio:.2g} times)"
        failed = ratio > limit and after > cost.least and after - before > cost.step
        check = judged_check(
            f"cost.{name}", "cost", failed,
            f"it costs more than allowed: {summary}", f"Within the allowed cost, {summary}.",
            old=before, new=after, limit=limit, severity=ratio / limit,
        )  # fmt: skip
        checks.append(check)
    return checks
