"""A verdict as its JSON document, as Markdown for a pull request, as JUnit for a CI server, as rows for a terminal."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from seatrial.core import files
from seatrial.trial.records import SCHEMA, Check, NotComparedError, Outcome, Verdict
from seatrial.trial.report import reading
from seatrial.trial.report.markdown import folded, md, md_table, standard_json
from seatrial.trial.report.remedies import what_to_do
from seatrial.trial.report.words import cell, clean, cut, moment, sentence

MOST_LISTED = 10  # failed checks in a comment; the page has all of them
MOST_ROWS, MOST_COLUMNS = 10, 8
MARK = {
    Outcome.passed: "✅",
    Outcome.noted: "📝",
    Outcome.accepted: "☑️",
    Outcome.waiting: "⏳",
    Outcome.inconclusive: "❔",
    Outcome.blocked: "⛔",
}


def to_json(verdict: Verdict) -> str:
    """Write the document as standard JSON: the largest float in place of Infinity, null in place of NaN."""
    document = standard_json(verdict.to_document())
    for check in document["checks"]:
        check["severity"] = check["severity"] or 0.0  # NaN has no order
    return files.to_json(document)


def json_schema() -> dict[str, Any]:
    """Describe the document as JSON Schema, generated from the records."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Verdict).json_schema(mode="serialization")
    schema["properties"]["schema"] = {"const": SCHEMA, "title": "Schema", "type": "integer"}
    schema["required"] = [*schema["required"], "schema"]
    title = f"The result of a sea trial, schema {SCHEMA}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def to_markdown(result: Verdict | NotComparedError) -> str:
    """Write a comment for a pull request: the verdict, the suites, the failures with hints, the worst rows folded."""
    if isinstance(result, NotComparedError):
        first, hint = reading.not_compared(result)
        return "\n\n".join(part for part in (f"## ❔ {md(first)}", md(hint)) if part) + "\n"
    verdict = reading.readable(result)
    line = reading.headline(verdict)
    took = f", in {reading.total_seconds(verdict):.0f} s" if verdict.seconds else ""
    parts = [
        f"## {MARK[line.outcome]} {line.word}: {md(line.cause)}",
        "\n".join([md(line.to_do), *(f"- {md(step)}" for step in what_to_do(verdict))]),
        f"Sea trial of {md(reading.against(verdict))} as a {verdict.kind}{took}.{_changed_code(verdict)}",
        md_table(
            ("suite", "", "outcome", "summary"),
            [
                (s.suite, MARK[s.outcome] if s.outcome else "▫️", s.word, md(cut(s.line, 240)))
                for s in reading.suite_states(verdict)
            ],
        ),
    ]
    bad = reading.failed(verdict)
    if bad:
        parts.append("### What keeps it from passing")
        parts.append("\n".join(_md_check(check) for check in bad[:MOST_LISTED]))
        if len(bad) > MOST_LISTED:
            parts.append(f"And {len(bad) - MOST_LISTED} more on the page.")
    notes = reading.notable(verdict)
    if notes:
        body = "\n".join(_md_check(check) for check in notes[:MOST_LISTED])
        parts.append(folded(f"{len(notes)} worth reading", body))
    if verdict.worst_rows:
        parts.append(folded("The rows that changed most", _md_rows(verdict)))
    parts.append(f"<sub>{_releases(verdict)}</sub>")
    return "\n\n".join(parts) + "\n"


def _changed_code(verdict: Verdict) -> str:
    if not verdict.changed_code or not verdict.baseline:
        return ""
    return f" Code changed since {md(verdict.baseline.version)}: {', '.join(map(md, verdict.changed_code))}."


def _md_check(check: Check) -> str:
    figures = reading.figures_of(check)
    line = f"- {MARK[check.outcome]} **{md(check.id)}**: {md(sentence(cut(check.summary, 400)))}"
    line += f" ({md(figures)})" if figures else ""
    return line + (f"<br>{md(sentence(cut(check.hint, 300)))}" if check.hint else "")


def _md_rows(verdict: Verdict) -> str:
    rows = verdict.worst_rows[:MOST_ROWS]
    columns = list(dict.fromkeys(name for row in rows for name in row.get("row", {})))[:MOST_COLUMNS]
    body = []
    for row in rows:
        values = [cell(row.get("row", {}).get(name), 32) for name in columns]
        body.append(tuple(md(text) for text in (*reading.movement(row), cell(row.get("label")), *values)))
    return md_table(("old", "new", "change", "label", *(md(cut(name, 32)) for name in columns)), body)


