"""Measures one case: what alarmed and when, on the same looks for the watch and its peers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.watch.faults import LABEL_WAIT, LABELS, RELATION
from benchmarks.watch.our_watch import OurWatch
from benchmarks.watch.peer_tools import tool_alarms
from benchmarks.watch.peers import NAMES, compared, peers, window_columns
from benchmarks.watch.sizes import POINT, Sizes
from benchmarks.watch.streams import Day, Stream
from benchmarks.watch.traffic import BEGIN, DAY
from seatrial.model.features import Columns

HOUR = 3_600 * 10**6  # microseconds
AFFECTED = 500  # rows after which a sudden fault should be known, or after a day
PEER_LOOKS = 5  # the peers look at every fifth window only, which does not change how often they alarm
LOOKS_AFTER = 8  # of a fault, at most
SLOW_LOOKS = 3  # days between the looks for slow faults


@dataclass
class QuietFigures:
    """What happened on a quiet stream: alarms of ours by their IDs and days, looks of both, windows estimated."""

    looks: int = 0
    alarms: list[tuple[int, str, str]] = field(default_factory=list)
    peer_looks: int = 0
    peer_alarms: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    windows: int = 0
    covered: int = 0


def moment(micros: int) -> datetime:
    """A moment from microseconds."""
    return datetime.fromtimestamp(micros / 1e6, UTC)


def measure_quiet(stream: Stream, every: int = 1, tools: Path | None = None) -> dict[str, Any]:
    """Look each day, and at every window's expected metric once; `tools` is a Python that has other tools."""
    ours, figures, figure_of = OurWatch(stream), QuietFigures(), {}
    reference = {name: stream.population.columns[name][stream.trained.sample] for name in stream.trained.names}
    windows: list[Columns] = []
    for day in stream:
        ours.add(day)
        figure_of[BEGIN + day.number * DAY] = day
        if day.number % PEER_LOOKS == 0:
            figures.peer_looks += 1
            windows.append(window_columns(day.table, reference))
            for name, alarms in peers(reference, windows[-1]).items():
                figures.peer_alarms[name] += alarms
            if not tools:
                windows.clear()
    if tools:
        known, *shown = ({name: each[name] for name in compared(reference)} for each in (reference, *windows))
        figures.peer_alarms |= tool_alarms(tools, known, shown)
    known: set[str] = set()
    ours.begin_looking()
    for number in range(every, stream.days + 1, every):
        look = ours.look(moment(BEGIN + number * DAY))
        figures.looks += 1
        now = {each.id: each.summary for each in look.alarms}
        figures.alarms += [(number, name, text) for name, text in now.items() if name not in known]
        known = {*now}
    for begin, low, high in ours.expected_windows(moment(BEGIN + stream.days * DAY)):
        day = figure_of.get(begin)
        if day is not None:
            figures.windows += 1
            figures.covered += bool(low <= ours.realized(day) <= high)
    return {**vars(figures), "days": stream.days, "rows": int(sum(d.table.num_rows for d in figure_of.values()))}


def measure_fault(stream: Stream) -> dict[str, Any]:
    """Look daily before and after the fault until it is due, and note the first new alarm."""
    fault, begin = stream.fault, stream.begin
    assert fault is not None
    ours, affected = OurWatch(stream), []
    due = _due_of_slow(stream) if fault.slow else None
    for day in _days_until(stream, due):
        ours.add(day)
        times = np.asarray(day.table["time"].cast("int64"))[day.affected]
        affected += [*times.tolist(), *[BEGIN + day.number * DAY + DAY // 2] * day.lost]
        last = day.number
    if due is None:
        later = sorted(time for time in affected if time >= begin)
        enough = later[AFFECTED - 1] if len(later) >= AFFECTED else BEGIN + (last + 1) * DAY
        due = max(enough, begin + DAY)
        if fault.name in (LABELS, RELATION):  # it shows in labels only, which are waited for
            due += LABEL_WAIT * DAY
    ours.begin_looking()
    # A look sees its last hour whole, so the newest look before the fault ends where that hour begins.
    before = {each.id for at in (begin - DAY, begin - begin % HOUR) for each in ours.look(moment(at)).alarms}
    for at in _looks(begin, due, slow=fault.slow):
        look = ours.look(moment(at))
        new = [each for each in look.alarms if each.id not in before]
        if new:
            first, text = new[0], f"{new[0].name} {new[0].subject} {new[0].summary}"
            return {
                "found": True, "days": (at - begin) / DAY, "due": (due - begin) / DAY, "loss": fault.loss,
                "affected": int(np.searchsorted(np.sort(affected), at)), "name": first.name, "summary": first.summary,
                "column": not fault.column or fault.column in text, "kind_named": fault.names(text),
                "share": fault.share, "before": len(before),
            }  # fmt: skip
    return {"found": False, "due": (due - begin) / DAY, "loss": fault.loss, "share": fault.share, "before": len(before)}


def _days_until(stream: Stream, due: int | None) -> Iterator[Day]:
    """The days of a stream until the fault must be known."""
    seen = 0
    assert stream.fault is not None
    wait = LABEL_WAIT if stream.fault.name in (LABELS, RELATION) else 0
    left = None
    for day in stream:
        yield day
        seen += int(day.affected.sum()) + day.lost
        ends = BEGIN + (day.number + 1) * DAY
        if left is None and (ends >= due if due else seen >= AFFECTED and ends >= stream.begin + DAY):
            left = wait
        if left is not None:
            left -= 1
            if left < 0:
                return


def _looks(begin: int, due: int, *, slow: bool) -> Sequence[int]:
    """Moments of looks: each midnight, or fewer, and when it is due."""
    step = SLOW_LOOKS * DAY if slow else DAY
    nights = np.arange((begin // DAY + 1) * DAY, due, step)
    if len(nights) > LOOKS_AFTER and not slow:
        nights = nights[np.unique(np.linspace(0, len(nights) - 1, LOOKS_AFTER).astype(int))]
    return [*nights.tolist(), due]


def _due_of_slow(stream: Stream) -> int:
    """When a slow fault has cost two points of the metric."""
    assert stream.fault is not None
    sizes = Sizes(stream.population, stream.trained, stream.seed)
    low, high = 0.0, 1.0
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (low, middle) if sizes.loss(stream.fault.at(middle)) >= 2 * POINT else (middle, high)
    wait = LABEL_WAIT if stream.fault.name.startswith(RELATION) else 0
    return int(stream.begin + (high * stream.fault.days + wait) * DAY)
