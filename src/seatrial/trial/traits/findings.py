"""From marks to findings: which columns the certain differences are about, and which only follow from another one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.trial.records import Check, Outcome
from seatrial.trial.traits.attribution import order_by_misfit
from seatrial.trial.traits.explanations import ColumnChange, explain
from seatrial.trial.traits.fit import Prediction, code_columns
from seatrial.trial.traits.marks import FAULTS, Mark, Trait
from seatrial.trial.traits.pool import Pool, PooledColumn
from seatrial.trial.traits.splits import PValues

LEAST_SHARE = 0.01  # of the new rows that a trait must have more (or less) often than before
FEWEST = 3  # rows
LEAST_SHIFT = 0.1  # of a matter of degree, in standard deviations
MOST_FINDINGS = 3
# Traits that say what was done better than any change that is undone.
CERTAIN = frozenset({"repeat", "near repeat", "sentinel", "characters", "format", "missing", "run"})
SPECIFIC = 0.5  # the part of a column's strongest evidence from which a trait that names the fault is preferred
# How well a trait that the new rows have more often says what is wrong; the first is the best.
CLEAREST: tuple[Trait, ...] = (
    "repeat", "near repeat", "sentinel", "characters", "format", "missing", "run", "value", "outlier", "rule", "digits",
    "range", "label fit", "label of a group", "label value", "fit", "row fit", "profile", "key",
)  # fmt: skip
ALONE = 1.3  # how much more the evidence of one column alone counts than how it fits the others
TOGETHER = frozenset({"fit", "label fit", "label of a group", "rule"})  # traits of how columns fit each other
SUSPECTED = -4.0  # the log of a p-value from which a column may be the one that moved
SURE = 0.7  # the share that a change of some new rows must explain where the column moves with time as well
EXPLAINED_BY_ONE = 0.7  # of the misfit, what may be left without the column that moved
HINT = "Look at where these rows come from. If the data is right, accept this difference."


@dataclass(frozen=True)
class TraitShift:
    """A trait that the new rows have more or less often: its mark, the log of its p-value, and both means."""

    mark: Mark
    log_p: float
    old: float
    new: float
    shift: float  # in standard deviations
    strength: float = 0.0  # the largest -log p of all traits of the column

    @property
    def more(self) -> bool:
        """Whether the new rows have more of it."""
        return self.new > self.old

    @property
    def only_a_fault(self) -> bool:
        """Whether only a fault produces this, so that a changed world cannot be the reason.

        If many old rows have the trait too, such as texts in upper case, it may only be more frequent now.
        """
        return self.mark.trait in FAULTS and self.new >= 2 * self.old and self.more


def choose(pool: Pool, marks: Sequence[Mark], tested: PValues) -> list[TraitShift]:
    """Return one finding for each column that a certain and relevant difference is about, the likeliest cause first."""
    found = [_finding(pool, marks[k], float(tested.log_p[k])) for k in tested.certain.tolist()]
    by_column: dict[str, list[TraitShift]] = {}
    for finding in found:
        if _relevant(finding, pool.new_rows):
            by_column.setdefault(finding.mark.column, []).append(finding)
    best = [replace(_clearest(group), strength=-min(f.log_p for f in group)) for group in by_column.values()]
    best = _named(best, marks, tested)
    kept: list[TraitShift] = []
    ordered = _causes_first(pool, sorted(best, key=_likelihood))
    for finding in _moved_first(pool, ordered, marks, tested):
        if not any(_follows(pool, finding, other) for other in kept):
            kept.append(finding)
    return kept[:MOST_FINDINGS]


def _named(findings: list[TraitShift], marks: Sequence[Mark], tested: PValues) -> list[TraitShift]:
    """Say which column fits worst, if it is only certain that the columns of a row do not fit each other."""
    whole = next((f for f in findings if f.mark.trait == "row fit"), None)
    if whole is None:
        return findings
    others = [f for f in findings if f is not whole]
    if any(f.mark.trait in TOGETHER for f in others):
        return others
    fits = [k for k, mark in enumerate(marks) if mark.trait in ("fit", "label fit")]
    name = marks[min(fits, key=lambda k: float(tested.log_p[k]))].column
    if any(f.mark.column == name for f in others):
        return others
    mark = replace(whole.mark, column=name, words=f"{whole.mark.words}, least of all `{name}`")
    return [*others, replace(whole, mark=mark)]


def _moved_first(pool: Pool, findings: list[TraitShift], marks: Sequence[Mark], tested: PValues) -> list[TraitShift]:
    """If columns no longer fit each other, put the one first without which the others do.

    It may be one of which this is not certain by itself: the label may fit worse because of what it is predicted from.
    """
    if not findings or findings[0].mark.trait not in TOGETHER:
        return findings
    fits = sorted((k for k, mark in enumerate(marks) if mark.trait == "fit"), key=lambda k: float(tested.log_p[k]))
    shifts = {f.mark.column: f for f in findings if f.mark.trait in TOGETHER}
    for k in fits[:6]:
        if tested.log_p[k] < SUSPECTED:
            shift = replace(_finding(pool, marks[k], float(tested.log_p[k])), strength=findings[0].strength)
            shifts.setdefault(marks[k].column, shift)
    left = order_by_misfit(pool, code_columns(pool), list(shifts)) if len(shifts) > 1 else {}
    least = min(left.values(), default=1.0)
    if least > EXPLAINED_BY_ONE:
        return findings
    moved = [shift for name, shift in shifts.items() if left.get(name, 1.0) <= least + 0.1]
    certain = [shift for shift in moved if shift in findings]
    return (certain or moved[:1]) + [f for f in findings if f not in moved]


def _causes_first(pool: Pool, findings: list[TraitShift]) -> list[TraitShift]:
    """Put a column that is wrong by itself before one that only no longer fits it, however certain that is."""
    for finding in findings[1:]:
        if _alone(finding) and not _alone(findings[0]) and _follows(pool, findings[0], finding):
            return [finding, *(f for f in findings if f is not finding)]
    return findings


def _alone(finding: TraitShift) -> bool:
    return finding.more and CLEAREST.index(finding.mark.trait) < CLEAREST.index("rule")


def _likelihood(finding: TraitShift) -> tuple[bool, float, int]:
    """Sort columns by how likely they are the cause: a trait of one column alone says more than how it fits others."""
    return finding.mark.trait != "repeat", -finding.strength * (ALONE if _alone(finding) else 1.0), finding.mark.rank


def _clearest(findings: Sequence[TraitShift]) -> TraitShift:
    """Of a column's findings that are nearly as certain as the best, the one that says best what is wrong."""
    limit = SPECIFIC * min(finding.log_p for finding in findings)
    return min((f for f in findings if f.log_p <= limit), key=_clarity)


