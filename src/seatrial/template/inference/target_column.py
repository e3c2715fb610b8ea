"""The column to predict: finds it by name, infers its task and positive label, and leaves out rows without a label."""

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.core.errors import SeatrialError
from seatrial.model.metadata import Task
from seatrial.template.inference.identifiers import identifier
from seatrial.template.reading.columns import NAMES, ColumnReader
from seatrial.template.reading.values import EXACT, MISSING
from seatrial.template.records import ColumnFacts, ColumnRules, Decision, Overrides, TableSource, TargetFacts

MOST_CLASSES = 20  # of whole numbers, as in training; more are a quantity
MOST_LABELS = 100  # of text
POSITIVE = (
    *("yes", "y", "true", "t", "1", "positive", "pos", "ja", "oui", "si", "malignant", "bad", "churn", "fraud", "spam"),
    *("died", "success", "won"),
)
CHOOSE = "Choose another column."


def find_target(source: TableSource, name: str) -> int:
    """The position of the column `name`. Raises SeatrialError with the most similar name if there is no such column."""
    name = name or source.target
    if not name:
        raise SeatrialError("Which column should be predicted?", hint=f"--target; {_columns(source)}")
    if name in source.columns:
        return source.columns.index(name)
    for number in range(min(source.rows, 10)):
        if name in [source.table.column(n)[number].as_py() for n in range(len(source.columns))]:
            raise SeatrialError(
                f"{source.name} has no column `{name}`, but row {number + 1} below its header contains that text.",
                hint="If that row is the header, remove what is above it.",
            )
    folded = [column for column in source.columns if column.casefold().strip() == name.casefold().strip()]
    similar = folded or difflib.get_close_matches(name, source.columns, 1, 0.5)
    hint = f"Did you mean `{similar[0]}`?" if similar else _columns(source)
    raise SeatrialError(f"{source.name} has no column `{name}`.", hint=hint)


def _columns(source: TableSource) -> str:
    more = f" and {len(source.columns) - 20} more" if len(source.columns) > 20 else ""
    return f"Its columns: {', '.join(source.columns[:20])}{more}."


@dataclass(frozen=True)
class TargetColumn:
    """The target as it was read: the positions of the rows that are kept (None for all), and what was decided."""

    facts: TargetFacts
    kept: Any
    decisions: list[Decision]
    changes: list[str]


def read_target(source: TableSource, position: int, name: str, overrides: Overrides) -> TargetColumn:
    """Read the target: labels as text, as training will read them, or doubles for a regression."""
    column, raw = source.columns[position], source.values(position)
    kind = "category" if overrides.task in ("binary", "multiclass", "classification") else None
    reader = ColumnReader(column, name, decimal=source.decimal, kind=kind)  # type: ignore[arg-type]
    facts = reader.read(raw)
    where = f"{source.name}: the target `{column}`"
    _refuse_unusable(where, facts)
    task_decision = _infer_task(facts)
    inferred = overrides.task in (None, "classification")
    task: Task = task_decision.what if inferred else overrides.task  # type: ignore[assignment]
    decisions = [] if overrides.task else [task_decision]
    decisions += [d for d in reader.decisions if d.about == "missing" or (d.about == "type" and task == "regression")]
    changes = list(reader.changes)
    kept = None
    if facts.missing:
        kept = np.flatnonzero(facts.values.is_valid().to_numpy(zero_copy_only=False))
        left = f"{facts.missing:,} row{'s' * (facts.missing != 1)}"
        decisions.append(Decision("rows", name, f"{left} left out", "they have no label", f"of {len(raw):,}"))
        changes.append(f"{left} without a label left out")
    _refuse_identifier(where, facts, task, set_by_user=overrides.task is not None)
    if task == "regression":
        return TargetColumn(_quantity(where, facts), kept, decisions, changes)
    return _with_labels(
        where, facts, raw, overrides, TargetColumn(TargetFacts(column, name, task, None), kept, decisions, changes)
    )


