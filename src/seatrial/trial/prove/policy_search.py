"""Which line of the policy would close a gap, found by trying it; and which would let a harmless change through."""

from collections.abc import Sequence
from typing import Any, Protocol

from seatrial.trial.policy import Policy
from seatrial.trial.prove.diagnosis import Standing, came_of
from seatrial.trial.records import Check

# Lines to try against a missed fault, mildest first, with the leg that reads them.
TIGHTER: tuple[tuple[str, float, str], ...] = (
    ("max_fewer_rows", 0.1, "data"),
    ("max_rewritten", 0.01, "data"),
    ("suspicious_gain", 0.05, "gain"),
    ("suspicious_gain", 0.02, "gain"),
    ("margin", 0.0, "total"),
    ("expected_change", 0.15, "total"),
    ("replicas", 30, "total"),
    ("false_alarms", 0.05, "total"),
    ("min_slice", 10, "total"),
)
# What a check that stops a harmless change is governed by.
LOOSER: tuple[tuple[str, str], ...] = (
    ("metrics.rows", "give more labelled rows with `--data`, or lower `min_rows`"),
    ("metrics.worse", "raise `margin`"),
    ("metrics.gain", "raise `suspicious_gain`"),
    ("metrics.trivial", "the model is hardly better than the answer that is always the same; no policy mends that"),
    ("data.rows", "raise `max_fewer_rows`"),
    ("data.rewritten", "name the column in `changing`, or raise `max_rewritten`"),
    ("data.", "lower `false_alarms`"),
    ("total.slices", "raise `min_slice` or name the `slices` that matter"),
    ("total.", "raise `expected_change` or `replicas`, or lower `false_alarms`"),
    ("rebuild.", "training is not repeatable: give every part of it a seed"),
    ("reproduce.", "training is not repeatable: give every part of it a seed"),
    ("", "look at the check in a trial"),
)


class Holdable(Protocol):
    """A candidate against a baseline, that can be held to any policy."""

    def checks(self, policy: Policy) -> list[Check]:
        """All checks."""

    def leg(self, name: str, policy: Policy) -> list[Check]:
        """The checks of one leg."""


def tightened(held: Holdable, harmless: Sequence[Holdable], policy: Policy) -> tuple[str, ...]:
    """Say which one line of the policy would stop this candidate, and what harmless change it would stop with it."""
    for name, value, leg in TIGHTER:
        if not _stricter(name, getattr(policy, name), value):
            continue
        strict = with_line(policy, name, value)
        came = came_of(held.leg(leg, strict), strict, Standing())
        if not came.stopped:
            continue
        stopped = sum(came_of(each.leg(leg, strict), strict, Standing()).stopped for each in harmless)
        price = f"; it would stop {stopped} of {len(harmless)} harmless changes too" if stopped else ""
        return (f"`{name} = {value:g}` would stop it ({came.check}){price}.",)
    return (
        "No single line of the policy was found that would stop it. Name the `slices` that matter, "
        "or give more labelled rows with `--data`.",
    )


def loosened(check: str) -> tuple[str, ...]:
    """Say what governs the check that stopped a harmless change."""
    told = next(words for start, words in LOOSER if check.startswith(start))
    return (f"{told[0].upper()}{told[1:]}.",)


def with_line(policy: Policy, name: str, value: Any) -> Policy:
    """The policy with another value in one line."""
    return policy.model_copy(update={name: value})


def _stricter(name: str, now: float, value: float) -> bool:
    return value > now if name in ("replicas", "false_alarms") else value < now
