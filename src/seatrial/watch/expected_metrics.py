"""Performance without labels: what calibrated answers expect of each metric, with an interval.

A calibrated probability says how often it is right, so the answers of a window say what accuracy to expect of it:
confidence-based performance estimation (Garg et al. 2022, arXiv 2201.04234; Białek et al. 2024, arXiv 2401.08348).
For a regression, the error is learned from held-out rows, by the predicted number. The estimate is the measured metric
of the held-out rows, plus what the window's answers change in its expectation: so what is wrong with the calibration
everywhere cancels out.

It holds while the relation between inputs and outcomes does. Answers alone cannot show that this relation moved.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from seatrial.model.decision import DecisionRule
from seatrial.model.features import Array
from seatrial.pages.words import short
from seatrial.train.metrics import Measure
from seatrial.watch.expectation import Expectation, loss_of, margin_of
from seatrial.watch.false_alarms import limit
from seatrial.watch.metric_windows import (
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
from seatrial.watch.score_cells import ScoreCells
from seatrial.watch.tallies import SlotCounts, slot_of
from seatrial.watch.watch_records import Finding, Level, Point, Series

QUICK_DRAWS = 60  # for windows that are only shown, or looked at for how far windows differ
MOST_PAST = 56  # windows that say how far windows differ
MOST_SHOWN = 400
MUCH_UNSEEN = 0.1  # the share of rows with values that training had not, from which on an estimate says less


class ExpectedTally:
    """Counts answers by cell and hour, of each version whose cells are known."""

    def __init__(self, cells: Mapping[str, ScoreCells]) -> None:
        self.cells = dict(cells)
        self.counts = {version: SlotCounts(each.size) for version, each in cells.items()}
        self.unseen = SlotCounts(2)

    @property
    def columns(self) -> Sequence[str]:
        """The columns of the log that it needs."""
        return [*answer_columns(self.cells.values()), "unseen"]

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count the rows of a pyarrow.RecordBatch; `slots` (rows,) are hours since 1970."""
        cells = self.cells.get(version)
        if cells is None:
            return
        scores, whole = scores_of(batch, cells.rule)
        self.counts[version].add(version, slots[whole], cells.cell_of(scores[whole]))
        if "unseen" in batch.schema.names:
            unseen = batch.column("unseen").is_valid().to_numpy(zero_copy_only=False)
            self.unseen.add(version, slots, unseen.astype(np.int64))


def answer_columns(cells: Any) -> list[str]:
    """The columns of the log with the answers of these releases."""
    names: dict[str, None] = {}
    for each in cells:
        if each.classifies:
            names |= dict.fromkeys(f"probability_{label}" for label in each.rule.classes)
        else:
            names["prediction"] = None
    return list(names)


def scores_of(batch: Any, rule: DecisionRule) -> tuple[Array, Array]:
    """The answers of a batch as scores, and which rows have a whole one."""
    names = ["prediction"] if rule.task == "regression" else [f"probability_{label}" for label in rule.classes]
    if any(name not in batch.schema.names for name in names):
        return np.zeros((batch.num_rows, *([len(names)] if len(names) > 1 else []))), np.zeros(batch.num_rows, bool)
    columns = [np.asarray(batch.column(name).to_numpy(zero_copy_only=False), dtype=np.float64) for name in names]
    if rule.task == "regression":
        return columns[0], np.isfinite(columns[0])
    scores = np.stack(columns, axis=1)
    return scores, np.asarray(np.isfinite(scores).all(axis=1))


def estimated(
    tally: ExpectedTally, known: Mapping[str, Expectation], look: Look, doubts: Mapping[str, str] | None = None
) -> tuple[list[Finding], list[Series], list[str]]:
    """Judge what the newest windows of each version let one expect, against what its held-out rows showed.

    `doubts` say for a version why its estimates may not be believed: labels that contradict them.
    """
    findings: list[Finding] = []
    series: list[Series] = []
    notes: list[str] = []
    for version, counts in tally.counts.items():
        found, windows = known.get(version), metric_windows(counts, version, look.end, look.hours)
        if found is None or not windows:
            continue
        doubt = (doubts or {}).get(version, "")
        unseen = _unseen(tally.unseen, version, windows)
        if unseen > MUCH_UNSEEN and not doubt:
            doubt = f"{unseen:.0%} of the newest rows have values that the training rows had not"
            notes.append(f"The estimates of {version} say less than usual: {doubt}.")
        if version in (doubts or {}):
            notes.append(f"The estimates of {version} cannot be believed: {doubt}.")
        for measure in found.cells.measures:
            findings += _findings(found, measure, windows, look, version, doubt)
            series.append(_series(found, measure, windows[:MOST_SHOWN], version))
    return findings, series, notes


