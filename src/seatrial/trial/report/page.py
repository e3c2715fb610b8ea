"""The page of a verdict: one file that opens anywhere, verdict and cause first. Its pictures are in `sections.py`."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seatrial.pages import render
from seatrial.pages.charts import Svg
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Suite, Verdict
from seatrial.trial.report.reading import (
    QUESTION,
    WORD,
    against,
    failed,
    figures_of,
    headline,
    readable,
    short_hash,
    suite_states,
    told,
    total_seconds,
    worst_first,
)
from seatrial.trial.report.sections import flips, sections
from seatrial.trial.report.words import CODE, cell, figure, moment, sentence, signed

MOST_ROWS, MOST_COLUMNS = 10, 24


@dataclass(frozen=True)
class CheckLine:
    """One check as the page tells it."""

    id: str
    suite: str
    outcome: str
    word: str
    summary: Svg
    hint: Svg
    figures: str


@dataclass(frozen=True)
class Row:
    """One row that changed: where its answer went, from 0 to 1 where it is a probability, and its values."""

    old: str
    new: str
    change: str
    label: str
    ends: tuple[float, float] | None
    values: tuple[tuple[str, bool], ...]


def to_html(verdict: Verdict, command: str = "seatrial trial") -> str:
    """Render the page: no script, nothing to fetch, no clock; `command` is what holds this trial again."""
    verdict = readable(verdict)
    line = headline(verdict)
    columns = _columns(verdict)
    rows = [_row(row, columns) for row in verdict.worst_rows[:MOST_ROWS]]
    return render(
        "trial.html",
        verdict=verdict,
        against=against(verdict),
        line=line,
        cause=prose(line.cause),
        to_do=prose(line.to_do),
        when=moment(verdict.started) if verdict.started else "",
        sides=[(role, side, short_hash(side)) for role, side in _sides(verdict)],
        libraries=list(_libraries(verdict)),
        suites=[(state, prose(state.line)) for state in suite_states(verdict)],
        failed=[_line(check) for check in failed(verdict)],
        told=[_line(check) for check in told(verdict)],
        sections=list(sections(verdict)),
        flips=flips(verdict),
        columns=columns,
        rows=rows,
        moves=any(row.ends for row in rows),
        checks=[
            (suite, [_line(c) for c in worst_first([c for c in verdict.checks if c.suite == suite])])
            for suite in QUESTION
        ],
        policy=[(name, cell(value), _meaning(name)) for name, value in verdict.policy.items()],
        seconds=[(name, f"{value:.1f}") for name, value in verdict.seconds.items() if name != "total"],
        total=f"{total_seconds(verdict):.1f}" if verdict.seconds else "",
        command=command,
    )


def _of(verdict: Verdict, suite: Suite) -> list[Check]:
    return [check for check in verdict.checks if check.suite == suite]


def prose(text: str) -> Svg:
    """Escape a sentence, and set what it marks as code as code."""
    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [html.escape(text[end : code.start()]), f"<code>{html.escape(code.group(1))}</code>"]
        end = code.end()
    return Svg("".join([*parts, html.escape(text[end:])]))


def _line(check: Check) -> CheckLine:
    return CheckLine(
        check.id,
        check.suite,
        check.outcome.value,
        WORD[check.outcome],
        prose(sentence(check.summary)),
        prose(sentence(check.hint)),
        figures_of(check),
    )


def _sides(verdict: Verdict) -> Iterator[tuple[str, Any]]:
    if verdict.baseline:
        yield "Baseline", verdict.baseline
    yield "Candidate", verdict.candidate


def _libraries(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    """What the two environments differ in: a changed library is a cause that nobody looks for."""
    old = verdict.baseline.environment if verdict.baseline else {}
    new = verdict.candidate.environment
    for name in sorted({*old, *new}) if old else []:
        if old.get(name) != new.get(name):
            yield name, old.get(name, "none"), new.get(name, "none")


def _columns(verdict: Verdict) -> list[str]:
    """The rows' columns, those that changed in a row first."""
    rows = verdict.worst_rows[:MOST_ROWS]
    names = list(dict.fromkeys(name for row in rows for name in row.get("row", {})))
    changed = {name for row in rows for name in _changed(row)}
    return sorted(names, key=lambda name: name not in changed)[:MOST_COLUMNS]


def _changed(row: dict[str, Any]) -> set[str]:
    given = row.get("changed") or ()
    return {str(each.get("column", "")) if isinstance(each, dict) else str(each) for each in given}


def _row(row: dict[str, Any], columns: list[str]) -> Row:
    old, new = row.get("old"), row.get("new")
    change, ends = "", None
    if isinstance(old, int | float) and isinstance(new, int | float):
        change = signed(float(new) - float(old))
        ends = (float(old), float(new)) if 0 <= old <= 1 and 0 <= new <= 1 else None
        old, new = figure(float(old)), figure(float(new))
    values, changed = row.get("row", {}), _changed(row)
    return Row(
        cell(old),
        cell(new),
        change,
        cell(row.get("label")),
        ends,
        tuple((cell(values.get(name), 36), name in changed) for name in columns),
    )


def _meaning(name: str) -> str:
    known = Policy.model_fields.get(name)
    return (known.description or "") if known else ""
