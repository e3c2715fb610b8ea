"""Turns all checks into one outcome, and into the sentence that names its cause."""

from collections.abc import Sequence

from seatrial.trial.first_line import remarks
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

# Failed checks by how well they show the cause. Exact ones come first, starting with those that know the reason.
# Consequences of something else (labels that flipped, a metric that fell) come last.
RANKS = (
    "contract.",
    "invariants.rows",
    "invariants.again",
    "invariants.order",
    "invariants.alone",
    "invariants.inputs",
    "total.answered",
    "traffic.answered",
    "settings.",
    "behaviour.elsewhere",
    "golden.",
    "traffic.logged",
    "reproduce.",
    "rebuild.",
    "invariants.",
    "data.rewritten",
    "data.rows",
    "data.repeated",
    "data.lost",
    "data.hold_out_immature",
    "data.immature",
    "data.matured",
    "data.sequence",
    "data.new_rows",
    "data.column",
    "data.arrivals",
    "data.label_rates",
    "data.tie",
    "data.partners",
    "data.surprise",
    "data.labels",
    "metrics.gain",
    "total.sensitivity",
    "total.search",
    "total.slices",
    "traffic.slices",
    "metrics.trivial",
    "doubts.",
    "metrics.worse",
    "metrics.coverage",
    "total.losses",
    "total.probes",
    "traffic.right",
    "traffic.worse",
    "total.",
    "traffic.",
    "behaviour.",
    "cost.",
    "gate.",
)
FIRST_RELEASE = "It is the first release, so there was no baseline to compare with."
WORDS = {
    Outcome.blocked: "Blocked",
    Outcome.waiting: "Waiting for acceptance",
    Outcome.inconclusive: "Inconclusive",
}


def judge(checks: Sequence[Check], policy: Policy) -> tuple[Outcome, str]:
    """Return one outcome for all checks, and a sentence with its cause. Without any check it is inconclusive.

    Sentences about the gate follow: what was relaxed, accepted or not run.
    """
    judged = [check for check in checks if check.outcome not in (Outcome.noted, Outcome.accepted)]
    if not judged:
        return Outcome.inconclusive, "Inconclusive: nothing was compared."
    outcomes = {check.outcome for check in judged}
    if Outcome.blocked in outcomes:
        outcome = Outcome.blocked
    elif Outcome.inconclusive in outcomes and policy.inconclusive == "wait":
        outcome = Outcome.inconclusive
    elif Outcome.waiting in outcomes:
        outcome = Outcome.waiting
    else:
        accepted = sum(check.outcome is Outcome.accepted for check in checks)
        by_acceptance = f", {accepted} of them by acceptance" if accepted else ""
        cause = f"Passed: all {len(judged) + accepted} checks passed{by_acceptance}."
        return Outcome.passed, " ".join([cause, *remarks(checks)])
    first, *others = sorted((check for check in judged if check.outcome is outcome), key=order_of)
    more = f" And {len(others)} more check{'s' if len(others) > 1 else ''} failed." if others else ""
    cause = f"{WORDS[outcome]}: {first.summary.rstrip('.')}."
    return outcome, " ".join([cause, *remarks(checks, first)]) + more


def order_of(check: Check) -> tuple[int, float, float]:
    """Sort failed checks by how well they show the cause.

    By rank, then by how far they are over their limit, then by how well what they name explains the difference.
    """
    # Both compare the installed release with its own training: whichever explains the difference better comes first.
    name = "golden." if check.name == "reproduce.candidate" else check.name
    rank = next((place for place, start in enumerate(RANKS) if name.startswith(start)), len(RANKS))
    return rank, -check.severity, -float(check.evidence.get("strength", 0.0))
