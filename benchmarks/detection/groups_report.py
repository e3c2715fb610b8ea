"""The tables that were tuned on, reported and fresh, beside each other: what was stopped, caught, named and missed."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.detection.reasons import NONE_FOUND, REASONS, reason
from benchmarks.detection.report import Line, interval, stopped
from benchmarks.detection.scenarios import IN_TIME, MATURED
from benchmarks.tables.gathered import GROUPS

FAULT = "new-row fault"
START, END = "<!-- groups -->", "<!-- /groups -->"
CHECKS_SHOWN = 4
ENOUGH = 50  # new rows, below which most faults cannot be told from chance


def render_groups(lines: list[Line], *, short: bool = False) -> tuple[str, dict[str, Any]]:
    """The tables as Markdown, and their figures as a document; nothing where there are no such lines.

    The `short` ones have only the kinds that were missed before, and no list of single misses.
    """
    lines = [line for line in lines if line["kind"] in ("benign", FAULT) and line["role"] in GROUPS]
    groups = [group for group in GROUPS if any(line["role"] == group for line in lines)]
    if not groups:
        return "", {}
    by_group = {group: [line for line in lines if line["role"] == group] for group in groups}
    text = [
        *_summary(by_group),
        *_harmless(by_group),
        *_families(by_group),
        *_kinds(by_group, short),
        *_missed(by_group, short),
    ]
    return "\n".join(text) + "\n", {"groups": {group: _figures(part) for group, part in by_group.items()}}


def one_population(lines: Iterable[Line]) -> list[Line]:
    """Harmless releases of which any stop is a false alarm: old and new rows are one population."""
    return [
        line for line in lines
        if line["kind"] == "benign" and _ran(line) and not line["family"].startswith((IN_TIME, MATURED))
    ]  # fmt: skip


def counted(lines: Iterable[Line]) -> list[Line]:
    """The faults that count: they were trained on, and are not too small."""
    return [line for line in lines if line["kind"] == FAULT and _ran(line) and not line["small"]]


def _ran(line: Line) -> bool:
    return line["outcome"] not in ("not applicable", "rejected", "error")


def _figures(lines: list[Line]) -> dict[str, Any]:
    harmless, faults = one_population(lines), counted(lines)
    listed = [line for line in faults if line["listed"]]
    return {
        "tables": len({line["source"] for line in lines}),
        "commits": sorted({line.get("commit", "") for line in lines}),
        "harmless": [sum(map(stopped, harmless)), len(harmless)],
        "settings": {name: [sum(map(stopped, part)), len(part)] for name, part in _by(harmless, "family").items()},
        "in time": [sum(map(stopped, part)) for part in [_timed(lines)]] + [len(_timed(lines))],
        "caught": [sum(map(stopped, faults)), len(faults)],
        "caught of the listed": [sum(map(stopped, listed)), len(listed)],
        "named": [sum(line["named"] for line in faults if stopped(line)), sum(map(stopped, faults))],
        "too small": sum(line["kind"] == FAULT and line.get("small", False) for line in lines),
        "rejected": sum(line["outcome"] == "rejected" for line in lines),
        "kinds": {name: [sum(map(stopped, part)), len(part)] for name, part in _by(faults, "name").items()},
    }


def _enough(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.get("new_rows", 0) >= ENOUGH]


def _timed(lines: Iterable[Line]) -> list[Line]:
    return [ln for ln in lines if ln["kind"] == "benign" and _ran(ln) and ln["family"].startswith(IN_TIME)]


def _by(lines: Iterable[Line], key: str) -> dict[str, list[Line]]:
    parts: dict[str, list[Line]] = {}
    for line in lines:
        parts.setdefault(line[key], []).append(line)
    return parts


def _rate(hits: int, count: int) -> str:
    return f"{hits:,} of {count:,}, {hits / count:.1%} ({interval(hits, count)})" if count else ""


def _stopped_of(lines: list[Line]) -> str:
    return _rate(sum(map(stopped, lines)), len(lines))


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def _summary(by_group: dict[str, list[Line]]) -> list[str]:
    def row(name: str, value: Callable[[list[Line]], str]) -> list[str]:
        return [name, *(value(lines) for lines in by_group.values())]

    def named(lines: list[Line]) -> str:
        caught = [line for line in counted(lines) if stopped(line)]
        return _rate(sum(line["named"] for line in caught), len(caught))

    def worst(lines: list[Line]) -> str:
        parts = _by(one_population(lines), "family")
        name = max(parts, key=lambda n: sum(map(stopped, parts[n])) / len(parts[n]), default="")
        return f"{name}: {_stopped_of(parts[name])}" if name else ""

    rows = [
        row("tables", lambda lines: str(len({line["source"] for line in lines}))),
        row("harmless releases stopped", lambda lines: _stopped_of(one_population(lines))),
        row("the setting with most of these", worst),
        row("rows in the order of time: stopped", lambda lines: _stopped_of(_timed(lines))),
        row("faults in new rows caught", lambda lines: _stopped_of(counted(lines))),
        row(
            "of the kinds that were missed before",
            lambda lines: _stopped_of([x for x in counted(lines) if x["listed"]]),
        ),
        row(f"of those among at least {ENOUGH} new rows", lambda lines: _stopped_of(_enough(counted(lines)))),
        row("cause named first, of those caught", named),
        row("too small, apart", lambda lines: str(sum(line.get("small", False) for line in lines))),
        row("rejected by the schema, apart", lambda lines: str(sum(line["outcome"] == "rejected" for line in lines))),
        row("commit", lambda lines: ", ".join(sorted({line.get("commit", "")[:10] for line in lines}))),
    ]
    return _table(["", *by_group], rows)


def _harmless(by_group: dict[str, list[Line]]) -> list[str]:
    lines = [line for part in by_group.values() for line in part if line["kind"] == "benign" and _ran(line)]
    rows = []
    for name, part in _by(lines, "family").items():
        checks = Counter(check.partition(":")[0] for line in part if stopped(line) for check in set(line["failed"]))
        shown = ", ".join(f"{check} {count}" for check, count in checks.most_common(CHECKS_SHOWN))
        cells = [_stopped_of([line for line in part if line["role"] == group]) for group in by_group]
        rows.append([name, *cells, shown])
    return _table(["harmless, stopped", *by_group, "by"], rows)


def _families(by_group: dict[str, list[Line]]) -> list[str]:
    faults = {group: counted(lines) for group, lines in by_group.items()}
    names = dict.fromkeys(line["family"] for part in faults.values() for line in part)
    rows = [
        [name, *(_stopped_of([ln for ln in part if ln["family"] == name]) for part in faults.values())]
        for name in names
    ]
    return _table(["faults in new rows, caught", *by_group], rows)


def _kinds(by_group: dict[str, list[Line]], short: bool) -> list[str]:
    faults = {group: counted(lines) for group, lines in by_group.items()}
    listed = {line["name"]: line["listed"] for part in faults.values() for line in part}
    rows = []
    for name in sorted(listed, key=lambda n: (not listed[n], n)):
        if short and not listed[name]:
            continue
        cells = []
        for part in faults.values():
            tried = [line for line in part if line["name"] == name]
            caught = [line for line in tried if stopped(line)]
            named = sum(line["named"] for line in caught)
            cells.append(f"{_rate(len(caught), len(tried))}; named {named} of {len(caught)}" if tried else "")
        rows.append([f"**{name}**" if listed[name] else name, *cells])
    return _table(["kind (bold: missed before), caught", *by_group], rows)


def _missed(by_group: dict[str, list[Line]], short: bool) -> list[str]:
    """Why faults were missed, by group; and, unless `short`, one by one those for which no reason was found."""
    missed = {group: [ln for ln in counted(lines) if not stopped(ln)] for group, lines in by_group.items()}
    counts = {group: Counter(map(reason, lines)) for group, lines in missed.items()}
    rows = [[name, *(str(counts[group][name]) for group in by_group)] for name in REASONS]
    rows = [row for row in rows if any(cell != "0" for cell in row[1:])]
    unexplained = [
        [ln["name"], f"{ln['source']}, {ln['model']}, split {ln['seed']}", group, f"{ln['new_rows']:,}",
         f"{ln['cells']:.1%}", f"{ln['moved']:.1%}"]
        for group, lines in missed.items() for ln in lines if reason(ln) == NONE_FOUND
    ]  # fmt: skip
    head = [f"missed, {NONE_FOUND}", "table", "group", "new rows", "cells changed", "answers moved"]
    listed = _table(head, sorted(unexplained)) if unexplained and not short else []
    return [*_table(["missed, by reason", *by_group], rows), *listed]


def write_between_markers(page: Path, text: str) -> None:
    """Write the tables into a page, between its two markers."""
    content = page.read_text(encoding="utf-8")
    before, start, rest = content.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"{page} has no {START} ... {END}. Add both lines where the tables belong.")
    page.write_text(f"{before}{START}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")
