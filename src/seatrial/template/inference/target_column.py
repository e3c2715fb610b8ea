"""The column to predict: found by its name, its task and its positive label guessed, rows without a label left out."""

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.metadata import Task
from seatrial.template.inference.leakage import identifier
from seatrial.template.reading.columns import Reader
from seatrial.template.reading.values import EXACT, MISSING
from seatrial.template.records import ColumnFacts, Decision, Kind, TableSource, TargetFacts, Wishes

MOST_CLASSES = 20  # of whole numbers, as training has it: more are a quantity
MOST_NAMES = 100  # of texts
POSITIVE = (
    "yes",
    "y",
    "true",
    "t",
    "1",
    "positive",
    "pos",
    "ja",
    "oui",
    "si",
    "malignant",
    "bad",
    "churn",
    "fraud",
    "spam",
    "died",
    "success",
    "won",
)


def find_target(source: TableSource, wanted: str) -> int:
    """The position of the target, whose name may be misspelt in case or blanks only. Raises with the nearest name."""
    wanted = wanted or source.target
    if not wanted:
        raise SeatrialError("Which column shall be predicted?", hint=f"--target; there are {_listed(source.columns)}.")
    if wanted in source.columns:
        return source.columns.index(wanted)
    row = next((n for n in range(min(source.rows, 10)) if wanted in _row(source, n)), None)
    if row is not None:
        raise SeatrialError(
            f"{source.name} has no column `{wanted}`, but row {row + 1} below its header holds that.",
            hint="If that row is the header, take away what is above it.",
        )
    near = difflib.get_close_matches(wanted, source.columns, 1, 0.5)
    folded = [name for name in source.columns if name.casefold().strip() == wanted.casefold().strip()]
    hint = f"Did you mean `{(folded or near)[0]}`?" if folded or near else f"There are {_listed(source.columns)}."
    raise SeatrialError(f"{source.name} has no column `{wanted}`.", hint=hint)


def _row(source: TableSource, number: int) -> list[Any]:
    return [source.table.column(place)[number].as_py() for place in range(len(source.columns))]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


@dataclass(frozen=True)
class TargetColumn:
    """The target as it was read: the positions of the rows that are kept (None for all), and what was decided."""

    facts: TargetFacts
    kept: Any
    decisions: list[Decision]
    changes: list[str]


