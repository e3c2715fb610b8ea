"""What a watch produces: findings and series, as frozen records that become one JSON document.

The document is the result. The line in the terminal, the page and the Markdown are renderings of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Part = Literal["traffic", "drift", "answers", "estimated", "measured"]  # the parts of a watch, as its page has them


class Level(StrEnum):
    """What a finding asks for, from nothing to action; a watch has the highest of its findings."""

    well = "well"
    noted = "noted"  # worth reading; too small to matter, or not certain
    unknown = "unknown"  # it could not be determined
    alarm = "alarm"  # it matters, and chance does not explain it


@dataclass(frozen=True)
class Finding:
    """One thing that was found in a window of the log of one version.

    `subject` is what it is about: a column, a pair ("fare x pclass"), a group ("sex = female"), a class, a metric;
    empty for the whole. `since` is the change point, in UTC. `share` is that of the window's requests that it touches.
    `old` and `new` are the values that decided. `log_p` is the natural logarithm of the probability of such a
    difference by chance, before the budget of false alarms is shared out. `severity` orders findings of one level.
    """

    name: str  # such as "drift.unit" or "traffic.refusals"; unique together with `subject` and, see `id`, `version`
    part: Part
    level: Level
    summary: str  # one sentence with its figures, for people
    version: str = ""
    subject: str = ""
    since: datetime | None = None
    share: float | None = None
    old: float | None = None
    new: float | None = None
    log_p: float | None = None
    severity: float = 0.0
    hint: str = ""  # what to do next: a command, or where to look
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What tells it from other findings, from one look to the next: an alarm is raised once for each.

        Requests are those of all versions together, so what is wrong with them stays the same alarm when another
        version is deployed.
        """
        subject = f"[{self.subject}]" if self.subject else ""
        return f"{self.name}{subject}" + ("" if self.of_all_versions else f"@{self.version}")

    @property
    def matter(self) -> str:
        """What it is about, however its cause is named: of a change of a column, the cause is an estimate."""
        return matter_of(self.part, self.subject, self.id)

    @property
    def of_all_versions(self) -> bool:
        """Whether it is about what was asked, of whichever version."""
        return self.part in ("traffic", "drift") and self.name != "traffic.release"


def matter_of(part: Part, subject: str, name: str) -> str:
    """What a finding or an alarm with the ID `name` is about."""
    return f"drift[{subject}]" if part == "drift" and subject else name


@dataclass(frozen=True)
class Point:
    """One window's figure, with its interval where it has one, and the rows that it is from."""

    time: datetime  # the window's begin, in UTC
    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0


@dataclass(frozen=True)
class Series:
    """One figure over time. `reference` is its value at training, if it has one; `unit` is "share", "s", or ""."""

    part: Part
    title: str
    points: Sequence[Point]
    version: str = ""
    subject: str = ""
    unit: str = ""
    reference: float | None = None
    low: float | None = None  # what is usual for one window
    high: float | None = None


@dataclass(frozen=True)
class Deployed:
    """A moment from which a version was deployed."""

    time: datetime
    version: str
    target: str


@dataclass(frozen=True)
class Watched:
    """The result of one look at a project's log, at a moment.

    `notes` say what could not be looked at, and why: a history that is too short for weekdays, labels that are not due.
    `spent` is the share of this year's budget of false alarms that this look took.
    """

    project: str
    at: datetime
    since: datetime | None  # the begin of the newest window
    rows: int  # in the newest window
    versions: Sequence[str]
    findings: Sequence[Finding]  # the likeliest cause first
    series: Sequence[Series] = ()
    deployed: Sequence[Deployed] = ()
    notes: Sequence[str] = ()
    false_alarms: str = ""
    spent: float = 0.0

    @property
    def level(self) -> Level:
        """The highest level of all findings."""
        order = list(Level)
        return max((finding.level for finding in self.findings), key=order.index, default=Level.well)
