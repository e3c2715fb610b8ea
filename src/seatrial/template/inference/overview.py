"""Summarises an examination, one entry per column, for a terminal to show before anything is confirmed."""

from dataclasses import dataclass
from typing import Any

from seatrial.template.codegen.literals import short
from seatrial.template.records import KINDS, ColumnFacts, Examination

SHOWN = 4  # categories


@dataclass(frozen=True)
class ColumnOverview:
    """One column as text: its name, type, values, how often it is missing, and whether it is used."""

    name: str
    kind: str
    values: str
    missing: str
    use: str


def column_overviews(examination: Examination) -> tuple[ColumnOverview, ...]:
    """One entry per column in the table's order, the target first."""
    target = examination.target
    if target.labels:
        values = ", ".join(f"{short(label, 20)} {count / examination.rows:.0%}" for label, count in target.labels[:8])
        values += f" and {len(target.labels) - 8} more" if len(target.labels) > 8 else ""
    else:
        values = f"{target.minimum:g} to {target.maximum:g}"
    use = "the target" + (f"; {target.positive} is positive" if target.positive else "")
    first = ColumnOverview(target.name, target.task, values, "", use)
    overviews = [first]
    for column in examination.columns:
        missing = f"{column.missing / examination.rows:.1%}" if column.missing else ""
        use = column.left_out or "used"
        overviews.append(ColumnOverview(column.name, KINDS[column.kind], _values(column), missing, use))
    return tuple(overviews)


def _values(column: ColumnFacts) -> str:
    if column.kind in ("integer", "number", "date", "moment") and column.minimum is not None:
        return f"{_plain(column.minimum)} to {_plain(column.maximum)}"
    if column.kind in ("category", "boolean"):
        shown = ", ".join(short(_plain(value), 20) for value, _ in column.counts[:SHOWN])
        more = len(column.counts) - SHOWN
        return shown + (f" and {more} more" if more > 0 else "")
    if not column.distinct:
        return ""
    return f"{column.distinct:,} distinct, such as {short(str(column.example), 30)!r}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.isoformat(sep=" ") if hasattr(value, "hour") else str(value)
