"""Makes checks of what stands out among the new rows of a training table, in words that say what kind of change it is.

A difference that chance does not explain, but that is too small to matter, does not stop a release.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, is_numeric, missing, ticked
from seatrial.trial.compare.new_rows import (
    FEWEST,
    PARTNER,
    UNKNOWN,
    Exceeded,
    Judgement,
    Pooled,
    explained,
    judge_rows,
    pool,
    rate_changes,
)
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.compare.splits import Splits
from seatrial.trial.compare.time_order import TimeOrder
from seatrial.trial.records import Check, Outcome

MISSING = 0.05  # the effects from which a difference matters
SHIFT = 0.15  # distance between two distributions (total variation over groups) from which it needs a review
BLOCKED = 0.4
JUMP = 0.25  # change of a label's rate in a group
TIE = 0.12  # change in how much of the labels a column explains
FEW = 100  # new rows below which the check says what it cannot see
SURE = 3.3  # standard errors of a share, about what a difference needs to stand out
FAR = 2.5  # times the limit that the past's own drift gives: more is not what went on
ALONE = 1 / 3  # of the columns at most are said to have changed alone
ACCEPT = "If the data is right, accept this difference."
About = Literal["all", "columns", "labels"]
ABOUT = {
    "shares": "columns",
    "missing": "columns",
    "partners": "columns",
    "labels": "labels",
    "tie": "labels",
    "rates": "labels",
}
MOVED = "Look at these rows. If this is how things are now, accept it: a model of old rows may be out of date."
DRIFT = "data.drift"
WORLD = "the world may have changed"


@dataclass(frozen=True)
class _Compared:
    """Both tables, the new rows' positions, and all of them as groups."""

    old: Table
    new: Table
    rows: Array
    pooled: Pooled

    @property
    def actual(self) -> Splits:
        """The actual split alone."""
        size = len(self.pooled.labels.codes)
        return Splits(size, np.arange(self.pooled.old_rows, size)[None])


def compare_new_rows(
    old: Table, new: Table, rows: Array, alpha: float, order: TimeOrder | None = None, *, about: About = "all"
) -> list[Check]:
    """Compare the rows of `new` at `rows` with the old table's; fewer than 15 are not judged.

    With probability `alpha` at most, one of these checks fails if the new rows are of the old ones' population. `about`
    says what is judged: everything, only what does not involve labels, or only what does.
    """
    if len(rows) < FEWEST:
        summary = f"{len(rows)} rows are new, too few to judge them separately."
        return [Check("data.arrivals", "data", Outcome.noted, summary)]
    compared = _Compared(old, new, rows, pool(old, new, rows))
    judgement = judge_rows(compared.pooled, alpha, order)
    judgement = Judgement(*(tuple(e for e in part if about in ("all", ABOUT[e.key[0]]))
                            for part in (judgement.exceeded, judgement.drifted)))  # fmt: skip
    checks = [check for each in judgement.exceeded if (check := _check(compared, each)) is not None]
    checks = _most_direct(checks)
    checks = [replace(check, evidence={**check.evidence, "span": _span(rows)}) for check in checks]
    if order is not None:
        checks = _about_time(checks, judgement, order, len(compared.pooled.groups))
        checks += _drifted(compared, judgement, order)
    if about == "labels" or any(check.outcome in (Outcome.blocked, Outcome.waiting) for check in checks):
        return checks
    summary = f"The {len(rows):,} new rows are like the old ones."
    if len(rows) < FEW:
        unseen = SURE * 0.5 / np.sqrt(len(rows))
        summary += f" Among so few, a difference in less than about {unseen:.0%} of them cannot be determined."
    return [*checks, Check("data.arrivals", "data", Outcome.passed, summary, new=len(rows))]


def _span(rows: Array) -> list[int]:
    """The first and the last line of the new rows in the table's file, whose first line has the names."""
    return [int(rows[0]) + 2, int(rows[-1]) + 2]


def _check(compared: _Compared, each: Exceeded) -> Check | None:
    """The check of one statistic; None where the difference does not matter."""
    kind, name, other = each.key
    found = _CHECKS[kind](compared, name, other)
    return None if found is None else replace(found, evidence={**found.evidence, **_facts(each)})


def _facts(each: Exceeded) -> dict[str, object]:
    facts: dict[str, object] = {"times_limit": round(each.times, 3)}
    if each.past is not None:
        facts |= {"past_times_limit": round(each.past, 3), "abrupt": each.abrupt}
    return facts


