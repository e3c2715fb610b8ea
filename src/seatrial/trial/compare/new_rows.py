"""Compares the rows that are new to a training table with the old ones: values, labels, and how the two are related.

A fault in the rows that came since the last release is hidden by the many old rows; compared separately, it shows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping, group_column, grouped, missing, ticked
from seatrial.trial.compare.row_matching import Matched, Table
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome

FEWEST = 15
MISSING = 0.05
SHIFT = 0.15  # distance between two distributions (total variation over groups) from which it needs a review
BLOCKED = 0.4
JUMP = 0.25  # change of a label's rate in a group
PARTNER = 0.25  # change in how much of a column another one explains
EXCHANGED = 20_000_000  # rows in all permutations of one test
FEWEST_EXCHANGES, MOST_EXCHANGES = 200, 2_000  # permutations
TIE = 0.12  # change in how much of the labels a column explains
ACCEPT = "If the data is right, accept this difference."


@dataclass(frozen=True)
class _Part:
    """One column as groups, over the old rows followed by the new ones."""

    grouping: Grouping
    old_rows: int

    @cached_property
    def old(self) -> Grouping:
        return self.grouping.taken(slice(None, self.old_rows))

    @cached_property
    def new(self) -> Grouping:
        return self.grouping.taken(slice(self.old_rows, None))


def compare_new_rows(old: Table, new: Table, matched: Matched, policy: Policy) -> list[Check]:
    """Compare new rows with the old table's, column by column; fewer than 15 new rows are not judged."""
    rows = np.flatnonzero(~matched.known)
    if len(rows) < FEWEST:
        summary = f"{len(rows)} rows are new, too few to judge them separately."
        return [Check("data.arrivals", "data", Outcome.noted, summary)]
    parts = _parts(old, new, rows)
    alpha = policy.false_alarms / 12 / (len(parts) + 1)  # one of twelve parts of the budget, see `trial.noise`
    labels = _Part(_labels(new.name, old.target, new.target[rows]), old.rows)
    checks = []
    for name, part in parts.items():
        check = _absence(name, old.columns[name], new.columns[name][rows], alpha)
        check = check or _shift(part, alpha, ticked) or _tie(part, labels, alpha)
        if check is not None:
            checks.append(check)
    if not checks:
        checks = _partners(parts, alpha)
    quantity = new.target.dtype.kind == "f"
    target = _shift(labels, alpha, str if quantity else "the label {}".format)
    checks += [target] if target is not None else _slices(parts, labels, alpha)
    summary = f"The {len(rows):,} new rows are like the old ones."
    return checks or [Check("data.arrivals", "data", Outcome.passed, summary, new=len(rows))]


def _parts(old: Table, new: Table, rows: Array) -> dict[str, _Part]:
    shared = [name for name in old.columns if name in new.columns]
    both = {name: np.concatenate([old.columns[name], new.columns[name][rows]]) for name in shared}
    return {grouping.column: _Part(grouping, old.rows) for grouping in grouped(both)}


def _labels(name: str, old: Array, new: Array) -> Grouping:
    """Labels as groups: classes, or quarters of a number."""
    both = np.concatenate([old, new])
    if both.dtype.kind == "f":
        grouping = group_column("the label", both)
        assert grouping is not None
        return Grouping(name, grouping.names, grouping.codes)
    known, codes = np.unique(both.astype(str), return_inverse=True)
    return Grouping(name, tuple(known.tolist()), codes)


def _shift(part: _Part, alpha: float, named: Callable[[str], str]) -> Check | None:
    """Whether a column's groups have other shares among the new rows; `named` writes a group for people."""
    before, after = part.old.counts, part.new.counts
    first, second = before / before.sum(), after / after.sum()
    distance = float(np.abs(first - second).sum() / 2)
    if distance < SHIFT or _chance(before, after) > alpha:
        return None
    k = int(np.abs(first - second).argmax())
    group, rows = part.grouping.names[k], int(after.sum())
    summary = f"{named(group)} in {second[k]:.0%} of the {rows:,} new rows, {first[k]:.0%} before"
    return _unlike(part.grouping.column, summary, distance, SHIFT, new=distance)


