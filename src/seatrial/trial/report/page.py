"""The page of a verdict: one file that opens anywhere, verdict and cause first. Its charts are in `sections.py`."""

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.pages import render
from seatrial.pages.charts import Svg
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Subject, Verdict
from seatrial.trial.report import reading
from seatrial.trial.report.remedies import what_to_do
from seatrial.trial.report.sections import flips, sections
from seatrial.trial.report.words import cell, marked, moment, sentence

MOST_ROWS, MOST_COLUMNS = 10, 24


@dataclass(frozen=True)
class CheckLine:
    """One check as the page shows it."""

    id: str
    outcome: str
    word: str
    summary: Svg
    hint: Svg
    figures: str


@dataclass(frozen=True)
class Row:
    """One row that changed: its old and new prediction, the two as `ends` from 0 to 1 for a probability, its values."""

    old: str
    new: str
    change: str
    label: str
    ends: tuple[float, float] | None
    values: tuple[tuple[str, bool], ...]


def to_html(verdict: Verdict, command: str = "seatrial trial", pages: Sequence[tuple[str, str]] = ()) -> str:
    """Render the page: no script, nothing to fetch, no clock; `command` runs this trial again.

    `pages` are related pages: titles, and links relative to this page. What holds is folded.
    """
    verdict = reading.readable(verdict)
    line = reading.headline(verdict)
    columns = _columns(verdict)
    rows = [_row(row, columns) for row in verdict.worst_rows[:MOST_ROWS]]
    return render(
        "trial.html",
        verdict=verdict,
        against=reading.against(verdict),
        line=line,
        cause=prose(line.cause),
        to_do=prose(line.to_do),
        remedies=[prose(step) for step in what_to_do(verdict)],
        when=moment(verdict.started) if verdict.started else "",
        releases=[(role.capitalize(), each, each.sha256[:12]) for role, each in reading.releases(verdict)],
        libraries=list(_changed_libraries(verdict.baseline, verdict.candidate)),
        suites=reading.suite_states(verdict),
        failed=[_line(check) for check in reading.failed(verdict)],
        notable=[_line(check) for check in reading.notable(verdict)],
        sections=list(sections(verdict)),
        flips=flips(verdict),
        columns=columns,
        rows=rows,
        moves=any(row.ends for row in rows),
        drivers=any(driving for row in rows for _, driving in row.values),
        checks=[(suite, [_line(check) for check in reading.checks_of(verdict, suite)]) for suite in reading.QUESTIONS],
        policy=[(name, cell(value), _description(name)) for name, value in verdict.policy.items()],
        seconds=[(name, f"{value:.1f}") for name, value in verdict.seconds.items() if name != "total"],
        total=f"{reading.total_seconds(verdict):.1f}" if verdict.seconds else "",
        counts=_counts(verdict),
        command=command,
        pages=pages,
    )


def _counts(verdict: Verdict) -> str:
    """How many checks have each outcome, the worst first."""
    found = Counter(check.outcome for check in reading.worst_first(verdict.checks))
    return ", ".join(f"{number} {outcome}" for outcome, number in found.items())


def prose(text: str) -> Svg:
    """Escape a sentence, and set what it marks as code as code."""
    return Svg(marked(text, html.escape, lambda code: f"<code>{html.escape(code)}</code>"))


def _line(check: Check) -> CheckLine:
    summary, hint = prose(sentence(check.summary)), prose(sentence(check.hint))
    word, figures = reading.WORD[check.outcome], reading.figures_of(check)
    return CheckLine(check.id, check.outcome.value, word, summary, hint, figures)


def _changed_libraries(baseline: Subject | None, candidate: Subject) -> Iterator[tuple[str, str, str]]:
    """The differences between the two environments: a changed library is a cause that is easily overlooked."""
    old, new = baseline.environment if baseline else {}, candidate.environment
    for name in sorted({*old, *new}) if old else []:
        if old.get(name) != new.get(name):
            yield name, old.get(name, "none"), new.get(name, "none")


def _columns(verdict: Verdict) -> list[str]:
    """The rows' columns, with those that drive a change first."""
    rows = verdict.worst_rows[:MOST_ROWS]
    names = list(dict.fromkeys(name for row in rows for name in row.get("row", {})))
    driving = {str(name) for row in rows for name in row.get("drivers", ())}
    return sorted(names, key=lambda name: name not in driving)[:MOST_COLUMNS]


def _row(row: dict[str, Any], columns: list[str]) -> Row:
    ends = reading.predictions_of(row)
    values, drivers = row.get("row", {}), row.get("drivers", ())
    cells = tuple((cell(values.get(name), 36), name in drivers) for name in columns)
    within = ends if ends and min(ends) >= 0 and max(ends) <= 1 else None
    return Row(*reading.movement(row), cell(row.get("label")), within, cells)


def _description(setting: str) -> str:
    known = Policy.model_fields.get(setting)
    return (known.description or "") if known else ""