def _with_labels(where: str, facts: ColumnFacts, raw: Any, overrides: Overrides, target: TargetColumn) -> TargetColumn:
    """The target of a classification: labels that occur only once are left out, and one of two labels is positive."""
    column, name, task = target.facts.source, target.facts.name, target.facts.task
    decisions, changes, kept = target.decisions, target.changes, target.kept
    if pa.types.is_string(raw.type) and not pc.utf8_trim_whitespace(raw).equals(raw):
        changes.append(f"{column}: spaces around labels removed")
    if pa.types.is_boolean(raw.type):
        changes.append(f"{column}: yes and no written as true and false")  # training reads those of Parquet as 1 and 0
    labels = _labels(facts, raw)
    counts = {c["values"]: c["counts"] for c in pc.value_counts(labels.drop_null()).to_pylist()}
    if overrides.task != "multiclass":
        _refuse_case_variants(where, counts)
    single = [label for label, count in counts.items() if count < 2]
    if single:
        if len(counts) - len(single) < 2:
            raise SeatrialError(
                f"{where}: fewer than two labels occur in two rows.",
                hint="Each label needs at least one row for training and one for testing.",
            )
        left = f"rows with {', '.join(map(repr, single[:5]))} left out"
        why = "a label that occurs only once cannot be both learned and tested"
        decisions.append(Decision("rows", name, left, why))
        changes.append(left)
        dropped = pc.is_in(labels, value_set=pa.array(single)).to_numpy(zero_copy_only=False)
        kept = np.flatnonzero(labels.is_valid().to_numpy(zero_copy_only=False) & ~dropped)
        counts = {label: count for label, count in counts.items() if count > 1}
    if task == "binary" and len(counts) > 2:
        raise SeatrialError(
            f"{where} has {len(counts)} labels, and a binary task has two.", hint="Remove the task to have it inferred."
        )
    if task == "multiclass" and len(counts) == 2:
        task = "binary"
        decisions = [d for d in decisions if d.about != "task"]
        decisions.append(Decision("task", name, task, "two labels are left"))
    labels = labels if kept is None else labels.take(pa.array(kept))
    positive, chosen = _positive(where, name, counts, overrides.positive) if task == "binary" else ("", ())
    rules = ColumnRules(column, "category", labels=tuple(sorted(counts)))
    read = TargetFacts(column, name, task, labels, tuple(sorted(counts.items())), rules, positive)
    return TargetColumn(read, kept, [*decisions, *chosen], changes)


def _quantity(where: str, facts: ColumnFacts) -> TargetFacts:
    if facts.kind not in ("integer", "number", "boolean"):
        raise SeatrialError(
            f"{where} is not a number, and a regression needs one.", hint="Remove the task to have it inferred."
        )
    numbers = facts.values.cast(pa.float64()).drop_null()
    ends = pc.min_max(numbers).as_py()
    low, high = ends["min"], ends["max"]
    return TargetFacts(
        facts.source, facts.name, "regression", numbers, rules=facts.rules, minimum=low, maximum=high, unit=facts.unit
    )


def _refuse_unusable(where: str, facts: ColumnFacts) -> None:
    if facts.missing == len(facts.values):
        raise SeatrialError(f"{where} is missing in every row.", hint=CHOOSE)
    if facts.kind in ("date", "moment"):
        raise SeatrialError(f"{where} is a date, which is neither a class nor a number.", hint=CHOOSE)
    if facts.left_out:
        raise SeatrialError(
            f"{where} cannot be used: {facts.left_out}.", hint="Choose another column, or fix this one."
        )
    if facts.distinct == 1:
        only = facts.values.drop_null()[0].as_py()
        raise SeatrialError(f"{where} is {only!r} in every row, so there is nothing to learn.", hint=CHOOSE)