def _unlike(column: str, summary: str, effect: float, limit: float, **values: float) -> Check:
    outcome = Outcome.blocked if effect >= BLOCKED else Outcome.waiting
    summary = f"the new rows are unlike the old ones: {summary}"
    return Check(
        "data.arrivals", "data", outcome, summary, subject=column,
        old=values.get("old"), new=values["new"], limit=limit, severity=effect / limit, hint=ACCEPT,
    )  # fmt: skip


def _chance(before: Array, after: Array) -> float:
    """The p-value that both counts have one distribution: Fisher's exact test per group, with Bonferroni's correction.

    Exact because new rows may be few; a chi-squared test cannot be trusted that far out.
    """
    from scipy.stats import hypergeom

    both = before + after
    there = both > 0
    drawn = (int(both.sum()), both[there], int(after.sum()))
    low, high = hypergeom.cdf(after[there], *drawn), hypergeom.sf(after[there] - 1, *drawn)
    return float(min(1.0, 2 * np.minimum(low, high).min() * there.sum()))


def _absence(name: str, old: Array, new: Array, alpha: float) -> Check | None:
    """Missing values that are no longer missing, or the other way round; filled with one value, such as 0."""
    before, after = missing(old), missing(new)
    first, second = float(before.mean()), float(after.mean())
    counts = (np.array([each.sum(), (~each).sum()]) for each in (before, after))
    if abs(second - first) < MISSING or _chance(*counts) > alpha:
        return None
    summary = f"`{name}` is missing in {second:.0%} of the {len(new):,} new rows, {first:.0%} before"
    if new.dtype.kind == "f" and second < first and (~after).any():
        values, number = np.unique(new[~after], return_counts=True)
        value, share = float(values[int(number.argmax())]), float(number.max() / len(new))
        if float((old == value).mean()) < 0.2 * share:
            summary += f"; it is {value:g} in {share:.0%} of them"
    return _unlike(name, summary, abs(second - first), MISSING, old=first, new=second)


def explained(groups: Grouping, labels: Grouping) -> float:
    """How much of the labels the groups explain, adjusted for chance: 0 (nothing) to 1 (all of their variance)."""
    rows, size = len(groups.codes), groups.size
    if rows <= size:
        return 0.0
    total = left = 0.0
    counts = np.maximum(groups.counts, 1)
    for k in range(labels.size):
        here = (labels.codes == k).astype(float)
        total += float(((here - here.mean()) ** 2).sum())
        left += float(here.sum() - (groups.sums(here) ** 2 / counts).sum())
    return 1 - (left / total) * (rows - 1) / (rows - size) if total else 0.0


