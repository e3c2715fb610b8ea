"""What the first line of a verdict says besides outcome and cause: what a word like `passed` does not show."""

from collections.abc import Sequence

from seatrial.trial.compare.maturity import DECLARED, LABEL_KEYS, TOO_MANY
from seatrial.trial.records import Check, Outcome
from seatrial.trial.settings_checks import OTHER_HOLD_OUT

SHOWN = ("policy", "baseline", "data", "index", "newer", "first", "golden", "kind", "process", "acceptance", "origin")
NAMES = (*(f"gate.{name}" for name in SHOWN), OTHER_HOLD_OUT)
MOST_BREAKS = 4


def remarks(checks: Sequence[Check], cause: Check | None = None) -> list[str]:
    """The remarks about a trial, as sentences; `cause` is the check that the first line names already."""
    raised = _raised_keys(checks)
    found = [
        check
        for check in checks
        if check is not cause
        and check.outcome is not Outcome.passed
        and (check.name in NAMES or (check.name == DECLARED and (raised or (check.new or 0.0) > TOO_MANY)))
    ]
    said = [_sentence(_without_acceptance(check)) for check in found]
    return [*said, *_breaks(checks), *_accepted(checks), *_not_run(checks, passed=cause is None)]


def _breaks(checks: Sequence[Check]) -> list[str]:
    """What callers have to change, where the version announces it."""
    names = [check.subject for check in checks if check.name == "contract.break" and check.outcome is Outcome.noted]
    more = f" and {len(names) - MOST_BREAKS} more" if len(names) > MOST_BREAKS else ""
    return [f"The version announces a break of the contract: {', '.join(names[:MOST_BREAKS])}{more}."] if names else []


def _raised_keys(checks: Sequence[Check]) -> bool:
    """Whether more labels are declared not final than by the baseline's policy."""
    changes = [check.evidence.get("changes", {}) for check in checks if check.name == "gate.policy"]
    return any(key in change for change in changes for key in LABEL_KEYS)


def _accepted(checks: Sequence[Check]) -> list[str]:
    """Who accepted how many checks, and until when."""
    by: dict[tuple[str, str], int] = {}
    for check in checks:
        if check.outcome is Outcome.accepted and (given := check.evidence.get("accepted")):
            who = str(given.get("by", "")), str(given.get("until", ""))
            by[who] = by.get(who, 0) + 1
    return [
        f"Accepted by {who} until {until}: {count} check{'s' if count > 1 else ''}."
        for (who, until), count in by.items()
    ]


def _not_run(checks: Sequence[Check], *, passed: bool) -> list[str]:
    """The checks that could not run and do not stop the release, because of `inconclusive = "note"`."""
    open_ones = (Outcome.noted, Outcome.inconclusive) if passed else (Outcome.noted,)
    names = [
        check.name
        for check in checks
        if check.outcome in open_ones and (check.outcome is Outcome.inconclusive or check.evidence.get("not_run"))
    ]
    return [f"Not run: {', '.join(dict.fromkeys(names))}."] if names else []


def _without_acceptance(check: Check) -> str:
    return str(check.evidence.get("accepted", {}).get("summary", check.summary))


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
