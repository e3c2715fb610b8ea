"""Shows what was inferred about a table, so that a person can check it at a glance."""

from typing import TYPE_CHECKING

from seatrial.cli import show

if TYPE_CHECKING:
    from seatrial.template.records import Examination

LIMIT = 60  # columns on the screen, and as many notes
ABOUT_THE_TABLE = ("task", "positive", "rows", "data", "target")


def show_examination(examination: "Examination", *, features: bool = True) -> None:
    """Print what was read, each column with its use, and the decisions; with `features` those about features.py."""
    for line in heading(examination):
        show.err.print(line, markup=False)
    show.table("", ("column", "is", "values", "missing", "use"), column_rows(examination), right=(3,), to=show.err)
    for line in notes(examination, features=features):
        show.err.print(line, markup=False, style="dim")


def heading(examination: "Examination") -> list[str]:
    """Describe the source and how it was read, the target, and the decisions about the whole table."""
    source, target = examination.source, examination.target
    facts = ", ".join(f"{name} {value}" for name, value in source.facts.items())
    lines = [
        "",
        f"{source.name}: {source.rows:,} rows, {len(source.columns)} columns" + (f" ({facts})" if facts else ""),
    ]
    if target.task == "regression":
        lines.append(f"Predicts {target.name}, a number from {target.minimum:g} to {target.maximum:g}.")
    else:
        counts = dict(target.labels)
        labels = ", ".join(f"{label} ({counts[label]:,})" for label in target.ordered[:10])
        more = f" and {len(target.ordered) - 10} more" if len(target.ordered) > 10 else ""
        lines.append(f"Predicts {target.name}, {target.task}: {labels}{more}.")
    lines += [f"  {decision}" for decision in examination.decisions if decision.about in ABOUT_THE_TABLE]
    return [*lines, *([f"  {examination.sampled}"] if examination.sampled else []), ""]


def column_rows(examination: "Examination") -> list[tuple[str, str, str, str, str]]:
    """One row for each column, the target first."""
    from seatrial.template.inference.overview import column_overviews

    lines = column_overviews(examination)
    rows = [(line.name, line.kind, line.values, line.missing, line.use) for line in lines[:LIMIT]]
    return [*rows, (f"and {len(lines) - LIMIT} more", "", "", "", "")] if len(lines) > LIMIT else rows


def notes(examination: "Examination", *, features: bool) -> list[str]:
    """The decisions about single columns, each with its evidence."""
    from seatrial.template.codegen.features import feature_code

    decisions = [*examination.decisions, *(feature_code(examination).decisions if features else ())]
    lines = [str(decision) for decision in decisions if decision.about not in ABOUT_THE_TABLE]
    more = [f"and {len(lines) - LIMIT} more, which are comments in schema.py"] if len(lines) > LIMIT else []
    return [f"  {line}" for line in (*lines[:LIMIT], *more)]
