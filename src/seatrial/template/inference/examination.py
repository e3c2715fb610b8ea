"""From a table to an examination: each column's type and use, the task, and every decision with its evidence."""

import difflib
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from seatrial.core.errors import SeatrialError
from seatrial.template.column_names import clean_names, reason
from seatrial.template.inference.column_arrays import SAMPLE
from seatrial.template.inference.exclusions import leave_out
from seatrial.template.inference.identifiers import named_category
from seatrial.template.inference.meaning import meaning_of
from seatrial.template.inference.split_choice import choose_split
from seatrial.template.inference.target_column import find_target, read_target
from seatrial.template.reading.columns import ColumnReader
from seatrial.template.records import (
    KEPT,
    KINDS,
    LEFT_OUT,
    ColumnFacts,
    Decision,
    Examination,
    Overrides,
    TableSource,
)

FEWEST_ROWS = 10
MOST_COLUMNS = 1_000  # each is a field of the schema, the API and the page, and is measured in training


def examine(
    source: TableSource,
    target: str = "",
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Examination:
    """Examine a table to predict its column `target`; "" for the one that the source itself names.

    Decides everything that a project needs, and says why; `overrides` change decisions. It can be called again with
    other overrides. Raises SeatrialError for a table that no model can be trained on.
    """
    from threadpoolctl import threadpool_limits

    position = find_target(source, target)
    names = clean_names(source.columns)
    renamed = [(old, new) for old, new in zip(source.columns, names, strict=True) if old != new]
    decisions = [Decision("name", new, f"was {old!r}", reason(old, new)) for old, new in renamed]
    changes = [f"{old!r} renamed to {new}" for old, new in renamed]
    _check_overrides(source, names, position, overrides)
    labels = read_target(source, position, names[position], overrides)
    facts, kept = labels.facts, labels.kept
    if overrides.positive is not None and facts.task != "binary":
        raise SeatrialError(
            f"`{facts.source}` is a {facts.task} task, and only binary tasks have a positive label.",
            hint="Leave the positive label out.",
        )
    decisions += labels.decisions
    changes += labels.changes
    rows = len(facts.values)
    if rows < FEWEST_ROWS:
        raise SeatrialError(
            f"{source.name} has {rows} rows with a label; at least {FEWEST_ROWS} are needed.", hint="Collect more rows."
        )
    columns: list[ColumnFacts] = []
    for number, (name, clean) in enumerate(zip(source.columns, names, strict=True)):
        if number == position:
            continue
        progress(f"examining {name}")
        kind = overrides.kinds.get(name, overrides.kinds.get(clean))
        texts = overrides.missing.get(name, overrides.missing.get(clean))
        reader = ColumnReader(name, clean, decimal=source.decimal, kind=kind, missing=texts)
        values = source.values(number)
        values = values if kept is None else values.take(pa.array(kept))
        column = reader.read(values)
        if kind is None and named_category(column):
            reader = ColumnReader(name, clean, decimal=source.decimal, kind="category", missing=texts)
            column = reader.read(values)
            evidence = f"{column.distinct} distinct values"
            decisions.append(
                Decision("type", clean, KINDS["category"], "its name says that its numbers are identifiers", evidence)
            )
        columns.append(column)
        decisions += reader.decisions
        changes += reader.changes
    columns = [replace(column, meaning=meaning_of(column, columns)) for column in columns]
    progress("looking for columns that must not be used")
    with threadpool_limits(1):  # a second thread that waits for a busy processor costs a second and saves nothing
        columns, left_out = leave_out(columns, facts, overrides)
    used = {column.name for column in columns if column.used}
    decisions = [replace(d, what=KEPT) if d.what == LEFT_OUT and d.column in used else d for d in decisions]
    decisions += left_out
    if not used:
        raise SeatrialError(
            f"{source.name}: no column is left to predict `{facts.source}` from.",
            hint="Keep one of those left out: " + "; ".join(f"{c.source} ({c.left_out})" for c in columns[:5]),
        )
    split, split_decisions = choose_split(columns, facts, overrides)
    decisions += split_decisions
    sampled = f"leaks and copies were looked for in {SAMPLE:,} of {rows:,} rows" if rows > SAMPLE else ""
    return Examination(
        source, tuple(columns), facts, tuple(decisions), rows, source.rows - rows, kept, tuple(changes), sampled, split
    )


def _check_overrides(source: TableSource, names: tuple[str, ...], target: int, overrides: Overrides) -> None:
    known = {*source.columns, *names}
    for name in (*overrides.keep, *overrides.leave_out, *overrides.kinds, *overrides.missing):
        if name in (source.columns[target], names[target]):
            raise SeatrialError(
                f"`{name}` is the column to predict; it cannot be kept, left out or given a kind or missing values.",
                hint="Choose another target, or set its task.",
            )
        if name not in known:
            similar = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean `{similar[0]}`?" if similar else ""
            raise SeatrialError(f"{source.name} has no column `{name}`.", hint=hint)
    features = len(source.columns) - 1 - len(set(overrides.leave_out))
    if features > MOST_COLUMNS:
        raise SeatrialError(
            f"{source.name} has {features:,} columns to predict from; the limit is {MOST_COLUMNS:,}.",
            hint="Each would be a field of the API. Remove the less important ones from the table.",
        )
