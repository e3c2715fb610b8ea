"""Alarms: raised once for each finding, acknowledged with a reason, and resolved by themselves when it is gone.

All of it is one immutable record, from one look to the next. It knows no files and no clock, and it sends nothing: what
is to be sent stays in `messages` until somebody has delivered it, so that a process that is killed loses none.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from seatrial.core.errors import SeatrialError
from seatrial.trial.report.words import clean
from seatrial.watch.watch_records import Finding, Level, Part, Watched, matter_of
from seatrial.watch.watch_words import facts

AlarmState = Literal["raised", "acknowledged", "resolved"]
Change = Literal["raised", "acknowledged", "resolved", "due again"]
MOST_EVENTS = 50  # of one alarm; the newest are kept, and how often it was raised is counted
MOST_MESSAGES = 200  # that wait; beyond it, the oldest are given up
MESSAGE_DAYS = 7  # for which delivery is tried
CODE_LENGTH = 6
SAME_CHANGE = 2  # windows, that the begins of one change may be apart from one look to the next
MOST_REASON = 1_000  # letters of a reason


@dataclass(frozen=True)
class AlarmEvent:
    """What happened to an alarm, when, and what was said about it."""

    time: datetime
    change: Change
    note: str = ""


@dataclass(frozen=True)
class Acknowledged:
    """That somebody knows of an alarm: who, why, and until when that counts."""

    by: str
    reason: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Alarm:
    """One finding that mattered, from when it was first seen. The texts are those of the last look that saw it."""

    id: str
    state: AlarmState
    name: str
    part: Part
    version: str
    subject: str
    summary: str
    figures: str
    hint: str
    since: datetime | None
    share: float | None
    raised: datetime
    seen: datetime
    gone: datetime | None = None  # the first look in a row that did not see it
    looks_gone: int = 0
    times: int = 1  # how often it was raised
    acknowledged: Acknowledged | None = None
    history: Sequence[AlarmEvent] = ()
    first_id: str = ""  # what it was raised as, if its cause is named otherwise now

    @property
    def code(self) -> str:
        """A short name to type: six hexadecimal digits, the same for as long as the alarm is active."""
        name = self.first_id or self.id
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:CODE_LENGTH]

    @property
    def matter(self) -> str:
        """What it is about, however its cause is named."""
        return matter_of(self.part, self.subject, self.id)


@dataclass(frozen=True)
class AlarmMessage:
    """What is to be sent about an alarm. It holds no value of any row: names, figures, times and commands only."""

    id: str  # of the message, from which a receiver knows that it has it already
    change: Change
    at: datetime
    alarm: str
    project: str
    version: str
    what: str
    column: str
    since: datetime | None
    share: float | None
    delivered: Sequence[str] = ()  # to which receivers, as hashes of their URLs
    tries: int = 0


@dataclass(frozen=True)
class AlarmBook:
    """All alarms of a project, the messages that wait to be sent, and when it was last looked."""

    looked: datetime | None = None
    level: Level = Level.well
    alarms: Sequence[Alarm] = ()
    messages: Sequence[AlarmMessage] = ()

    def active(self) -> list[Alarm]:
        """Those that are not resolved: raised ones first, then by when they were raised."""
        found = [alarm for alarm in self.alarms if alarm.state != "resolved"]
        return sorted(found, key=lambda alarm: (alarm.state != "raised", alarm.raised))

    def acknowledged(self) -> frozenset[str]:
        """The IDs of findings that somebody has acknowledged."""
        return frozenset(alarm.id for alarm in self.alarms if alarm.state == "acknowledged")


def after_look(book: AlarmBook, watched: Watched, *, resolve_after: int, window: timedelta) -> AlarmBook:
    """The alarms after a look.

    A finding raises its alarm once. It is resolved when `resolve_after` looks in a row have not seen it, over half of a
    `window` at least; looks at an empty window, and looks that could not judge its part, do not count. A look that is
    older than the last one changes nothing, as after a clock was set back. A change of a column whose cause is named
    otherwise than before is the same alarm.
    """
    if book.looked and watched.at < book.looked:
        return book
    at = watched.at
    found = {each.id: each for each in watched.findings if each.level is Level.alarm}
    alarms = renamed(book.alarms, watched.findings, window)
    known = {alarm.id: alarm for alarm in alarms}
    unknown = {each.part for each in watched.findings if each.level is Level.unknown}
    new: dict[str, Alarm] = {}
    for name, finding in found.items():
        new[name] = _seen(known.get(name), finding, at)
    for name, alarm in known.items():
        if name not in new:
            judged = watched.rows > 0 and alarm.part not in unknown
            new[name] = _gone(alarm, at, resolve_after, window) if judged else alarm
    changed = [alarm for name, alarm in new.items() if _last(alarm) != _last(known.get(name))]
    messages = [_message(alarm, watched.project) for alarm in changed]
    return replace(
        book,
        looked=at,
        level=watched.level,
        alarms=tuple(new.values()),
        messages=_kept([*book.messages, *messages], at),
    )


def renamed(alarms: Sequence[Alarm], findings: Iterable[Finding], window: timedelta) -> list[Alarm]:
    """The alarms with the IDs of the findings that they are now.

    The cause of a change of a column is an estimate, and another one may be likelier at the next look. So an active
    alarm of drift that is not found is the new finding about the same column, if that began at about the same time.
    """
    found = {each.id: each for each in findings if each.level is Level.alarm}
    active = {alarm.id for alarm in alarms if alarm.state != "resolved"}
    new = [each for name, each in found.items() if name not in active]
    now: dict[str, str] = {}
    for alarm in alarms:
        if alarm.state != "resolved" and alarm.id not in found:
            same = next((each for each in new if _is_same(alarm, each, window)), None)
            if same is not None:
                new.remove(same)
                now[alarm.id] = same.id
    others = [alarm for alarm in alarms if alarm.id not in now.values()]  # a resolved one of that name is over
    return [
        replace(alarm, id=now[alarm.id], first_id=alarm.first_id or alarm.id) if alarm.id in now else alarm
        for alarm in others
    ]


def _is_same(alarm: Alarm, finding: Finding, window: timedelta) -> bool:
    """Whether a finding is the change that an alarm is about, by its column and its begin."""
    if finding.matter != alarm.matter:
        return False
    return not (alarm.since and finding.since) or abs(alarm.since - finding.since) <= SAME_CHANGE * window


def _seen(alarm: Alarm | None, finding: Finding, at: datetime) -> Alarm:
    texts = {
        "name": finding.name,
        "part": finding.part,
        "version": finding.version,
        "subject": finding.subject,
        "summary": finding.summary,
        "figures": facts(finding),
        "hint": finding.hint,
        "since": finding.since,
        "share": finding.share,
    }
    if alarm is None:
        first = Alarm(id=finding.id, state="raised", raised=at, seen=at, **texts)  # type: ignore[arg-type]
        return _noted(first, at, "raised")
    alarm = replace(alarm, seen=at, gone=None, looks_gone=0, **texts)  # type: ignore[arg-type]
    if alarm.state == "resolved":
        again = replace(alarm, state="raised", raised=at, times=alarm.times + 1, acknowledged=None)
        return _noted(again, at, "raised", f"for the {alarm.times + 1}th time" if alarm.times > 2 else "again")
    known = alarm.acknowledged
    if alarm.state == "acknowledged" and known and known.until and at >= known.until:
        return _noted(replace(alarm, state="raised", acknowledged=None), at, "due again", known.reason)
    return alarm


def _gone(alarm: Alarm, at: datetime, resolve_after: int, window: timedelta) -> Alarm:
    if alarm.state == "resolved":
        return alarm
    alarm = replace(alarm, gone=alarm.gone or at, looks_gone=alarm.looks_gone + 1)
    long_enough = alarm.gone is not None and at - alarm.gone >= window / 2
    if alarm.looks_gone < resolve_after or not (long_enough or resolve_after == 1):
        return alarm
    return _noted(replace(alarm, state="resolved"), at, "resolved")


def acknowledge(
    book: AlarmBook, name: str, *, by: str, reason: str, at: datetime, until: datetime | None = None
) -> tuple[AlarmBook, Alarm]:
    """Acknowledge the alarm `name`: its code, its ID, or the beginning of its ID. Raises SeatrialError.

    An alarm that was acknowledged before gets the new reason.
    """
    if not reason.strip():
        raise SeatrialError("An alarm is acknowledged with a reason.", hint='Say why, as --reason "new tariff".')
    if until and until <= at:
        raise SeatrialError(f"--until {until:%Y-%m-%d %H:%M} is over.", hint="Give a day to come, or none.")
    by, reason = clean(by, 120), clean(reason, MOST_REASON)
    alarm = find_alarm(book, name)
    if alarm.state == "resolved":
        raise SeatrialError(f"{alarm.id} is resolved: it was last seen at {alarm.seen:%Y-%m-%d %H:%M} UTC.")
    known = Acknowledged(by, reason, at, until)
    chosen = _noted(replace(alarm, state="acknowledged", acknowledged=known), at, "acknowledged", f"{by}: {reason}")
    others = [chosen if each.id == alarm.id else each for each in book.alarms]
    return replace(book, alarms=tuple(others)), chosen


def find_alarm(book: AlarmBook, name: str) -> Alarm:
    """The alarm that is meant. Raises SeatrialError where there is none, or where there are several."""
    exact = [alarm for alarm in book.alarms if name in (alarm.id, alarm.code)]
    if len(exact) > 1:  # a change whose cause was named otherwise later, and another one since then
        exact = [alarm for alarm in exact if alarm.state != "resolved"] or exact[-1:]
    begins = [alarm for alarm in book.active() if name and alarm.id.startswith(name)]
    found = exact or begins
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{alarm.code} {alarm.id}" for alarm in found[:5])
        raise SeatrialError(f"{name!r} may be {len(found)} alarms.", hint=f"Name one by its code: {listed}.")
    active = ", ".join(f"{alarm.code} {alarm.id}" for alarm in book.active()[:5])
    raise SeatrialError(
        f"There is no alarm {name!r}.", hint=f"Active are: {active}." if active else "No alarm is active."
    )


def undelivered(book: AlarmBook, receivers: Iterable[str]) -> list[AlarmMessage]:
    """The messages that one of the receivers does not have, the oldest first."""
    wanted = list(receivers)
    return [message for message in book.messages if not set(wanted) <= set(message.delivered)]


def after_delivery(
    book: AlarmBook, delivered: Mapping[str, Sequence[str]], tried: Iterable[str], receivers: Sequence[str]
) -> AlarmBook:
    """The book after messages were `tried`, by ID; `delivered` has the receivers that took each."""
    attempts, left = set(tried), []
    for message in book.messages:
        has = tuple(dict.fromkeys([*message.delivered, *delivered.get(message.id, ())]))
        if not set(receivers) <= set(has):
            left.append(replace(message, delivered=has, tries=message.tries + (message.id in attempts)))
    return replace(book, messages=tuple(left))


def _noted(alarm: Alarm, at: datetime, change: Change, note: str = "") -> Alarm:
    return replace(alarm, history=(*alarm.history, AlarmEvent(at, change, note))[-MOST_EVENTS:])


def _last(alarm: Alarm | None) -> AlarmEvent | None:
    return alarm.history[-1] if alarm and alarm.history else None


def _message(alarm: Alarm, project: str) -> AlarmMessage:
    event = alarm.history[-1]
    name = f"{alarm.id} {event.change} {event.time.isoformat()} {project}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    # A subject may name a group by its values, "sex = female" or "age: 21 to 28": only its column is sent.
    column = clean(re.split("=|: | is ", alarm.subject)[0], 120)
    return AlarmMessage(
        id=f"msg_{digest[:32]}",
        change=event.change,
        at=event.time,
        alarm=alarm.code,
        project=clean(project, 120),
        version=clean(alarm.version, 60),
        what=clean(alarm.name, 120),
        column=column,
        since=alarm.since,
        share=alarm.share,
    )


def _kept(messages: Sequence[AlarmMessage], at: datetime) -> tuple[AlarmMessage, ...]:
    young = [message for message in messages if at - message.at <= timedelta(days=MESSAGE_DAYS)]
    return tuple(young[-MOST_MESSAGES:])
