"""A watch as one JSON document, with its schema, and as Markdown for an issue or a job's page."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from seatrial.core import files
from seatrial.trial.report.markdown import folded, md, md_table, standard_json
from seatrial.trial.report.words import cut, sentence
from seatrial.watch.watch_records import Finding, Level, Watched
from seatrial.watch.watch_words import (
    TITLE,
    facts,
    headline,
    of_level,
    parts_of,
    readable,
    rows_command,
    state_of,
    written,
)

SCHEMA = 1  # of the document
MOST_LISTED = 10
MARK = {Level.well: "✅", Level.noted: "📝", Level.unknown: "❔", Level.alarm: "⛔"}
STATE = {"well": "✅", "acknowledged": "☑️", "unknown": "❔", "alarm": "⛔", "noted": "📝"}


def to_document(watched: Watched, acknowledged: Collection[str] = ()) -> dict[str, Any]:
    """The document: the records, with the state and the line that people see; times in ISO format, UTC."""
    line = headline(watched, acknowledged)
    document: dict[str, Any] = standard_json(_timed(asdict(watched)))
    for finding, written_finding in zip(watched.findings, document["findings"], strict=True):
        written_finding["id"] = finding.id
        written_finding["acknowledged"] = finding.id in acknowledged
        written_finding["severity"] = written_finding["severity"] or 0.0  # NaN has no order
    return {
        "schema": SCHEMA,
        "state": line.state,
        "line": standard_json(line.text),
        "to_do": standard_json(line.to_do),
        **document,
    }


def to_json(watched: Watched, acknowledged: Collection[str] = ()) -> str:
    """Write the document as standard JSON."""
    return files.to_json(to_document(watched, acknowledged))


def _timed(value: Any) -> Any:
    """Write times as text; everything else is as it was."""
    if isinstance(value, dict):
        return {key: _timed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_timed(each) for each in value]
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def json_schema() -> dict[str, Any]:
    """Describe the document as JSON Schema, generated from the records."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Watched).json_schema(mode="serialization")
    states = {"enum": list(STATE), "title": "State", "type": "string"}
    text = {"type": "string"}
    more = {
        "schema": {"const": SCHEMA, "title": "Schema", "type": "integer"},
        "state": states,
        "line": text,
        "to_do": text,
    }
    schema["properties"] = {**more, **schema["properties"]}
    schema["required"] = sorted(schema["properties"])
    finding = schema["$defs"]["Finding"]
    finding["properties"] |= {"id": text, "acknowledged": {"type": "boolean"}}
    for name, record in schema["$defs"].items():
        if "properties" in record:
            record["required"] = sorted(record["properties"])
            record["title"] = name
    title = f"What a watch found, schema {SCHEMA}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def to_markdown(watched: Watched, acknowledged: Collection[str] = ()) -> str:
    """Write what an issue or a job's page shows: the line, the alarms with what to do, the parts, the rest folded."""
    shown = readable(watched)
    line = headline(shown, acknowledged)
    parts = [f"## {STATE[line.state]} {line.word}: {md(line.text)}", md(line.to_do)]
    alarms = of_level(shown, Level.alarm) + of_level(shown, Level.unknown)
    if alarms:
        parts.append("\n".join(_item(each, each.id in acknowledged) for each in alarms[:MOST_LISTED]))
        if len(alarms) > MOST_LISTED:
            parts.append(f"And {len(alarms) - MOST_LISTED} more on the page.")
    rows = []
    for part, level, found in parts_of(shown):
        looked = bool(found) or any(each.part == part for each in shown.series)
        mark = STATE[state_of(level, found, acknowledged)] if looked else "not looked at"
        rows.append((TITLE[part], mark, md(cut(sentence(found[0].summary), 240)) if found else ""))
    parts.append(md_table(("part", "", "first"), rows))
    if noted := of_level(shown, Level.noted):
        parts.append(folded(f"{len(noted)} worth reading", "\n".join(_item(each) for each in noted[:MOST_LISTED])))
    if shown.notes:
        parts.append("\n".join(f"- {md(sentence(note))}" for note in shown.notes))
    versions = ", ".join(map(md, shown.versions))
    parts.append(f"<sub>{md(shown.project)} {versions}, looked at {md(written(shown.at))}</sub>")
    return "\n\n".join(part for part in parts if part) + "\n"


def _item(finding: Finding, acknowledged: bool = False) -> str:
    mark = STATE["acknowledged"] if acknowledged else MARK[finding.level]
    line = f"- {mark} **{md(finding.id)}**: {md(sentence(cut(finding.summary, 400)))}"
    more = facts(finding)
    line += f" ({md(more)})" if more else ""
    line += f"<br>{md(sentence(cut(finding.hint, 300)))}" if finding.hint else ""
    return f"{line}<br>`{rows_command(finding)}`" if "`" not in rows_command(finding) else line
