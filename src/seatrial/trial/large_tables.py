"""What of a large table a trial looks at: bounded random parts, drawn by fixed seeds, and the note that says so.

What must be equal is compared in all rows that the two tables have. Only statistics use parts.
"""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.recipes import MOST_MEASURED, Recipes, some_of
from seatrial.trial.records import Check, Outcome
from seatrial.trial.replica_rows import MOST_ROWS

NAME = "total.sampled"


def measured_rows(rows: Array) -> Array:
    """At most so many of these positions as losses are measured on, in their order."""
    return rows[some_of(len(rows), MOST_MEASURED)]


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
