"""From a source to an examination: each column's type and use, the task, and every decision with its evidence."""

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.template.inference import leakage
from seatrial.template.inference.names import clean_names, reason
from seatrial.template.inference.target_column import find_target, read_target
from seatrial.template.reading.columns import Reader
from seatrial.template.records import ColumnFacts, Decision, Examination, TableSource, TargetFacts, Wishes

FEWEST_ROWS = 10
MOST_COLUMNS = 1_000  # each is a field of the schema, of the API and of the page, and is measured in training


def examine(
    source: TableSource,
    target: str = "",
    wishes: Wishes = Wishes(),  # noqa: B008 - frozen
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Examination:
    """Examine a table whose column `target` is to be predicted, "" for the one that the source itself names.

    Decides everything that a project needs, and says so; `wishes` decide otherwise. Call it again with other wishes.
    Raises SeatrialError for a table that no model can be made of.
    """
    import pyarrow as pa
    from threadpoolctl import threadpool_limits

    position = find_target(source, target)
    names = clean_names(source.columns)
    decisions = [
        Decision("name", clean, f"was {name!r}", reason(name, clean))
        for name, clean in zip(source.columns, names, strict=True)
        if name != clean
    ]
    changes = [
        f"{name!r} is called {clean}" for name, clean in zip(source.columns, names, strict=True) if name != clean
    ]
    _check_wishes(source, names, position, wishes)
    wide = len(source.columns) - 1 - len(set(wishes.leave_out))
    if wide > MOST_COLUMNS:
        raise SeatrialError(
            f"{source.name} has {wide:,} columns to predict from; at most {MOST_COLUMNS:,} are taken.",
            hint="Each would be a field of the API. Choose those that matter, and leave the others out of the table.",
        )
    target_read = read_target(source, position, names[position], wishes)
    told, kept = target_read.facts, target_read.kept
    if wishes.positive is not None and told.task != "binary":
        raise SeatrialError(
            f"`{told.source}` is a {told.task} task, and a positive label is one of two.",
            hint="Leave the positive label out.",
        )
    decisions += target_read.decisions
    changes += target_read.changes
    rows = len(told.values)
    if rows < FEWEST_ROWS:
        raise SeatrialError(
            f"{source.name} has {rows} rows with a label; at least {FEWEST_ROWS} are needed.", hint="Collect more rows."
        )
    columns: list[ColumnFacts] = []
    for place, (name, clean) in enumerate(zip(source.columns, names, strict=True)):
        if place == position:
            continue
        progress(f"examining {name}")
        kind = wishes.kinds.get(name, wishes.kinds.get(clean))
        reader = Reader(name, clean, decimal_comma=source.decimal_comma, kind=kind)
        values = source.values(place)
        columns.append(reader.read(values if kept is None else values.take(pa.array(kept))))
        decisions += reader.decisions
        changes += reader.changes
    progress("looking for columns that must not be used")
    with threadpool_limits(1):  # a thread more that waits for a busy processor costs a second, and saves nothing
        columns, found = _suspects(columns, told, wishes)
    decisions = [_kept_after_all(decision, columns) for decision in decisions] + found
    if not any(column.used for column in columns):
        raise SeatrialError(
            f"{source.name}: no column is left to predict `{told.source}` from.",
            hint="Keep one of those left out: " + "; ".join(f"{c.source} ({c.left_out})" for c in columns[:5]),
        )
    few = leakage.SAMPLE if rows > leakage.SAMPLE else 0
    sampled = f"leaks and copies were looked for in {few:,} of {rows:,} rows" if few else ""
    return Examination(
        source, tuple(columns), told, tuple(decisions), rows, source.rows - rows, kept, tuple(changes), sampled
    )


def _kept_after_all(decision: Decision, columns: list[ColumnFacts]) -> Decision:
    """What reading a column decided of it, after a wish to keep it."""
    kept = decision.what == "left out" and any(c.name == decision.column and c.used for c in columns)
    return replace(decision, what="kept, as wished") if kept else decision


def _check_wishes(source: TableSource, names: tuple[str, ...], target: int, wishes: Wishes) -> None:
    known = {*source.columns, *names}
    for name in (*wishes.keep, *wishes.leave_out, *wishes.kinds):
        if name in (source.columns[target], names[target]):
            raise SeatrialError(
                f"`{name}` is the column to predict, and is not kept, left out or of a kind.",
                hint="Choose another target, or set its task.",
            )
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise SeatrialError(
                f"{source.name} has no column `{name}`.", hint=f"Did you mean `{near[0]}`?" if near else ""
            )


def _suspects(
    columns: list[ColumnFacts], target: TargetFacts, wishes: Wishes
) -> tuple[list[ColumnFacts], list[Decision]]:
    """Mark the columns that must not be used, in the order from the plainest reason to the subtlest."""
    rows = leakage.sample_rows(len(target.values))
    truth = _truth(target)
    decisions: list[Decision] = []
    kept = set(wishes.keep)
    marked: dict[str, str] = {c.name: c.left_out for c in columns if c.left_out and not {c.name, c.source} & kept}

    def leave_out(column: ColumnFacts, found: leakage.Found | None) -> None:
        if found is None or column.name in marked:
            return
        if {column.name, column.source} & kept:
            decisions.append(Decision("leave out", column.name, "kept, as wished", found[0], found[1]))
            return
        marked[column.name] = found[0]
        decisions.append(Decision("leave out", column.name, "left out", *found))

    for column in columns:
        if {column.name, column.source} & set(wishes.leave_out):
            leave_out(column, ("as wished", ""))
        leave_out(column, leakage.constant(column))
        leave_out(column, leakage.identifier(column))
    for column in columns:
        if column.name not in marked:
            leave_out(column, leakage.leak(column, target, truth, rows))
            leave_out(column, leakage.told_by_presence(column, target, truth))
    left = [column for column in columns if column.name not in marked]
    for name, found in leakage.copies(left, rows).items():
        leave_out(next(column for column in left if column.name == name), found)
    return [replace(c, left_out=marked.get(c.name, "")) for c in columns], decisions


def _truth(target: TargetFacts) -> Any:
    """The target as numbers: codes of its classes in order, the positive one 1 in a binary task."""
    if target.task == "regression":
        return target.values.to_numpy(zero_copy_only=False)
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.index_in(target.values, value_set=pa.array(target.ordered)).to_numpy(zero_copy_only=False))
