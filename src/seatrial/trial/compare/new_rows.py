"""The rows that are new to a training table against those it had: their values, their labels, and how both go together.

A fault of the rows that came since the last release hides behind the many that were there before; told apart, it shows.
"""

import math

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, factorized, group_column, ticked
from seatrial.trial.compare.row_matching import Matched, Table
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

FEWEST = 15
MISSING = 0.05
SHIFT = 0.15  # distance between two distributions (total variation over groups) that should be looked at
BLOCKED = 0.4
JUMP = 0.25  # change of a label's rate in a group
PARTNER = 0.25  # change in how much of a column another one explains
TIE = 0.12  # change in how much of the labels a column explains


def compare_new_rows(old: Table, new: Table, matched: Matched, policy: Policy) -> list[Check]:
    """Compare new rows with the old table's, column by column; nothing is judged by fewer than 15 of them."""
    rows = np.flatnonzero(~matched.known)
    if len(rows) < FEWEST:
        told = f"{len(rows)} rows are new, too few to judge them alone."
        return [Check("data.arrivals", "data", Outcome.noted, told)]
    checks = []
    parts = _parts(old, new, rows)
    alpha = policy.false_alarms / 12 / (len(parts) + 1)  # a part of the budget's twelve, see `trial.null`
    labels = _labels(old.target, new.target[rows])
    for name, (grouping, size) in parts.items():
        check = _absence(name, old.columns[name], new.columns[name][rows], alpha)
        check = check or _column(name, grouping, size, alpha) or _tie(name, grouping, size, labels, alpha)
        if check is not None:
            checks.append(check)
    if not checks:
        checks = _partners(parts, alpha)
    target = _column(new.name, Grouping(new.name, labels[1], labels[0]), old.rows, alpha, what="the labels")
    checks += [target] if target is not None else _slices(parts, labels, alpha)
    return checks or [
        Check(
            "data.arrivals", "data", Outcome.passed, f"The {len(rows):,} new rows are like those before.", new=len(rows)
        )
    ]


def _parts(old: Table, new: Table, rows: Array) -> dict[str, tuple[Grouping, int]]:
    found = {}
    for name, before in old.columns.items():
        if name in new.columns:
            both = np.concatenate([before, new.columns[name][rows]])
            grouping = group_column(name, both)
            if grouping is not None and grouping.size > 1:
                found[name] = (grouping, old.rows)
    return found


def _labels(old: Array, new: Array) -> tuple[Array, tuple[str, ...]]:
    """Labels as groups: classes, or quarters of a number."""
    both = np.concatenate([old, new])
    if both.dtype.kind == "f":
        grouping = group_column("the target", both)
        assert grouping is not None
        return grouping.codes, grouping.names
    if both.dtype.kind == "i":
        values, codes = np.unique(both, return_inverse=True)
        return codes, tuple(str(value) for value in values.tolist())
    codes, known = factorized(both)
    return codes, tuple(str(value) for value in known)


def _column(name: str, grouping: Grouping, old_rows: int, alpha: float, what: str = "") -> Check | None:
    before = np.bincount(grouping.codes[:old_rows], minlength=grouping.size)
    after = np.bincount(grouping.codes[old_rows:], minlength=grouping.size)
    distance = float(np.abs(before / before.sum() - after / after.sum()).sum() / 2)
    if distance < SHIFT or _chance(before, after) > alpha:
        return None
    k = int(np.abs(before / before.sum() - after / after.sum()).argmax())
    told = (
        f"{what or f'`{name}`'} of the {int(after.sum()):,} new rows: {grouping.names[k]} in "
        f"{after[k] / after.sum():.0%}, {before[k] / before.sum():.0%} before"
    )
    return Check(
        "data.arrivals",
        "data",
        Outcome.blocked if distance >= BLOCKED else Outcome.waiting,
        f"the new rows are unlike the old ones: {told}",
        subject=name,
        new=distance,
        limit=SHIFT,
        severity=distance / SHIFT,
        hint="If the data is right, accept this difference.",
    )


