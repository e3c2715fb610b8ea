"""What was inferred of a table, in words and rows that a person can check at a glance."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.template.records import ColumnFacts, Examination

MOST = 60  # columns in the table on the screen
WORDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "category": "category",
    "code": "one of many names",
    "text": "text",
    "date": "date",
    "moment": "date and time",
}


def sentences(examination: "Examination") -> list[str]:
    """The source, the target with its task, and the decisions about the whole table."""
    source, target = examination.source, examination.target
    facts = ", ".join(f"{fact.name} {fact.value}" for fact in source.facts)
    lines = [
        "",
        f"{source.name}: {source.rows:,} rows, {len(source.columns)} columns" + (f" ({facts})" if facts else ""),
    ]
    if target.task == "regression":
        lines.append(f"Predicts {target.name}, a number from {_figure(target.minimum)} to {_figure(target.maximum)}.")
    else:
        counts = dict(target.labels)
        shown = ", ".join(f"{label} ({counts[label]:,})" for label in target.ordered[:10])
        more = f" and {len(target.ordered) - 10} more" if len(target.ordered) > 10 else ""
        lines.append(f"Predicts {target.name}, {target.task}: {shown}{more}.")
    about = ("task", "positive", "rows", "data", "target")
    lines += [f"  {decision}" for decision in examination.decisions if decision.about in about]
    if examination.sampled:
        lines.append(f"  {examination.sampled}")
    return [*lines, ""]


def column_rows(examination: "Examination") -> list[tuple[str, str, str, str, str]]:
    """One row for each column, those that are left out last, each with its reason."""
    columns = [*examination.used, *examination.unused]
    rows = [_row(column, examination) for column in columns[:MOST]]
    if len(columns) > MOST:
        rows.append((f"and {len(columns) - MOST} more", "", "", "", ""))
    return rows


def _row(column: "ColumnFacts", examination: "Examination") -> tuple[str, str, str, str, str]:
    missing = f"{column.missing_share:.1%}" if column.missing else ""
    name = column.name if column.name == column.source else f"{column.name} (was {column.source})"
    return name[:50], WORDS[column.kind], _range(column)[:50], missing, _use(column, examination)


def _use(column: "ColumnFacts", examination: "Examination") -> str:
    if column.used:
        return "yes"
    for decision in examination.of(column.name):
        if decision.about == "leave out" and decision.what == "left out":
            return f"no: {decision.why}" + (f" ({decision.evidence})" if decision.evidence else "")
    return f"no: {column.left_out}"


def _range(column: "ColumnFacts") -> str:
    if column.kind in ("category", "boolean") and column.counts:
        names = [str(value) for value, _ in column.counts]
        return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    if column.kind in ("code", "text"):
        return f"{column.distinct:,} different"
    if column.minimum is None:
        return ""
    return f"{_figure(column.minimum)} to {_figure(column.maximum)}"


def _figure(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
