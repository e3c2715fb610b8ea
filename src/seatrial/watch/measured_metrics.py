"""Performance with labels: each metric with its interval over time and by group, against the held-out rows.

Labels of the same rows are looked at again and again. That stays valid since a look may spend only its share of the
year's false alarms, whatever it looks at (a union bound over looks, as in Lan and DeMets 1983): no independence between
looks is needed. Confidence sequences (Howard et al. 2021; Waudby-Smith and Ramdas 2024) would be valid without a
schedule, but only for means of bounded values in a stream whose truth does not move, which ROC AUC, errors of a
regression, and seasons are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import short
from seatrial.train.metrics import Measure
from seatrial.watch.expectation import OTHER_SAMPLE, Expectation, expectation, loss_of, margin_of, variance_of
from seatrial.watch.false_alarms import limit
from seatrial.watch.measured_groups import worse_groups
from seatrial.watch.measured_tally import MeasuredTally
from seatrial.watch.metric_windows import (
    SPANS,
    USUAL,
    WIDTH,
    Look,
    MetricWindow,
    Shift,
    first_worse,
    metric_windows,
    shift_of,
    spans_of,
    together,
    usual_spread,
)
from seatrial.watch.outcome_changes import changed_outcomes
from seatrial.watch.selective_labels import absent_outcomes, label_shares, selective_labels
from seatrial.watch.watch_records import Finding, Level, Point, Series

QUICK_DRAWS = 60
MOST_PAST = 56
MOST_SHOWN = 400
FEWEST_LABELS = 30
PARTS = 3  # of what this part may spend: the metrics, the groups, and the relation
RELATIONS = 3  # of what the relation may spend: against held-out rows, against the first weeks, and sudden changes
NEWEST = SPANS[1]  # windows that are no part of the first ones, with which they are compared
FIRST, FEWEST_FIRST = 28, 14  # windows


@dataclass(frozen=True)
class Measured:
    """What labels say; `doubts` has for each version why its estimates without labels may not be believed."""

    findings: list[Finding]
    series: list[Series]
    notes: list[str]
    doubts: dict[str, str]


def measured(tally: MeasuredTally, known: Mapping[str, Expectation], look: Look) -> Measured:
    """Judge the labelled rows of each version, against its held-out rows and what its answers let one expect."""
    found = Measured([], [], [], {})
    for version, counts in tally.tables.items():
        expected = known.get(version)
        if expected is None:
            continue
        windows = metric_windows(counts, version, look.labelled_until, look.hours)
        labelled = sum(window.rows for window in windows)
        shares = label_shares(tally, version, look.labelled_until)
        rows = sum(each[1] for each in shares)
        if labelled < FEWEST_LABELS:
            found.notes.append(_too_few(version, labelled, rows, look))
            continue
        found.findings.extend(selective_labels(shares, version))
        absent = absent_outcomes(expected, windows, version)
        found.findings.extend(absent)
        if sum(window.rows for window in windows[:1]) < FEWEST_LABELS:
            windows = windows[1:] or windows
        relation = changed_outcomes(counts, version, expected, look, look.alpha / PARTS / RELATIONS)
        first, spans = _first_weeks(expected, windows)
        for measure in expected.cells.measures:
            judged = _Judged(expected, measure, windows, look)
            found.findings.extend(judged.findings(version))
            found.series.append(judged.series(version))
            if measure in _relation_measures(expected):
                relation += judged.relation(version)
                if first:
                    relation += _Judged(first, measure, windows, look, spans).relation(version)
        if relation:  # they say the same: one of them, an alarm if there is one, and that about ranges of scores first
            first_one = next((each for each in relation if each.level == Level.alarm), relation[0])
            found.findings.append(first_one)
            found.doubts[version] = str(first_one.evidence["doubt"])
        groups = worse_groups(tally.rows[version], tally.known[version], windows, look, look.alpha / PARTS, version)
        found.findings.extend(groups)
        if version not in found.doubts and not absent:
            found.notes.append(f"Labels of {labelled:,} rows of {version} agree with what its answers let one expect.")
    return found


def _first_weeks(expected: Expectation, windows: Sequence[MetricWindow]) -> tuple[Expectation | None, list[int]]:
    """What labels of the oldest windows let one expect, and how many windows may be compared with that together.

    These are more rows than the held-out ones, and slow changes do not hide in them, as in the windows just before.
    """
    first = [window for window in windows if window.number >= windows[0].number + NEWEST][-FIRST:]
    if len(first) < FEWEST_FIRST:
        return None, []
    counts = np.sum([window.counts for window in first], axis=0).reshape(expected.cells.size, -1)
    since = min(first[0].number - windows[0].number, SPANS[-1])
    return replace(expectation(expected.cells, counts), resampled=1.0), [*SPANS[:-1], since]


def _relation_measures(expected: Expectation) -> tuple[Measure, ...]:
    """The metrics by which labels are compared with what was expected: the headline, and one that sees shares.

    Of a regression it is the mean absolute error alone: a single large error would decide over the other one.
    """
    measures = expected.cells.measures
    return (measures[0], measures[-1]) if expected.cells.classifies else (measures[-1],)


def _too_few(version: str, labelled: int, rows: int, look: Look) -> str:
    due = f"of the {rows:,} rows of {version}" + (
        f" that are older than {look.label_delay.days} days" if look.label_delay else ""
    )
    if not labelled:
        return f"None {due} has a label, so nothing checks the estimates: `seatrial log labels FILE` brings them."
    return f"Only {labelled} {due} have a label; {FEWEST_LABELS} are needed."


class _Judged:
    """One metric of one version, window by window."""

    def __init__(
        self,
        expected: Expectation,
        measure: Measure,
        windows: Sequence[MetricWindow],
        look: Look,
        since_first: Sequence[int] = (),
    ) -> None:
        self.expected, self.measure, self.windows, self.look = expected, measure, windows, look
        self.since_first = bool(since_first)
        self.reference, drawn = expected.reference(measure)
        self.reference_variance = variance_of(drawn)
        self.margin = margin_of(measure, look.margin)
        self.scale = 1.0 if measure.higher_is_better else max(abs(self.reference), 1e-3)
        self.spans = [*since_first] or spans_of(windows)
        self.shown = [(window, *self._measured(window)) for window in windows[:MOST_SHOWN]]

    def _table(self, window: MetricWindow) -> Array:
        return window.counts.reshape(self.expected.cells.size, -1)

    def _measured(self, window: MetricWindow) -> tuple[float, float]:
        """The metric of a window, and the variance of its sampling."""
        return self.expected.sampled(self.measure, window.counts, QUICK_DRAWS)

    def _variance_of_both(self, window: MetricWindow, variance: float) -> float:
        """The variance of the difference between a window and the held-out rows.

        Few rows may lack the large errors that others have, so the larger spread of the two counts for both.
        """
        own = max(self.reference_variance, variance * window.rows / int(self.expected.known.sum()))
        return variance + OTHER_SAMPLE * own

    def _usual(self) -> tuple[float, float]:
        past = [each for each in self.shown[1 : MOST_PAST + 1] if np.isfinite(each[1])]
        losses = np.array([loss_of(self.measure, self.reference, value) for _, value, _ in past])
        return usual_spread(losses, np.array([variance for *_, variance in past]) / self.scale**2, self.margin)

    def findings(self, version: str) -> list[Finding]:
        """An alarm, or a note, if the metric is worse than the margin allows."""
        usual = self._usual()
        judged: list[tuple[Shift, MetricWindow, float, float]] = []
        for span in self.spans:
            window = together(self.windows, span)
            value, variance = self._measured(window)
            if not np.isfinite(value):
                continue
            loss = loss_of(self.measure, self.reference, value)
            both = self._variance_of_both(window, variance) / self.scale**2
            judged.append((shift_of(span, loss, both, usual, window.rows, self.margin), window, value, variance))
        if not judged:
            return []
        worst, window, value, variance = min(judged, key=lambda each: each[0].log_p)
        alpha = self.look.alpha / PARTS
        certain = worst.log_p < limit(alpha, len(self.spans) * len(self.expected.cells.measures))
        if not (worst.loss > self.margin and (certain or worst.log_p < np.log(0.05 / len(self.spans)))):
            return []
        half = WIDTH * variance**0.5
        words = f"{self.measure.label} is {short(value)} ({short(value - half)} to {short(value + half)})"
        return [
            Finding(
                f"measured.{self.measure.name}", "measured", Level.alarm if certain else Level.noted,
                f"On {window.rows:,} labelled rows, {words}; on the held-out rows it was {short(self.reference)}.",
                version=version, subject=self.measure.label, since=self._since() or window.start, share=1.0,
                old=self.reference, new=value, log_p=worst.log_p, severity=worst.loss / self.margin,
                hint="Train on what production was asked: `seatrial refresh --from-log`, then `seatrial release`.",
                evidence={"interval": [value - half, value + half], "rows": window.rows, "windows": worst.windows},
            )
        ]  # fmt: skip

    def _since(self) -> datetime | None:
        losses = [(window.start, loss_of(self.measure, self.reference, value)) for window, value, _ in self.shown]
        return first_worse(losses, self.margin / 2)

    def relation(self, version: str) -> list[Finding]:
        """A finding if outcomes contradict what the same rows' answers let one expect: the relation moved."""
        judged = []
        most = FIRST if self.since_first else MOST_PAST
        past = [self._surprise(window) for window in self.windows[1 : most + 1]]
        past = [each for each in past if np.isfinite(each[0])]
        losses, variances = (np.array([each[n] for each in past]) for n in (0, 1))
        usual = usual_spread(losses, variances, self.margin)
        for span in self.spans:
            window = together(self.windows, span)
            loss, variance, expected, value = self._surprise(window)
            if not np.isfinite(loss):
                continue
            # What held-out rows promised may be a little wrong from the begin on; what the first weeks had, not.
            allowed = 0.0 if self.since_first else self.margin
            own = self._of_span(usual, span)
            sides = [shift_of(span, sign * loss, variance, own, window.rows, allowed) for sign in (1, -1)]
            judged.append((min(sides, key=lambda side: side.log_p), loss, window, expected, value))
        if not judged:
            return []
        shift, loss, window, expected, value = min(judged, key=lambda each: each[0].log_p)
        tests = 2 * len(_relation_measures(self.expected)) * len(self.spans)
        if not (shift.log_p < limit(self.look.alpha / PARTS / RELATIONS, tests) and shift.loss > self.margin):
            return []
        doubt = (
            f"labels contradict it: {self.measure.label} was {short(value)} on {window.rows:,} labelled rows where "
            f"{short(expected)} was to be expected, so the relation between inputs and outcomes moved"
        )
        by = "by the answers, and outcomes of such answers before," if self.since_first else "by the answers"
        return [
            Finding(
                "measured.relation", "measured", Level.alarm if loss > 0 else Level.noted,
                f"The relation between inputs and outcomes moved: {self.measure.label} is {short(value)} on "
                f"{window.rows:,} labelled rows; {by} {short(expected)} was to be expected.",
                version=version, since=window.start, share=1.0, old=expected, new=value,
                log_p=shift.log_p, severity=abs(loss) / self.margin + 1,
                hint="Estimates without labels cannot see this. Train on labelled rows: `seatrial refresh --from-log`.",
                evidence={"doubt": doubt, "rows": window.rows},
            )
        ]  # fmt: skip

    def _of_span(self, usual: tuple[float, float], span: int) -> tuple[float, float]:
        """How far so many windows together usually differ from the first weeks, by how far single ones do.

        What differs from window to window is averaged; what lasts is supposed to be a third of the margin.
        """
        if not self.since_first:
            return usual
        lasting = (self.margin / USUAL) ** 2
        return max(usual[0] / span, min(usual[0], lasting)), usual[1]

    def _surprise(self, window: MetricWindow) -> tuple[float, float, float, float]:
        """How much worse a window is than its answers let one expect, its variance, and both values."""
        expected, spread = self.expected.estimate(self.measure, self._table(window).sum(axis=1), QUICK_DRAWS)
        value, variance = self._measured(window)
        difference = expected - value if self.measure.higher_is_better else (value - expected) / self.scale
        own = spread**2 if self.since_first else max(spread**2, self._variance_of_both(window, variance))
        return difference, own / self.scale**2, expected, value

    def series(self, version: str) -> Series:
        """The metric over time."""
        points = []
        for window, value, variance in reversed(self.shown):
            half = WIDTH * variance**0.5
            whole = np.isfinite(value) and np.isfinite(half)
            low, high = (value - half, value + half) if whole else (None, None)
            points.append(Point(window.start, value if whole else None, low, high, window.rows))
        title = f"{self.measure.label}, of labelled rows"
        return Series("measured", title, points, version, self.measure.name, reference=self.reference)
