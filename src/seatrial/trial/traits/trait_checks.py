"""Compares the new rows' traits with the old ones', and says in words which column is wrong and how."""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.new_rows import FEWEST
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.traits.drift import (
    MILDEST,
    PRESENT,
    Movement,
    OwnMovements,
    goes_on,
    movement,
    own_movement,
    recent,
    step_of,
)
from seatrial.trial.traits.findings import Seam, choose, describe
from seatrial.trial.traits.fit import Prediction
from seatrial.trial.traits.fit_marks import fit_marks
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.moment_marks import moment_marks
from seatrial.trial.traits.number_marks import key_marks, number_marks
from seatrial.trial.traits.order_marks import order_marks
from seatrial.trial.traits.pool import Pool, make_pool, moved_on
from seatrial.trial.traits.row_marks import row_marks
from seatrial.trial.traits.rule_marks import rule_marks
from seatrial.trial.traits.splits import PValues, compare_with_splits
from seatrial.trial.traits.text_marks import text_marks

NAME = "data.new_rows"
MOST_NAMED = 4  # columns
ORDER_PART = 0.25  # of the budget, for the order of the new rows
# Traits that few rows have without a fault, and the label's own, are tested apart from the many others.
FAMILIES: dict[Trait, int] = {
    "near repeat": 1, "rule": 1, "repeat": 3, "sentinel": 3, "characters": 3, "format": 3, "outlier": 3,
    "label fit": 2, "row fit": 2, "fit": 4,
}  # fmt: skip
LABEL = 5
OWN = ("label value", "range", "profile")  # the traits of how often the label has which value


def compare_traits(
    old: Table, new: Table, rows: Array, policy: Policy, *, alpha: float, order: TimeOrder | None = None
) -> list[Check]:
    """Look for faults in the new rows, at these positions of the new table, by the traces that they leave.

    `alpha` is the chance that any of these checks fails although old and new rows are one population. Where rows have
    a time (`order`), only what began with the first new row, or went far beyond what was before, can be a fault.
    """
    if len(rows) < FEWEST or old.rows < FEWEST:
        summary = f"{len(rows)} rows are new, too few to look for faults in them."
        return [Check(NAME, "data", Outcome.noted, summary)]
    pool = make_pool(old, new, rows)
    marks, predictions = make_marks(pool, old, new, rows, policy, order)
    sides = np.array([mark.more for mark in marks])
    families = np.array([_family(mark, pool.label.name) for mark in marks])
    most = alpha * (1 - ORDER_PART)
    tested = compare_with_splits([mark.values for mark in marks], sides, pool.old_rows, most, families)
    ordered, log_p, tests = order_marks(pool, predictions)
    tested, marks = tested.extended(log_p, float(np.log(alpha * ORDER_PART / tests))), marks + ordered
    if order is not None:
        return _with_time(pool, marks, tested, predictions, order)
    findings = choose(pool, marks, tested)
    if findings:
        return describe(pool, findings, predictions, NAME)
    return [_none_found(pool, marks)]


def _family(mark: Mark, label: str) -> int:
    """The family that a mark is tested in."""
    if mark.trait == "fit" and not (mark.more and not mark.counted):
        return 0
    return LABEL if mark.column == label and mark.trait in OWN else FAMILIES.get(mark.trait, 0)


def _with_time(
    pool: Pool, marks: list[Mark], tested: PValues, predictions: list[Prediction], order: TimeOrder
) -> list[Check]:
    """Make checks of what began with the first new row, or went far; note what went on as it had, or a little further.

    What is known to be done to a column, such as another unit, is looked for only if it began with the first new row.
    """
    known: OwnMovements = {}
    moves = _with_missing(marks, {k: movement(pool, marks[k], order, known) for k in tested.certain.tolist()})
    told = [k for k, mark in enumerate(marks) if order.told_by(mark.column)]
    still = [k for k, move in moves.items() if move in ("as before", "went on")]
    abrupt = frozenset(marks[k].column for k, move in moves.items() if move == "jumped")
    own = [c for c in pool.columns if c.name in abrupt and own_movement(pool, c, order, known)[0] == "jumped"]
    steps = {column.name: step_of(pool, column, order) for column in own}
    findings = choose(pool, marks, tested.without([*told, *still]))
    checks = describe(pool, findings, predictions, NAME, Seam(abrupt, steps, recent(pool, order)))
    named = {check.subject for check in checks}
    went_on = [marks[k].column for k, move in moves.items() if move == "went on"]
    checks += _went_on(pool, [name for name in dict.fromkeys(went_on) if name and name not in named], order)
    return checks if findings else [*checks, _none_found(pool, marks)]


def _with_missing(marks: list[Mark], moves: dict[int, Movement]) -> dict[int, Movement]:
    """Let a column whose values came to be known, or missing, over time have moved no more than that."""
    gone = {marks[k].column: move for k, move in moves.items() if marks[k].trait == "missing"}
    return {
        k: min(move, gone.get(marks[k].column, move), key=MILDEST.index) if marks[k].trait in PRESENT else move
        for k, move in moves.items()
    }


def _went_on(pool: Pool, names: list[str], order: TimeOrder) -> list[Check]:
    """Note the columns that moved further than before, but not with the first new row."""
    if not names:
        return []
    listed = "; ".join(f"`{name}` {goes_on(pool, name, order)}" for name in names[:MOST_NAMED])
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    summary = f"The new rows are unlike the old ones, but no more than the newest of these, by {order.words}: "
    return [Check(NAME, "data", Outcome.noted, f"{summary}{listed}{more}.", evidence={"columns": names})]


def _none_found(pool: Pool, marks: list[Mark]) -> Check:
    summary = f"No fault was found in the {pool.new_rows:,} new rows, of {len(marks):,} traits that were compared."
    return Check(NAME, "data", Outcome.passed, summary, new=pool.new_rows, evidence={"traits": len(marks)})


def make_marks(
    pool: Pool, old: Table, new: Table, rows: Array, policy: Policy, order: TimeOrder | None = None
) -> tuple[list[Mark], list[Prediction]]:
    """Make all marks of the pool's rows, and the predictions of each column from the others."""
    timed = frozenset(c.name for c in pool.columns if order is not None and order.told_by(c.name))
    marks: list[Mark] = []
    for column in pool.columns:
        if column.missing.any():
            marks.append(Mark(column.name, "missing", f"`{column.name}` is missing", column.missing))
        if column.form == "number" and moved_on(column, pool.old_rows):
            marks += key_marks(column)
        elif column.form == "number":
            marks += number_marks(column)
        elif column.form == "text":
            marks += text_marks(column)
        else:
            marks += moment_marks(column, pool.old_rows)
    marks += row_marks(old, new, rows, pool)
    marks += rule_marks(pool)
    fits, predictions = fit_marks(pool, policy.slices, timed)
    return marks + fits, predictions
