"""Watches one log: counts its batches once, for all parts, and looks at the counts as of a moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from seatrial.model.features import Array
from seatrial.watch.acceptances_due import AcceptedDifference
from seatrial.watch.answer_findings import answer_findings
from seatrial.watch.answer_tally import AnswerTally, LatencyTally, RefusalTally
from seatrial.watch.changes import LookAt, joined_counts
from seatrial.watch.false_alarms import SHARES, spent_by_look
from seatrial.watch.input_findings import input_findings
from seatrial.watch.input_tally import InputTally, SampleTally
from seatrial.watch.metric_windows import Look
from seatrial.watch.performance import known_rows, performance, performance_tallies
from seatrial.watch.release_reference import ReleaseReference
from seatrial.watch.slow_changes import slow_joins
from seatrial.watch.tallies import LogTally, slot_of, slots_of
from seatrial.watch.together import told_apart
from seatrial.watch.traffic_findings import clock_notes, traffic_findings
from seatrial.watch.watch_records import Finding, Level, Series
from seatrial.watch.watch_series import answer_series, input_series, traffic_series
from seatrial.watch.watch_settings import WatchSettings
from seatrial.watch.windows import LONG

HEAD = ("time", "version")
MIXTURE = ("moved", "range", "join", "regrouped")  # what other rows can look like
OF_ONE_ROW = ("stuck", "capped")  # what a row that comes again and again can look like, besides these
COLLAPSED = ("stuck", "capped", "rounded", "missing", "sentinel")  # of which many values become one
CAUSES = ("drift.", "traffic.refusals", "traffic.repeats")  # begins of the names of what other findings follow from
BY_REPEATS = timedelta(days=1)  # between the begins: which row comes again may be another one each day
OF_REPEATS = 3.0  # times the share of repeated rows: the first of each hour is not counted in it
OF_SLOW = 0.1  # of what drift may spend, for what changes slowly
TOGETHER = timedelta(hours=6)  # changes that began within it may have one cause


@dataclass(frozen=True)
class Looked:
    """What one look at the counts found."""

    findings: list[Finding]
    series: list[Series]
    notes: list[str]
    rows: int
    spent: float


class LogWatch:
    """Counts a log's batches. `references` are those of the versions that served; inputs are compared with `newest`'s.

    `at` is the moment of the newest look. `labels` is the pyarrow.Table of the newest labels, and `label_delay`
    says from when a missing one means anything. `accepted` is looked at again when labels arrive.
    """

    def __init__(
        self,
        references: Mapping[str, ReleaseReference],
        newest: str,
        settings: WatchSettings,
        at: datetime,
        labels: Any = None,
        label_delay: timedelta = timedelta(0),
        accepted: Sequence[AcceptedDifference] = (),
    ) -> None:
        self.settings = settings
        self.hours = max(int(settings.window_length / timedelta(hours=1)), 1)
        self.reference = references[newest]
        self.inputs = InputTally(self.reference)
        last = _last_hour(at)
        self.sample = SampleTally(self.inputs.columns, last - self.hours + 1, last)
        self.answers = [AnswerTally(each) for each in references.values()]
        self.traffic, self.refusals = LatencyTally(), RefusalTally()
        self.label_delay, self.accepted = label_delay, accepted
        found = {version: known_rows(each) for version, each in references.items()}
        known = {version: each for version, each in found.items() if each is not None}
        self.performance = performance_tallies(known, _no_labels() if labels is None else labels)
        measured: list[LogTally] = [self.performance.expected, self.performance.measured] if known else []
        self._tallies: list[LogTally] = [self.inputs, self.sample, self.traffic, *self.answers, *measured]

    @property
    def columns(self) -> list[str]:
        """The columns of the log that are read."""
        return [*dict.fromkeys([*HEAD, *(name for tally in self._tallies for name in tally.columns)])]

    @property
    def refused_columns(self) -> list[str]:
        """The columns of the table of refused requests that are read."""
        return [*HEAD, *self.refusals.columns]

    def add(self, batch: Any) -> None:
        """Count a pyarrow.RecordBatch of predictions, with `time` and `version`."""
        for version, part, slots in _by_version(batch):
            for tally in self._tallies:
                tally.add(part, version, slots)

    def add_refused(self, batch: Any) -> None:
        """Count a batch of refused requests."""
        for version, part, slots in _by_version(batch):
            self.refusals.add(part, version, slots)

    def look(self, at: datetime, before: datetime | None = None, active: Collection[str] = ()) -> Looked:
        """Look at the counts as of `at`; `before` is when the last look was.

        `active` is what active alarms are about: to see that again raises no alarm, so it spends nothing, and it is
        looked at with the budget of a whole window.
        """
        last = _last_hour(at)
        slots, latency = joined_counts(self.traffic.counts, "", last)
        refused, _ = joined_counts(self.refusals.counts, "", last)
        first = int(min([*slots[:1], *refused[:1]], default=last))
        windows = int(self.settings.history_length / self.settings.window_length) + 1
        view = LookAt(last, self.hours, windows, first)
        spent, most = (
            spent_by_look(self.settings.budget, self.settings.window_length, at, each) for each in (before, None)
        )
        found, performed, doubts = self._judged(at, view, spent)
        if active and spent < most:
            still = {each.matter: each for each in self._judged(at, view, most)[0] if each.matter in active}
            found = [still.pop(each.matter, each) for each in found] + [*still.values()]
        rows = int(latency[slots > last - self.hours].sum())
        series = [*traffic_series(self.traffic, self.refusals, view)]
        series += input_series(self.inputs, view, self.reference.version)
        series += [each for tally in self._serving(view) for each in answer_series(tally, view)]
        series += performed
        notes = [*clock_notes(slots, last), *_notes(view, self), *doubts]
        return Looked(folded(found), series, notes, rows, spent)

    def _judged(self, at: datetime, view: LookAt, spent: float) -> tuple[list[Finding], list[Series], list[str]]:
        """The findings of a look that may spend so much; with the figures and the doubts of the performance."""
        newest = self.reference.version
        found = traffic_findings(self.traffic, self.refusals, self.inputs, view, spent * SHARES["traffic"], newest)
        drift = spent * SHARES["drift"]
        found += input_findings(self.inputs, self.sample, self.reference, view, (1 - OF_SLOW) * drift)
        changed = {each.subject for each in found if each.part == "drift"}
        found += slow_joins(self.inputs, changed, view, OF_SLOW * drift, newest)
        whole = told_apart(self.inputs, self.sample, self.reference, view)
        found += [whole] if whole else []
        served = self._serving(view)
        for tally in served:
            found += answer_findings(tally, view, spent * SHARES["answers"] / len(served))
        alpha = spent * (SHARES["estimated"] + SHARES["measured"])
        of_metrics = Look(at, self.settings.window_length, self.settings.margin, alpha, self.label_delay)
        judged, performed, doubts = performance(self.performance, of_metrics, self.accepted)
        return [*found, *judged], performed, doubts

    def _serving(self, view: LookAt) -> list[AnswerTally]:
        """The versions that answered in the newest window."""
        return [each for each in self.answers if _served(each, view)]


def _no_labels() -> Any:
    from seatrial.prediction_log.labels import LABEL_SCHEMA

    return LABEL_SCHEMA.empty_table()


def _last_hour(at: datetime) -> int:
    """The hour of the newest row of a look, since 1970."""
    return slot_of(at - timedelta(microseconds=1))


def folded(findings: Sequence[Finding]) -> list[Finding]:
    """Put the likeliest cause first. What follows from it is noted: what answers do once an input has changed, how the
    rows that are left differ once many are refused, and what is more frequent in a row that comes again and again.
    """
    causes = [f for f in findings if f.level == Level.alarm and f.name.startswith(CAUSES)]
    kept = []
    for finding in findings:
        cause = _followed(finding, causes) if finding.level == Level.alarm else None
        if cause is not None:
            about = f"`{cause.subject}`" if cause.subject else cause.name
            summary = f"{finding.summary} It follows from {about}."
            kept.append(replace(finding, level=Level.noted, summary=summary, evidence={"follows": cause.id}))
        else:
            kept.append(finding)
    order = [*Level]
    return sorted(kept, key=lambda each: (-order.index(each.level), -each.severity))


def _followed(finding: Finding, causes: Sequence[Finding]) -> Finding | None:
    """What a finding follows from."""
    refused = [each for each in causes if each.name == "traffic.refusals" and (each.share or 0) >= (finding.share or 0)]
    if finding.part == "answers" and causes:
        return max(causes, key=lambda each: each.severity)
    for each in causes:
        if not (each.since and finding.since and each is not finding):
            continue
        apart, columns = abs(each.since - finding.since), finding.evidence.get("columns", ())
        of_partner = finding.name == "drift.join" != each.name and each.subject in {*columns} - {finding.subject}
        if of_partner and apart <= TOGETHER:
            return each
        if apart <= BY_REPEATS and _repeats(each, finding):
            return each
    if finding.name.removeprefix("drift.") in MIXTURE and finding.since:
        together = [each for each in refused if each.since and abs(each.since - finding.since) <= TOGETHER]
        return max(together, key=lambda each: each.severity, default=None)
    return None


def _repeats(cause: Finding, finding: Finding) -> bool:
    """Whether a row that comes again and again explains a change, or a change that more rows are the same.

    What is far more rows than those that are repeated is no single row.
    """
    shares = cause.share or 0.0, finding.share or 0.0
    if cause.name == "traffic.repeats":
        return finding.name.removeprefix("drift.") in (*MIXTURE, *OF_ONE_ROW) and shares[1] <= OF_REPEATS * shares[0]
    collapsed = cause.name.removeprefix("drift.") in COLLAPSED
    return finding.name == "traffic.repeats" and collapsed and shares[0] > OF_REPEATS * shares[1]


def _by_version(batch: Any) -> list[tuple[str, Any, Array]]:
    """The rows of each version, with their hours."""
    import pyarrow.compute as pc

    if not batch.num_rows:
        return []
    versions = batch.column("version")
    slots = slots_of(batch.column("time"))
    distinct = pc.unique(versions).to_pylist()
    if len(distinct) == 1:
        return [(distinct[0], batch, slots)]
    parts = []
    for version in distinct:
        mask = pc.equal(versions, version)
        parts.append((version, batch.filter(mask), slots[mask.to_numpy(zero_copy_only=False)]))
    return parts


def _served(tally: AnswerTally, view: LookAt) -> bool:
    """Whether a version answered in the newest window."""
    counts = tally.label_counts or tally.score_counts
    if counts is None:
        return False
    slots, _ = joined_counts(counts, tally.reference.version, view.last)
    return bool((slots > view.last - view.hours).any())


def _notes(view: LookAt, watch: LogWatch) -> list[str]:
    notes = []
    whole = (view.last - view.first + 1) // view.hours
    if whole < LONG:
        notes.append(
            f"The log has {max(whole, 0)} whole windows of {watch.settings.window}. Until it has {LONG}, weekdays and "
            "seasons are not known, and only large differences alarm."
        )
    elif whole < 21 and view.hours == 24:
        notes.append(
            f"The log has {whole} days. From 21 on, a day is compared with the same weekdays, where they differ."
        )
    for version, names in watch.inputs.absent.items():
        listed = ", ".join(f"`{name}`" for name in sorted(names)[:5])
        notes.append(f"The log of {version} does not have {listed}, so they are only compared from later versions on.")
    hashed = sorted(watch.reference.hashed)
    if hashed:
        notes.append(
            f"Of {', '.join(f'`{name}`' for name in hashed)} the log has only hashes, so they are not compared."
        )
    return notes
