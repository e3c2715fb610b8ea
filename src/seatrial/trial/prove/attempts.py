"""What a gate is tested with: injected faults and harmless changes, each with the trial's result."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

Family = Literal["features", "preprocessing", "output", "columns", "training code", "training data", "harmless"]
FAMILIES: tuple[Family, ...] = get_args(Family)
Result = Literal["caught", "missed", "unchanged", "passed", "blocked"]


@dataclass(frozen=True)
class Attempt:
    """One injected fault, or one harmless change, with the trial's result.

    A fault is "caught" or "missed", or "unchanged" where it changes no answer and there is nothing to catch. A
    harmless change "passed" or was "blocked". `check` is the failed check that names the cause, `cause` its sentence,
    `failed` the names of all failed checks. Of `rows` compared answers, `changed` differ from the sound release's.
    `advice` says what would catch a missed fault, or let a harmless change pass.
    """

    name: str
    family: Family
    sentence: str  # what is wrong, in words
    result: Result
    columns: tuple[str, ...] = ()
    check: str = ""
    cause: str = ""
    failed: tuple[str, ...] = ()
    changed: int = 0
    rows: int = 0
    advice: tuple[str, ...] = ()


def attempt_from(values: Mapping[str, Any]) -> Attempt:
    """Make an attempt of its fields as JSON has them. Raises KeyError where one is missing."""
    named: dict[str, Any] = {f.name: values[f.name] for f in fields(Attempt)}
    for name in ("columns", "failed", "advice"):
        named[name] = tuple(named[name])
    return Attempt(**named)