def _most_direct(checks: list[Check]) -> list[Check]:
    """One check for each column, the most direct one; partners only where no column's own values changed."""
    order = ["data.arrivals", "data.label_rates", "data.tie", "data.partners"]
    first: dict[str, Check] = {}
    for check in sorted(checks, key=lambda c: (order.index(c.name), -c.severity)):
        if check.name not in ("data.label_rates", "data.partners"):
            first.setdefault(check.subject, check)
    rates = [check for check in checks if check.name == "data.label_rates"]
    partners = [check for check in checks if check.name == "data.partners"]
    labels = [check for check in first.values() if check.evidence.get("labels")]
    chosen = list(first.values())
    if rates and not labels:
        chosen.append(max(rates, key=lambda check: check.severity))
    if partners and not chosen:
        chosen.append(_moved_partner(partners))
    return chosen


def _moved_partner(checks: list[Check]) -> Check:
    """The column that lost most of its partners is the one that moved; its partners lost only one."""
    lost: dict[str, float] = {}
    for check in checks:
        for column in (check.subject, check.evidence["partner"]):
            lost[column] = lost.get(column, 0.0) + check.severity
    moved = max(lost, key=lambda column: lost[column])
    best = max((c for c in checks if moved in (c.subject, c.evidence["partner"])), key=lambda c: c.severity)
    if best.subject == moved:
        return best
    partner = best.subject
    swapped = (
        best.summary.replace(f"`{partner}`", "\0").replace(f"`{moved}`", f"`{partner}`").replace("\0", f"`{moved}`")
    )
    return replace(best, subject=moved, summary=swapped, evidence={**best.evidence, "partner": partner})


# ---- one check for each kind of statistic


def _shares(compared: _Compared, name: str, _: str) -> Check | None:
    return _shift(compared, compared.pooled.groups[name], ticked)


def _label_shares(compared: _Compared, name: str, _: str) -> Check | None:
    quantity = compared.new.target.dtype.kind == "f"
    check = _shift(compared, compared.pooled.labels, ticked if quantity else f"the label `{name}` = {{}}".format)
    return None if check is None else replace(check, evidence={"labels": True})


def _shift(compared: _Compared, grouping: Grouping, named: Callable[[str], str]) -> Check | None:
    old, new = compared.actual.both(grouping.codes, grouping.size)
    first, second = old[0] / max(old.sum(), 1), new[0] / max(new.sum(), 1)
    effect = float(np.abs(first - second).sum() / 2)
    if effect < SHIFT:
        return None
    k = int(np.abs(first - second).argmax())
    group = grouping.names[k]
    summary = f"{named(group)} in {second[k]:.0%} of the {len(compared.rows):,} new rows, {first[k]:.0%} before"
    return _unlike(grouping.column, summary, effect, SHIFT, old=float(first[k]), new=float(second[k]))


def _unlike(column: str, summary: str, effect: float, limit: float, *, old: float, new: float) -> Check:
    outcome = Outcome.blocked if effect >= BLOCKED else Outcome.waiting
    return Check(
        "data.arrivals", "data", outcome, f"the new rows are unlike the old ones: {summary}",
        subject=column, old=old, new=new, limit=limit, severity=effect / limit, hint=ACCEPT,
    )  # fmt: skip


def _absence(compared: _Compared, name: str, _: str) -> Check | None:
    """Missing values that are no longer missing, or the other way round; filled with one value, such as 0."""
    before, after = compared.old.columns[name], compared.new.columns[name][compared.rows]
    first, gone = float(missing(before).mean()), missing(after)
    second = float(gone.mean())
    if abs(second - first) < MISSING:
        return None
    summary = f"`{name}` is missing in {second:.0%} of the {len(after):,} new rows, {first:.0%} before"
    if is_numeric(after) and second < first and (~gone).any():
        values, number = np.unique(after[~gone], return_counts=True)
        value, share = float(values[int(number.argmax())]), float(number.max() / len(after))
        if float((before == value).mean()) < 0.2 * share:
            summary += f"; it is {value:g} in {share:.0%} of them"
    return _unlike(name, summary, abs(second - first), MISSING, old=first, new=second)


def _tie(compared: _Compared, name: str, _: str) -> Check | None:
    """A column that explains more or less of the label."""
    old, new = compared.actual.crossed(compared.pooled.groups[name], compared.pooled.labels)
    before, after = float(explained(old)[0]), float(explained(new)[0])
    if abs(after - before) < TIE:
        return None
    how = "predicts the label far better" if after > before else "is no longer related to the label"
    if 0.3 * before < after < before:
        how = "predicts the label less well"
    summary = f"in the new rows `{name}` {how}: it explains {after:.0%} of it, {before:.0%} before"
    hint = "A column that suddenly predicts the label may leak it; one that no longer does may be joined to wrong rows."
    return Check(
        "data.tie", "data", Outcome.blocked, summary,
        subject=name, old=before, new=after, severity=abs(after - before) / TIE, hint=hint,
    )  # fmt: skip


