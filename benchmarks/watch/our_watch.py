"""The watch on a stream: what `seatrial watch` puts together, given the log once and asked as of many moments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from benchmarks.watch.releases import Trained
from benchmarks.watch.remembered import Cut, figures_shown, remember
from benchmarks.watch.streams import Day, Stream
from seatrial.prediction_log.labels import newest_labels
from seatrial.train.metrics import LabelledScores
from seatrial.trial.rows.reference import read_rows
from seatrial.watch.input_tally import MOST_SAMPLED, SampleTally
from seatrial.watch.log_watch import LogWatch
from seatrial.watch.metric_windows import Look
from seatrial.watch.performance import performance
from seatrial.watch.release_reference import ReleaseReference
from seatrial.watch.tallies import SlotCounts, slot_of
from seatrial.watch.watch_records import Finding, Level
from seatrial.watch.watch_settings import WatchSettings

LABEL_DELAY = timedelta(days=21)
SETTINGS = WatchSettings()


@dataclass(frozen=True)
class Looked:
    """What one look found, the likeliest cause first."""

    findings: list[Finding]

    @property
    def alarms(self) -> list[Finding]:
        """The findings that are alarms."""
        return [each for each in self.findings if each.level == Level.alarm]


class OurWatch:
    """The watch of one stream's log, with its default settings, and labels that are waited for 21 days."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.days: list[tuple[str, Any, Any]] = []
        self.labels: list[Any] = []

    def add(self, day: Day) -> None:
        """Add a day of the log."""
        import pyarrow as pa

        tables = [
            table.append_column("version", pa.array([day.version] * table.num_rows, pa.string()))
            for table in (day.table, day.refused)
        ]
        self.days.append((day.version, *tables))
        self.labels.append(day.labels)

    def begin_looking(self) -> "OurWatch":
        """Count everything that was added."""
        import pyarrow as pa

        remember()
        releases = [each for each in (self.stream.trained, self.stream.successor) if each]
        references = {each.version: each for each in map(reference_of, releases)}
        labels = newest_labels(pa.concat_tables(self.labels).sort_by("time"))
        end = datetime.fromtimestamp(4e9, UTC)
        self.watches = {
            version: LogWatch(references, version, SETTINGS, end, labels, LABEL_DELAY) for version in references
        }
        first = slot_of(datetime.fromtimestamp(min(self.stream.begin / 1e6, 4e9), UTC)) - 24
        for watch in self.watches.values():
            watch.sample = SampleTally(watch.inputs.columns, first, 2**40)
            watch.sample._most = MOST_SAMPLED // 24  # as of a look's window
            watch._tallies[1] = watch.sample
        for _, table, refused in self.days:
            for watch in self.watches.values():
                for batch in table.combine_chunks().to_batches():
                    watch.add(batch)
                for batch in refused.to_batches():
                    watch.add_refused(batch)
        self._cut()
        return self

    def look(self, at: datetime) -> Looked:
        """Look, a window after the look before."""
        last = slot_of(at - timedelta(microseconds=1))
        watch = self.watches[self._version(last)]
        begin = slot_of(at - SETTINGS.history_length - SETTINGS.window_length)
        self._show(begin, last)
        return Looked(watch.look(at).findings)

    def expected_windows(self, at: datetime) -> Iterator[tuple[int, float, float]]:
        """The begins (microseconds) of windows with the interval of the headline metric that was expected of them."""
        self._show(0, 2**40)
        metrics = Look(at, SETTINGS.window_length, SETTINGS.margin, 1e-6, LABEL_DELAY)
        counted = next(iter(self.watches.values())).performance
        headline = next(iter(counted.known.values())).cells.measures[0].name
        with figures_shown():
            shown = performance(counted, metrics)[1]
        for series in shown:
            if series.part == "estimated" and series.subject == headline:
                for point in series.points:
                    if point.low is not None and point.high is not None:
                        yield int(point.time.timestamp()) * 10**6, point.low, point.high

    def realized(self, day: Day) -> float:
        """What the headline metric was on a day, by all outcomes."""
        cells = self.watches[day.version].performance.known[day.version].cells
        names = [name for name in day.table.column_names if name.startswith("probability_")] or ["prediction"]
        columns = [np.asarray(day.table[name], dtype=np.float64) for name in names]
        scores = np.stack(columns, axis=1) if len(names) > 1 else columns[0]
        rows = LabelledScores(
            day.truth, scores, cells.rule.decide(scores), len(cells.rule.classes), cells.rule.positive
        )
        return float(cells.measures[0].of(rows))

    def _version(self, last: int) -> str:
        """The version that answered in an hour."""
        number = last // 24 - slot_of(self.days[0][1]["time"][0].as_py()) // 24
        return self.days[min(number, len(self.days) - 1)][0]

    def _cut(self) -> None:
        """Make all counts by hour show only the hours that a look reads."""
        self.cuts: list[Cut] = []
        for watch in self.watches.values():
            inputs = watch.inputs
            inputs.counts = {name: self._made(counts) for name, counts in inputs.counts.items()}
            inputs.fit_counts = {name: self._made(counts) for name, counts in inputs.fit_counts.items()}
            inputs.longer = {name: self._made(counts) for name, counts in inputs.longer.items()}
            inputs.lags = {name: self._made(counts) for name, counts in inputs.lags.items()}
            inputs.repeats, watch.traffic.counts = self._made(inputs.repeats), self._made(watch.traffic.counts)
            watch.refusals.counts = self._made(watch.refusals.counts)
            for each in watch.answers:
                each.label_counts = self._made(each.label_counts) if each.label_counts else None
                each.score_counts = self._made(each.score_counts) if each.score_counts else None
            expected, measured = watch.performance.expected, watch.performance.measured
            expected.unseen = self._made(expected.unseen)
            for by_version in (expected.counts, measured.tables, measured.shares):
                by_version.update({version: self._made(counts) for version, counts in by_version.items()})

    def _made(self, counts: SlotCounts) -> Cut:
        self.cuts.append(Cut(counts))
        return self.cuts[-1]

    def _show(self, first: int, last: int) -> None:
        for each in self.cuts:
            each.first, each.last = first, last


def reference_of(trained: Trained) -> ReleaseReference:
    """A release's held-out rows, from its artifacts."""
    release = trained.release
    folder = trained.folder / "src" / release.package / "artifacts"
    text = (folder / "reference.csv").read_text(encoding="utf-8")
    rows = read_rows(text, release.columns, release.metadata.target, "reference.csv")
    checked, _ = release.checker.check(rows.columns)
    scores = release.score_table(checked)
    return ReleaseReference(
        release.version, release.metadata, release.columns, checked, rows.target, scores, rows.weights
    )
