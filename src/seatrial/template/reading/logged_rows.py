"""Adds rows of the prediction log to a project's table: those that it does not have, with the newest labels."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.template.reading.conversion import Export
from seatrial.template.reading.table import concatenated, export_table, rows_as_texts, table_bytes


def added_to_table(
    export: Export,
    bad: Any,
    old: Export | None,
    earlier: Sequence[Sequence[str]],
    inputs: Sequence[str],
    target: str,
    suffix: str,
) -> tuple[bytes, tuple[str, ...]]:
    """The data file with the table's rows and those of `export` that are new, and what was done.

    Rows are the same if their `inputs` and `target` are: the log has no other columns. `bad` (a boolean array) marks
    rows that break the schema. `earlier` has for each row the labels it had before: where the table has that row with
    one of them, the new row takes its place.
    """
    table = export_table(export, ~bad)
    before = export_table(old) if old else table.slice(0, 0)
    names = [name for name in inputs if name in before.column_names and name in table.column_names]
    places: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for number, row in enumerate(rows_as_texts(before, [*names, target])):
        places[row].append(number)
    left = Counter({row: len(numbers) for row, numbers in places.items()})
    new, removed = np.zeros(len(table), bool), np.zeros(len(before), bool)
    labels_before = [labels for labels, faulty in zip(earlier, bad.tolist(), strict=True) if not faulty]
    rows = list(rows_as_texts(table, [*names, target]))
    for number, row in enumerate(rows):
        new[number] = left[row] <= 0
        left[row] -= 1
    for number in np.flatnonzero(new).tolist():
        older = next((row for label in labels_before[number] if left[row := (*rows[number][:-1], label)] > 0), None)
        if older is not None:
            left[older] -= 1
            removed[places[older].pop()] = True
    parts = [before.filter(pa.array(~removed)), table.filter(pa.array(new))]
    return table_bytes(concatenated(parts), suffix), tuple(_words(new, removed, bad, before, table, old))


def _words(new: Any, removed: Any, bad: Any, before: Any, table: Any, old: Export | None) -> list[str]:
    told = [f"{int(new.sum()):,} rows added"]
    if not new.all():
        told.append(f"{int((~new).sum()):,} rows are in the table already, and are not added again")
    if removed.any():
        told.append(f"{int(removed.sum()):,} rows of the table had a label that was corrected since, and are replaced")
    if bad.any():
        told.append(f"{int(bad.sum()):,} rows that break the schema left out")
    absent = [name for name in before.column_names if name not in table.column_names]
    if old and absent and new.any():
        told.append(f"not in the log, so missing in the new rows: {', '.join(absent)}")
    return told
