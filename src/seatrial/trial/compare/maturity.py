"""Labels that are not final yet: new rows that are too young to be judged by them, old rows whose label became known.

A label that waits for an outcome (a loan that may still default) changes later although nobody made a mistake.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.new_rows import FEWEST
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.statistics import FAMILIES
from seatrial.trial.compare.time_order import TimeOrder, date_column, days_of
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, PolicyError

NEWEST = 0.995  # the quantile that counts as the newest day
MOST_NAMED = 8
EXPLAINED = ("metrics.worse", *(f"total.{family}" for family in FAMILIES))
MOVED = "labels became known since the baseline was trained (data.matured), which moves predictions"
ACCEPT = "If those labels are right, accept this difference."
LABEL_KEYS = ("pending", "labels_mature_after")
DECLARED = "data.declared_immature"
TOO_MANY = 0.2  # the share of labels declared not final from which the verdict's first line says so
DROPPED = 0.5  # of a label's rate among the other rows, from which the newest rows look as if it was not known there
SURE = 5.0  # standard errors


def mature_rows(old: Table, new: Table, rows: Array, policy: Policy) -> Array:
    """Which rows of `new` at `rows` have a final label, by the policy's `labels_mature_after` (a mask); else all.

    Raises PolicyError if no column has dates.
    """
    if not policy.labels_mature_after:
        return np.ones(len(rows), dtype=bool)
    name, newest = _newest_of(old, new, rows, policy)
    return np.asarray(~(days_of(new.columns[name][rows]) > newest - policy.labels_mature_after), dtype=bool)


def matured(old: Table, new: Table, rows: Array, policy: Policy) -> Array:
    """Which of these old rows, whose label changed, had one that was not final (a mask): pending, or too young.

    Raises PolicyError for a pending label that neither table has.
    """
    known = set(old.target.astype(str).tolist()) | set(new.target.astype(str).tolist())
    if unknown := [value for value in map(str, policy.pending) if value not in known]:
        raise PolicyError(
            f"[tool.seatrial.trial] pending names {unknown[0]!r}, which is no label of `{new.name}`.",
            hint=f"The labels are {', '.join(sorted(known)[:MOST_NAMED])}.",
        )
    pending = np.isin(old.target[rows].astype(str), [str(value) for value in policy.pending])
    if not policy.labels_mature_after:
        return np.asarray(pending)
    days = days_of(old.columns[_dates(old, new, policy)])
    return np.asarray(pending | (days[rows] > _newest(days) - policy.labels_mature_after))


def _dates(old: Table, new: Table, policy: Policy) -> str:
    name = date_column(old, new, policy)
    if not name:
        raise PolicyError(
            "[tool.seatrial.trial] labels_mature_after needs a column of dates, and the table has none.",
            hint="Add the day of each row to the schema, or list the labels that are not final in pending.",
        )
    return name


def _newest(days: Array) -> float:
    """The newest day, without a few that are wrong."""
    known = days[~np.isnan(days)]
    return float(np.quantile(known, NEWEST, method="lower")) if len(known) else np.inf


def check_maturity(
    old: Table, table: Table, rows: Array, order: TimeOrder | None, mature: Array, policy: Policy
) -> list[Check]:
    """Say how many of the new rows have no final label by the policy; without one, whether the newest look so.

    They do not if a label was as rare in an earlier window of the old table.
    """
    young, checks = int((~mature).sum()), []
    if young:
        summary = (
            f"{young:,} of the {len(rows):,} new rows are younger than {policy.labels_mature_after:g} days, so their "
            "labels are not final and were not judged."
        )
        hint = "Leave these rows out of the table until their labels are final."
        checks.append(Check("data.immature", "data", Outcome.noted, summary, subject=table.name, new=young, hint=hint))
    elif order is not None and table.target.dtype.kind != "f" and not policy.pending:
        checks += _delayed(old, table, rows, order)
    return checks


def check_declared(
    old: Table, new: Table, fresh: Array, held_out: tuple[Columns, Array], policy: Policy
) -> list[Check]:
    """Say what share of the labels the policy declares not final, and refuse a hold-out that has no others.

    `held_out` are the columns and labels of the candidate's hold-out. Declaring nearly
    all labels not final would leave nearly none judged, so the share is shown (`first_line`).
    """
    if not (policy.pending or policy.labels_mature_after):
        return []
    newest = _newest_of(old, new, fresh, policy)
    open_ones = _not_final(new.columns, new.target, newest, policy)
    whole, new_rows = float(open_ones.mean()), float(open_ones[fresh].mean()) if len(fresh) else 0.0
    if not open_ones.any():
        return []
    keys = [key for key in LABEL_KEYS if getattr(policy, key)]
    summary = f"{whole:.0%} of the labels are declared not final ({', '.join(keys)})"
    if len(fresh):
        summary += f", {new_rows:.0%} of those of the {len(fresh):,} new rows"
    share = max(whole, new_rows)
    checks = [Check(DECLARED, "data", Outcome.noted, summary, subject=new.name, new=share, limit=TOO_MANY)]
    return checks + _held_out_labels(~_not_final(*held_out, newest, policy), new.name, policy)


def _held_out_labels(final: Array, target: str, policy: Policy) -> list[Check]:
    known, rows = int(final.sum()), len(final)
    if known == rows or known >= policy.min_rows:
        return []
    summary = (
        f"{known or 'none'} of the {rows:,} held-out rows has a final label by the policy, so the candidate's metrics "
        "say nothing"
        if known < 2
        else f"only {known:,} of the {rows:,} held-out rows have a final label by the policy, fewer than min_rows "
        f"({policy.min_rows})"
    )
    hint = "Declare fewer labels not final (pending, labels_mature_after), or hold out rows whose outcome is known."
    # A label that may stand for an unknown outcome is mostly a final one: by its age, where the policy has that.
    few = Outcome.waiting if policy.labels_mature_after else Outcome.noted
    outcome = few if known else Outcome.blocked
    return [
        Check("data.hold_out_immature", "data", outcome, summary, subject=target, new=known, limit=policy.min_rows,
              severity=policy.min_rows / max(known, 1), hint=hint)
    ]  # fmt: skip


def _newest_of(old: Table, new: Table, fresh: Array, policy: Policy) -> tuple[str, float]:
    """The column of dates, and the newest day in it; of no use without `labels_mature_after`."""
    if not policy.labels_mature_after:
        return "", np.inf
    name = _dates(old, new, policy)
    return name, _newest(np.concatenate([days_of(old.columns[name]), days_of(new.columns[name][fresh])]))


def _not_final(columns: Columns, target: Array, newest: tuple[str, float], policy: Policy) -> Array:
    """Which of these rows have a label that the policy declares not final (a mask)."""
    pending = np.isin(target.astype(str), [str(value) for value in policy.pending])
    name, day = newest
    if not name or not len(target):
        return np.asarray(pending)
    return np.asarray(pending | (days_of(columns[name]) > day - policy.labels_mature_after))


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


def _delayed(old: Table, table: Table, rows: Array, order: TimeOrder) -> list[Check]:
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
        usual = _rarest(old.target[order.old].astype(str) == value, half)
        if after < DROPPED * min(before, usual) and before < 0.5 and before - after > SURE * spread:
            summary = (
                f"the labels of the newest rows may not be known yet: `{table.name}` = {value} in {after:.1%} of the "
                f"{half:,} newest rows by {order.words}, {before:.1%} of the others"
            )
            hint = "Leave these rows out until their labels are final; see labels_mature_after in the policy."
            return [Check("data.immature", "data", Outcome.waiting, summary, subject=table.name,
                          old=before, new=after, severity=before / max(after, 0.01), hint=hint)]  # fmt: skip
    return []


def _rarest(marked: Array, size: int) -> float:
    """The smallest share of marked rows (n,) in any window of so many rows that follow each other."""
    sums = np.concatenate([[0], np.cumsum(marked)])
    return float((sums[size:] - sums[:-size]).min() / size) if len(marked) >= size else 1.0
