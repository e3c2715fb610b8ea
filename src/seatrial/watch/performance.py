"""Performance of the releases that served: what to expect of them, and what labels say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seatrial.watch.expectation import Expectation, expectation
from seatrial.watch.expected_metrics import ExpectedTally, estimated
from seatrial.watch.label_lookup import LabelLookup
from seatrial.watch.measured_metrics import measured
from seatrial.watch.measured_tally import MeasuredTally
from seatrial.watch.metric_windows import Look
from seatrial.watch.release_reference import ReleaseReference
from seatrial.watch.score_cells import FEWEST_HELD_OUT, KnownRows, score_cells
from seatrial.watch.watch_records import Finding, Series


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


def performance(tallies: PerformanceTallies, look: Look) -> tuple[list[Finding], list[Series], list[str]]:
    """Judge what was counted: findings, series, and notes on what could not be determined.

    Half of what the look may spend is for the estimates, and half for the labels.
    """
    half = replace(look, alpha=look.alpha / 2)
    labelled = measured(tallies.measured, tallies.known, half)
    findings, series, notes = estimated(tallies.expected, tallies.known, half, labelled.doubts)
    return (
        [*labelled.findings, *findings],
        [*labelled.series, *series],
        [*tallies.notes, *labelled.notes, *notes],
    )
