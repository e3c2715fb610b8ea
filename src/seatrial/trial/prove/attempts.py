"""What a gate is tested with: faults and harmless changes, and whether a trial's checks stop them, by which check."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check
from seatrial.trial.report.reading import FAILED
from seatrial.trial.verdict import judge, order_of

Family = Literal[
    "features", "preprocessing", "output", "columns", "behaviour", "training code", "training data", "harmless"
]
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


@dataclass(frozen=True)
class Diagnosis:
    """The failed check that names the cause, the cause in words, and the names of all failed checks."""

    check: str = ""
    cause: str = ""
    failed: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether the trial stops the release."""
        return bool(self.failed)


def diagnose(checks: Sequence[Check], policy: Policy, ignored: Collection[str] = ()) -> Diagnosis:
    """Judge the checks as a trial does, except those whose names are ignored: they fail without any fault too."""
    own = [check for check in checks if check.name not in ignored]
    outcome, cause = judge(own, policy)
    decisive = sorted((check for check in own if check.outcome is outcome and outcome in FAILED), key=order_of)
    return Diagnosis(decisive[0].id, cause, failed_names(own)) if decisive else Diagnosis()


def failed_names(checks: Sequence[Check]) -> tuple[str, ...]:
    """Name the checks that fail, each once."""
    return tuple(dict.fromkeys(check.name for check in checks if check.outcome in FAILED))


def differing(before: Array, after: Array) -> Array:
    """Mark the rows whose scores differ by more than floating-point noise; two missing scores are equal."""
    same = np.isclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
    return np.asarray(~same.reshape(len(before), -1).all(axis=1))
