"""The prediction log of a project: what its releases were asked, and what they answered."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from seatrial.core.errors import SeatrialError
from seatrial.core.moments import parse_moment
from seatrial.prediction_log.project_log import log_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.core.project import ProjectSettings
    from seatrial.prediction_log.forgetting import Forgotten
    from seatrial.prediction_log.labels import LabelsResult
    from seatrial.prediction_log.log_query import LogQuery
    from seatrial.prediction_log.log_settings import LogSettings
    from seatrial.prediction_log.log_summary import LogDay
    from seatrial.prediction_log.reading import PredictionLog
    from seatrial.template.reading.csv_file import CsvOptions

Moment = str | datetime


class ProjectLog:
    """A prediction log, to read and to change.

    Times are in UTC: a datetime, a text in ISO format, or how long ago, as "7d". `release` is a version, or
    name==version. `where` has comparisons, as "fare > 100 and sex = female".
    """

    def __init__(self, settings: "LogSettings", name: str = "", project: "ProjectSettings | None" = None) -> None:
        self._settings = settings
        self._name = name
        self._project = project

    def __repr__(self) -> str:
        from seatrial.stores.shown_urls import shown_url

        return f"<ProjectLog of {self._name or 'all releases'} in {shown_url(self._settings.to)}>"

    @property
    def settings(self) -> "LogSettings":
        """Where it is kept, and what is kept of a request."""
        return self._settings

    def read(
        self,
        *,
        since: Moment = "",
        until: Moment = "",
        release: str = "",
        where: str | Sequence[str] = (),
        columns: Sequence[str] = (),
        limit: int | None = None,
        refused: bool = False,
    ) -> "pa.Table":
        """Read rows as an Arrow table: about in the order of time, or with a `limit` the newest ones, newest first.

        `columns` are names of inputs and of the log's own columns; default: all. `refused` are requests that were
        refused, with the place and the rule of each error, in place of predictions.
        """
        query = self.query(since=since, until=until, release=release, where=where, refused=refused)
        log = self._open()
        return log.table(query, columns) if limit is None else log.newest(query, limit, columns)

    def export(self, file: str | Path, *, columns: Sequence[str] = (), **asked: Any) -> int:
        """Write rows to a CSV, Parquet or JSON lines file, whole or not at all; returns their number.

        `since`, `until`, `release`, `where` and `refused` are as for `read`.
        """
        from seatrial.prediction_log.log_export import format_of, write_file

        path = Path(file)
        format_of(path)
        return write_file(path, *self._open().batches(self.query(**asked), columns))

    def write(self, stream: BinaryIO, format_: str, *, columns: Sequence[str] = (), **asked: Any) -> int:
        """Write rows to a binary stream, as csv, parquet or jsonl."""
        from seatrial.prediction_log.log_export import write_stream

        return write_stream(stream, format_, *self._open().batches(self.query(**asked), columns))

    def forget(
        self,
        where: str | Sequence[str],
        *,
        since: Moment = "",
        until: Moment = "",
        release: str = "",
        dry_run: bool = False,
    ) -> "Forgotten":
        """Take rows out of the log for good, with their labels: out of the spool's segments and of the destination.

        With `dry_run` they are only counted. A value of a hashed column is hashed likewise, if its key is here.
        """
        from seatrial.prediction_log.forgetting import forget

        return forget(self._open(), self.query(since=since, until=until, release=release, where=where), dry_run=dry_run)

    def add_labels(
        self,
        data: Any,
        *,
        label: str = "",
        key: str = "",
        time: str = "time",
        zone: str = "",
        within: str = "",
        request_id: str = "request_id",
        row: str = "row",
        since: Moment = "",
        release: str = "",
        query: str = "",
        options: "CsvOptions | None" = None,
        dry_run: bool = False,
    ) -> "LabelsResult":
        """Record labels from a table: a DataFrame, an Arrow table, a CSV or Parquet file, or a database and a `query`.

        The column `label` (default: the project's target) has the labels. They belong to requests by `request_id`, and
        by `row` in it if there is such a column. Or they belong to the newest prediction of the same value in a `key`
        column of the schema, at the `time` of the label or before it, and at most `within` before it. Times need a
        zone, or `zone`, as Europe/Berlin; a date stands for its end.
        """
        from seatrial.core.moments import parse_length
        from seatrial.prediction_log.labels import add_labels
        from seatrial.steps.label_files import read_labels

        given, source = read_labels(
            data,
            label=label or (self._project.target if self._project else "label"),
            by=key or request_id,
            row="" if key else row,
            time=time if key else "",
            zone=zone,
            query=query,
            options=options,
        )
        wanted = self.query(since=since, release=release)
        limit = parse_length(within, "--within") if within else None
        return add_labels(self._open(), wanted, given, source, key=key, within=limit, dry_run=dry_run)

    def labels(self) -> "pa.Table":
        """The label of each prediction that has one, the newest: request_id, row, label (as JSON), and when it came."""
        from seatrial.prediction_log.labels import newest_labels

        return newest_labels(self._open().store.read_labels())

    def summary(self, *, since: Moment = "", until: Moment = "", release: str = "") -> list["LogDay"]:
        """Count rows by day and version, the newest first."""
        from seatrial.prediction_log.log_summary import summarize

        return summarize(self._open(), self.query(since=since, until=until, release=release))

    def query(
        self,
        *,
        since: Moment = "",
        until: Moment = "",
        release: str = "",
        where: str | Sequence[str] = (),
        refused: bool = False,
    ) -> "LogQuery":
        """Read what is asked for. Raises SeatrialError where it is not understood."""
        from seatrial.prediction_log.conditions import parse_conditions
        from seatrial.prediction_log.hashed_values import hashes_of
        from seatrial.prediction_log.log_query import LogQuery

        name, version = self._release(release)
        window = _moment(since, "--since"), _moment(until, "--until")
        if window[0] and window[1] and window[0] >= window[1]:
            raise SeatrialError(f"The window from {since} until {until} is empty.", hint="--until is after --since.")
        texts = [where] if isinstance(where, str) else [*where]
        conditions = parse_conditions([text for text in texts if text])
        hashes = hashes_of(self._settings, self._name)
        return LogQuery(name, version, *window, conditions, refused, hashes=hashes)

    def _release(self, text: str) -> tuple[str, str]:
        """A release as people name it, as its name and its version: 0.2.0, titanic-model, or titanic-model==0.2.0."""
        name, separator, version = text.partition("==")
        if separator or not self._name or (text and not text[0].isdigit()):
            return name or self._name, version
        return self._name, text

    def _open(self) -> "PredictionLog":
        from seatrial.prediction_log.reading import PredictionLog

        return PredictionLog(self._settings, self._name)


def open_log(project: "ProjectSettings | None", to: str = "") -> ProjectLog:
    """Open the log of a project, or the one in the destination `to`. Raises SeatrialError where there is none."""
    from seatrial.prediction_log.log_settings import read_log_settings

    if project is None:
        return ProjectLog(read_log_settings({"to": to}, "--log"))
    settings = log_settings(project, by_default=True)
    if to:
        settings = settings.model_copy(update={"to": read_log_settings({"to": to}, "--log").to})
    return ProjectLog(settings, project.name, project)


def _moment(value: Moment, where: str) -> datetime | None:
    if not value:
        return None
    return parse_moment(value.isoformat() if isinstance(value, datetime) else value, where)
