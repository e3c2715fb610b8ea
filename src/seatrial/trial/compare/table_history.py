"""Two training tables row by row: which rows were kept, which were rewritten and in which column, which are new.

A retrain adds rows and drops rows. It does not change those that both tables have: a row that is known but for one
column was rewritten there, and many such rows in one column name a broken join, a changed unit or wrong labels exactly,
with no statistics at all.
"""

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import grouped, ticked
from seatrial.trial.compare.row_matching import Matched, Table, match, repeats
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

__all__ = ["Matched", "Table", "compare_history", "match"]

GONE = 0.7  # of a group's rows gone, while most others stayed: the group was lost, not aged out
REPEATED = 0.05


def compare_history(old: Table, new: Table, policy: Policy, matched: Matched | None = None) -> list[Check]:
    """Check that known rows were not rewritten, no group was lost, and no rows were repeated.

    `matched` is `match(old, new)`, where it is known already.
    """
    matched = matched or match(old, new)
    checks = []
    for name, (a, b) in matched.rewritten.items():
        check = _rewritten(old, new, name, a, b, policy)
        if check is not None:
            checks.append(check)
    if not checks:
        share = float(matched.kept.mean())
        checks.append(
            Check(
                "data.rewritten",
                "data",
                Outcome.passed,
                f"No known row was rewritten; {share:.0%} of them are still there.",
                new=share,
            )
        )
    checks += _lost(old, matched, policy)
    checks.append(_repeated(old, new))
    return checks


def _rewritten(old: Table, new: Table, name: str, a: Array, b: Array, policy: Policy) -> Check | None:
    share = len(a) / old.rows
    where, inside = _concentrated(old, a, policy)
    over = max(share / policy.max_rewritten, inside / 0.5 if len(a) >= policy.min_slice else 0.0)
    label = name == new.name
    what = "the labels" if label else f"`{name}`"
    how = _how(old, new, name, a, b)
    told = f"{what} changed in {len(a):,} rows that are otherwise as before ({share:.0%} of the old rows){how}"
    if where and (inside > 2 * share or label):
        told += f", {inside:.0%} of those where {ticked(where)}"
    if name in policy.changing:
        return Check("data.rewritten", "data", Outcome.noted, f"As declared, {told}.", subject=name, new=share)
    outcome = Outcome.blocked if over > 1 else Outcome.noted
    subject = where if label and where else name
    return Check(
        "data.rewritten",
        "data",
        outcome,
        f"known rows were rewritten: {told}" if over > 1 else f"A few known rows were corrected: {told}.",
        subject=subject,
        new=share,
        limit=policy.max_rewritten,
        severity=10 * over,
        hint=f"If `{name}` is right to change, list it in [tool.seatrial.trial] changing.",
    )


def _concentrated(old: Table, a: Array, policy: Policy) -> tuple[str, float]:
    """The group of old rows of which most were rewritten, and what share of it."""
    mask = np.zeros(old.rows, dtype=bool)
    mask[a] = True
    best, share = "", 0.0
    for grouping in grouped(old.columns, policy.slices):
        counts = np.bincount(grouping.codes, minlength=grouping.size)
        hits = np.bincount(grouping.codes, mask, grouping.size)
        # A group explains the rewriting if its rows are most of the rewritten ones and most of it was rewritten.
        f1 = np.where(counts >= policy.min_slice / 2, 2 * hits / np.maximum(counts + len(a), 1), 0.0)
        top = int(f1.argmax())
        if f1[top] > share + 1e-9:
            best, share = grouping.names[top], float(f1[top])
    return best, share


def _how(old: Table, new: Table, name: str, a: Array, b: Array) -> str:
    before, after = (old.target[a], new.target[b]) if name == new.name else (old.columns[name][a], new.columns[name][b])
    if before.dtype.kind in "fiu" and after.dtype.kind in "fiu" and name != new.name:
        there = np.isfinite(before) & np.isfinite(after) & (before != 0)
        if there.sum() >= 5:
            if np.ptp(after[there]) == 0:
                return f": it is {after[there][0]:g} now"
            ratios = after[there] / before[there]
            middle = float(np.median(ratios))
            if np.abs(ratios / middle - 1).max() < 1e-6 if middle else False:
                return f": it is {middle:g} times what it was, as by another unit"
            known = old.columns[name]
            if np.isin(after[there], known).mean() > 0.9 and len(np.unique(known)) > 20:
                return ": values of other rows, as by a join that slipped"
        gone = float((np.isfinite(before) & ~np.isfinite(after)).mean())
        filled = float((~np.isfinite(before) & np.isfinite(after)).mean())
        if gone > 0.5:
            return ": it is missing now"
        if filled > 0.5:
            return f": it was missing and is mostly {np.median(after[np.isfinite(after)]):g} now"
    return ""


def _lost(old: Table, matched: Matched, policy: Policy) -> list[Check]:
    accounted = matched.kept.copy()
    for a, _ in matched.rewritten.values():
        accounted[a] = True
    overall = 1 - float(accounted.mean())
    checks = []
    if overall < 0.7:  # of a table that is new altogether, a lost group says nothing; the shares do
        groupings = [*grouped(old.columns, policy.slices), *grouped({old.name: old.target})]
        for grouping in groupings:
            counts = np.bincount(grouping.codes, minlength=grouping.size)
            gone = np.bincount(grouping.codes, ~accounted, grouping.size)
            share = gone / np.maximum(counts, 1)
            rest = (gone.sum() - gone) / np.maximum(counts.sum() - counts, 1)
            lost = (counts >= policy.min_slice) & (share >= GONE) & (rest < share / 2)
            for k in np.flatnonzero(lost).tolist():
                told = f"{int(gone[k]):,} of {int(counts[k]):,} rows where {ticked(grouping.names[k])} are gone"
                told += f", {rest[k]:.0%} of the others"
                # How much of what is gone the group explains orders groups that overlap.
                weight = float(2 * gone[k] / (counts[k] + gone.sum()))
                checks.append(
                    Check(
                        "data.lost",
                        "data",
                        Outcome.blocked,
                        f"a part of the training data is missing: {told}",
                        subject=grouping.names[k],
                        new=float(share[k]),
                        limit=GONE,
                        severity=5 + weight,
                    )
                )
    return checks or [Check("data.lost", "data", Outcome.passed, "No group of rows was lost.")]


def _repeated(old: Table, new: Table) -> Check:
    before, after = repeats(old), repeats(new)
    failed = after - before > REPEATED
    told = f"{after:.1%} of the rows are repeats of others, {before:.1%} before"
    return Check(
        "data.repeated",
        "data",
        Outcome.blocked if failed else Outcome.passed,
        f"the training data repeats rows: {told}" if failed else f"Rows are not repeated more than before: {told}.",
        old=before,
        new=after,
        limit=before + REPEATED,
        severity=(after - before) / REPEATED if failed else 0.0,
    )
