"""What changed in the traffic itself: how much there is, what is refused, how long it takes, and what comes twice."""

import math
from datetime import datetime

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent
from seatrial.watch.answer_tally import REFUSED, SECONDS, LatencyTally, RefusalTally
from seatrial.watch.changes import LEAST_FAULTY, LookAt, ShareChange, find_change, joined_counts
from seatrial.watch.false_alarms import limit
from seatrial.watch.input_tally import REPEATED, InputTally
from seatrial.watch.tallies import HOUR, time_of
from seatrial.watch.watch_records import Finding, Level
from seatrial.watch.windows import LONG, WEEK

LEAST_REFUSED = 0.02
MUCH_REFUSED = 0.05  # of requests: more than that is said without any history, since no row of the training was refused
LEAST_SLOWER = 0.25  # of requests, that take longer than nearly all did
FEWEST_LOST = 50.0  # requests that should have come, before their absence means anything
AT_FIRST = 3  # windows that say how it was from the begin on
DROP, SURGE = 0.2, 5.0  # times the usual number of rows
FEWEST_WINDOWS = 7
TESTS = 4


def traffic_findings(
    traffic: LatencyTally, refusals: RefusalTally, inputs: InputTally, look: LookAt, alpha: float, version: str
) -> list[Finding]:
    """Find what changed; all of it together may spend `alpha`."""
    slots, latency = joined_counts(traffic.counts, "", look.last)
    found = [_volume(slots, latency.sum(axis=1), look)]
    found += _refused(slots, latency.sum(axis=1), refusals, look, alpha / TESTS)
    repeated = joined_counts(inputs.repeats, "", look.last)
    change = find_change(repeated, look, alpha, TESTS, faulty=[REPEATED])
    if change is not None and _beyond_chance(*repeated, change):
        found.append(_repeats(change))
    slower = find_change((slots, latency), look, alpha, TESTS, ordered=True, least=LEAST_SLOWER)
    if slower is not None:
        found.append(_latency(slower, slots, latency, look))
    from dataclasses import replace

    return [replace(each, version=version) for each in found if each is not None]


def _volume(slots: Array, rows: Array, look: LookAt) -> Finding | None:
    """Requests that no longer come, or far fewer or more than usual at this time."""
    windows = look.of(slots, rows[:, None])[:, 0].astype(float)
    past = windows[:-1][-WEEK * 4 :]
    if len(past) < FEWEST_WINDOWS:
        return None
    lowest, usual, now = float(past.min()), float(np.median(past[-WEEK:])), float(windows[-1])
    if now < DROP * lowest and lowest >= FEWEST_LOST:
        last = time_of(int(slots[-1]) + 1) if len(slots) else None
        none = now == 0
        summary = f"No request since {_moment(last)}" if none else f"Only {now:,.0f} requests in the newest window"
        return Finding(
            "traffic.gap", "traffic", Level.alarm, f"{summary}; the fewest of a window before were {lowest:,.0f}.",
            since=last if none else None, old=usual, new=now, severity=150.0,
            hint="Check whether the service is up, and its log is delivered: `seatrial log summary --since 7d`.",
        )  # fmt: skip
    if now > SURGE * float(past.max()) and now >= FEWEST_LOST:
        summary = f"{now:,.0f} requests in the newest window; the most of a window before were {past.max():,.0f}."
        return Finding("traffic.surge", "traffic", Level.noted, summary, old=usual, new=now)
    return None


def _refused(slots: Array, rows: Array, refusals: RefusalTally, look: LookAt, alpha: float) -> list[Finding]:
    """Columns and rules by which more is refused than before."""
    names = refusals.names
    if not names:
        return []
    refused_slots, refused = joined_counts(refusals.counts, "", look.last)
    every = np.union1d(slots, refused_slots)
    counts = np.zeros((len(every), len(names) + 1), dtype=np.int64)
    counts[np.searchsorted(every, refused_slots)] = refused[:, : len(names) + 1]
    asked = counts[:, REFUSED].copy()
    asked[np.searchsorted(every, slots)] += rows
    found = []
    for k, (column, rule) in enumerate(names, 1):
        pair = np.stack([np.maximum(asked - counts[:, k], 0), counts[:, k]], axis=1)
        change = find_change((every, pair), look, alpha / 2, len(names), faulty=[1], least=LEAST_REFUSED)
        change = change or _much_refused(look.of(every, pair), limit(alpha / 2, len(names)))
        if change is None or change.after <= change.before:
            continue
        since = None if change.since is None else time_of(change.since)
        what = f"`{column}` breaks the rule {rule}" if column else f"{rule or 'the body'}"
        found.append(
            Finding(
                "traffic.refusals", "traffic", change.level,
                f"Requests are refused because {what}: {percent(change.after)} of them"
                f"{_since_when(change)}.{_reason(rule)}",
                subject=f"{column}: {rule}" if column else rule, since=since, share=change.after, old=change.before,
                new=change.after, log_p=change.log_p, severity=120 + min(-change.log_p, 700) / 10,
                hint="`seatrial log --refused` shows them. Ask who sends them, or widen the schema and train again.",
            )
        )  # fmt: skip
    return found


