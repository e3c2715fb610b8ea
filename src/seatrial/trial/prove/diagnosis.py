"""What a trial concludes from some checks: whether they stop a release, and which of them names the cause."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.verdict import judge, order_of

STOPS = (Outcome.blocked, Outcome.inconclusive, Outcome.waiting)


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
    decisive = sorted((check for check in own if check.outcome is outcome and outcome in STOPS), key=order_of)
    return Diagnosis(decisive[0].id, cause, failed_names(own)) if decisive else Diagnosis()


def failed_names(checks: Sequence[Check]) -> tuple[str, ...]:
    """Name the checks that fail, each once."""
    return tuple(dict.fromkeys(check.name for check in checks if check.outcome in STOPS))


def differing(before: Array, after: Array) -> Array:
    """Mark the rows whose scores differ by more than floating-point noise; two missing scores are equal."""
    same = np.isclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
    return np.asarray(~same.reshape(len(before), -1).all(axis=1))
