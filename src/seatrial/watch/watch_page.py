"""The page of a watch: one file that opens anywhere: the state first, then what changed, then every figure over time.

No script, nothing to fetch. A year of eighty columns is some thousand elements; a browser draws only those in sight.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from seatrial.pages import render
from seatrial.pages.charts import Svg
from seatrial.pages.time_charts import TimePoint, over_time
from seatrial.pages.words import DASH, SPACE, percent
from seatrial.trial.report.page import prose
from seatrial.trial.report.words import count, figure, sentence
from seatrial.watch.alarms import Alarm, AlarmBook
from seatrial.watch.watch_records import Finding, Level, Part, Series, Watched
from seatrial.watch.watch_words import (
    QUESTION,
    TITLE,
    WORD,
    WatchLine,
    facts,
    headline,
    of_level,
    parts_of,
    readable,
    rows_command,
    state_of,
    written,
)

SHOWN = 9  # panels of a part that are not folded
MOST_PANELS = 600  # of a part; what has a finding comes first
LOOK = {"well": "passed", "noted": "noted", "unknown": "inconclusive", "alarm": "blocked", "acknowledged": "accepted"}


@dataclass(frozen=True)
class Item:
    """A finding as the page shows it."""

    id: str
    look: str
    word: str
    summary: Svg
    hint: Svg | str
    facts: str
    command: str
    known: str


@dataclass(frozen=True)
class SmallFigure:
    """One figure over time as the page shows it."""

    title: str
    about: str
    latest: str
    drawing: Svg
    scale: str
    reference: str
    rows: str
    look: str


@dataclass(frozen=True)
class Chapter:
    """One part of the watch: its state, its findings, and its panels, of which the first are in sight."""

    id: Part
    title: str
    question: str
    look: str
    word: str
    line: Svg | str
    items: Sequence[Item]
    panels: Sequence[SmallFigure]
    folded: Sequence[SmallFigure]
    left_out: int
    opened: bool


def to_html(
    watched: Watched,
    book: AlarmBook | None = None,
    *,
    pages: Sequence[tuple[str, str]] = (),
    refresh: int = 0,
    problem: str = "",
) -> str:
    """Render the page. `refresh` is after how many seconds a browser loads it again, for a page that is served.

    `problem` is what went wrong at the last look, if that is newer than this result.
    """
    watched, book = readable(watched), book or AlarmBook()
    acknowledged = book.acknowledged()
    line = headline(watched, acknowledged)
    known = {alarm.id: _known(alarm) for alarm in book.alarms}
    attention = [*of_level(watched, Level.alarm), *of_level(watched, Level.unknown)]
    begin, end = _span(watched)
    return render(
        "watch.html",
        watched=watched,
        line=line,
        look=LOOK[line.state],
        text=prose(line.text),
        to_do=_prose(line.to_do),
        when=written(watched.at),
        attention=[_item(each, known, acknowledged) for each in attention],
        chapters=list(_chapters(watched, known, acknowledged)),
        days=_days(begin, end) if watched.series else "",
        from_day=f"{watched.since or watched.at:%Y-%m-%d}",
        deployed=[(written(each.time), each.version, each.target) for each in reversed(watched.deployed)],
        notes=[prose(sentence(note)) for note in watched.notes],
        history=list(_history(book)),
        spent=percent(watched.spent) if watched.spent else "",
        pages=pages,
        refresh=refresh,
        problem=_prose(problem),
    )


def overview_html(rows: Sequence[tuple[str, str, WatchLine, str]], when: datetime, failed: int) -> str:
    """Render the page of several projects, in this order: name, version, line, and the link to its own page."""
    lines = [
        (name, version, LOOK[line.state], line.word, prose(line.text), prose(line.to_do), link)
        for name, version, line, link in rows
    ]
    alarms = sum(line.state == "alarm" for _, _, line, _ in rows)
    unknown = sum(line.state == "unknown" for _, _, line, _ in rows)
    known = sum(line.state == "acknowledged" for _, _, line, _ in rows)
    parts = [f"{count(alarms, 'project')} with an alarm"] if alarms else []
    parts += [f"{unknown} unknown"] if unknown else []
    parts += [f"{known} with acknowledged alarms"] if known else []
    title = f"{', '.join(parts)}, of {len(rows)}" if parts else f"All well in {count(len(rows), 'project')}"
    look = "blocked" if alarms else "inconclusive" if unknown else "passed"
    return render("watch_all.html", rows=lines, title=title, look=look, when=written(when), failed=failed)


def _known(alarm: Alarm) -> str:
    if alarm.acknowledged:
        until = f" until {written(alarm.acknowledged.until)}" if alarm.acknowledged.until else ""
        return f"Acknowledged by {alarm.acknowledged.by}{until}: {sentence(alarm.acknowledged.reason)}"
    return f"Alarm {alarm.code}, raised {written(alarm.raised)}"


def _item(finding: Finding, known: dict[str, str], acknowledged: Collection[str]) -> Item:
    state = "acknowledged" if finding.id in acknowledged else finding.level.value
    return Item(
        finding.id,
        LOOK[state],
        WORD[state],  # type: ignore[index]
        prose(sentence(finding.summary)),
        _prose(finding.hint),
        facts(finding),
        rows_command(finding),
        known.get(finding.id, "") if finding.level is Level.alarm else "",
    )


def _chapters(watched: Watched, known: dict[str, str], acknowledged: Collection[str]) -> Iterator[Chapter]:
    begin, end = _span(watched)
    marks = [each.time.timestamp() for each in watched.deployed]
    several = len({each.version for each in watched.series if each.version}) > 1
    for part, level, findings in parts_of(watched):
        about = {(each.subject, each.version): each for each in reversed(findings) if each.subject}
        drawn = sorted(
            (each for each in watched.series if each.part == part),
            key=lambda each: (each.subject, each.version) not in about,
        )
        panels = [
            _panel(each, begin, end, marks, about.get((each.subject, each.version)), several)
            for each in drawn[:MOST_PANELS]
        ]
        changed = sum((each.subject, each.version) in about for each in drawn)
        first = max(SHOWN, min(changed, 4 * SHOWN))
        noted = [each for each in findings if each.level not in (Level.alarm, Level.unknown)]
        state = state_of(level, findings, acknowledged)
        yield Chapter(
            part,
            TITLE[part],
            QUESTION[part],
            LOOK[state] if findings or drawn else "unrun",
            WORD[state] if findings or drawn else "Not looked at",
            _prose(findings[0].summary) if findings else "",
            [_item(each, known, acknowledged) for each in noted],
            panels[:first],
            panels[first:],
            len(drawn) - len(panels),
            level is not Level.well or part in ("traffic", "measured"),
        )


def _panel(
    series: Series, begin: float, end: float, marks: Sequence[float], finding: Finding | None, several: bool
) -> SmallFigure:
    points = [
        TimePoint(p.time.timestamp(), p.value, p.low, p.high) for p in sorted(series.points, key=lambda p: p.time)
    ]
    latest = next((p for p in reversed(series.points) if p.value is not None), None)
    value = _value(latest.value, series.unit) if latest else DASH
    between = ""
    if latest and latest.low is not None and latest.high is not None:
        between = f", {_value(latest.low, series.unit)} to {_value(latest.high, series.unit)}"
    title = f"{series.title} {series.subject}".strip()
    changed = finding is not None and finding.level in (Level.alarm, Level.noted)
    since = finding.since.timestamp() if changed and finding and finding.since else None
    drawing, low, high = over_time(
        points,
        f"{title} {series.version}: {value}{between}",
        begin=begin,
        end=end,
        usual=(series.low, series.high),
        reference=series.reference,
        marks=marks,
        since=since,
    )
    reference = f"training {_value(series.reference, series.unit)}" if series.reference is not None else ""
    rows = f"{latest.rows:,}{SPACE}rows" if latest and latest.rows else ""
    return SmallFigure(
        series.title,
        " ".join(part for part in (series.subject, series.version * several) if part),
        value + between,
        drawing,
        f"{_value(low, series.unit)} to {_value(high, series.unit)}",
        reference,
        rows,
        LOOK[finding.level.value] if finding and finding.level is not Level.well else "",
    )


def _prose(text: str) -> Svg | str:
    """A sentence, or nothing, which a template can test for."""
    return prose(sentence(text)) if text else ""


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return DASH
    if unit == "share":
        return percent(value) if 0 <= value <= 1 else figure(value)
    return f"{figure(value)}{SPACE}{unit}" if unit else figure(value)


def _span(watched: Watched) -> tuple[float, float]:
    """What all figures show, so that they can be compared: from the first point to the last."""
    times = [point.time.timestamp() for series in watched.series for point in series.points]
    at = watched.at.timestamp()
    return (min(times), max(times)) if times else (at, at)


def _days(begin: float, end: float) -> str:
    first, last = _day(begin), _day(end)
    return f"is of {first}" if first == last else f"is from {first} to {last}"


def _day(time: float) -> str:
    from datetime import UTC

    when = datetime.fromtimestamp(time, UTC)
    return f"{when.day} {when:%B %Y}"


def _history(book: AlarmBook) -> Iterator[tuple[str, str, str, str]]:
    """What happened to alarms, the newest first: when, which, what, and a note."""
    events = [(event, alarm) for alarm in book.alarms for event in alarm.history]
    for event, alarm in sorted(events, key=lambda each: each[0].time, reverse=True)[:100]:
        yield written(event.time), alarm.id, event.change, event.note
