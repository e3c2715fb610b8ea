"""Watch: what the prediction log says about the releases that served, compared with what they were trained on."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.core.project import ProjectSettings
    from seatrial.prediction_log.log_query import LogQuery
    from seatrial.prediction_log.reading import PredictionLog
    from seatrial.release import Index, IndexedRelease
    from seatrial.watch.release_reference import ReleaseReference
    from seatrial.watch.watch_records import Deployed, Finding, Watched

ENOUGH = 32_768  # rows that are counted together
MOST_VERSIONS = 5  # that are compared with their own training: the newest ones that served


def watch(
    project: "ProjectSettings",
    *,
    at: datetime | None = None,
    release: str = "",
    log: str = "",
    before: datetime | None = None,
    active: Collection[str] = (),
    progress: Progress = silent,
) -> "Watched":
    """Look at the prediction log as of `at` (default: now): findings, the likeliest cause first, and figures over time.

    `release` is a version, by default every one that served. `log` is another destination than the project's. `before`
    is when the last look was: this one may spend the budget of false alarms of the time since, and without it that
    of one window. `active` are what the active alarms are about.
    """
    from seatrial.core.moments import parse_length
    from seatrial.prediction_log.labels import newest_labels
    from seatrial.steps.accepted_differences import accepted_differences
    from seatrial.steps.log import open_log
    from seatrial.watch.log_watch import LogWatch
    from seatrial.watch.watch_records import Watched
    from seatrial.watch.watch_settings import read_watch_settings

    settings = read_watch_settings(project.watch, project.root)
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    since = moment - settings.history_length - settings.window_length
    opened = open_log(project, log)
    query = opened.query(since=since, until=moment, release=release)
    source = _open(opened)
    progress("looking for the versions that served")
    days = _served(source, query)
    served = [*days]
    deployed = _deployments(project, since)
    begin = moment - settings.window_length
    if not served:
        note = _nothing(source, query, settings.history, log)
        return Watched(
            project.name, moment, begin, 0, (), (), deployed=deployed, notes=(note,), false_alarms=settings.false_alarms
        )
    serving = {version for version, last in days.items() if last >= begin.date()}
    known = _references(project, served, serving, progress)
    if not known.references:
        return Watched(
            project.name, moment, begin, 0, served, [*known.findings], deployed=deployed, notes=known.notes,
            false_alarms=settings.false_alarms,
        )  # fmt: skip
    newest = next(version for version in reversed(served) if version in known.references)
    labels = newest_labels(_until(source.store.read_labels(), moment))
    delay = source.settings.label_delay
    wait = parse_length(delay, "label_delay") if delay else timedelta(0)
    accepted, lost = accepted_differences(project)
    watched = LogWatch(known.references, newest, settings, moment, labels, wait, accepted)
    progress(f"reading the log since {since:%Y-%m-%d}")
    _read(source, query, watched)
    found = watched.look(moment, before, active)
    return Watched(
        project.name,
        moment,
        begin,
        found.rows,
        served,
        [*found.findings, *known.findings],
        found.series,
        deployed,
        [*known.notes, *found.notes, *lost],
        settings.false_alarms,
        found.spent / settings.budget,
    )


@dataclass(frozen=True)
class KnownReleases:
    """The references of the versions that served, and what is wrong with the others."""

    references: "dict[str, ReleaseReference]" = field(default_factory=dict)
    findings: "tuple[Finding, ...]" = ()
    notes: tuple[str, ...] = ()


def _open(opened: Any) -> "PredictionLog":
    from seatrial.prediction_log.reading import PredictionLog

    found: PredictionLog = opened._open()
    assert isinstance(found, PredictionLog)
    return found


def _served(source: "PredictionLog", query: "LogQuery") -> dict[str, date]:
    """The versions that the log has rows of and the last day of each, the one that began last at the end."""
    from seatrial.prediction_log.log_summary import summarize

    first: dict[str, date] = {}
    last: dict[str, date] = {}
    for day in summarize(source, query):
        first[day.version] = min(first.get(day.version, day.day), day.day)
        last[day.version] = max(last.get(day.version, day.day), day.day)
    return {each: last[each] for each in sorted(first, key=lambda each: (first[each], _order(each)))}


def _order(version: str) -> tuple[Any, ...]:
    from packaging.version import InvalidVersion, Version

    try:
        return (1, Version(version))
    except InvalidVersion:
        return (0,)


def _nothing(source: "PredictionLog", query: "LogQuery", history: str, log: str) -> str:
    """Why there is nothing to look at."""
    from seatrial.prediction_log.log_summary import summarize

    where = log or source.store.shown
    always = replace(query, since=None, until=None)
    if days := summarize(source, always):
        return f"The log in {where} has no request in the last {history}; the newest is of {days[0].day}."
    if query.version and (days := summarize(source, replace(always, version=""))):
        versions = ", ".join(sorted({day.version for day in days}, key=_order))
        return f"The log in {where} has no request of {query.version}; it has requests of {versions}."
    if days := summarize(source, replace(always, release="", version="")):
        names = ", ".join(sorted({day.release for day in days}))
        return (
            f"The log in {where} has no request of {query.release}; it has requests of {names}: is it the log of "
            "another project?"
        )
    return f"The log in {where} is empty: no request was logged yet. `seatrial log` says where servers write it."


def _references(
    project: "ProjectSettings", served: Sequence[str], serving: Collection[str], progress: Progress
) -> KnownReleases:
    """What each version that served was measured on, from its wheel on the index.

    What is not known of those that serve no more is noted only: it is nobody's fault that old releases are removed.
    """
    from seatrial.release import open_index
    from seatrial.watch.watch_records import Finding, Level

    references: dict[str, ReleaseReference] = {}
    findings: list[Finding] = []
    notes: list[str] = []
    index = open_index(project.index)
    try:
        releases = {each.version: each for each in index.releases(project.name)}
    except SeatrialError as error:
        releases = {}
        notes.append(f"The index cannot be read: {error.message}")
    for version in served[-MOST_VERSIONS:]:
        progress(f"reading what {version} was trained on")
        try:
            if version not in releases:
                raise SeatrialError(f"{version} is in the log, and no longer on {index.where}.")
            reference, note = _reference(project, index, releases[version])
            references[version] = reference
            notes += [note] if note else []
        except SeatrialError as error:
            findings.append(
                Finding(
                    "traffic.release", "traffic", Level.unknown if version in serving else Level.noted,
                    f"{error.message} What it was trained on is not known, so its rows are not compared with that.",
                    version, hint=error.hint or "Publish it again, or deploy a release that is on the index.",
                )
            )  # fmt: skip
    if len(served) > MOST_VERSIONS:
        notes.append(f"Only the newest {MOST_VERSIONS} of {len(served)} versions are compared with their training.")
    return KnownReleases(references, tuple(findings), tuple(notes))


def _reference(project: "ProjectSettings", index: "Index", release: "IndexedRelease") -> "tuple[ReleaseReference, str]":
    """The held-out rows of a release with its scores of them, and a note where something could not be determined."""
    from seatrial.model.carried_rows import carried_rows
    from seatrial.model.metadata import metadata_from
    from seatrial.steps.load import load
    from seatrial.trial.rows.answer_collection import flat, read_reference_text
    from seatrial.trial.rows.reference import read_rows
    from seatrial.watch.release_reference import ReleaseReference

    wheel = index.fetch_wheel(release)
    metadata = metadata_from(wheel.release, wheel.filename)
    if carried_rows(metadata.carries).reference != "full":
        raise SeatrialError(
            f"The wheel of {release.version} carries no held-out rows.",
            hint='Set reference = "full" in [tool.seatrial.release] for the next one.',
        )
    loaded = load(wheel)
    rows = read_rows(read_reference_text(wheel), loaded.columns, metadata.target, f"{wheel.filename}: reference.csv")
    columns, problems = loaded.checker.check(rows.columns)
    bad = {problem.row for problem in problems}
    if bad:
        good = [row for row in range(rows.rows) if row not in bad]
        rows = rows.take(good)  # type: ignore[arg-type]
        columns = {name: values[good] for name, values in columns.items()}
    scores = flat(loaded.score_table(columns), metadata.task == "regression")
    hashed = frozenset(project.log.get("hashed", ()))
    reference = ReleaseReference(
        release.version, metadata, loaded.columns, columns, rows.target, scores, rows.weights, hashed
    )
    return reference, ""


def _deployments(project: "ProjectSettings", since: datetime) -> "list[Deployed]":
    """When versions were deployed, by the history of each target."""
    from seatrial.deploy.history import HEALTHY, read_history
    from seatrial.watch.watch_records import Deployed

    found = []
    for path in sorted(project.root.glob("deploy/*/history.jsonl")):
        with suppress(SeatrialError, ValueError):
            for entry in read_history(path):
                when = datetime.fromisoformat(entry.when)
                when = when if when.tzinfo else when.replace(tzinfo=UTC)
                if entry.outcome == HEALTHY and entry.release == project.name and when >= since - timedelta(days=1):
                    found.append(Deployed(when.astimezone(UTC), entry.version, path.parent.name))
    return sorted(found, key=lambda each: each.time)


def _until(labels: Any, moment: datetime) -> Any:
    """The labels that were known at a moment."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not labels.num_columns:
        return labels
    return labels.filter(pc.less_equal(labels["time"], pa.scalar(moment, pa.timestamp("us", "UTC"))))


def _read(source: "PredictionLog", query: "LogQuery", watched: Any) -> None:
    """Give the log to the watch, in one pass over predictions and one over what was refused."""
    from seatrial.prediction_log.log_query import SeenNames

    for asked, columns, add in (
        (query, watched.columns, watched.add),
        (replace(query, refused=True), watched.refused_columns, watched.add_refused),
    ):
        for part in source.parts(asked):  # by itself: a column that a version did not have is absent, and not missing
            for batch in _joined(part.batches([n for n in columns if n in part.schema.names], asked, SeenNames())):
                add(batch)


def _joined(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    """The same rows in fewer batches: of little traffic, a file has few rows, and to count costs by the batch."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ENOUGH:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting, rows = [], 0
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
