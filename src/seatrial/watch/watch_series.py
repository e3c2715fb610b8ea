"""Figures over time, a point for each window: traffic, how far each input is from training, and the answers."""

import numpy as np

from seatrial.model.features import Array
from seatrial.watch.answer_tally import REFUSED, SECONDS, AnswerTally, LatencyTally, RefusalTally
from seatrial.watch.changes import LookAt, joined_counts
from seatrial.watch.input_tally import REPEATED, InputTally
from seatrial.watch.tallies import time_of
from seatrial.watch.watch_records import Part, Point, Series

MOST_LABELS = 10


def traffic_series(traffic: LatencyTally, refusals: RefusalTally, look: LookAt) -> list[Series]:
    """Rows, the share that is refused, and half of the latencies, by window."""
    latency = look.of(*joined_counts(traffic.counts, "", look.last))
    slots, refused = joined_counts(refusals.counts, "", look.last)
    rows = latency.sum(axis=1)
    errors = look.of(slots, refused)[:, REFUSED]
    found = [
        _series("traffic", "Rows", rows.astype(float), rows, look),
        _series("traffic", "Refused", errors / np.maximum(rows + errors, 1), rows + errors, look, unit="share"),
    ]
    edges = np.array([SECONDS[0], *SECONDS])
    middles = np.array([edges[int(np.searchsorted(np.cumsum(each), each.sum() / 2))] for each in latency])
    return [*found, _series("traffic", "Latency, median", middles, rows, look, unit="s")]


def input_series(inputs: InputTally, look: LookAt, version: str) -> list[Series]:
    """How far each column of a window is from the held-out rows: the share of rows that are in other bins."""
    repeats = look.of(*joined_counts(inputs.repeats, "", look.last))
    rows = repeats.sum(axis=1)
    shares = repeats[:, REPEATED] / np.maximum(rows, 1)
    found = [_series("traffic", "Repeated rows", shares, rows, look, unit="share")]
    for bins in inputs.bins:
        counts = look.of(*joined_counts(inputs.counts[bins.name], "", look.last))
        totals = counts.sum(axis=1)
        expected = np.array(bins.expected, dtype=float)
        usual = expected / max(expected.sum(), 1)
        distance = np.abs(counts / np.maximum(totals, 1)[:, None] - usual).sum(axis=1) / 2
        found.append(
            _series("drift", "Distance from training", distance, totals, look, unit="share", version=version,
                    subject=bins.name, reference=0.0)
        )  # fmt: skip
        if expected[0] or counts[:, 0].any():
            missing = counts[:, 0] / np.maximum(totals, 1)
            found.append(
                _series("drift", "Missing", missing, totals, look, unit="share", version=version, subject=bins.name,
                        reference=float(usual[0]))
            )  # fmt: skip
    return found


def answer_series(tally: AnswerTally, look: LookAt) -> list[Series]:
    """The share of each label by window."""
    version, expected = tally.reference.version, tally.expected()[0]
    if tally.label_counts is None:
        return []
    counts = look.of(*joined_counts(tally.label_counts, version, look.last))
    totals = counts.sum(axis=1)
    found = []
    for k, label in enumerate(tally.labels[:MOST_LABELS]):
        usual = None if expected is None else float(expected[k] / max(expected.sum(), 1))
        shares = counts[:, k] / np.maximum(totals, 1)
        found.append(
            _series("answers", "Answered", shares, totals, look, unit="share", version=version, subject=label,
                    reference=usual)
        )  # fmt: skip
    return found


def _series(
    part: Part,
    title: str,
    values: Array,
    rows: Array,
    look: LookAt,
    *,
    unit: str = "",
    version: str = "",
    subject: str = "",
    reference: float | None = None,
) -> Series:
    begins = look.last + 1 - np.arange(len(values), 0, -1) * look.hours
    always = title == "Rows"
    points = [
        Point(time_of(int(begin)), float(value) if count or always else None, rows=int(count))
        for begin, value, count in zip(begins, values, rows, strict=True)
    ]
    return Series(part, title, points, version, subject, unit, reference)
