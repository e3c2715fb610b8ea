"""Compares two policies key by key: what became looser, so that it lets more through, and what became stricter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seatrial.trial.policy import Policy

Direction = Literal["larger", "smaller", "any"]
# What makes each key looser; a key that is in none of these tables is taken to be looser whenever it changes.
LOOSER: dict[str, Direction] = {
    "tolerance": "larger",
    "margin": "larger",
    "false_alarms": "smaller",  # fewer false alarms are bought with wider limits
    "expected_change": "larger",
    "replicas": "smaller",
    "replica_seconds": "smaller",
    "min_slice": "larger",
    "min_rows": "any",  # fewer: judged where nothing can be shown; more: not judged
    "min_golden": "smaller",
    "max_fewer_rows": "larger",
    "max_rewritten": "larger",
    "suspicious_gain": "larger",
    "max_slower": "larger",
    "max_larger": "larger",
    "max_load": "larger",
    "max_memory": "larger",
    "labels_mature_after": "larger",  # more labels may change, and more new rows are not judged by theirs
    "acceptance_days": "larger",
    "traffic_rows": "smaller",
}
# What a trial may use, not what it judges; a kind is declared for each release, and shown by itself.
NEUTRAL = frozenset({"kind", "timeout", "memory_mb", "threads", "training_seconds", "training_memory_mb"})


@dataclass(frozen=True)
class PolicyChange:
    """A key of the policy that differs, and whether it is looser than before."""

    key: str
    old: Any
    new: Any
    looser: bool

    def __str__(self) -> str:
        return f"{self.key} {_text(self.old)} -> {_text(self.new)}"


def complete(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as a trial's result or an older release has it, with the default for what it lacks; others are dropped.

    An invalid policy of an older release counts key by key as it is.
    """
    defaults = Policy().model_dump()  # type: ignore[call-arg]
    return {key: policy.get(key, default) for key, default in defaults.items()}


def policy_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[PolicyChange]:
    """What differs between two policies, in the order of the keys; missing keys have their defaults."""
    before, after = complete(old), complete(new)
    return [
        PolicyChange(key, before[key], after[key], _looser(key, before[key], after[key]))
        for key in before
        if key not in NEUTRAL and before[key] != after[key]
    ]


def looser(changes: list[PolicyChange]) -> list[PolicyChange]:
    """Those that let more through."""
    return [change for change in changes if change.looser]


def _looser(key: str, old: Any, new: Any) -> bool:
    if key == "slices":  # none named: all columns with few values are compared
        return bool(new) and (not old or not set(old) <= set(new))
    if key in ("changing", "pending"):
        return not set(new) <= set(old)
    if key == "traffic":  # another window is not looser, but none is
        return not new
    if key == "inconclusive":
        return bool(new == "note")
    if key == "second_person":
        return not new
    direction = LOOSER.get(key, "any")
    if direction == "any" or not all(isinstance(each, int | float) for each in (old, new)):
        return True
    return bool(new > old if direction == "larger" else new < old)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'