def _partners(compared: _Compared, name: str, other: str) -> Check | None:
    """Two columns that are related in the old rows and not in the new ones, as after a wrong join."""
    old, new = compared.actual.crossed(compared.pooled.groups[name], compared.pooled.groups[other])
    before, after = float(explained(old)[0]), float(explained(new)[0])
    if before - after < max(PARTNER, 0.5 * before):
        return None
    summary = (
        f"in the new rows `{name}` is no longer related to `{other}`: the share that one explains of the other is "
        f"{after:.0%}, {before:.0%} before"
    )
    return Check(
        "data.partners", "data", Outcome.blocked, summary, subject=name, old=before, new=after,
        severity=(before - after) / PARTNER, evidence={"partner": other},
        hint="A column that no longer fits the others may be joined to the wrong rows.",
    )  # fmt: skip


def _rates(compared: _Compared, name: str, _: str) -> Check | None:
    """The group whose label rate jumped most."""
    grouping, labels = compared.pooled.groups[name], compared.pooled.labels
    old, new = compared.actual.crossed(grouping, labels)
    changes = rate_changes(old, new)[0]
    k, label = np.unravel_index(int(changes.argmax()), changes.shape)
    before, after = (float(counts[0, k, label] / max(counts[0, k].sum(), 1)) for counts in (old, new))
    if abs(after - before) < JUMP:
        return None
    group = grouping.names[int(k)]
    value = labels.names[int(label)].removeprefix(f"{labels.column}: ").removeprefix(f"{labels.column} = ")
    summary = (
        f"label rates jumped in a group of the new rows: where {ticked(group)}, {after:.0%} have the label {value}, "
        f"{before:.0%} before"
    )
    severity = float(abs(after - before) / JUMP)
    return Check("data.label_rates", "data", Outcome.blocked, summary, subject=group, old=before, new=after,
                 severity=severity, hint="Check where the labels of these rows come from.")  # fmt: skip


_CHECKS: dict[str, Callable[[_Compared, str, str], Check | None]] = {
    "shares": _shares,
    "labels": _label_shares,
    "missing": _absence,
    "tie": _tie,
    "partners": _partners,
    "rates": _rates,
}


# ---- with a time


def _about_time(checks: list[Check], judgement: Judgement, order: TimeOrder, columns: int) -> list[Check]:
    """Add whether a change came at once or grew, and whether it concerns one column or many."""
    changed = {each.key[1] for each in judgement.exceeded}
    alone = len(changed) <= max(1, ALONE * columns)
    return [_dated(check, order, alone=alone) if "abrupt" in check.evidence else check for check in checks]


def _dated(check: Check, order: TimeOrder, *, alone: bool) -> Check:
    if check.evidence["past_times_limit"] == UNKNOWN:
        words = (
            f"{check.summary}; {WORLD}: there are too few earlier windows ({order.words}) to know how far it did before"
        )
        return replace(check, outcome=Outcome.waiting, summary=words, hint=MOVED)
    if check.evidence["abrupt"]:
        what = "as after a faulty export" if alone else f"with many columns: the export changed, or {WORLD}"
        return replace(check, summary=f"{check.summary}; by {order.words}, it began with the first new rows, {what}")
    words = f"{check.summary}; by {order.words}, it grew over time: {WORLD}"
    if float(check.evidence["times_limit"]) <= FAR:
        return replace(check, outcome=Outcome.noted, summary=words, hint="")
    return replace(check, outcome=Outcome.waiting, summary=words, hint=MOVED)


def _drifted(compared: _Compared, judgement: Judgement, order: TimeOrder) -> list[Check]:
    """Note what changed no more than it had changed before."""
    moved = [check for each in judgement.drifted if (check := _check(compared, each)) is not None]
    return drift_note(list(dict.fromkeys(check.subject for check in moved)), order)


def drift_note(names: Sequence[str], order: TimeOrder) -> list[Check]:
    """Note that these columns, or groups of rows, changed no more than they had before; nothing if there are none."""
    if not names:
        return []
    listed = ", ".join(ticked(name) if " = " in name else f"`{name}`" for name in names[:4])
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    summary = (
        f"{listed}{more} changed over time ({order.words}), no more than between earlier windows of the old table."
    )
    return [Check(DRIFT, "data", Outcome.noted, summary, evidence={"columns": list(names)})]
