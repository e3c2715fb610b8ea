"""The gauges of a watch in Prometheus's text format: for /metrics of `watch --serve`, or for a file of a collector.

They are not on the model server's /metrics: the watch is another process, often on another machine, and there is one
watch for many workers.
"""

from collections.abc import Iterator, Sequence

from seatrial.watch.alarms import AlarmBook
from seatrial.watch.watch_records import Level, Part, Watched
from seatrial.watch.watch_words import TITLE, headline

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GAUGES = {
    "seatrial_watch_alarms": "Alarms by state: raised, or acknowledged.",
    "seatrial_watch_level": "What the last look asks for: 0 well, 1 noted, 2 unknown, 3 an alarm.",
    "seatrial_watch_last_look_timestamp_seconds": "When it was last looked.",
    "seatrial_watch_look_age_limit_seconds": "The age of a look from which it is too old: two windows.",
    "seatrial_watch_rows": "Requests in the newest window.",
    "seatrial_watch_findings": "Findings of the last look by part and level.",
    "seatrial_watch_metric": "The newest figure of the performance, estimated without labels or measured with them.",
    "seatrial_watch_undelivered_messages": "Messages about alarms that a receiver has not taken, after a try.",
}
Sample = tuple[dict[str, str], float]


def exposition(watched: Watched, book: AlarmBook, *, window_seconds: float = 86_400.0) -> str:
    """Write the gauges of one project's look."""
    lines = []
    for name, samples in _samples(watched, book, window_seconds):
        lines += [f"# HELP {name} {GAUGES[name]}", f"# TYPE {name} gauge"]
        for labels, value in samples:
            inside = ",".join(
                f'{key}="{_escaped(text)}"' for key, text in {"project": watched.project, **labels}.items()
            )
            lines.append(f"{name}{{{inside}}} {value!r}")
    return "\n".join(lines) + "\n"


def _samples(watched: Watched, book: AlarmBook, window_seconds: float) -> Iterator[tuple[str, Sequence[Sample]]]:
    active = book.active()
    states = [({"state": state}, float(sum(a.state == state for a in active))) for state in ("raised", "acknowledged")]
    yield "seatrial_watch_alarms", states
    state = headline(watched, book.acknowledged()).state
    level = {"acknowledged": Level.noted, "unknown": Level.unknown}.get(state, watched.level)
    yield "seatrial_watch_level", [({}, float(list(Level).index(level)))]
    yield "seatrial_watch_last_look_timestamp_seconds", [({}, watched.at.timestamp())]
    yield "seatrial_watch_look_age_limit_seconds", [({}, 2 * window_seconds)]
    yield "seatrial_watch_rows", [({}, float(watched.rows))]
    counts = [
        (
            {"part": part, "level": level.value},
            float(sum(f.part == part and f.level is level for f in watched.findings)),
        )
        for part in TITLE
        for level in (Level.alarm, Level.unknown, Level.noted)
    ]
    yield "seatrial_watch_findings", counts
    kinds: tuple[Part, ...] = ("estimated", "measured")
    metrics: dict[tuple[str, str, str], float] = {}
    for series in watched.series:
        latest = next((p.value for p in reversed(series.points) if p.value is not None), None)
        if series.part in kinds and not series.subject and latest is not None:
            metrics[series.title, series.part, series.version] = latest
    yield (
        "seatrial_watch_metric",
        [
            ({"metric": title, "kind": kind, "version": version}, float(value))
            for (title, kind, version), value in metrics.items()
        ],
    )
    yield "seatrial_watch_undelivered_messages", [({}, float(sum(message.tries > 0 for message in book.messages)))]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
