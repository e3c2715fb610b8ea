"""What a release costs: size, load time and latency, as ratios to the baseline's."""

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, judged_check

# By the check's name: what is measured, the policy's key, and the unit. Values below the last number are noise of the
# timer and the machine; their ratios mean nothing.
COSTS = {
    "size": ("wheel", "max_larger", "bytes", 2**20),
    "load": ("loading", "max_load", "s", 0.2),
    "latency": ("one row", "max_slower", "s", 2e-3),
}


def compare_cost(old: tuple[float, float, float], new: tuple[float, float, float], policy: Policy) -> list[Check]:
    """Compare the ratios with the policy; what is too small to measure passes.

    The costs of a release are the wheel in bytes, and the seconds to import and load it, and for one row (medians).
    """
    checks = []
    for (name, (what, key, unit, least)), before, after in zip(COSTS.items(), old, new, strict=True):
        limit: float = getattr(policy, key)
        ratio = after / max(before, 1e-12)
        summary = f"{what}: {before:.3g} {unit} before, {after:.3g} {unit} now ({ratio:.2g} times)"
        check = judged_check(
            f"cost.{name}", "cost", ratio > limit and after > least,
            f"it costs more than allowed: {summary}", f"Within the allowed cost, {summary}.",
            old=float(before), new=float(after), limit=limit, severity=ratio / limit,
        )  # fmt: skip
        checks.append(check)
    return checks
