"""Compares two training tables row by row: which rows were kept, which were rewritten and where, which are new.

A retrain adds and drops rows. It does not change the rows that both tables have: a row that matches but for one column
was rewritten there. Many such rows in one column are exact evidence of a broken join, a changed unit or wrong labels,
without any statistics.
"""

from dataclasses import replace
from itertools import chain

import numpy as np

from seatrial.core.quoting import toml
from seatrial.model.features import Array
from seatrial.trial.compare.groups import each_grouped, ticked
from seatrial.trial.compare.maturity import matured
from seatrial.trial.compare.row_matching import Matched, Table, repeats
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, judged_check

GONE = 0.7  # of a group's rows gone, while most others stayed: the group was lost, not aged out
REPEATED = 0.05
ROLLED = 0.2  # a window moves on by as many rows as came, but for this share
OLDEST = 0.95  # of the rows that are gone are the oldest ones: a window that moved on
ONE_WAY = 0.95  # of the changed labels were the same one before
FEWEST_SEEN = 10  # rewritten rows in a sample, from which their number in the whole table is estimated
NEWEST, IN_NEWEST = 1 / 3, 0.9  # so many of the changed labels are in the newest part: they may have become known


def compare_history(
    old: Table, new: Table, policy: Policy, matched: Matched, order: TimeOrder | None = None, *, seen: float = 1.0
) -> list[Check]:
    """Check that known rows were not rewritten, no group was lost, and no rows were repeated.

    With a time, rows that left the table as the oldest are not lost, and labels that became known are not rewritten.
    Of sampled tables, a rewritten row is among the new rows with probability `seen`, since its hash is another one.
    """
    checks = []
    for name, (a, b) in matched.rewritten.items():
        if name == new.name:
            known = matured(old, new, a, policy)
            checks += _became_known(old, new, a[known])
            a, b = a[~known], b[~known]  # noqa: PLW2901
        if len(a):
            check = _rewritten(old, new, name, a, b, policy, seen)
            checks.append(_perhaps_matured(check, old, new, a, b, order) if name == new.name else check)
    if not checks:
        share = float(matched.kept.mean())
        summary = f"No known row was rewritten; {share:.0%} of them are still in the table."
        checks.append(Check("data.rewritten", "data", Outcome.passed, summary, new=share))
    return [*checks, *_lost(old, matched, policy, order), _repeated(old, new)]


def _became_known(old: Table, new: Table, rows: Array) -> list[Check]:
    if not len(rows):
        return []
    share = len(rows) / old.rows
    summary = f"{len(rows):,} labels that were not final became known, as declared ({share:.0%} of the old rows)."
    return [Check("data.matured", "data", Outcome.noted, summary, subject=new.name, new=share)]


def _perhaps_matured(check: Check, old: Table, new: Table, a: Array, b: Array, order: TimeOrder | None) -> Check:
    """Ask instead of blocking where labels changed in the newest rows alone, and from one label to one other.

    `a` and `b` are the positions of the rows in the old and in the new table. A few other changes are corrections.
    """
    if order is None or old.target.dtype.kind == "f":
        return check
    ways, counts = np.unique(
        np.stack([old.target[a].astype(str), new.target[b].astype(str)]), axis=1, return_counts=True
    )
    before, after = ways[:, counts.argmax()].tolist()
    left = ways[0] == before  # an outcome that was open may end in several ways
    newest = float((order.places[a] >= (1 - NEWEST) * old.rows).mean())
    if counts[left].sum() < ONE_WAY * len(a) or newest < IN_NEWEST:
        return check
    ends = f"to {after}" if len(set(ways[1, left].tolist())) == 1 else "to others"
    summary = (
        f"labels changed from {before} {ends} in {len(a):,} known rows ({len(a) / old.rows:.0%}), {newest:.0%} of "
        f"them among the newest {NEWEST:.0%} by {order.words}: outcomes that became known, or wrong labels"
    )
    value = next(value for value in old.target[a].tolist() if str(value) == before)
    hint = (
        f"If {before} stood for an outcome that was not known yet, write pending = [{_written(value)}] in "
        "[tool.seatrial.trial]; or labels_mature_after = 90, if labels are final after so many days."
    )
    outcome = Outcome.waiting if check.outcome is Outcome.blocked else Outcome.noted
    return replace(check, name="data.matured", outcome=outcome, summary=summary, subject=new.name, hint=hint)