def _infer_task(facts: ColumnFacts) -> Decision:
    """Two labels are binary; numbers with many values or fractions are a regression; all else is multiclass."""
    numeric = facts.kind in ("integer", "number")
    rows = len(facts.values) - facts.missing
    if facts.distinct == 2:
        task, why = "binary", "it has two labels"
    elif numeric and (facts.distinct > MOST_CLASSES or facts.distinct > rows / 10 or not _all_whole(facts)):
        task, why = "regression", "it is a quantity"
    elif numeric:
        task, why = "multiclass", "it has few whole numbers; if they are amounts, set the task to regression"
    else:
        task, why = "multiclass", "it has several labels"
    return Decision("task", facts.name, task, why, f"{facts.distinct:,} distinct values")


def _all_whole(facts: ColumnFacts) -> bool:
    values = facts.values.drop_null().to_numpy(zero_copy_only=False)
    return bool((values % 1 == 0).all()) and bool(np.abs(values).max(initial=0) < EXACT)


def _refuse_identifier(where: str, facts: ColumnFacts, task: Task, *, set_by_user: bool) -> None:
    rows = len(facts.values) - facts.missing
    reason = identifier(facts)
    many = facts.kind in NAMES and facts.distinct > min(MOST_LABELS, max(rows / 2, 2))
    if task != "regression" and (many or facts.distinct > MOST_LABELS * 5):
        raise SeatrialError(
            f"{where} has a different label in most rows: {facts.distinct:,} labels in {rows:,} rows.",
            hint="Is it an identifier? Choose the column to predict.",
        )
    if reason and not set_by_user:
        raise SeatrialError(
            f"{where} looks like an identifier: {reason[0]}, {reason[1]}.",
            hint="Choose the column to predict, or set the task if this is the one.",
        )


def _refuse_case_variants(where: str, counts: dict[str, int]) -> None:
    for label in sorted(counts):
        variants = sorted(other for other in counts if other.casefold() == label.casefold())
        if len(variants) > 1:
            raise SeatrialError(
                f"{where} spells a label in several ways: {', '.join(map(repr, variants))}.",
                hint="Use one spelling; or set the task to multiclass if they are different labels.",
            )


def _labels(facts: ColumnFacts, raw: Any) -> Any:
    """Labels as they are in the table, so that people see their own words; whole numbers without a fraction."""
    if pa.types.is_string(raw.type) and facts.kind not in ("integer", "number"):
        trimmed = pc.utf8_trim_whitespace(raw)
        lower = pc.utf8_lower(trimmed)
        missing = pc.or_kleene(pc.is_in(lower, value_set=pa.array(sorted(MISSING))), facts.values.is_null())
        labels = pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)
        numbers = {label: _whole(label) for label in pc.unique(labels.drop_null()).to_pylist()}
        if None in numbers.values() or any(float(label) % 1 for label in numbers):
            return labels  # as they are written, since training reads them so
        return pa.array([None if label is None else numbers[label] for label in labels.to_pylist()], pa.string())
    if facts.kind == "boolean" and not pa.types.is_boolean(raw.type):
        return facts.values.cast(pa.int8()).cast(pa.string())
    if facts.kind in ("integer", "number") and _all_whole(facts):
        return facts.values.cast(pa.int64()).cast(pa.string())
    return facts.values.cast(pa.string())


def _whole(text: str) -> str | None:
    """A number without a fraction of zero; None if the text is not a number."""
    try:
        number = float(text)
    except ValueError:
        return None
    return str(int(number)) if number % 1 == 0 else text


def _positive(where: str, name: str, counts: dict[str, int], requested: str | None) -> tuple[str, tuple[Decision, ...]]:
    """The positive one of two labels; and the decision, unless it was requested."""
    labels = sorted(counts)
    if requested is not None:
        match = next((label for label in labels if label.casefold() == requested.casefold()), None)
        if match is None:
            raise SeatrialError(f"{where} has no label {requested!r}.", hint=f"Its labels are {' and '.join(labels)}.")
        return match, ()
    by_word = next((label for word in POSITIVE for label in labels if label.casefold() == word), None)
    label = by_word or min(labels, key=lambda label: counts[label])
    why = "the word suggests it" if by_word else "it is the rarer label"
    evidence = ", ".join(f"{label}: {counts[label]:,} rows" for label in labels)
    return label, (Decision("positive", name, f"{label} is the positive label", why, evidence),)
