"""What a watch says to people: its first line, each finding with how sure it is, and what to do next.

Names and values come from the log, so they are not trusted: `readable` cleans every text before anything is rendered.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from seatrial.pages.words import SPACE, percent
from seatrial.trial.report.words import clean, cleaned, count, figure, moment, sentence
from seatrial.watch.watch_records import Finding, Level, Part, Series, Watched

State = Literal["well", "noted", "unknown", "alarm", "acknowledged"]
WORD: dict[State, str] = {
    "well": "All well",
    "noted": "Noted",
    "unknown": "Unknown",
    "alarm": "Alarm",
    "acknowledged": "Acknowledged",
}
TITLE: dict[Part, str] = {
    "traffic": "Traffic and quality",
    "drift": "Drift",
    "answers": "The answers",
    "estimated": "Performance without labels",
    "measured": "Performance with labels",
}
QUESTION: dict[Part, str] = {
    "traffic": "What is asked, how much of it is refused, and is it whole?",
    "drift": "Are the columns as they were in training?",
    "answers": "Is what is answered as it was?",
    "estimated": "What do the probabilities themselves expect of the metric?",
    "measured": "How often was it right, where the outcome is known?",
}
LARGE = {2: "million", 3: "billion", 4: "trillion"}  # by powers of 1,000
NO_REQUESTS = "The newest window has no requests, so nothing could be looked at."


@dataclass(frozen=True)
class WatchLine:
    """The first line of a watch, and what to do next."""

    state: State
    text: str
    to_do: str = ""

    @property
    def word(self) -> str:
        """The state in a word."""
        return WORD[self.state]

    @property
    def exit_code(self) -> int:
        """0 well, 1 an alarm that nobody has acknowledged, 3 unknown."""
        return {"alarm": 1, "unknown": 3}.get(self.state, 0)

    def __str__(self) -> str:
        return f"{self.word}: {self.text}"


def readable(watched: Watched) -> Watched:
    """The same with every text harmless to show."""

    def finding(each: Finding) -> Finding:
        return replace(
            each,
            name=clean(each.name),
            summary=clean(each.summary),
            version=clean(each.version),
            subject=clean(each.subject),
            hint=clean(each.hint),
            evidence=cleaned(each.evidence),
        )

    def series(each: Series) -> Series:
        title, version, subject = clean(each.title), clean(each.version), clean(each.subject)
        return replace(each, title=title, version=version, subject=subject, unit=clean(each.unit))

    return replace(
        watched,
        project=clean(watched.project),
        versions=[clean(version) for version in watched.versions],
        findings=[finding(each) for each in watched.findings],
        series=[series(each) for each in watched.series],
        deployed=[replace(d, version=clean(d.version), target=clean(d.target)) for d in watched.deployed],
        notes=[clean(note) for note in watched.notes],
        false_alarms=clean(watched.false_alarms),
    )


def headline(watched: Watched, acknowledged: Collection[str] = ()) -> WatchLine:
    """Say in one line whether all is well, or what changed first; `acknowledged` are IDs of known alarms."""
    alarms = of_level(watched, Level.alarm)
    new = [each for each in alarms if each.id not in acknowledged]
    unknown = of_level(watched, Level.unknown)
    known = f"{count(len(alarms) - len(new), 'alarm')} acknowledged" if len(alarms) > len(new) else ""
    if new:
        more = f" And {count(len(new) - 1, 'more alarm')}." if len(new) > 1 else ""
        facts = _facts(new[0])
        return WatchLine("alarm", f"{_with(sentence(new[0].summary)[:-1], facts)}.{more}", sentence(new[0].hint))
    if unknown:
        return WatchLine("unknown", sentence(unknown[0].summary), sentence(unknown[0].hint))
    if not watched.rows and not alarms:
        if watched.notes and not watched.versions:  # which say why
            return WatchLine("unknown", sentence(watched.notes[0]))
        return WatchLine("unknown", NO_REQUESTS, "`seatrial log summary` shows when the last requests came.")
    scope = f"{count(watched.rows, 'request')}{_window(watched)}"
    if alarms:
        return WatchLine("acknowledged", f"{known}, nothing new in {scope}.", "`seatrial watch alarms` lists them.")
    noted = of_level(watched, Level.noted)
    worth = f", {count(len(noted), 'thing')} worth reading" if noted else ""
    return WatchLine("well", f"{scope}{worth}.")


def _with(said: str, facts: str) -> str:
    """A sentence without its end, with facts in brackets; in those that it ends with, if it has some."""
    if not facts:
        return said
    return f"{said[:-1]}, {facts})" if said.endswith(")") else f"{said} ({facts})"


def _window(watched: Watched) -> str:
    begin = f" since {written(watched.since)}" if watched.since else ""
    versions = f" of {', '.join(watched.versions)}" if watched.versions else ""
    return f"{versions}{begin}"


def _facts(finding: Finding) -> str:
    """Since when and for how many, unless its summary says so, and how sure; as one phrase."""
    said = finding.summary
    parts = [f"since {written(finding.since)}"] if finding.since and " since " not in said else []
    parts += [f"{percent(finding.share)} of the requests"] if finding.share is not None and "%" not in said else []
    parts += [how_sure(finding)] if finding.log_p is not None else []
    return ", ".join(parts)


def facts(finding: Finding) -> str:
    """Since when, for how many requests, in which version, from what to what, and how sure."""
    change = ""
    if finding.old is not None and finding.new is not None:
        change = f"{figure(finding.old)} → {figure(finding.new)}"
    parts = [finding.version, _facts(finding), change]
    return " · ".join(part for part in parts if part)


def how_sure(finding: Finding) -> str:
    """How rarely chance alone does this, in words."""
    if finding.log_p is None:
        return ""
    power = math.floor(-finding.log_p / math.log(10))
    if power < 1:
        return "chance may explain it"
    if power > 12:
        return "chance does not explain it"
    words = f"{10**power:,}" if power < 6 else f"{10 ** (power % 3)} {LARGE[power // 3]}"
    return f"by chance less than once in {words} looks"


def written(when: datetime) -> str:
    """A time for people, in UTC."""
    return moment(when.isoformat()).replace(" UTC", f"{SPACE}UTC")


def of_level(watched: Watched, level: Level) -> list[Finding]:
    """The findings of a level, the likeliest cause first."""
    return [each for each in watched.findings if each.level is level]


def parts_of(watched: Watched) -> list[tuple[Part, Level, Sequence[Finding]]]:
    """Each part with its level, and its findings."""
    order = list(Level)
    found: list[tuple[Part, Level, Sequence[Finding]]] = []
    for part in TITLE:
        findings = [each for each in watched.findings if each.part == part]
        level = max((each.level for each in findings), key=order.index, default=Level.well)
        found.append((part, level, findings))
    return found


def state_of(level: Level, findings: Sequence[Finding], acknowledged: Collection[str]) -> State:
    """The state of a part: its level, unless all of its alarms are acknowledged."""
    if level is not Level.alarm or any(f.level is Level.alarm and f.id not in acknowledged for f in findings):
        return level.value
    return "unknown" if any(f.level is Level.unknown for f in findings) else "acknowledged"


def rows_command(finding: Finding, project: str = "") -> str:
    """The command that shows the rows behind a finding."""
    from seatrial.core.quoting import shell

    words = ["seatrial log"]
    if finding.since:
        words.append(f"--since {finding.since:%Y-%m-%dT%H:%M}")
    if finding.version and not finding.of_all_versions:
        words.append(f"--release {shell(finding.version)}")
    if finding.name.startswith("traffic.refus"):
        words.append("--refused")
    columns = finding.evidence.get("columns") or ([finding.subject] if finding.part == "drift" else [])
    names = [name for name in columns if isinstance(name, str) and name and " " not in name]
    if names:
        words.append(f"--columns {shell(','.join(['time', *names, 'prediction']))}")
    return " ".join([*words, *([f"--project {shell(project)}"] if project else [])])


def terminal_rows(watched: Watched, *, every: bool = False) -> list[tuple[str, str, str]]:
    """Rows of level, finding and what it says; without `every`, only those that need attention."""
    order = list(Level)
    chosen = sorted(watched.findings, key=lambda each: -order.index(each.level))
    return [
        (each.level.value, f"{each.name} {each.subject}".strip(), " ".join([sentence(each.summary), facts(each)]))
        for each in chosen
        if every or each.level in (Level.alarm, Level.unknown)
    ]