def _clarity(finding: TraitShift) -> tuple[bool, int, float, int]:
    mark = finding.mark
    mixed = mark.trait in FAULTS and not finding.only_a_fault
    return mixed or not (finding.more and mark.counted), CLEAREST.index(mark.trait), finding.log_p, mark.rank


def _finding(pool: Pool, mark: Mark, log_p: float) -> TraitShift:
    if mark.values.dtype.kind == "i":
        return _repeats(pool, mark, log_p)
    old, new = float(mark.values[: pool.old_rows].mean()), float(mark.values[pool.old_rows :].mean())
    spread = float(mark.values.std()) or 1.0
    return TraitShift(mark, log_p, old, new, (new - old) / spread)


def _repeats(pool: Pool, mark: Mark, log_p: float) -> TraitShift:
    """Repeats within the new rows: the share of rows that repeat an earlier one, and the share to be expected."""
    repeated = np.zeros(pool.rows, dtype=bool)
    groups = mark.values[pool.old_rows :]
    first = np.unique(groups, return_index=True)[1]
    repeated[pool.old_rows :] = groups >= 0
    repeated[pool.old_rows + first] = False
    sizes = np.bincount(mark.values[mark.values >= 0])
    part = pool.new_rows / pool.rows
    expected = float((sizes * part - (1 - (1 - part) ** sizes)).sum()) / pool.new_rows
    new = float(repeated[pool.old_rows :].mean())
    return TraitShift(replace(mark, values=repeated), log_p, expected, new, 0.0)


def _relevant(finding: TraitShift, new_rows: int) -> bool:
    if not finding.mark.counted:
        return abs(finding.shift) >= LEAST_SHIFT
    change = abs(finding.new - finding.old)
    return change >= LEAST_SHARE and change * new_rows >= FEWEST


def _follows(pool: Pool, finding: TraitShift, cause: TraitShift) -> bool:
    """Whether a difference goes away, by half or more, without the rows that show the cause."""
    if not cause.mark.counted or not cause.more:
        return False
    values, rest = finding.mark.values.astype(float), ~cause.mark.values
    old, new = rest[: pool.old_rows], rest[pool.old_rows :]
    if min(old.sum(), new.sum()) < FEWEST:
        return True
    left = float(values[pool.old_rows :][new].mean() - values[: pool.old_rows][old].mean())
    return abs(left) < 0.5 * abs(finding.new - finding.old)


