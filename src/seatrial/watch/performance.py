"""Performance of the releases that served: what to expect of them, and what labels say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.watch.acceptances_due import AcceptedDifference, due_acceptances
from seatrial.watch.expectation import Expectation, expectation
from seatrial.watch.expected_metrics import ExpectedTally, estimated
from seatrial.watch.label_lookup import LabelLookup
from seatrial.watch.measured_metrics import measured
from seatrial.watch.measured_tally import MeasuredTally
from seatrial.watch.metric_windows import Look
from seatrial.watch.release_reference import ReleaseReference
from seatrial.watch.score_cells import FEWEST_HELD_OUT, KnownRows, score_cells
from seatrial.watch.watch_records import Finding, Level, Series

SERVING = 7  # windows without an answer, after which a version does not serve any more


@dataclass(frozen=True)
class PerformanceTallies:
    """What is counted while the log is read; give every batch to both tallies, then call `performance`."""

    expected: ExpectedTally
    measured: MeasuredTally
    known: Mapping[str, Expectation]
    notes: tuple[str, ...]


def performance_tallies(known: Mapping[str, KnownRows], labels: Any) -> PerformanceTallies:
    """Begin to count: `known` has each version's held-out rows, `labels` is the table that `newest_labels` gives."""
    enough = {version: each for version, each in known.items() if each.rows >= FEWEST_HELD_OUT}
    notes = tuple(
        f"{version} has {each.rows} held-out rows, too few to say what to expect of its metrics; {FEWEST_HELD_OUT} are "
        "needed."
        for version, each in known.items()
        if version not in enough
    )
    cells = {version: score_cells(each) for version, each in enough.items()}
    expectations = {
        version: expectation(cells[version], cells[version].counts(each.scores, each.truth))
        for version, each in enough.items()
    }
    measured_tally = MeasuredTally(cells, enough, LabelLookup(labels))
    return PerformanceTallies(ExpectedTally(cells), measured_tally, expectations, notes)


def known_rows(reference: ReleaseReference) -> KnownRows | None:
    """The held-out rows of a release with what it answers for them; None where that is not known."""
    if reference.scores is None or not reference.rows:
        return None
    truth = reference.rule.positions(reference.labels)
    good = truth >= 0 if reference.rule.task != "regression" else np.isfinite(truth)
    columns = {name: values[good] for name, values in reference.columns.items() if name not in reference.hashed}
    return KnownRows(reference.rule, reference.scores[good], truth[good], columns)


def performance(
    tallies: PerformanceTallies, look: Look, accepted: Sequence[AcceptedDifference] = ()
) -> tuple[list[Finding], list[Series], list[str]]:
    """Judge what was counted: findings, series, and notes on what could not be determined.

    What the look may spend is shared out: 0.4 for the estimates, 0.5 for the labels, 0.1 for what was `accepted`. The
    versions that serve share the first two; the others raise no alarm.
    """
    serving = [version for version in tallies.known if _serves(tallies.expected, version, look)]
    each_spends = look.alpha / max(len(serving), 1)
    labelled = measured(tallies.measured, tallies.known, replace(look, alpha=0.5 * each_spends))
    cheaper = replace(look, alpha=0.4 * each_spends)
    findings, series, notes = estimated(tallies.expected, tallies.known, cheaper, labelled.doubts)
    findings += due_acceptances(accepted, tallies.measured, replace(look, alpha=0.1 * look.alpha))
    return (
        [each if each.version in serving else _retired(each) for each in (*labelled.findings, *findings)],
        [*labelled.series, *series],
        [*tallies.notes, *labelled.notes, *notes],
    )


def _serves(tally: ExpectedTally, version: str, look: Look) -> bool:
    """Whether a version answered anything in the newest windows."""
    slots, _ = tally.counts[version].by_slot(version)
    return bool(((slots >= look.end - SERVING * look.hours) & (slots < look.end)).any())


def _retired(finding: Finding) -> Finding:
    """A finding about a version that no longer serves: nobody has to act."""
    if finding.level != Level.alarm:
        return finding
    summary = f"{finding.summary} {finding.version} does not serve any more."
    return replace(finding, level=Level.noted, summary=summary, hint="")
