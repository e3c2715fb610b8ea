"""From all checks to one outcome, and to the sentence that names its cause."""

from collections.abc import Sequence

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

# Which failed check tells the cause best. Exact ones come first, and of these the ones that know the reason; figures
# that follow from something else (labels that flipped, a metric that fell) come last.
RANKS = (
    "contract.",
    "invariants.rows",
    "invariants.again",
    "invariants.order",
    "invariants.alone",
    "invariants.inputs",
    "total.answered",
    "golden.",
    "reproduce.",
    "rebuild.",
    "invariants.",
    "data.rewritten",
    "data.rows",
    "data.repeated",
    "data.lost",
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
    "metrics.trivial",
    "metrics.worse",
    "total.losses",
    "total.probes",
    "total.",
    "cost.",
)
WORDS = {
    Outcome.blocked: "Blocked",
    Outcome.waiting: "Waiting for acceptance",
    Outcome.inconclusive: "Inconclusive",
}


def judge(checks: Sequence[Check], policy: Policy) -> tuple[Outcome, str]:
    """Give one outcome from all checks, and a sentence with its cause. No checks at all is inconclusive."""
    judged = [check for check in checks if check.outcome not in (Outcome.noted, Outcome.accepted)]
    if not judged:
        return Outcome.inconclusive, "Inconclusive: nothing was compared."
    found = {check.outcome for check in judged}
    if Outcome.blocked in found:
        outcome = Outcome.blocked
    elif Outcome.inconclusive in found and policy.inconclusive == "wait":
        outcome = Outcome.inconclusive
    elif Outcome.waiting in found:
        outcome = Outcome.waiting
    else:
        accepted = sum(check.outcome is Outcome.accepted for check in checks)
        told = f", {accepted} of them by acceptance" if accepted else ""
        return Outcome.passed, f"Passed: all {len(judged) + accepted} checks hold{told}."
    failed = sorted((check for check in judged if check.outcome is outcome), key=order_of)
    first = failed[0]
    more = len(failed) - 1
    others = f" And {more} more check{'s' if more > 1 else ''} failed." if more else ""
    return outcome, f"{WORDS[outcome]}: {first.summary.rstrip('.')}.{others}"


def order_of(check: Check) -> tuple[int, float, float]:
    """Sort failed checks by how well they tell the cause.

    By rank, then by how far over their limit they are, then by how well what they name explains the difference.
    """
    # The installed release against its own training: few stored rows or many asked now, whichever explains it better.
    name = "golden." if check.name == "reproduce.candidate" else check.name
    rank = next((place for place, start in enumerate(RANKS) if name.startswith(start)), len(RANKS))
    return rank, -check.severity, -float(check.evidence.get("strength", 0.0))