def _chance(before: Array, after: Array) -> float:
    """The p that both counts are of one distribution: Fisher's exact test of each group, the least times their number.

    Exact, as new rows may be few; a chi-squared test is not to be trusted that far out.
    """
    from scipy.stats import hypergeom

    both = before + after
    there = both > 0
    drawn = (int(both.sum()), both[there], int(after.sum()))
    low, high = hypergeom.cdf(after[there], *drawn), hypergeom.sf(after[there] - 1, *drawn)
    return float(min(1.0, 2 * np.minimum(low, high).min() * there.sum()))


def _absence(name: str, old: Array, new: Array, alpha: float) -> Check | None:
    """Missing values that are not missing any more, or the other way round; filled with one value, as with 0."""
    before, after = _missing(old), _missing(new)
    change = float(after.mean() - before.mean())
    counts = (np.array([before.sum(), (~before).sum()]), np.array([after.sum(), (~after).sum()]))
    if abs(change) < MISSING or _chance(*counts) > alpha:
        return None
    told = f"`{name}` is missing in {after.mean():.0%} of the {len(new):,} new rows, {before.mean():.0%} before"
    if new.dtype.kind == "f" and change < 0 and (~after).any():
        values, number = np.unique(new[~after], return_counts=True)
        value = float(values[int(number.argmax())])
        if float((old == value).mean()) < 0.2 * float(number.max() / len(new)):
            told += f"; it is {value:g} in {number.max() / len(new):.0%} of them"
    return Check(
        "data.arrivals",
        "data",
        Outcome.blocked if abs(change) >= BLOCKED else Outcome.waiting,
        f"the new rows are unlike the old ones: {told}",
        subject=name,
        old=float(before.mean()),
        new=float(after.mean()),
        limit=MISSING,
        severity=abs(change) / MISSING,
        hint="If the data is right, accept this difference.",
    )


def _missing(values: Array) -> Array:
    if values.dtype.kind in "fiub":
        return np.isnan(values.astype(np.float64))
    return np.array([value is None for value in values.tolist()], dtype=bool)


def explained(codes: Array, size: int, labels: Array, classes: int) -> float:
    """How much of the labels the groups explain, adjusted for chance: 0 (nothing) to 1 (all of their variance)."""
    if len(codes) <= size:
        return 0.0
    total, left = 0.0, 0.0
    counts = np.maximum(np.bincount(codes, minlength=size), 1)
    for k in range(classes):
        here = (labels == k).astype(float)
        sums = np.bincount(codes, here, size)
        total += float(((here - here.mean()) ** 2).sum())
        left += float(here.sum() - (sums**2 / counts).sum())
    return 1 - (left / total) * (len(codes) - 1) / (len(codes) - size) if total else 0.0


def _tie(
    name: str, grouping: Grouping, old_rows: int, labels: tuple[Array, tuple[str, ...]], alpha: float
) -> Check | None:
    codes, classes = labels[0], len(labels[1])
    old, new = slice(None, old_rows), slice(old_rows, None)
    before = explained(grouping.codes[old], grouping.size, codes[old], classes)
    after = explained(grouping.codes[new], grouping.size, codes[new], classes)
    spread = math.sqrt(_variance(before, old_rows) + _variance(after, len(codes) - old_rows))
    from scipy.stats import norm

    if abs(after - before) < max(TIE, float(norm.isf(alpha / 2)) * spread):
        return None
    how = "tells the label far better" if after > before else "has nothing to do with the label any more"
    if after < before and after > 0.3 * before:
        how = "tells the label less"
    return Check(
        "data.tie",
        "data",
        Outcome.blocked,
        f"in the new rows `{name}` {how}: it explains {after:.0%} of it, {before:.0%} before",
        subject=name,
        old=before,
        new=after,
        severity=abs(after - before) / TIE,
        hint="A column that tells the label suddenly may leak it; one that ceases to may be joined to the wrong rows.",
    )


