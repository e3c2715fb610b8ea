"""Whether checks stop a release, and which of them says why; failures that the sound release has too do not count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.verdict import judge, order_of

STOPS = (Outcome.blocked, Outcome.inconclusive, Outcome.waiting)


@dataclass(frozen=True)
class Standing:
    """The checks of the release as it is: what fails of these is not to a fault's credit."""

    checks: Sequence[Check] = ()

    @property
    def names(self) -> set[str]:
        """The checks that fail without any fault."""
        return {check.name for check in self.checks if check.outcome in STOPS}


@dataclass(frozen=True)
class CameOf:
    """What a trial makes of some checks."""

    stopped: bool
    check: str
    cause: str
    failed: tuple[str, ...]


def came_of(checks: Sequence[Check], policy: Policy, standing: Standing) -> CameOf:
    """Judge the checks as a trial does, without those that fail anyway."""
    own = [check for check in checks if check.name not in standing.names]
    outcome, cause = judge(own, policy)
    failed = sorted((check for check in own if check.outcome is outcome and outcome in STOPS), key=order_of)
    every = tuple(dict.fromkeys(check.name for check in own if check.outcome in STOPS))
    return CameOf(bool(failed), failed[0].id if failed else "", cause, every if failed else ())


def differing(before: Array, after: Array) -> Array:
    """Say which rows (a mask) have other scores, floating-point noise apart; two that are missing are the same."""
    same = np.isclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
    return np.asarray(~same.reshape(len(before), -1).all(axis=1))