def _much_refused(windows: Array, bound: float) -> ShareChange | None:
    """More than MUCH_REFUSED of the newest requests, if it was so from the begin on or there is no past without it.

    A step needs LONG windows before it. How probable it is, is the tail of a binomial number.
    """
    from scipy.stats import binom

    filled = windows[windows.sum(axis=1) > 0]
    if not len(filled):
        return None
    newest, oldest = filled[-AT_FIRST:].sum(axis=0), filled[:AT_FIRST].sum(axis=0)
    rows, refused = int(newest.sum()), int(newest[1])
    log_p = float(binom.logsf(refused - 1, rows, MUCH_REFUSED))
    without = np.count_nonzero(filled[:, 1] <= MUCH_REFUSED * filled.sum(axis=1))
    if log_p >= bound or (oldest[1] <= MUCH_REFUSED * oldest.sum() and without >= LONG):
        return None
    bins = np.array([False, True])
    return ShareChange(bins, 0.0, refused / rows, log_p, None, gross=True, level=Level.alarm)


def _since_when(change: ShareChange) -> str:
    if change.gross:
        return "; the training had no such row"
    since = None if change.since is None else time_of(change.since)
    return f"{f' since {_moment(since)}' if since else ''}, it was {percent(change.before)}"


def _reason(rule: str) -> str:
    """What a broken rule usually means, by its type or its message."""
    if rule in ("literal_error", "enum") or " or '" in rule:
        return " A category was renamed or is new, or the value is missing."
    if rule == "missing" or rule.endswith("_type") or "valid " in rule:
        return " The value is missing, or of another type."
    return " A unit, a sign, or a value such as -999 for missing may be the cause." if "than" in rule else ""


def _beyond_chance(slots: Array, counts: Array, change: ShareChange) -> bool:
    """Whether more requests are repeated than so much traffic repeats by chance.

    A table of few distinct rows repeats more of them the more requests an hour has. How many rows could as well be
    asked about is learned from the hours before: as if each was equally likely, which expects rather too much.
    """
    if change.since is None or change.after <= change.before:
        return change.after > change.before
    before = np.flatnonzero(slots < change.since)[-WEEK * 24 :]  # hours that have rows, also from before a pause
    rows, later = counts[before].sum(axis=1), counts[slots >= change.since].sum(axis=1)
    distinct = _distinct_rows(rows, int(counts[before][:, REPEATED].sum()))
    expected = _repeated_by_chance(later, distinct) / max(later.sum(), 1)
    return bool(change.after - expected >= LEAST_FAULTY)


def _repeated_by_chance(rows: Array, distinct: float) -> float:
    """How many of the rows of hours (hours,) repeat one before them, if they are of so many equally likely ones."""
    return float((rows + distinct * np.expm1(-rows / distinct)).sum())


def _distinct_rows(rows: Array, repeated: int) -> float:
    """Of how many equally likely rows hours with so many `rows` (hours,) would repeat so many: bisection."""
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _repeated_by_chance(rows, math.exp(middle)) > repeated else (low, middle)
    return math.exp(high)


def _repeats(change: ShareChange) -> Finding:
    since = None if change.since is None else time_of(change.since)
    summary = (
        f"Requests come twice: {percent(change.after)} repeat a row of the same hour"
        f"{f' since {_moment(since)}' if since else ''}, it was {percent(change.before)}."
    )
    return Finding(
        "traffic.repeats", "traffic", change.level, summary, since=since, share=change.moved, old=change.before,
        new=change.after, log_p=change.log_p, severity=130.0,
        hint="A client may retry, or a job may have run twice; each repeated row counts in every figure here.",
    )  # fmt: skip


def _latency(change: ShareChange, slots: Array, latency: Array, look: LookAt) -> Finding:
    edges = np.array([SECONDS[0], *SECONDS])
    newest = latency[slots > look.last - look.hours].sum(axis=0)
    before = latency[slots <= look.last - look.hours].sum(axis=0)
    old, new = (float(edges[int(np.searchsorted(np.cumsum(each), each.sum() / 2))]) for each in (before, newest))
    words = "longer" if new > old else "less time"
    summary = f"Answers take {words}: half of them {new * 1e3:.3g} ms or more, it was {old * 1e3:.3g} ms."
    since = None if change.since is None else time_of(change.since)
    level = change.level if new > 2 * old else Level.noted
    return Finding(
        "traffic.latency", "traffic", level, summary, since=since, share=change.moved, old=old, new=new,
        log_p=change.log_p, severity=50.0, hint="Look at the machine's load, and at what was deployed then.",
    )  # fmt: skip


def _moment(moment: datetime | None) -> str:
    return f"{moment:%A, %d %B, %H:%M} UTC" if moment else "the begin of the log"


def clock_notes(slots: Array, last: int) -> list[str]:
    """What the clock of a server makes of a log: rows of the future, and of long before the others."""
    notes = []
    if (slots > last + 1).any():
        notes.append(f"Some rows are of the future, up to {_moment(time_of(int(slots.max())))}: a clock that is wrong.")
    gaps = np.diff(slots)
    if len(gaps) and gaps.max() > 366 * 24:
        place = int(gaps.argmax())
        days = int(gaps.max()) * HOUR // 86_400
        notes.append(
            f"Between {_moment(time_of(int(slots[place])))} and the next row are {days:,} days: a clock that jumped, "
            "or an old log."
        )
    return notes
