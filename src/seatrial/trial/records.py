"""What a trial produces: checks and the verdict over them, as frozen records that become one JSON document.

The document is the result. The page, the Markdown, the JUnit file and the terminal's table are renderings of it.
"""

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal

from seatrial.core.errors import SeatrialError

SCHEMA = 2  # of the document; raised when a reader of the old one would misread the new one

Kind = Literal["repackage", "retrain", "redesign"]
Suite = Literal[
    "golden", "invariants", "contract", "reproduce", "rebuild", "total", "data", "cost", "behaviour", "settings",
    "gate", "traffic",
]  # fmt: skip


class Outcome(StrEnum):
    """The result of a check and of the verdict, from good to bad."""

    passed = "passed"
    noted = "noted"  # worth reading, decides nothing
    accepted = "accepted"  # it would wait, but a person accepted this exact difference
    waiting = "waiting"  # for a person's acceptance
    inconclusive = "inconclusive"  # it could not be determined, which is never a pass
    blocked = "blocked"


class ExitCode:
    """The exit codes of `seatrial trial`."""

    passed = 0
    blocked = 1
    usage = 2
    undecided = 3  # inconclusive, or waiting for acceptance
    not_compared = 4


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    `subject` is what the failure is about: a column, a group of rows ("sex = female"), a metric; empty for the whole.
    `old`, `new` and `limit` are the values that decided, if there are any. `severity` orders failed checks: how many
    times over its limit the check is, or infinity where no difference is allowed. `evidence` is further JSON data.
    """

    name: str  # such as "total.flips", "golden.scores", "contract.columns"; unique together with `subject`
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
        """The check's name in test reports and acceptances."""
        return f"{self.name}[{self.subject}]" if self.subject else self.name


def judged_check(
    name: str,
    suite: Suite,
    failed: bool,
    failure: str,
    success: str,
    *,
    differs: Outcome = Outcome.blocked,
    **values: Any,
) -> Check:
    """Make a check that has passed, or failed with the outcome `differs`; `values` are the check's other fields."""
    return Check(name, suite, differs if failed else Outcome.passed, failure if failed else success, **values)


@dataclass(frozen=True)
class Subject:
    """One of the two releases."""

    name: str
    version: str
    sha256: str
    engine: str = ""
    data_sha256: str = ""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The result of a trial. `baseline` is None for a first release; `rows` counts the rows of each kind.

    `worst_rows` changed most: {"row": {...}, "old": p, "new": p, "label": y, "drivers": [...]}, where the drivers are
    the columns that explain the change. `changed_code` are the modules of the package that differ from the baseline's,
    None where that is not known. `pictures` is the data for the page's charts; see `report.evidence`.
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
    changed_code: tuple[str, ...] | None = None
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
        """Return the JSON document."""
        return asdict(self)


class NotComparedError(SeatrialError):
    """The two releases could not be compared: one crashed, or the comparison would have been vacuous."""

    exit_code = ExitCode.not_compared


class PolicyError(SeatrialError):
    """The policy or the command is wrong."""

    exit_code = ExitCode.usage


def read_verdict(document: Any, where: str) -> Verdict:
    """Read a result back; `where` names it in errors."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise SeatrialError(f"{where} is not a trial's result of schema {SCHEMA}.", hint="Run the trial again.")
    try:
        known = {f.name for f in fields(Verdict)}
        values = {key: value for key, value in document.items() if key in known}
        values["outcome"] = Outcome(values["outcome"])
        values["checks"] = tuple(Check(**{**check, "outcome": Outcome(check["outcome"])}) for check in values["checks"])
        values["candidate"] = Subject(**values["candidate"])
        values["baseline"] = Subject(**values["baseline"]) if values["baseline"] else None
        values["worst_rows"] = tuple(values["worst_rows"])
        changed = values.get("changed_code")
        values["changed_code"] = None if changed is None else tuple(map(str, changed))
        return Verdict(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise SeatrialError(f"{where} is damaged: {error}", hint="Run the trial again.") from None