def _partners(parts: dict[str, tuple[Grouping, int]], alpha: float) -> list[Check]:
    """Columns that go with another one in the old rows and not in the new ones, as after a join that slipped."""
    from scipy.stats import norm

    sure = float(norm.isf(alpha / 2))
    lost: dict[str, list[tuple[float, str, float, float]]] = {}
    for name, (grouping, old_rows) in parts.items():
        old, new = slice(None, old_rows), slice(old_rows, None)
        for other, (told, _) in parts.items():
            if other == name:
                continue
            before = explained(told.codes[old], told.size, grouping.codes[old], grouping.size)
            if before < PARTNER:
                continue
            after = explained(told.codes[new], told.size, grouping.codes[new], grouping.size)
            spread = math.sqrt(_variance(before, old_rows) + _variance(after, len(grouping.codes) - old_rows))
            if before - after > max(PARTNER, sure * spread, 0.5 * before):
                lost.setdefault(name, []).append((before - after, other, before, after))
                lost.setdefault(other, []).append((before - after, name, before, after))
    if not lost:
        return []
    # The column that lost most of its partners is the one that moved; its partners lost but one.
    name = max(lost, key=lambda key: (len(lost[key]), sum(part[0] for part in lost[key])))
    _, other, before, after = max(lost[name])
    return [
        Check(
            "data.partners",
            "data",
            Outcome.blocked,
            f"in the new rows `{name}` does not go with `{other}` any more: they explain {after:.0%} of one another, "
            f"{before:.0%} before",
            subject=name,
            old=before,
            new=after,
            severity=(before - after) / PARTNER,
            hint="A column that does not fit the others any more may be joined to the wrong rows.",
        )
    ]


def _variance(share: float, rows: int) -> float:
    """The sampling variance of an explained share, by the usual formula for R squared, and a floor for small shares."""
    share = min(max(share, 0.0), 1.0)
    return 4 * share * (1 - share) ** 2 / rows + 4 / rows**2


def _slices(parts: dict[str, tuple[Grouping, int]], labels: tuple[Array, tuple[str, ...]], alpha: float) -> list[Check]:
    """Groups whose label rates jumped among the new rows."""
    from scipy.stats import norm

    worst: Check | None = None
    codes, names = labels
    groups = sum(grouping.size for grouping, _ in parts.values()) * len(names)
    sure = float(norm.isf(alpha / max(groups, 1)))
    for grouping, old_rows in parts.values():
        before = np.bincount(grouping.codes[:old_rows], minlength=grouping.size)
        after = np.bincount(grouping.codes[old_rows:], minlength=grouping.size)
        for k, label in enumerate(names):
            first = np.bincount(grouping.codes[:old_rows], codes[:old_rows] == k, grouping.size) / np.maximum(before, 1)
            later = np.bincount(grouping.codes[old_rows:], codes[old_rows:] == k, grouping.size) / np.maximum(after, 1)
            # Agresti and Coull's pseudo-counts keep a rate of 0 or 1 in few rows from looking certain.
            middle = (first * before + later * after + 2) / (before + after + 4)
            spread = np.sqrt(middle * (1 - middle) * (1 / np.maximum(before, 1) + 1 / np.maximum(after, 1)))
            score = np.where((after >= 15) & (before >= 15), np.abs(later - first) / spread, 0.0)
            top = int(score.argmax())
            jump = float(abs(later[top] - first[top]))
            severity = float(score[top] / sure)
            if severity > 1 and jump > JUMP and (worst is None or severity > worst.severity):
                told = f"where {ticked(grouping.names[top])}, {label} is {later[top]:.0%} of the new rows"
                told += f", {first[top]:.0%} before"
                worst = Check(
                    "data.label_rates",
                    "data",
                    Outcome.blocked,
                    f"label rates jumped in a group of the new rows: {told}",
                    subject=grouping.names[top],
                    old=float(first[top]),
                    new=float(later[top]),
                    severity=severity,
                )
    return [worst] if worst else []
