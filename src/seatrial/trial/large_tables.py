"""What of a large table a trial looks at: bounded random parts, drawn by fixed seeds, and the note that says so.

What must be equal is compared in all rows that the two tables have. Only statistics use parts.
"""

import numpy as np

from seatrial.model.features import Array
from seatrial.model.row_hash import row_hashes
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.recipes import MOST_MEASURED, Recipes, Training, some_of
from seatrial.trial.records import Check, Outcome
from seatrial.trial.replica_rows import MOST_ROWS

NAME = "total.sampled"
FEWEST_COMPARED = 100  # rows that two samples share for certain; of fewer, all that are in memory are compared


def measured_rows(rows: Array) -> Array:
    """At most so many of these positions as losses are measured on, in their order."""
    return rows[some_of(len(rows), MOST_MEASURED)]


def compared_tables(old: Training, new: Training) -> tuple[Table, Table, float]:
    """The tables as far as an unchanged row is in both, and how much of the whole ones that is (1: all of it).

    A sampled training has the rows with the lowest hashes. The larger a table grows, the fewer of its older rows are
    among them, and these have not left it.
    """
    below = min(old.complete_below, new.complete_below)
    if below >= 1 or old.order_seed != new.order_seed:
        return old.table, new.table, 1.0
    first, second = (_with_low_hashes(each, below) for each in (old, new))
    if min(first.rows, second.rows) < FEWEST_COMPARED:
        return old.table, new.table, 1.0
    return first, second, below


def _with_low_hashes(training: Training, below: float) -> Table:
    table, order = training.table, training.order
    if order is None:  # the whole table is in memory
        order = row_hashes(table.columns, list(table.columns), table.target, seed=training.order_seed)
    return table.take(np.flatnonzero(order <= below))


def check_sampled(recipes: Recipes) -> list[Check]:
    """Say which parts of large tables the statistics used; nothing where all rows were used."""
    base, candidate = recipes.baseline, recipes.candidate
    parts: list[str] = []
    rows = 0 if base is None else len(base.trained_rows)
    if rows > MOST_ROWS:
        parts.append(
            f"replicas were trained on parts of {MOST_ROWS:,} of the {rows:,} training rows, which differ from each "
            "other as parts of all rows would"
        )
    held_out = [part.held_out.rows for part in (base, candidate) if part]
    if max(held_out, default=0) > MOST_MEASURED:
        known = " and ".join(f"{count:,}" for count in held_out)
        parts.append(f"losses and gains were measured on at most {MOST_MEASURED:,} of the {known} held-out rows")
    if base and candidate and candidate.table.rows - base.table.rows > MOST_MEASURED:
        parts.append(f"the baseline scored {MOST_MEASURED:,} of the new rows")
    if not parts:
        return []
    summary = f"The tables are large, so random parts of them were used: {'; '.join(parts)}."
    return [Check(NAME, "total", Outcome.noted, summary, new=int(np.max([rows, *held_out])))]
