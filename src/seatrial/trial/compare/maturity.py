"""Labels that are not final yet: new rows that are too young to be judged by them, old rows whose label became known.

A label that waits for an outcome (a loan that may still default) changes later although nobody made a mistake.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.statistics import FAMILIES
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

FEWEST = 15
EXPLAINED = ("metrics.worse", *(f"total.{family}" for family in FAMILIES))
MOVED = "labels became known since the baseline was trained (data.matured), which moves predictions"
ACCEPT = "If those labels are right, accept this difference."
DROPPED = 0.5  # of a label's rate among the other rows, from which the newest rows look as if it was not known there
SURE = 5.0  # standard errors


def mature_rows(order: TimeOrder | None, policy: Policy, rows: int) -> Array:
    """Which of the new rows have a final label, by the policy's `labels_mature_after` (a mask); without it, all."""
    if order is None or order.days is None or not policy.labels_mature_after:
        return np.ones(rows, dtype=bool)
    newest = float(np.nanmax(np.concatenate(order.days)))
    return np.asarray(~(order.days[1] > newest - policy.labels_mature_after), dtype=bool)


def matured(old: Table, rows: Array, order: TimeOrder | None, policy: Policy) -> Array:
    """Which of these old rows, whose label changed, had one that was not final (a mask): pending, or too young."""
    pending = np.isin(old.target[rows].astype(str), [str(value) for value in policy.pending])
    if order is None or order.days is None or not policy.labels_mature_after:
        return np.asarray(pending)
    days = order.days[0]
    return np.asarray(pending | (days[rows] > float(np.nanmax(days)) - policy.labels_mature_after))


def check_maturity(table: Table, rows: Array, order: TimeOrder | None, mature: Array, policy: Policy) -> list[Check]:
    """Say how many of the new rows have no final label by the policy; without one, whether the newest look so."""
    young, checks = int((~mature).sum()), []
    if young:
        summary = (
            f"{young:,} of the {len(rows):,} new rows are younger than {policy.labels_mature_after:g} days, so their "
            "labels are not final and were not judged."
        )
        hint = "Leave these rows out of the table until their labels are final."
        checks.append(Check("data.immature", "data", Outcome.noted, summary, subject=table.name, new=young, hint=hint))
    elif order is not None and table.target.dtype.kind != "f":
        checks += _delayed(table, rows, order)
    return checks


def after_maturity(checks: Sequence[Check]) -> list[Check]:
    """Ask instead of blocking what labels that became known may explain: changed predictions, and a worse metric."""
    matured = next((check for check in checks if check.name == "data.matured"), None)
    if matured is None:
        return list(checks)
    return [
        replace(check, outcome=Outcome.waiting, summary=f"{check.summary}; {MOVED}", hint=ACCEPT)
        if check.outcome is Outcome.blocked and check.name.startswith(EXPLAINED)
        else check
        for check in checks
    ]


def _delayed(table: Table, rows: Array, order: TimeOrder) -> list[Check]:
    """Whether a label is rare among the newest rows alone, as if the outcome was not known there yet."""
    half = len(order.new) // 2
    if half < FEWEST:
        return []
    newest = rows[order.new[-half:]]
    others = np.setdiff1d(np.arange(table.rows), newest, assume_unique=True)
    labels = table.target.astype(str)
    for value in np.unique(labels[others]).tolist():
        before, after = float((labels[others] == value).mean()), float((labels[newest] == value).mean())
        spread = np.sqrt(before * (1 - before) * (1 / len(others) + 1 / half))
        if after < DROPPED * before and before < 0.5 and before - after > SURE * spread:
            summary = (
                f"the labels of the newest rows may not be known yet: `{table.name}` = {value} in {after:.1%} of the "
                f"{half:,} newest rows by {order.words}, {before:.1%} of the others"
            )
            hint = "Leave these rows out until their labels are final; see labels_mature_after in the policy."
            return [Check("data.immature", "data", Outcome.waiting, summary, subject=table.name,
                          old=before, new=after, severity=before / max(after, 0.01), hint=hint)]  # fmt: skip
    return []