@dataclass(frozen=True)
class Seam:
    """What is known of the first new row where rows have a time: the columns of traits that began there (`abrupt`).

    `steps` say, of the columns whose own values made a step there, what was done to all of them, if that is known;
    `recent` is the pool with the newest old rows alone.
    """

    abrupt: frozenset[str]
    steps: dict[str, ColumnChange | None]
    recent: Pool


def describe(
    pool: Pool, findings: Sequence[TraitShift], predictions: Sequence[Prediction], name: str, seam: Seam | None = None
) -> list[Check]:
    """Write the findings as checks: what is wrong, in how many rows, with examples, and what it explains.

    Where rows have a time, what did not begin with the first new row waits for a person, and so does a broken rule,
    since two columns that move may cross. What was done to a column is then looked for only in those that made a step,
    and by what makes the new rows like the newest old ones.
    """
    by_name = {prediction.coded.column.name: prediction for prediction in predictions}
    checks = []
    for finding in findings:
        column = next((each for each in pool.columns if each.name == finding.mark.column), None)
        explanation = None
        if column is not None and finding.mark.trait not in CERTAIN:
            explanation = explain(pool, column, by_name) if seam is None else _at_seam(seam, column.name)
        check = _check(pool, finding, column, explanation, name)
        waits = seam is not None and (finding.mark.column not in seam.abrupt or finding.mark.trait == "rule")
        checks.append(replace(check, outcome=Outcome.waiting) if waits else check)
    # The likeliest cause comes first, among checks of one outcome.
    return [replace(check, severity=check.severity / (place + 1)) for place, check in enumerate(checks)]


def _at_seam(seam: Seam, name: str) -> ColumnChange | None:
    column = next((each for each in seam.recent.columns if each.name == name), None)
    if column is None or name not in seam.steps:
        return None
    found = seam.steps[name] or explain(seam.recent, column, {})
    return found if found is not None and found.explains >= SURE else None


def _check(
    pool: Pool, finding: TraitShift, column: PooledColumn | None, explanation: ColumnChange | None, name: str
) -> Check:
    mark, new_rows = finding.mark, pool.new_rows
    evidence: dict[str, Any] = {"trait": mark.trait, "log_p": finding.log_p}
    if explanation is not None:
        marked, fault = explanation.rows, explanation.only_a_fault
        what = f"`{mark.column}` {explanation.words} in {_share(marked.mean())} of the {new_rows:,} new rows"
        what += f", which explains {explanation.explains:.0%} of the difference"
        evidence["explains"] = round(explanation.explains, 3)
    else:
        marked, fault = mark.values[pool.old_rows :], finding.only_a_fault
        what = mark.words
        if mark.counted:
            what += f" in {_share(finding.new)} of the {new_rows:,} new rows"
            what += "" if mark.trait == "run" else f", {_share(finding.old)} before"  # the old rows' order is another
            evidence["explains"] = round(1 - finding.old / finding.new, 3) if finding.more else 0.0
        else:
            what += f" in the {new_rows:,} new rows, by {abs(finding.shift):.2f} standard deviations"
    if marked.dtype == bool and marked.any() and (finding.more or explanation is not None):
        what += _examples(pool, column, marked, evidence)
    return Check(
        name, "data", Outcome.blocked if fault else Outcome.waiting,
        f"the new rows are unlike the old ones: {what}",
        subject=mark.column, old=finding.old, new=finding.new, severity=finding.strength, hint=HINT, evidence=evidence,
    )  # fmt: skip


def _share(share: float) -> str:
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def _examples(pool: Pool, column: PooledColumn | None, marked: Array, evidence: dict[str, Any]) -> str:
    """Name three of the rows by their line in the new table's file, and what they have in the column."""
    places = pool.old_rows + np.flatnonzero(marked)[:3]
    lines = (pool.places[places] + 2).tolist()  # the first line has the names
    evidence["lines"] = lines
    if column is None:
        return f" (lines {', '.join(f'{line:,}' for line in lines)})"
    values = [column.written(place) for place in places.tolist()]
    evidence["values"] = values
    return f" ({', '.join(f'line {line:,}: {value}' for line, value in zip(lines, values, strict=True))})"
