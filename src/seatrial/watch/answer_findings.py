"""What changed in the answers: which labels, how the scores are spread, and whether a label is never given."""

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent
from seatrial.watch.answer_tally import AnswerTally
from seatrial.watch.changes import LookAt, ShareChange, find_change, joined_counts
from seatrial.watch.false_alarms import limit
from seatrial.watch.tallies import SlotCounts, time_of
from seatrial.watch.watch_records import Finding, Level

TESTS = 3  # labels, scores, and labels that are never given
RARER = 3.0  # times, that a label may be than among held-out rows because other rows are asked about
NEWEST = 3  # windows
LEAST_ANSWERS = 0.08  # of the answers: inputs that move a little move them, too


def answer_findings(tally: AnswerTally, look: LookAt, alpha: float) -> list[Finding]:
    """Find what changed in the answers of one version; `alpha` is shared by labels and scores."""
    labels, scores = tally.expected()
    found = []
    for counts, names, expected, ordered, what in (
        (tally.label_counts, tally.label_names, labels, False, "labels"),
        (tally.score_counts, tally.score_names, scores, True, "scores"),
    ):
        if counts is None:
            continue
        change = _change(counts, tally, look, alpha, expected, ordered=ordered)
        if change is not None:
            found.append(_finding(change, names, tally.reference.version, what))
    if not found and tally.label_counts is not None and labels is not None:
        found += _never_given(tally.label_counts, labels, tally, look, alpha / TESTS)
    return found[:1]  # scores that moved are what moved the labels


def _never_given(counts: SlotCounts, known: Array, tally: AnswerTally, look: LookAt, alpha: float) -> list[Finding]:
    """A label that held-out rows have, and none of the newest windows' rows: also from the first request on.

    So many rows without it are improbable, even if it was RARER times rarer. How often held-out rows have it is itself
    not exact: two standard deviations less count.
    """
    version = tally.reference.version
    newest = look.of(*joined_counts(counts, version, look.last))[-NEWEST:].sum(axis=0)
    rows, shares = int(newest.sum()), np.maximum(known - 2 * np.sqrt(known), 0) / max(known.sum(), 1)
    log_p = rows * np.log1p(-shares / RARER)
    absent = np.flatnonzero((newest == 0) & (log_p < limit(alpha, len(known))))
    if not len(absent):
        return []
    k = int(absent[np.argmin(log_p[absent])])
    label, share = tally.label_names[k].removeprefix("= "), float(known[k] / known.sum())
    summary = (
        f"The answer {label} is never given to the newest {rows:,} rows; {percent(share)} of the held-out rows had it."
    )
    return [
        Finding(
            "answers.labels", "answers", Level.alarm, summary, version, share=share, old=share, new=0.0,
            log_p=float(log_p[k]), severity=25.0,
            hint="Ask about a row that must get it: `seatrial log` has rows. Look at the inputs, and at the release.",
        )
    ]  # fmt: skip


def _change(
    counts: SlotCounts, tally: AnswerTally, look: LookAt, alpha: float, expected: object, *, ordered: bool
) -> ShareChange | None:
    return find_change(
        joined_counts(counts, tally.reference.version, look.last),
        look, alpha, TESTS, expected=expected, ordered=ordered, first=1, least=LEAST_ANSWERS,  # type: ignore[arg-type]
    )  # fmt: skip


def _finding(change: ShareChange, names: tuple[str, ...], version: str, what: str) -> Finding:
    marked = [name for name, inside in zip(names, change.bins, strict=True) if inside]
    since = None if change.since is None else time_of(change.since)
    when = f" since {since:%A, %d %B, %H:%M} UTC" if since else ""
    shown = marked[0].removeprefix("= ") if len(marked) == 1 else f"{marked[0]} to {marked[-1].removeprefix('from ')}"
    of = "of the held-out rows" if change.gross else "before"
    if what == "labels":
        summary = (
            f"The answer {shown} is given to {percent(change.after)} of the rows{when}, it was {percent(change.before)}"
        )
    else:
        summary = f"Scores moved{when}: {percent(change.after)} are {shown}, it was {percent(change.before)}"
    return Finding(
        f"answers.{what}", "answers", change.level, f"{summary} {of}.",
        version, since=since, share=change.moved, old=change.before, new=change.after, log_p=change.log_p,
        severity=20 + min(-change.log_p, 700) / 100,
        hint="If an input changed, that is why. If none did, look at the groups: `seatrial trial --traffic 7d`.",
    )  # fmt: skip
