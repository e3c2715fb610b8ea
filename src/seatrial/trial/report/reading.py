"""What a verdict says, in the order in which people read it; every rendering takes words and order from here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.trial.records import Check, NotComparedError, Outcome, Subject, Suite, Verdict, read_verdict
from seatrial.trial.report.words import clean, cleaned, cut, figure, sentence, times
from seatrial.trial.verdict import order_of

WORD = {
    Outcome.passed: "Passed",
    Outcome.noted: "Noted",
    Outcome.accepted: "Accepted",
    Outcome.waiting: "Waiting",
    Outcome.inconclusive: "Inconclusive",
    Outcome.blocked: "Blocked",
}
_HEADING = {Outcome.waiting: "Waiting for acceptance"}
# What each suite asks, in the order in which a fault is easiest to understand.
QUESTION: dict[Suite, str] = {
    "golden": "Does the installed wheel answer as it did at training?",
    "invariants": "Is every row answered once, and alike each time?",
    "contract": "May callers send and expect the same?",
    "reproduce": "Does the baseline, trained again, come out the same?",
    "rebuild": "Does the new code on the old data change anything?",
    "total": "Are its answers as after a harmless retrain, or better?",
    "data": "Did it learn from like data?",
    "cost": "Is it as small and as quick?",
}
_BADNESS = {outcome: place for place, outcome in enumerate(Outcome)}
_MORE = re.compile(r" And (\d+ more checks? failed)\.?$")  # told beside the cause, not in it
FAILED = (Outcome.blocked, Outcome.inconclusive, Outcome.waiting)
NO_CHECK = "The trial looked at nothing: there is no check in it."
_TO_DO = {
    Outcome.blocked: "It must not be published like this.",
    Outcome.waiting: "It is published only after somebody accepts the difference: `seatrial trial accept`.",
    Outcome.inconclusive: "What could not be found out is no pass.",
}


@dataclass(frozen=True)
class Headline:
    """The first line: what it came to as a word, the cause as a sentence, and what to do as another."""

    outcome: Outcome
    word: str
    cause: str
    to_do: str

    def __str__(self) -> str:
        return f"{self.word}: {self.cause}"


@dataclass(frozen=True)
class SuiteState:
    """One suite: the worst that its checks came to (None where there was none), and one line about it."""

    suite: Suite
    question: str
    outcome: Outcome | None
    checks: int
    line: str

    @property
    def word(self) -> str:
        """Its state, as a word."""
        return WORD[self.outcome] if self.outcome else "Not run"


def readable(verdict: Verdict) -> Verdict:
    """Give the same verdict with all its texts cleaned, to be escaped for one surface and no more."""
    document = verdict.to_document()
    kept = {name: document.pop(name) for name in ("outcome", "kind", "schema")}
    checks = [
        {**cleaned(check), "outcome": check["outcome"], "suite": check["suite"]} for check in document.pop("checks")
    ]
    return read_verdict({**cleaned(document), **kept, "checks": checks}, "the verdict")


def headline(verdict: Verdict) -> Headline:
    """Say the verdict and its cause. A verdict over no check is inconclusive, whatever it says."""
    outcome = verdict.outcome if verdict.checks else Outcome.inconclusive
    cause = verdict.cause if verdict.checks else NO_CHECK
    word = _HEADING.get(outcome, WORD[outcome])
    for prefix in (word, WORD[outcome], outcome.value):  # the word is told once
        if cause.lower().startswith(f"{prefix.lower()}:") and cause[len(prefix) + 1 :].strip():
            cause = cause[len(prefix) + 1 :]
            break
    more = _MORE.search(cause)
    if more and more.start():
        cause = cause[: more.start()]
    to_do = _TO_DO.get(outcome, "")
    if not to_do:
        version = verdict.recommended_version
        other = f", though {version} is recommended" if version and version != verdict.candidate.version else ""
        to_do = f"It may be published as {verdict.candidate.version}{other}."
    hints = [check.hint for check in failed(verdict) if check.hint]
    if outcome in (Outcome.blocked, Outcome.inconclusive) and hints:
        to_do += f" {sentence(hints[0])}"
    if more:
        to_do += f" {sentence(more.group(1))}"
    return Headline(outcome, word, sentence(cause) or "No cause was given.", to_do)


def not_compared(error: NotComparedError) -> tuple[str, str]:
    """The first line and the hint where there is no verdict."""
    return f"Not compared: {sentence(clean(error.message))}", sentence(clean(error.hint))


def suite_states(verdict: Verdict) -> list[SuiteState]:
    """All suites in their order, those too that were not run."""
    states = []
    for suite, question in QUESTION.items():
        checks = worst_first([check for check in verdict.checks if check.suite == suite])
        if not checks:
            states.append(SuiteState(suite, question, None, 0, "No check of it was made."))
            continue
        worst = checks[0]
        if worst.outcome is Outcome.passed and len(checks) > 1:
            line = f"All {len(checks)} checks passed."
        else:
            more = sum(check.outcome is worst.outcome for check in checks) - 1
            line = sentence(worst.summary) + (f" And {more} more." if more else "")
        states.append(SuiteState(suite, question, worst.outcome, len(checks), line))
    return states


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """Order checks from bad to good, and of those alike the one first that tells the cause best."""
    return sorted(checks, key=lambda check: (-_BADNESS[check.outcome], *order_of(check)))


def failed(verdict: Verdict) -> list[Check]:
    """The checks that keep it from passing, the worst first."""
    return worst_first([check for check in verdict.checks if check.outcome in FAILED])


def told(verdict: Verdict) -> list[Check]:
    """The checks that decide nothing and are worth reading: what was accepted, and what was noted."""
    return worst_first([c for c in verdict.checks if c.outcome in (Outcome.accepted, Outcome.noted)])


def figures_of(check: Check) -> str:
    """The figures that decided: `0.31 → 0.02, 14.2 times the limit`, or `0.279, limit 0.05`.

    Of two sides a limit is put on their difference or ratio, so it is told beside a single figure only.
    """
    sides = [figure(side) for side in (check.old, check.new) if side is not None]
    parts = [" → ".join(sides)] if sides else []
    if len(sides) < 2 and check.limit is not None:
        parts.append(f"limit {figure(check.limit)}")
    elif check.outcome in FAILED and 1 < check.severity < 1e6:
        parts.append(f"{times(check.severity)} times the limit")
    return ", ".join(parts)


def against(verdict: Verdict) -> str:
    """Who was held against whom: `titanic-model 0.2.0 against 0.1.0`."""
    old, new = verdict.baseline, verdict.candidate
    if old is None:
        return f"{new.name} {new.version}, the first release"
    other = "" if old.name == new.name else f"{old.name} "
    return f"{new.name} {new.version} against {other}{old.version}"


def short_hash(subject: Subject) -> str:
    """The wheel's hash, as far as people compare it."""
    return cut(subject.sha256, 13).removesuffix("…")[:12]


def total_seconds(verdict: Verdict) -> float:
    """How long the trial took."""
    return verdict.seconds["total"] if "total" in verdict.seconds else sum(verdict.seconds.values())