def _releases(verdict: Verdict) -> str:
    parts = [f"{role} {md(s.version)}, wheel {md(s.sha256[:12])}" for role, s in reversed(reading.releases(verdict))]
    parts += [md(moment(verdict.started))] if verdict.started else []
    return "; ".join([*parts, f"Seatrial {md(verdict.seatrial)}"] if verdict.seatrial else parts)


def to_junit(result: Verdict | NotComparedError) -> str:
    """Write JUnit XML, one test case per check.

    Blocked and waiting are failures, inconclusive and not compared are errors; noted and accepted pass, with the reason
    in their output. Nothing is ever skipped, because many servers show a skipped test as green.
    """
    if isinstance(result, NotComparedError):
        first, hint = reading.not_compared(result)
        suite = _suite("seatrial.trial", 0.0, "")
        _case(suite, "trial", "compared", "error", first, hint, "not compared")
    else:
        verdict = reading.readable(result)
        suite = _suite(f"seatrial.trial: {reading.against(verdict)}", reading.total_seconds(verdict), verdict.started)
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in _properties(verdict):
            ElementTree.SubElement(properties, "property", name=name, value=value)
        for check in verdict.checks:
            more = "\n".join(part for part in (sentence(check.hint), reading.figures_of(check)) if part)
            words = (sentence(check.summary), more, check.outcome.value)
            _case(suite, check.suite, check.id, _KINDS.get(check.outcome), *words)
        line = reading.headline(verdict)
        if line.outcome in _KINDS and not reading.failed(verdict):
            _case(suite, "trial", "verdict", _KINDS[line.outcome], str(line), line.to_do, line.word.lower())
    for kind, plural in (("testcase", "tests"), ("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(plural, str(len(list(suite.iter(kind)))))
    root = ElementTree.Element("testsuites", {k: suite.attrib[k] for k in ("tests", "failures", "errors", "time")})
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


_KINDS = {Outcome.blocked: "failure", Outcome.waiting: "failure", Outcome.inconclusive: "error"}


def _suite(name: str, seconds: float, started: str) -> ElementTree.Element:
    attributes = {"name": name, "time": f"{seconds:.3f}"}
    return ElementTree.Element("testsuite", {**attributes, **({"timestamp": started} if started else {})})


def _case(
    suite: ElementTree.Element, classname: str, name: str, kind: str | None, line: str, more: str, word: str
) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=classname, name=name, time="0")
    text = "\n".join(part for part in (line, more) if part)
    if kind:
        ElementTree.SubElement(case, kind, message=line, type=word).text = text
    elif word != Outcome.passed.value:
        ElementTree.SubElement(case, "system-out").text = f"{word}: {text}"


def _properties(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "outcome", verdict.outcome.value
    yield "cause", verdict.cause
    yield "kind", verdict.kind
    yield "task", verdict.task
    for role, subject in reading.releases(verdict):
        yield role, f"{subject.name} {subject.version}"
        yield f"{role}.sha256", subject.sha256
        yield f"{role}.data_sha256", subject.data_sha256
    yield from ((f"rows.{name}", str(number)) for name, number in verdict.rows.items())
    yield "recommended_version", verdict.recommended_version
    yield "seatrial", verdict.seatrial
    yield "schema", str(verdict.schema)


def terminal_rows(verdict: Verdict, *, every: bool = False) -> list[tuple[str, str, str]]:
    """Rows of check, outcome and summary, without control characters, to be shown as plain text.

    Failures come first. A suite with several passed checks is one row, unless `every` check is wanted.
    """
    verdict = reading.readable(verdict)
    rows = [_row(check) for check in reading.failed(verdict)]
    for suite in reading.QUESTIONS:
        rest = [check for check in reading.checks_of(verdict, suite) if check.outcome not in _KINDS]
        good = [check for check in rest if check.outcome is Outcome.passed]
        if len(good) > 1 and not every:
            rows.append((f"{suite}: {len(good)} checks", reading.WORD[Outcome.passed].lower(), ""))
            rest = [check for check in rest if check.outcome is not Outcome.passed]
        rows += [_row(check) for check in rest]
    return rows


def _row(check: Check) -> tuple[str, str, str]:
    return check.id, reading.WORD[check.outcome].lower(), clean(sentence(check.summary), 300)