def read_target(source: TableSource, position: int, name: str, wishes: Wishes) -> TargetColumn:
    """Read the target: labels as text, as training will read them, or doubles for a regression."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = source.columns[position]
    raw = source.values(position)
    kind: Kind | None = "category" if wishes.task in ("binary", "multiclass") else None
    reader = Reader(column, name, decimal_comma=source.decimal_comma, kind=kind)
    facts = reader.read(raw)
    decisions: list[Decision] = []
    changes = list(reader.changes)
    where = f"{source.name}: the target `{column}`"
    _refuse(where, facts)
    task = wishes.task or _task(facts, decisions)
    told_of = ("missing", "type") if task == "regression" else ("missing",)
    decisions += [d for d in reader.decisions if d.about in told_of]
    kept = None
    if facts.missing:
        kept = np.flatnonzero(facts.values.is_valid().to_numpy(zero_copy_only=False))
        left = f"{facts.missing:,} row{'s' * (facts.missing != 1)}"
        decisions.append(Decision("rows", name, f"{left} left out", "they have no label", f"of {len(raw):,}"))
        changes.append(f"{left} without a label left out")
    _refuse_identifier(where, facts, task, wishes)
    if task == "regression":
        return TargetColumn(_quantity(where, facts), kept, decisions, changes)
    labels = _labels(facts, raw)
    if pa.types.is_string(raw.type) and not pc.utf8_trim_whitespace(raw).equals(raw):
        changes.append(f"{column}: blanks around labels taken off")
    if pa.types.is_boolean(raw.type):
        changes.append(f"{column}: yes and no written as true and false")  # training reads those of Parquet as 1 and 0
    counts = {c["values"]: c["counts"] for c in pc.value_counts(labels.drop_null()).to_pylist()}
    _refuse_two_spellings(where, counts, wishes)
    alone = [label for label, count in counts.items() if count < 2]
    if alone:
        if len(counts) - len(alone) < 2:
            raise SeatrialError(
                f"{where}: fewer than two labels have two rows.",
                hint="One row to learn from and one to measure on is the least.",
            )
        left = f"rows of {', '.join(map(repr, alone[:5]))} left out"
        why = "the label is in one row only, and cannot be both learnt and measured"
        decisions.append(Decision("rows", name, left, why))
        changes.append(left)
        single = pc.is_in(labels, value_set=pa.array(alone)).to_numpy(zero_copy_only=False)
        kept = np.flatnonzero(labels.is_valid().to_numpy(zero_copy_only=False) & ~single)
        counts = {label: count for label, count in counts.items() if count > 1}
    if task == "binary" and len(counts) > 2:
        raise SeatrialError(
            f"{where} has {len(counts)} labels, and a binary task has two.", hint="Let the task be found."
        )
    task = _with_two_left(name, decisions) if len(counts) == 2 and task == "multiclass" else task
    labels = labels if kept is None else labels.take(pa.array(kept))
    positive = _positive(where, counts, wishes.positive, name, decisions) if task == "binary" else ""
    told = TargetFacts(column, name, task, labels, tuple(sorted(counts.items())), positive)
    return TargetColumn(told, kept, decisions, changes)


def _quantity(where: str, facts: ColumnFacts) -> TargetFacts:
    import pyarrow as pa
    import pyarrow.compute as pc

    if facts.kind not in ("integer", "number", "boolean"):
        raise SeatrialError(f"{where} is no number, and a regression needs one.", hint="Let the task be found.")
    numbers = facts.values.cast(pa.float64()).drop_null()
    ends = pc.min_max(numbers).as_py()
    return TargetFacts(facts.source, facts.name, "regression", numbers, minimum=ends["min"], maximum=ends["max"])


def _with_two_left(name: str, decisions: list[Decision]) -> Task:
    """The task where labels that stood alone were left out and two are left; it takes the place of what was told."""
    decisions[:] = [decision for decision in decisions if decision.about != "task"]
    decisions.append(Decision("task", name, "binary", "two labels are left"))
    return "binary"


def _refuse(where: str, facts: ColumnFacts) -> None:
    if facts.missing == len(facts.values):
        raise SeatrialError(f"{where} is missing in every row.", hint="Choose another column.")
    if facts.kind in ("date", "moment"):
        raise SeatrialError(f"{where} is a date, which is neither a class nor a number.", hint="Choose another column.")
    if facts.left_out:
        raise SeatrialError(f"{where} holds {facts.left_out}.", hint="Choose another column, or mend its values.")
    if facts.distinct == 1:
        only = facts.values.drop_null()[0].as_py()
        raise SeatrialError(
            f"{where} is {only!r} in every row; there is nothing to learn.", hint="Choose another column."
        )


def _task(facts: ColumnFacts, decisions: list[Decision]) -> Any:
    """Two labels are binary; numbers of many values, or with fractions, a regression; all else several classes."""
    numeric = facts.kind in ("integer", "number")
    rows = len(facts.values) - facts.missing
    shown = f"{facts.distinct:,} different values"
    if facts.distinct == 2:
        task, why = "binary", "it has two labels"
    elif numeric and (facts.distinct > MOST_CLASSES or facts.distinct > rows / 10 or not _all_whole(facts)):
        task, why = "regression", "it is a quantity"
    elif numeric:
        task, why = "multiclass", "it has few whole numbers; if they are amounts, choose regression"
    else:
        task, why = "multiclass", "it has several labels"
    decisions.append(Decision("task", facts.name, task, why, shown))
    return task


def _all_whole(facts: ColumnFacts) -> bool:
    values = facts.values.drop_null().to_numpy(zero_copy_only=False)
    return bool((values % 1 == 0).all()) and bool(np.abs(values).max(initial=0) < EXACT)


def _refuse_identifier(where: str, facts: ColumnFacts, task: str, wishes: Wishes) -> None:
    rows = len(facts.values) - facts.missing
    found = identifier(facts)
    named = facts.kind in ("category", "code", "text")
    several = named and facts.distinct > min(MOST_NAMES, max(rows / 2, 2))
    if task != "regression" and (several or facts.distinct > MOST_NAMES * 5):
        raise SeatrialError(
            f"{where} is a label of its own in most rows: {facts.distinct:,} different ones in {rows:,}.",
            hint="Is it an identifier? Choose the column to predict.",
        )
    if found and wishes.task is None:
        raise SeatrialError(
            f"{where} looks like an identifier: {found[0]}, {found[1]}.",
            hint="Choose the column to predict, or set the task to insist.",
        )


def _refuse_two_spellings(where: str, counts: dict[str, int], wishes: Wishes) -> None:
    for label in sorted(counts) if wishes.task != "multiclass" else ():
        alike = sorted(other for other in counts if other.casefold() == label.casefold())
        if len(alike) > 1:
            raise SeatrialError(
                f"{where} writes one label in several ways: {', '.join(map(repr, alike))}.",
                hint="Write each in one way; or set the task to multiclass, if they are different labels.",
            )


def _labels(facts: ColumnFacts, raw: Any) -> Any:
    """Labels as they stand in the table, so that people see their own words; whole numbers without a fraction."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(raw.type) and facts.kind not in ("integer", "number"):
        trimmed = pc.utf8_trim_whitespace(raw)
        lower = pc.utf8_lower(trimmed)
        absent = pc.or_kleene(pc.is_in(lower, value_set=pa.array(sorted(MISSING))), facts.values.is_null())
        labels = pc.if_else(absent, pa.scalar(None, pa.string()), trimmed)
        numbers = {v: _whole(v) for v in pc.unique(labels).to_pylist() if v is not None}
        if all(n is not None for n in numbers.values()):
            labels = pa.array([None if v is None else numbers[v] for v in labels.to_pylist()], pa.string())
        return labels
    if facts.kind == "boolean" and not pa.types.is_boolean(raw.type):
        return facts.values.cast(pa.int8()).cast(pa.string())
    if facts.kind in ("integer", "number") and _all_whole(facts):
        return facts.values.cast(pa.int64()).cast(pa.string())
    return facts.values.cast(pa.string())


def _whole(text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return str(int(number)) if number % 1 == 0 else text


def _positive(where: str, counts: dict[str, int], wanted: str | None, name: str, decisions: list[Decision]) -> str:
    labels = sorted(counts)
    if wanted is not None:
        for label in labels:
            if label.casefold() == str(wanted).casefold():
                return label
        raise SeatrialError(f"{where} has no label {wanted!r}.", hint=f"Its labels are {' and '.join(labels)}.")
    shown = ", ".join(f"{label}: {counts[label]:,} rows" for label in labels)
    for word in POSITIVE:
        for label in labels:
            if label.casefold() == word:
                decisions.append(Decision("positive", name, f"{label} counts as yes", "it reads so", shown))
                return label
    rarer = min(labels, key=lambda label: counts[label])
    decisions.append(Decision("positive", name, f"{rarer} counts as yes", "it is the rarer label", shown))
    return rarer
