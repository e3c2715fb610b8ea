"""What a trial finds: checks, and the verdict over them, as frozen records that become one JSON document.

The document is the result; the page, the Markdown, the JUnit file and the terminal's table are renderings of it.
"""

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal

from seatrial.core.errors import SeatrialError

SCHEMA = 2  # of the document; raised when a reader of the old one would misread the new one

Kind = Literal["repackage", "retrain", "redesign"]
Suite = Literal["golden", "invariants", "contract", "reproduce", "rebuild", "total", "data", "cost"]


class Outcome(StrEnum):
    """What a check came to, and the verdict; from good to bad."""

    passed = "passed"
    noted = "noted"  # worth reading, decides nothing
    accepted = "accepted"  # it would wait, but somebody accepted this very difference
    waiting = "waiting"  # for somebody's acceptance
    inconclusive = "inconclusive"  # it could not be found out, which is never a pass
    blocked = "blocked"


class ExitCode:
    """What `seatrial trial` ends with."""

    passed = 0
    blocked = 1
    usage = 2
    undecided = 3  # inconclusive, or waiting for acceptance
    not_compared = 4


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    `subject` is what is to blame if it fails: a column, a slice ("sex = female"), a metric; empty for the whole.
    `old`, `new` and `limit` are the figures that decided, where there are any. `severity` orders failed checks: how
    many times over its limit it is, or infinity where nothing may differ. `evidence` holds what pages draw, as JSON.
    """

    name: str  # as "total.flips", "golden.scores", "contract.columns"; unique with `subject`
    suite: Suite
    outcome: Outcome
    summary: str  # one sentence with its figures, for people
    subject: str = ""
    old: float | None = None
    new: float | None = None
    limit: float | None = None
    severity: float = 0.0
    hint: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What names it in a test report and in an acceptance."""
        return f"{self.name}[{self.subject}]" if self.subject else self.name


@dataclass(frozen=True)
class Subject:
    """One of the two releases, as the trial found it."""

    name: str
    version: str
    sha256: str
    engine: str = ""
    data_sha256: str = ""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The result of a trial. `baseline` is None for a first release; `rows` says how many rows of each sort there were.

    `worst_rows` are those that changed most: {"row": {...}, "old": p, "new": p, "label": y, "changed": [...]}.
    `pictures` holds what the page draws beside the checks' own evidence.
    """

    outcome: Outcome
    cause: str  # the first line: verdict and cause, in words a person can act on
    kind: Kind
    task: str
    candidate: Subject
    baseline: Subject | None
    checks: tuple[Check, ...]
    rows: dict[str, int]
    policy: dict[str, Any]
    worst_rows: tuple[dict[str, Any], ...] = ()
    pictures: dict[str, Any] = field(default_factory=dict)
    recommended_version: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    started: str = ""  # UTC, ISO 8601
    seatrial: str = ""
    schema: int = SCHEMA

    @property
    def exit_code(self) -> int:
        """The process's exit code."""
        if self.outcome is Outcome.blocked:
            return ExitCode.blocked
        if self.outcome in (Outcome.waiting, Outcome.inconclusive):
            return ExitCode.undecided
        return ExitCode.passed

    def to_document(self) -> dict[str, Any]:
        """Give the JSON document."""
        return asdict(self)


class NotComparedError(SeatrialError):
    """The two could not be compared: a side crashed, or a comparison would have been vacuous."""

    exit_code = ExitCode.not_compared


class PolicyError(SeatrialError):
    """The policy or the call is wrong."""

    exit_code = ExitCode.usage


def read_verdict(document: Any, where: str) -> Verdict:
    """Read a result back; `where` names it in errors."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise SeatrialError(f"{where} is no result of a trial of schema {SCHEMA}.", hint="Hold the trial again.")
    try:
        known = {f.name for f in fields(Verdict)}
        given = {k: v for k, v in document.items() if k in known}
        given["outcome"] = Outcome(given["outcome"])
        given["checks"] = tuple(Check(**{**check, "outcome": Outcome(check["outcome"])}) for check in given["checks"])
        given["candidate"] = Subject(**given["candidate"])
        given["baseline"] = Subject(**given["baseline"]) if given["baseline"] else None
        given["worst_rows"] = tuple(given["worst_rows"])
        return Verdict(**given)
    except (KeyError, TypeError, ValueError) as error:
        raise SeatrialError(f"{where} is damaged: {error}", hint="Hold the trial again.") from None
