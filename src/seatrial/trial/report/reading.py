"""What a verdict says, in the order in which people read it; all renderings take their words and order from here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.trial.records import Check, NotComparedError, Outcome, Subject, Suite, Verdict, read_verdict
from seatrial.trial.report.words import cell, clean, cleaned, figure, sentence, signed, times
from seatrial.trial.verdict import order_of

WORD = {outcome: outcome.value.capitalize() for outcome in Outcome}
# What each suite asks, in the order in which a fault is easiest to understand.
QUESTIONS: dict[Suite, str] = {
    "golden": "Does the installed wheel reproduce the scores from training?",
    "invariants": "Is every row answered once, and the same each time?",
    "contract": "Can callers send the same requests and expect the same responses?",
    "reproduce": "Does training again give the same model?",
    "rebuild": "Does the new code on the old data change anything?",
    "total": "Do predictions differ no more than after a harmless retrain?",
    "traffic": "Do both answer alike what production was asked?",
    "data": "Was it trained on similar data?",
    "behaviour": "Does it behave the same elsewhere, and after a thousand calls?",
    "settings": "Do its settings and libraries mean the same?",
    "cost": "Is it as small and as fast?",
    "gate": "Under which rules, and who decided?",
}
ON_DEMAND = ("gate", "traffic")  # without a project there are no rules to look at; a log is replayed if asked for
_BADNESS = {outcome: place for place, outcome in enumerate(Outcome)}
_MORE = re.compile(r" And (\d+ more checks? failed)\.?$")  # shown beside the cause, not in it
FAILED = (Outcome.blocked, Outcome.inconclusive, Outcome.waiting)
NO_CHECK = "The trial contains no checks."
_TO_DO = {
    Outcome.blocked: "Do not publish this wheel.",
    Outcome.waiting: "It can be published once someone accepts the difference: `seatrial trial accept`.",
    Outcome.inconclusive: "A check that could not run does not count as passed.",
}


@dataclass(frozen=True)
class Headline:
    """The first line: the outcome as a word, the cause as a sentence, and what to do as another."""

    outcome: Outcome
    word: str
    cause: str
    to_do: str

    def __str__(self) -> str:
        return f"{self.word}: {self.cause}"


@dataclass(frozen=True)
class SuiteState:
    """One suite: the worst outcome of its checks (None if there are none), and one line about it."""

    suite: Suite
    question: str
    outcome: Outcome | None
    line: str

    @property
    def word(self) -> str:
        """Its state, as a word."""
        return WORD[self.outcome] if self.outcome else "Not run"


def readable(verdict: Verdict) -> Verdict:
    """Return the same verdict with all its texts cleaned; each rendering only needs to escape its own markup."""
    document = verdict.to_document()
    kept = {name: document.pop(name) for name in ("outcome", "kind", "schema")}
    checks = [
        {**cleaned(check), "outcome": check["outcome"], "suite": check["suite"]} for check in document.pop("checks")
    ]
    return read_verdict({**cleaned(document), **kept, "checks": checks}, "the verdict")


def headline(verdict: Verdict) -> Headline:
    """The verdict and its cause. A verdict without a check is inconclusive, whatever it says."""
    outcome = verdict.outcome if verdict.checks else Outcome.inconclusive
    cause = verdict.cause if verdict.checks else NO_CHECK
    word = "Waiting for acceptance" if outcome is Outcome.waiting else WORD[outcome]
    # The word is shown once.
    cause = re.sub(rf"^({word}|{WORD[outcome]}):(?=\s*\S)", "", cause, flags=re.IGNORECASE)
    more = _MORE.search(cause)
    if more and more.start():
        cause = cause[: more.start()]
    to_do = _TO_DO.get(outcome, "")
    if not to_do:
        version = verdict.recommended_version
        other = f", but {version} is recommended" if version and version != verdict.candidate.version else ""
        to_do = f"It can be published as {verdict.candidate.version}{other}."
    if more:
        to_do += f" {sentence(more.group(1))}"
    return Headline(outcome, word, sentence(cause) or "No cause was given.", to_do)


def not_compared(error: NotComparedError) -> tuple[str, str]:
    """The first line and the hint if there is no verdict."""
    return f"Not compared: {sentence(clean(error.message))}", sentence(clean(error.hint))


def suite_states(verdict: Verdict) -> list[SuiteState]:
    """All suites in their order, including those that were not run; but for those on demand."""
    states = []
    for suite, question in QUESTIONS.items():
        checks = checks_of(verdict, suite)
        if not checks:
            if suite not in ON_DEMAND:
                states.append(SuiteState(suite, question, None, "It ran no checks."))
            continue
        worst = checks[0]
        if worst.outcome is Outcome.passed and len(checks) > 1:
            line = f"All {len(checks)} checks passed."
        else:
            more = sum(check.outcome is worst.outcome for check in checks) - 1
            line = sentence(worst.summary) + (f" And {more} more." if more else "")
        states.append(SuiteState(suite, question, worst.outcome, line))
    return states


def checks_of(verdict: Verdict, suite: Suite) -> list[Check]:
    """The checks of one suite, the worst first."""
    return worst_first([check for check in verdict.checks if check.suite == suite])


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """Order checks from bad to good; among equal ones, the one that shows the cause best comes first."""
    return sorted(checks, key=lambda check: (-_BADNESS[check.outcome], *order_of(check)))


def failed(verdict: Verdict) -> list[Check]:
    """The checks that keep it from passing, the worst first."""
    return worst_first([check for check in verdict.checks if check.outcome in FAILED])


def notable(verdict: Verdict) -> list[Check]:
    """The checks that decide nothing and are worth reading: accepted and noted ones."""
    return worst_first([c for c in verdict.checks if c.outcome in (Outcome.accepted, Outcome.noted)])


def figures_of(check: Check) -> str:
    """The values that decided: `0.31 → 0.02, 14.2 times the limit`, or `0.279, limit 0.05`.

    With an old and a new value, the limit applies to their difference or ratio, so it is only shown beside one value.
    """
    values = [figure(value) for value in (check.old, check.new) if value is not None]
    parts = [" → ".join(values)] if values else []
    if len(values) < 2 and check.limit is not None:
        parts.append(f"limit {figure(check.limit)}")
    elif check.outcome in FAILED and 1 < check.severity < 1e6:
        parts.append(f"{times(check.severity)} times the limit")
    return ", ".join(parts)


def predictions_of(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """The old and the new prediction of one of the rows that changed most, if both are numbers."""
    old, new = row.get("old"), row.get("new")
    return (float(old), float(new)) if isinstance(old, int | float) and isinstance(new, int | float) else None


def movement(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Its old and new prediction, and the change."""
    ends = predictions_of(row)
    if ends is None:
        return cell(row.get("old")), cell(row.get("new")), ""
    return figure(ends[0]), figure(ends[1]), signed(ends[1] - ends[0])


def releases(verdict: Verdict) -> list[tuple[str, Subject]]:
    """The releases by their role, the baseline first."""
    return [*([("baseline", verdict.baseline)] if verdict.baseline else []), ("candidate", verdict.candidate)]


def against(verdict: Verdict) -> str:
    """What was compared: `titanic-model 0.2.0 against 0.1.0`."""
    old, new = verdict.baseline, verdict.candidate
    if old is None:
        return f"{new.name} {new.version}, the first release"
    other = "" if old.name == new.name else f"{old.name} "
    return f"{new.name} {new.version} against {other}{old.version}"


def total_seconds(verdict: Verdict) -> float:
    """How long the trial took."""
    return verdict.seconds["total"] if "total" in verdict.seconds else sum(verdict.seconds.values())