def _findings(
    found: Expectation, measure: Measure, windows: Sequence[MetricWindow], look: Look, version: str, doubt: str
) -> list[Finding]:
    spans = spans_of(windows)
    reference, _ = found.reference(measure)
    margin = margin_of(measure, look.margin)
    if not np.isfinite(reference):
        return []
    shifts, past = expected_shifts(found, measure, windows, spans, look)
    worst = min(shifts, key=lambda shift: shift.log_p)
    certain = worst.log_p < limit(look.alpha, len(spans) * len(found.cells.measures))
    if not (worst.loss > margin and (certain or worst.log_p < np.log(0.05 / len(spans)))):
        return []
    window = together(windows, worst.windows)
    value, spread = found.estimate(measure, window.counts)
    low, high = value - WIDTH * spread, value + WIDTH * spread
    words = f"the {measure.label} to expect is {short(value)} ({short(low)} to {short(high)}), not {short(reference)}"
    level = Level.unknown if doubt else Level.alarm if certain else Level.noted
    return [
        Finding(
            f"estimated.{measure.name}", "estimated", level,
            f"By the answers alone, {words} as on the held-out rows" + (f"; but {doubt}." if doubt else "."),
            version=version, subject=measure.label, since=first_worse(past, margin / 2) or window.start, share=1.0,
            old=reference, new=value, log_p=worst.log_p, severity=worst.loss / margin,
            hint="Labels would show whether it is so: `seatrial log labels FILE`. Look at what changed in the inputs.",
            evidence={"interval": [low, high], "rows": window.rows, "windows": worst.windows},
        )
    ]  # fmt: skip


def expected_shifts(
    found: Expectation, measure: Measure, windows: Sequence[MetricWindow], spans: Sequence[int], look: Look
) -> tuple[list[Shift], list[tuple[datetime, float]]]:
    """Judge the newest windows by the expected metric, alone and as many together as `spans` has.

    Returns a shift for each span, and the loss of each of the newest windows with its begin.
    """
    reference, _ = found.reference(measure)
    margin = margin_of(measure, look.margin)
    scale = 1.0 if measure.higher_is_better else max(abs(reference), 1e-3)

    def judged(window: MetricWindow, **options: int) -> tuple[float, float]:
        change, variance = found.change(measure, window.counts, **options)
        return loss_of(measure, reference, reference + change), variance / scale**2

    newest = [judged(window, draws=QUICK_DRAWS) for window in windows[: MOST_PAST + 1]]
    losses, variances = (np.array([each[n] for each in newest[1:]]) for n in (0, 1))
    usual = usual_spread(losses, variances, margin)
    shifts = []
    for span in spans:
        window = together(windows, span)
        shifts.append(shift_of(span, *judged(window), usual, window.rows, margin))
    return shifts, [(window.start, loss) for window, (loss, _) in zip(windows, newest, strict=False)]


def _series(found: Expectation, measure: Measure, windows: Sequence[MetricWindow], version: str) -> Series:
    points = []
    for window in reversed(windows):
        value, spread = found.estimate(measure, window.counts, QUICK_DRAWS)
        whole = np.isfinite(value) and np.isfinite(spread)
        low, high = (value - WIDTH * spread, value + WIDTH * spread) if whole else (None, None)
        points.append(Point(window.start, value if whole else None, low, high, window.rows))
    reference, _ = found.reference(measure)
    title = f"{measure.label}, expected from the answers alone"
    return Series("estimated", title, points, version, measure.name, reference=reference)


def _unseen(counted: SlotCounts, version: str, windows: Sequence[MetricWindow]) -> float:
    """The share of rows with values that training had not, in the newest window."""
    slots, counts = counted.by_slot(version)
    newest = counts[slots >= slot_of(windows[0].start)].sum(axis=0)
    return float(newest[1] / max(newest.sum(), 1))
