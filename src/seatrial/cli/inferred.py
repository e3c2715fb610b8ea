"""What was inferred of a table, in words that a person can check at a glance: above, in and below the columns."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.template.records import Examination

MOST = 60  # columns on the screen, and as many notes
ABOUT_THE_TABLE = ("task", "positive", "rows", "data", "target")


def heading(examination: "Examination") -> list[str]:
    """The source and how it was read, the target, and the decisions about the whole table."""
    source, target = examination.source, examination.target
    facts = ", ".join(f"{fact.name} {fact.value}" for fact in source.facts)
    lines = [
        "",
        f"{source.name}: {source.rows:,} rows, {len(source.columns)} columns" + (f" ({facts})" if facts else ""),
    ]
    if target.task == "regression":
        lines.append(f"Predicts {target.name}, a number from {target.minimum:g} to {target.maximum:g}.")
    else:
        counts = dict(target.labels)
        shown = ", ".join(f"{label} ({counts[label]:,})" for label in target.ordered[:10])
        more = f" and {len(target.ordered) - 10} more" if len(target.ordered) > 10 else ""
        lines.append(f"Predicts {target.name}, {target.task}: {shown}{more}.")
    lines += [f"  {decision}" for decision in examination.decisions if decision.about in ABOUT_THE_TABLE]
    return [*lines, *([f"  {examination.sampled}"] if examination.sampled else []), ""]


def column_rows(examination: "Examination") -> list[tuple[str, str, str, str, str]]:
    """One row for each column, the target first."""
    from seatrial.template import column_overviews

    lines = column_overviews(examination)
    rows = [(line.name, line.kind, line.values, line.missing, line.use) for line in lines[:MOST]]
    return [*rows, (f"and {len(lines) - MOST} more", "", "", "", "")] if len(lines) > MOST else rows


def notes(examination: "Examination", *, features: bool) -> list[str]:
    """The decisions about single columns, each with its evidence; with `features`, those about features.py as well."""
    from seatrial.template.codegen.features import feature_code

    decisions = [*examination.decisions, *(feature_code(examination).decisions if features else ())]
    found = [str(decision) for decision in decisions if decision.about not in ABOUT_THE_TABLE]
    more = [f"and {len(found) - MOST} more, which are comments in schema.py"] if len(found) > MOST else []
    return [f"  {note}" for note in (*found[:MOST], *more)]
