"""Acceptances come due: what a person accepted in a trial is looked at again when labels of such rows have arrived."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.pages.words import short
from seatrial.trial.compare.groups import ticked
from seatrial.watch.false_alarms import limit
from seatrial.watch.measured_groups import variance_of_difference
from seatrial.watch.measured_tally import MeasuredTally, row_losses
from seatrial.watch.metric_windows import WIDTH, Look, shift_of, usual_spread
from seatrial.watch.watch_records import Finding, Level

NEEDED = 200  # labelled rows, below which an acceptance is not judged
FEWEST_BEFORE = 10  # rows of the earlier release to compare with


@dataclass(frozen=True)
class AcceptedDifference:
    """One difference that somebody accepted: `check` is its name in the trial, `subject` what it was about."""

    version: str
    before: str  # the version that was replaced; "" for a first release
    check: str
    subject: str
    summary: str
    by: str
    on: str
    reason: str


def due_acceptances(accepted: Sequence[AcceptedDifference], tally: MeasuredTally, look: Look) -> list[Finding]:
    """Say of each accepted difference whether it was right, by the labels of rows that it is about.

    The rows are those of its group, or all where it is about none. The new release's answers of them are compared with
    the earlier release's, on rows that it served, or else on its held-out rows.
    """
    served = [each for each in accepted if each.version in tally.rows]
    return [_judged(each, tally, look, look.alpha / max(len(served), 1)) for each in served]


def _judged(each: AcceptedDifference, tally: MeasuredTally, look: Look, alpha: float) -> Finding:
    new_losses, new_right = _labelled(tally, each.version, each.subject, look)
    about = (
        f"where {ticked(each.subject)}" if in_group(each.subject, tally.known[each.version].columns) is not None else ""
    )
    who = f"{each.by} accepted on {each.on} that {each.version} differs{' ' if about else ''}{about} ({each.check})"
    subject = f"{each.check}[{each.subject}]" if each.subject else each.check
    evidence = {
        "by": each.by,
        "on": each.on,
        "reason": each.reason,
        "accepted": each.summary,
        "labels": len(new_losses),
    }
    if len(new_losses) < NEEDED:
        words = f"{who}; whether that was right cannot be said yet: {len(new_losses)} of {NEEDED} labels."
        return Finding("due.acceptance", "measured", Level.noted, words, each.version, subject, evidence=evidence)
    old_losses, old_right, source = _before(each, tally, look)
    if len(old_losses) < FEWEST_BEFORE:
        words = (
            f"{who}; there are {len(new_losses):,} labels, but nothing of {each.before or 'an earlier release'} to "
            "compare with."
        )
        return Finding("due.acceptance", "measured", Level.unknown, words, each.version, subject, evidence=evidence)
    regression = tally.known[each.version].rule.task == "regression"
    margin = 3 * look.margin * float(old_losses.mean()) if regression else look.margin
    loss = float(new_losses.mean() - old_losses.mean())
    variance = variance_of_difference(old_losses, new_losses)
    rows = min(len(old_losses), len(new_losses))
    shift = shift_of(1, loss, variance, usual_spread(np.empty(0), np.empty(0), margin), rows, margin)
    half = WIDTH * shift.spread
    what = "the mean absolute error" if regression else "accuracy"
    old, new = float(old_right.mean()), float(new_right.mean())
    shown = f"{what} is {short(new)} on {len(new_losses):,} labelled rows; {each.before} had {short(old)} {source}"
    if shift.log_p < limit(alpha, 1):
        level, verdict = Level.alarm, "that was wrong"
    elif loss + half < margin:
        level, verdict = Level.well, "that was right"
    elif loss < margin:
        level, verdict = Level.well, "so far nothing says that it was wrong"
    elif loss - half > margin:
        level, verdict = Level.noted, "that was probably wrong"
    else:
        level, verdict = Level.noted, "whether that was right is still open"
    hint = "Roll back, or train on labelled rows: `seatrial refresh --from-log`." if level == Level.alarm else ""
    if level == Level.noted:  # the same rows answered by both tell more; a look asks no release
        wheels = f"{each.before} {each.version}"
        hint = f"The same rows answered by both would say: `seatrial trial run` of {wheels} with `--traffic 30d`."
    return Finding(
        "due.acceptance", "measured", level, f"{who}; {verdict}: {shown}.", each.version, subject, old=old, new=new,
        log_p=shift.log_p, severity=max(loss / margin, 0.0), hint=hint,
        evidence={**evidence, "interval": [loss - half, loss + half]},
    )  # fmt: skip


def _before(each: AcceptedDifference, tally: MeasuredTally, look: Look) -> tuple[Array, Array, str]:
    """Losses and what was right of the earlier release's rows: those that it served, or its held-out ones."""
    if each.before not in tally.known:
        return np.empty(0), np.empty(0), ""
    losses, right = _labelled(tally, each.before, each.subject, look)
    if len(losses) >= NEEDED:
        return losses, right, f"on {len(losses):,} that it served"
    known = tally.known[each.before]
    losses, right = row_losses(known, known.scores, known.truth)
    mask = in_group(each.subject, known.columns)
    if mask is not None:
        losses, right = losses[mask], right[mask]
    return losses, right, f"on {len(losses):,} held-out rows"


def _labelled(tally: MeasuredTally, version: str, subject: str, look: Look) -> tuple[Array, Array]:
    slots, losses, right, columns = tally.rows[version].joined()
    due = slots < look.labelled_until
    mask = in_group(subject, columns) if columns else None
    if mask is not None:
        due &= mask
    return losses[due], right[due]


def in_group(group: str, columns: Columns) -> Array | None:
    """Mark the rows of a group as the trial names it: "sex = female and age: 21 to 28"; None where it is no group."""
    found: Array | None = None
    for part in group.split(" and "):
        mask = _part(part, columns)
        if mask is None:
            return None
        found = mask if found is None else found & mask
    return found


def _part(part: str, columns: Columns) -> Array | None:
    for mark, read in ((" = ", _equal), (": ", _between), (" is ", _missing)):
        name, separator, rest = part.partition(mark)
        if separator and name in columns:
            return read(columns[name], rest)
    return None


def _equal(values: Array, text: str) -> Array | None:
    if values.dtype.kind == "f":
        number = _number(text)
        return None if number is None else np.isclose(values, number, rtol=1e-5)  # names have six digits
    return np.array([str(value) == text for value in values.tolist()], dtype=bool)


def _between(values: Array, text: str) -> Array | None:
    low, high = (_number(end) for end in (text.partition(" to ")[0], text.partition(" to ")[2]))
    if low is None or high is None or values.dtype.kind != "f":
        return None
    return np.asarray((values >= low) & (values <= high))


def _missing(values: Array, text: str) -> Array | None:
    if text != "missing":
        return None
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    return np.array([value is None for value in values.tolist()], dtype=bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