def _relation(part: _Part, labels: _Part, alpha: float) -> tuple[float, float, bool]:
    """How much of the labels a column explains in the old rows and in the new ones; whether chance could not do that.

    The formula for the variance is for many rows and a normal distribution. Of few rows it is only a first look: the
    rows are then exchanged at random, as they may be if the new ones are like the old (a permutation test).
    """
    from scipy.special import ndtri

    before, after = explained(part.old, labels.old), explained(part.new, labels.new)
    rows = len(labels.grouping.codes)
    old, new = labels.old_rows, rows - labels.old_rows
    # Of both together, as if nothing had changed: from the new rows alone, a share of 0 would seem certain.
    share = (before * old + after * new) / rows
    spread = math.sqrt(_variance(share, old) + _variance(share, new))
    sure = -float(ndtri(alpha / 2))
    if abs(after - before) < sure * spread:
        return before, after, False
    draw = np.random.default_rng(0)
    chance = np.array([
        _change(part.grouping, labels.grouping, draw.permutation(rows), old)
        for _ in range(min(max(EXCHANGED // rows, FEWEST_EXCHANGES), MOST_EXCHANGES))
    ])  # fmt: skip
    change = after - before
    if np.abs(chance).max() >= abs(change):
        return before, after, False
    return before, after, bool(abs(change - chance.mean()) >= sure * chance.std())


def _change(groups: Grouping, labels: Grouping, order: Array, old: int) -> float:
    """How much more the groups explain in the later rows of this order than in the first `old` ones."""
    first, later = order[:old], order[old:]
    return explained(groups.taken(later), labels.taken(later)) - explained(groups.taken(first), labels.taken(first))


def _variance(share: float, rows: int) -> float:
    """The sampling variance of an explained share: the usual formula for R squared, with a floor for small shares."""
    share = min(max(share, 0.0), 1.0)
    return 4 * share * (1 - share) ** 2 / rows + 4 / rows**2


def _tie(part: _Part, labels: _Part, alpha: float) -> Check | None:
    """Whether a column says more or less about the label in the new rows."""
    before, after, certain = _relation(part, labels, alpha)
    if abs(after - before) < TIE or not certain:
        return None
    how = "predicts the label far better" if after > before else "is no longer related to the label"
    if 0.3 * before < after < before:
        how = "predicts the label less well"
    name = part.grouping.column
    summary = f"in the new rows `{name}` {how}: it explains {after:.0%} of it, {before:.0%} before"
    hint = "A column that suddenly predicts the label may leak it; one that no longer does may be joined to wrong rows."
    return Check(
        "data.tie", "data", Outcome.blocked, summary,
        subject=name, old=before, new=after, severity=abs(after - before) / TIE, hint=hint,
    )  # fmt: skip


def _partners(parts: dict[str, _Part], alpha: float) -> list[Check]:
    """Columns that are related to another one in the old rows and not in the new ones, as after a wrong join."""
    lost: dict[str, list[tuple[float, str, float, float]]] = {}
    for name, part in parts.items():
        for other, partner in parts.items():
            if other == name or explained(partner.old, part.old) < PARTNER:
                continue
            before, after, certain = _relation(partner, part, alpha)
            if certain and before - after > max(PARTNER, 0.5 * before):
                lost.setdefault(name, []).append((before - after, other, before, after))
                lost.setdefault(other, []).append((before - after, name, before, after))
    if not lost:
        return []
    # The column that lost most of its partners is the one that moved; its partners lost only one.
    name = max(lost, key=lambda key: (len(lost[key]), sum(part[0] for part in lost[key])))
    change, other, before, after = max(lost[name])
    summary = (
        f"in the new rows `{name}` is no longer related to `{other}`: the share that one explains of the other is "
        f"{after:.0%}, {before:.0%} before"
    )
    hint = "A column that no longer fits the others may be joined to the wrong rows."
    return [
        Check(
            "data.partners", "data", Outcome.blocked, summary,
            subject=name, old=before, new=after, severity=change / PARTNER, hint=hint,
        )
    ]  # fmt: skip


def _slices(parts: dict[str, _Part], labels: _Part, alpha: float) -> list[Check]:
    """The group whose label rate jumped most among the new rows."""
    from scipy.special import ndtri

    worst: Check | None = None
    names = labels.grouping.names
    groups = sum(part.grouping.size for part in parts.values()) * len(names)
    sure = -float(ndtri(alpha / max(groups, 1)))
    old_labels, new_labels = labels.old.codes, labels.new.codes
    for part in parts.values():
        old, new = part.old, part.new
        before, after = old.counts, new.counts
        for k, label in enumerate(names):
            first, later = old.means(old_labels == k), new.means(new_labels == k)
            # Agresti and Coull's pseudo-counts keep a rate of 0 or 1 in few rows from looking certain.
            middle = (first * before + later * after + 2) / (before + after + 4)
            spread = np.sqrt(middle * (1 - middle) * (1 / np.maximum(before, 1) + 1 / np.maximum(after, 1)))
            score = np.where((after >= FEWEST) & (before >= FEWEST), np.abs(later - first) / spread, 0.0)
            top = int(score.argmax())
            severity, rates = float(score[top] / sure), (float(first[top]), float(later[top]))
            if severity > 1 and abs(rates[1] - rates[0]) > JUMP and (worst is None or severity > worst.severity):
                group = part.grouping.names[top]
                summary = (
                    f"label rates jumped in a group of the new rows: where {ticked(group)}, {rates[1]:.0%} "
                    f"have the label {label}, {rates[0]:.0%} before"
                )
                worst = Check(
                    "data.label_rates", "data", Outcome.blocked, summary,
                    subject=group, old=rates[0], new=rates[1], severity=severity,
                )  # fmt: skip
    return [worst] if worst else []
