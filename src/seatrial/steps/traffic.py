"""What production was asked, for a trial and for `follow`: rows of the project's prediction log, in a window."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.moments import parse_moment
from seatrial.core.project import ProjectSettings
from seatrial.model.schema import Column
from seatrial.prediction_log.labels import newest_labels
from seatrial.prediction_log.log_query import LogPart, LogQuery, SeenNames
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.project_log import log_settings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.trial.policy import Policy
from seatrial.trial.rows.logged_rows import HEAD, LoggedRows, all_rows, draw_rows
from seatrial.trial.rows.row_draw import INPUT

EXAMPLES = "Examples: 7d, 24h, 2027-01-01..2027-01-08."


@dataclass(frozen=True)
class Window:
    """A window of time in UTC; `until` itself is not in it. None is open."""

    since: datetime
    until: datetime | None = None

    def __str__(self) -> str:
        end = f" until {self.until:%Y-%m-%d %H:%M}" if self.until else ""
        return f"since {self.since:%Y-%m-%d %H:%M}{end} (UTC)"


def parse_window(text: str, where: str = "--traffic", now: datetime | None = None) -> Window:
    """Read a window: how far back from now, as 7d, or FROM..UNTIL. Raises SeatrialError."""
    begin, dots, end = text.strip().partition("..")
    if dots and not (begin.strip() and end.strip()):
        raise SeatrialError(f"{where} {text!r} is not a window of time.", hint=EXAMPLES)
    moment = now or datetime.now(UTC)
    try:
        window = Window(parse_moment(begin, where, moment), parse_moment(end, where, moment) if dots else None)
    except SeatrialError as error:
        raise SeatrialError(error.message, hint=EXAMPLES) from None
    if window.since >= (window.until or moment):
        raise SeatrialError(f"{where} {text!r}: this window is empty.", hint=f"It ends before it begins. {EXAMPLES}")
    return window


def traffic_of(project: ProjectSettings | None, policy: Policy, text: str) -> "LoggedTraffic | None":
    """The traffic that a trial replays: of the window in `text`, or else of the policy's; None without either."""
    if not (text or policy.traffic):
        return None
    where = "--traffic" if text else "[tool.seatrial.trial] traffic ="
    window = parse_window(text or policy.traffic, where)
    if project is None:
        raise SeatrialError("There is no project whose prediction log could be replayed.", hint="Name it: --project.")
    return LoggedTraffic(project, window, policy.traffic_rows)


class LoggedTraffic:
    """Draws rows of a project's log that lie in a window. Raises SeatrialError where there is no log."""

    def __init__(self, project: ProjectSettings, window: Window, limit: int) -> None:
        self._settings = log_settings(project, by_default=True)
        self._log = PredictionLog(self._settings, project.name)
        self._name = project.name
        self._window = window
        self._limit = limit
        self._seed = project.seed

    def __call__(self, columns: Sequence[Column], classes: Sequence[Any], version: str) -> LoggedRows:
        """Draw rows with these columns, of which `version` answered some; `missing` says why that is not possible."""
        query = LogQuery(self._name, since=self._window.since, until=self._window.until)
        read = open_rows(self._log, self._settings, query, columns, classes)
        if isinstance(read, str):
            return LoggedRows({}, missing=read, window=str(self._window))
        batches, notes = read
        labels = labels_of(self._log)
        drawn = draw_rows(batches, columns, classes, version, limit=self._limit, labels=labels, seed=self._seed)
        return replace(drawn, window=str(self._window), notes=[*notes, *drawn.notes])


def open_rows(
    log: PredictionLog, settings: LogSettings, query: LogQuery, columns: Sequence[Column], classes: Sequence[Any]
) -> "tuple[Any, list[str]] | str":
    """Batches of the rows that a query wants, and what is worth saying; or why they cannot be replayed."""
    names = set(log.batches(query)[0].names)
    if "prediction" not in names:
        return f"The log has no rows {Window(query.since, query.until) if query.since else 'yet'}."
    read = _wanted(names, settings, columns, classes)
    if isinstance(read, str):
        return read
    wanted, absent = read
    notes = [f"{', '.join(absent)} is in no logged row, and has its default there"] if absent else []
    return log.batches(query, wanted)[1], notes


def rows_of_part(
    part: LogPart, settings: LogSettings, query: LogQuery, columns: Sequence[Column], classes: Sequence[Any],
    version: str, labels: Mapping[tuple[str, int], Any], seen: SeenNames,
) -> LoggedRows:  # fmt: skip
    """All rows of one part of a log that a query wants."""
    read = _wanted(set(part.schema.names), settings, columns, classes)
    if isinstance(read, str):
        return LoggedRows({}, missing=read)
    return all_rows(part.batches(read[0], query, seen), columns, classes, version, labels=labels)


def _wanted(
    names: set[str], settings: LogSettings, columns: Sequence[Column], classes: Sequence[Any]
) -> tuple[list[str], list[str]] | str:
    """The columns of the log that are read, and those of the schema that it lacks; or why rows cannot be replayed."""
    inputs = [column.name for column in columns if INPUT + column.name in names]
    if reason := _why_not(settings, columns, set(inputs)):
        return reason
    absent = [f"`{column.name}`" for column in columns if column.name not in inputs]
    wanted = [*HEAD, *(f"probability_{label}" for label in classes), *(INPUT + name for name in inputs)]
    return [name for name in wanted if name in names], absent


def _why_not(settings: LogSettings, columns: Sequence[Column], logged: set[str]) -> str:
    for column in columns:
        if column.name in settings.hashed:
            return f"The log keeps only a hash of `{column.name}`, so its rows cannot be asked again."
        if settings.columns is not None and column.name not in settings.columns:
            return f"The log leaves out `{column.name}`, so its rows cannot be asked again."
        if column.name not in logged and column.required:
            return f"No row of the log has `{column.name}`, which a release requires: it came later, or is not logged."
    return ""


def labels_of(log: PredictionLog) -> Mapping[tuple[str, int], Any]:
    """The newest label of each prediction."""
    table = newest_labels(log.store.read_labels())
    columns = (table[name].to_pylist() for name in ("request_id", "row", "label"))
    return {(request, row): json.loads(label) for request, row, label in zip(*columns, strict=True)}
