"""Compares the new rows' traits with the old ones', and says in words which column is wrong and how."""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.traits.drift import moved_as_before
from seatrial.trial.traits.findings import choose, describe
from seatrial.trial.traits.fit import Prediction
from seatrial.trial.traits.fit_marks import fit_marks
from seatrial.trial.traits.marks import Mark, Trait
from seatrial.trial.traits.moment_marks import moment_marks
from seatrial.trial.traits.number_marks import key_marks, number_marks
from seatrial.trial.traits.order_marks import order_marks
from seatrial.trial.traits.pool import Pool, make_pool, moved_on
from seatrial.trial.traits.row_marks import row_marks
from seatrial.trial.traits.rule_marks import rule_marks
from seatrial.trial.traits.splits import compare_with_splits
from seatrial.trial.traits.text_marks import text_marks

NAME = "data.new_rows"
FEWEST = 15  # new rows that are judged
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
    a time (`order`), a trait that moved as much between earlier windows of the old rows is no fault.
    """
    if len(rows) < FEWEST or old.rows < FEWEST:
        summary = f"{len(rows)} rows are new, too few to look for faults in them."
        return [Check(NAME, "data", Outcome.noted, summary)]
    pool = make_pool(old, new, rows)
    marks, predictions = make_marks(pool, old, new, rows, policy)
    sides = np.array([mark.more for mark in marks])
    families = np.array([_family(mark, pool.label.name) for mark in marks])
    most = alpha * (1 - ORDER_PART)
    tested = compare_with_splits([mark.values for mark in marks], sides, pool.old_rows, most, families)
    ordered, log_p, tests = order_marks(pool, predictions)
    tested, marks = tested.extended(log_p, float(np.log(alpha * ORDER_PART / tests))), marks + ordered
    if order is not None:
        tested = tested.without([k for k in tested.certain.tolist() if moved_as_before(pool, marks[k], order)])
    findings = choose(pool, marks, tested)
    if findings:
        return describe(pool, findings, predictions, NAME)
    summary = f"No fault was found in the {len(rows):,} new rows, of {len(marks):,} traits that were compared."
    return [Check(NAME, "data", Outcome.passed, summary, new=len(rows), evidence={"traits": len(marks)})]


def _family(mark: Mark, label: str) -> int:
    """The family that a mark is tested in."""
    if mark.trait == "fit" and not (mark.more and not mark.counted):
        return 0
    return LABEL if mark.column == label and mark.trait in OWN else FAMILIES.get(mark.trait, 0)


def make_marks(pool: Pool, old: Table, new: Table, rows: Array, policy: Policy) -> tuple[list[Mark], list[Prediction]]:
    """Make all marks of the pool's rows, and the predictions of each column from the others."""
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
    fits, predictions = fit_marks(pool, policy.slices)
    return marks + fits, predictions
