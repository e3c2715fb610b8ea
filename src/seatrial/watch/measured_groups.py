"""Labelled rows by group: where a release is worse than it was on its held-out rows."""

from collections.abc import Sequence

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.pages.words import short
from seatrial.trial.compare.groups import grouped, ticked
from seatrial.watch.budget import limit
from seatrial.watch.expectation import OTHER_SAMPLE
from seatrial.watch.measured_tally import WholeRows, row_losses
from seatrial.watch.metric_windows import Look, MetricWindow, shift_of, usual_spread
from seatrial.watch.score_cells import KnownRows
from seatrial.watch.tallies import slot_of
from seatrial.watch.watch_records import Finding, Level

FEWEST = 30  # labelled rows of a group that is judged
FEWEST_KNOWN = 10  # held-out ones
MOST_FINDINGS = 5


def worse_groups(
    rows: WholeRows, known: KnownRows, windows: Sequence[MetricWindow], look: Look, alpha: float, version: str
) -> list[Finding]:
    """The groups of rows that are worse than on the held-out rows, beyond the margin and chance, the worst first.

    Groups are those of the trial. The newest windows are judged, as many as have the rows; `alpha` is shared out over
    all groups (Bonferroni).
    """
    slots, losses, right, columns = rows.joined()
    begin = slot_of(windows[min(len(windows), 28) - 1].start)
    newest = (slots >= begin) & (slots < look.labelled_until)
    known_losses, known_right = row_losses(known, known.scores, known.truth)
    if newest.sum() < FEWEST:
        return []
    both = _joined(known.columns, {name: values[newest] for name, values in columns.items()})
    judged = []
    for grouping in grouped(both):
        held, new = grouping.taken(slice(known.rows)), grouping.taken(slice(known.rows, None))
        for code in np.flatnonzero((held.counts >= FEWEST_KNOWN) & (new.counts >= FEWEST)).tolist():
            before, after = held.codes == code, new.codes == code
            judged.append((grouping.names[code], before, after))
    findings = []
    margin = look.margin if known.rule.task != "regression" else 3 * look.margin * float(known_losses.mean())
    usual = usual_spread(np.empty(0), np.empty(0), margin)
    for name, before, after in judged:
        old, new_losses = known_losses[before], losses[newest][after]
        variance = variance_of_difference(old, new_losses)
        shift = shift_of(
            1, float(new_losses.mean() - old.mean()), variance, usual, min(len(old), len(new_losses)), margin
        )
        if shift.log_p < limit(alpha, len(judged)):
            values = float(known_right[before].mean()), float(right[newest][after].mean())
            findings.append(_finding(name, values, known, len(new_losses), after.mean(), shift.log_p, version))
    return sorted(findings, key=lambda finding: finding.log_p or 0.0)[:MOST_FINDINGS]


def variance_of_difference(old: Array, new: Array) -> float:
    """The variance of the difference of two means of losses, of held-out rows (n,) and of labelled ones (m,).

    Losses of few rows without an error would seem to have none, so the larger spread of the two counts for both.
    """
    return float(max(old.var(), new.var()) * (OTHER_SAMPLE / len(old) + 1 / len(new)))


def _finding(
    name: str, values: tuple[float, float], known: KnownRows, rows: int, share: float, log_p: float, version: str
) -> Finding:
    old, new = values
    what = "the mean absolute error" if known.rule.task == "regression" else "accuracy"
    return Finding(
        "measured.group", "measured", Level.alarm,
        f"Where {ticked(name)}, {what} is {short(new)} on {rows:,} labelled rows; on the held-out rows it was "
        f"{short(old)}.",
        version=version, subject=name, share=float(share), old=old, new=new, log_p=log_p, severity=1.0,
        hint="Train on what production was asked: `seatrial refresh --from-log`.",
    )  # fmt: skip


def _joined(known: Columns, new: Columns) -> Columns:
    """The columns of both, as far as they are alike."""
    joined: dict[str, Array] = {}
    for name, values in known.items():
        if name in new and values.dtype.kind == new[name].dtype.kind:
            joined[name] = np.concatenate([values, new[name]])
        elif name in new and values.dtype.kind in "biu" and new[name].dtype.kind == "f":
            joined[name] = np.concatenate([values.astype(np.float64), new[name]])
    return joined
