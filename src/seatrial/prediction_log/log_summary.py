"""Counts what is in a log, by day and version: of files, without reading their rows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from seatrial.prediction_log.log_files import FileGroup
from seatrial.prediction_log.log_query import LogPart, LogQuery, SeenNames
from seatrial.prediction_log.reading import PredictionLog

Place = tuple[date, str, str]  # the day, the release and the version


@dataclass(frozen=True)
class LogDay:
    """A day of one version of a release: rows of predictions, errors of refused requests; how many are in the spool."""

    day: date
    release: str
    version: str
    predictions: int = 0
    refused: int = 0
    spooled: int = 0


def summarize(log: PredictionLog, query: LogQuery) -> list[LogDay]:
    """Count whole days by version, the newest first."""
    found: dict[Place, LogDay] = {}
    for refused in (False, True):
        asked = replace(query, refused=refused)
        for part in log.parts(asked):
            for place, count, spooled in _counts(part, asked):
                day = found.get(place, LogDay(*place))
                more = {asked.table: getattr(day, asked.table) + count, "spooled": day.spooled + spooled}
                found[place] = replace(day, **more)
    return [found[place] for place in sorted(found, reverse=True)]


def _counts(part: LogPart, query: LogQuery) -> Iterator[tuple[Place, int, int]]:
    if isinstance(part, FileGroup):
        for file, rows in part.counts():
            yield (file.day, file.release, file.version), rows, 0
        return
    found: Counter[tuple[Place, bool]] = Counter()
    for batch in part.batches(["time", "release", "version", "spooled"], query, SeenNames()):
        columns = [batch.column(name).to_pylist() for name in ("time", "release", "version", "spooled")]
        for moment, release, version, spooled in zip(*columns, strict=True):
            found[(moment.date(), release, version), spooled] += 1
    for (place, spooled), count in found.items():
        yield place, count, count * spooled