def _written(value: object) -> str:
    """A label as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    return toml(value) if isinstance(value, str) else str(value)


def _rewritten(old: Table, new: Table, name: str, a: Array, b: Array, policy: Policy, seen: float) -> Check:
    found = seen if len(a) >= FEWEST_SEEN else 1.0
    where, inside = _concentrated(old, a, policy)
    there, share = len(a) / old.rows, min(len(a) / old.rows / found, 1.0)
    over = max(share / policy.max_rewritten, inside / 0.5 if len(a) >= policy.min_slice else 0.0)
    label = name == new.name
    what = "the labels" if label else f"`{name}`"
    how = _how(old, new, name, a, b)
    of = "the old rows" if found == 1 else f"the old rows, estimated from the {seen:.1%} that both samples have"
    summary = f"{what} changed in {len(a):,} rows that are otherwise unchanged ({share:.0%} of {of}){how}"
    telling = bool(where) and (inside > 2 * there or (label and inside > there + 0.1))
    if telling:
        summary += f", {min(inside / found, 1.0):.0%} of those where {ticked(where)}"
    if name in policy.changing:
        return Check("data.rewritten", "data", Outcome.noted, f"As declared, {summary}.", subject=name, new=share)
    return Check(
        "data.rewritten", "data", Outcome.blocked if over > 1 else Outcome.noted,
        f"known rows were rewritten: {summary}" if over > 1 else f"A few known rows were corrected: {summary}.",
        subject=where if label and telling else name, new=share, limit=policy.max_rewritten, severity=10 * over,
        hint="Compare the labels with their source; pending and labels_mature_after declare those that are not final."
        if label
        else f"If `{name}` may change, list it in [tool.seatrial.trial] changing.",
    )  # fmt: skip


def _concentrated(old: Table, a: Array, policy: Policy) -> tuple[str, float]:
    """The group of old rows of which most were rewritten, and the share of it."""
    mask = np.zeros(old.rows, dtype=bool)
    mask[a] = True
    best, share = "", 0.0
    for grouping in each_grouped(old.columns, policy.slices):
        counts, hits = grouping.counts, grouping.sums(mask)
        # A group explains the rewriting if its rows are most of the rewritten ones and most of it was rewritten.
        f1 = np.where(counts >= policy.min_slice / 2, 2 * hits / np.maximum(counts + len(a), 1), 0.0)
        top = int(f1.argmax())
        if f1[top] > share + 1e-9:
            best, share = grouping.names[top], float(f1[top])
    return best, share


def _how(old: Table, new: Table, name: str, a: Array, b: Array) -> str:
    """What was done to a rewritten numeric column, in words."""
    if name == new.name:
        return ""
    before, after = old.columns[name][a], new.columns[name][b]
    if before.dtype.kind not in "fiu" or after.dtype.kind not in "fiu":
        return ""
    known_before, known_after = np.isfinite(before), np.isfinite(after)
    there = known_before & known_after & (before != 0)
    if there.sum() >= 5:
        if np.ptp(after[there]) == 0:
            return f": it is now {after[there][0]:g}"
        ratios = after[there] / before[there]
        middle = float(np.median(ratios))
        if middle and np.abs(ratios / middle - 1).max() < 1e-6:
            return f": it is {middle:g} times as large, as if in another unit"
        known = old.columns[name]
        if np.isin(after[there], known).mean() > 0.9 and len(np.unique(known)) > 20:
            return ": it has values of other rows, as after a wrong join"
    if float((known_before & ~known_after).mean()) > 0.5:
        return ": it is now missing"
    if float((~known_before & known_after).mean()) > 0.5:
        return f": it was missing and is now mostly {np.median(after[known_after]):g}"
    return ""


def _lost(old: Table, matched: Matched, policy: Policy, order: TimeOrder | None) -> list[Check]:
    accounted, left = _accounted(matched), left_as_oldest(matched, order)
    if left:
        by = order.words if order is not None else "the order of the rows"
        return [Check("data.lost", "data", Outcome.passed, f"{left:,} rows left the table, the oldest ones by {by}.")]
    checks = []
    if accounted.mean() > 0.3:  # in an entirely new table, a lost group means nothing; the shares do
        for grouping in chain(each_grouped(old.columns, policy.slices), each_grouped({old.name: old.target})):
            counts, gone = grouping.counts, grouping.sums(~accounted)
            share = gone / np.maximum(counts, 1)
            rest = (gone.sum() - gone) / np.maximum(counts.sum() - counts, 1)
            lost = (counts >= policy.min_slice) & (share >= GONE) & (rest < share / 2)
            for k in np.flatnonzero(lost).tolist():
                summary = (
                    f"part of the training data is missing: {int(gone[k]):,} of {int(counts[k]):,} rows where "
                    f"{ticked(grouping.names[k])} are gone, but only {rest[k]:.0%} of the others"
                )
                # The share of the lost rows that a group explains orders groups that overlap.
                severity = 5 + float(2 * gone[k] / (counts[k] + gone.sum()))
                checks.append(
                    Check(
                        "data.lost", "data", Outcome.blocked, summary,
                        subject=grouping.names[k], new=float(share[k]), limit=GONE, severity=severity,
                    )
                )  # fmt: skip
    return checks or [Check("data.lost", "data", Outcome.passed, "No group of rows was lost.")]


def _accounted(matched: Matched) -> Array:
    """Mark the old rows (n_old,) that are in the new table, as they were or rewritten."""
    accounted = matched.kept.copy()
    for a, _ in matched.rewritten.values():
        accounted[a] = True
    return accounted


def left_as_oldest(matched: Matched, order: TimeOrder | None) -> int:
    """How many rows left the table, if they were the oldest, as of a window that moves on; 0 if others left."""
    accounted = _accounted(matched)
    left, came = int((~accounted).sum()), len(matched.new_rows)
    rolled = came > 0 and abs(left - came) <= ROLLED * came
    aged = order is not None and _aged_out(accounted[order.old])
    return left if aged or (rolled and _aged_out(accounted)) else 0


def _aged_out(accounted: Array) -> bool:
    """Whether the rows that are gone are the oldest (`accounted` is in the order of time)."""
    gone = int((~accounted).sum())
    return gone > 0 and float((~accounted[:gone]).mean()) >= OLDEST


def _repeated(old: Table, new: Table) -> Check:
    rows = min(old.rows, new.rows)  # among more rows, more repeat another one
    before, after = repeats(old, rows), repeats(new, rows)
    failed = after - before > REPEATED
    summary = f"{after:.1%} of the rows repeat another row, {before:.1%} before"
    return judged_check(
        "data.repeated", "data", failed,
        f"the training data has repeated rows: {summary}", f"No more rows are repeated than before: {summary}.",
        old=before, new=after, limit=before + REPEATED, severity=(after - before) / REPEATED if failed else 0.0,
    )  # fmt: skip
