"""Labelled rows of the prediction log as rows of the project's table: each prediction once, with its newest label."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.steps.logged_columns import (
    column_values,
    hashed_rows,
    label_values,
    other_values,
    request_times,
    value_of,
)

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.table_validation import TableChecker
    from seatrial.prediction_log.log_settings import LogSettings
    from seatrial.prediction_log.reading import PredictionLog
    from seatrial.template.reading.conversion import Export

THIRDS = ("the lowest third", "the middle third", "the highest third")


@dataclass(frozen=True)
class TableAdditions:
    """Labelled rows of a log: `table` has the schema's columns and the target, by the project's names.

    `earlier` are for each row the labels that it had before, as they are in `table`. `rows` counts the predictions
    that were looked at, `labelled` those with a label, `young` those that are younger than the label delay. `shares`
    has each decision with its number of older rows, and how many of them have a label. `hashed` rows were logged while
    an input was hashed, and are not in `table`.
    """

    table: Any
    earlier: Sequence[tuple[str, ...]]
    rows: int
    labelled: int
    young: int
    shares: Sequence[tuple[str, int, int]] = ()
    hashed: int = 0

    @property
    def words(self) -> list[str]:
        """What a person should know about them."""
        from seatrial.watch.selective_labels import selection_words

        asked = self.rows - self.young
        told = [f"{self.labelled:,} of the {asked:,} rows of the log have a label"]
        if self.young:
            told.append(f"{self.young:,} rows are younger than the label delay, and left out whether labelled or not")
        if self.hashed:
            told.append(f"{self.hashed:,} rows were logged while an input was hashed, and are left out")
        if words := selection_words(self.shares):
            told.append(f"the labels are selective: {words}; a model trained on them knows little about the others")
        return told


def read_labelled_rows(
    project: "ProjectSettings",
    checker: "TableChecker",
    since: str = "",
    *,
    old: "Export | None" = None,
    progress: Progress = silent,
) -> TableAdditions:
    """Read the labelled rows of a project's log since a moment. Raises SeatrialError where they cannot be rows.

    `old` is the project's table, as far as there is one: requests' times are written as it writes times.
    """
    from seatrial.prediction_log.labels import newest_labels
    from seatrial.prediction_log.reading import PredictionLog
    from seatrial.steps.log import open_log

    opened = open_log(project)
    settings = opened.settings
    _check_columns(project, checker, settings)
    log = PredictionLog(settings, project.name)
    history = log.store.read_labels()
    newest = newest_labels(history)
    if not newest.num_rows:
        raise SeatrialError(
            f"No prediction in the log of {project.name} has a label.",
            hint="Record outcomes first: `seatrial log labels FILE`.",
        )
    progress("reading the log")
    found = _Found(checker, newest, settings)
    found.read(log, opened.query(since=since))
    window = f" since {since}" if since else ""
    if not found.rows:
        raise SeatrialError(
            f"The log has no rows of {project.name}{window}.",
            hint="Look further back with --since: `seatrial log summary`.",
        )
    if not found.batches:
        raise SeatrialError(
            f"None of the {found.rows:,} rows of {project.name} in the log{window} has a label that is due.",
            hint="Look further back with --since, or record outcomes with `seatrial log labels FILE`.",
        )
    return found.result(project, history, old)


def _check_columns(project: "ProjectSettings", checker: "TableChecker", settings: "LogSettings") -> None:
    """Raise SeatrialError where the log does not keep what a row of the table needs."""
    names = [column.name for column in checker.columns]
    hashed = [name for name in names if name in settings.hashed]
    if hashed:
        raise SeatrialError(
            f"The log has only a keyed hash of {_ticked(hashed)}, which cannot become a value of the table again.",
            hint="Bring such rows from where the values are: `seatrial refresh FILE --append`.",
        )
    absent = [name for name in names if settings.columns is not None and name not in settings.columns]
    if absent:
        raise SeatrialError(
            f"The log does not keep {_ticked(absent)}, which rows of the table have.",
            hint="Add it to `columns` in [tool.seatrial.log]: later rows then have it. Or `seatrial refresh FILE "
            "--append`.",
        )
    split = project.split.column if project.split.by == "group" and project.split.column not in names else ""
    for name, what in ((project.weight, "each row's weight"), (split, "what the rows are split by")):
        if name:
            raise SeatrialError(
                f"`{name}` is {what} and no input of the model, so rows of the log do not have it.",
                hint="Bring such rows from where it is: `seatrial refresh FILE --append`.",
            )


def _ticked(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@dataclass
class _Found:
    """Collects the labelled rows of a log, batch by batch."""

    checker: "TableChecker"
    labels: Any
    settings: "LogSettings"
    batches: list[Any] = field(default_factory=list)
    places: list[Any] = field(default_factory=list)  # in `labels`
    rows: int = 0
    young: int = 0
    counted: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    numbers: list[tuple[Any, Any]] = field(default_factory=list)  # of a regression: predictions, and which have a label

    def read(self, log: "PredictionLog", query: Any) -> None:
        """Read the log once."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from seatrial.watch.label_lookup import LabelLookup

        known = dict.fromkeys(name for part in log.parts(query) for name in part.schema.names)
        inputs = [f"input_{column.name}" for column in self.checker.columns]
        missing = [column for column in self.checker.columns if column.required and f"input_{column.name}" not in known]
        if known and missing:
            raise SeatrialError(
                f"No row of the log has {_ticked([column.name for column in missing])}, which the schema asks for.",
                hint="Rows of later releases will have it; or bring the rows with `seatrial refresh FILE --append`.",
            )
        wanted = ["time", "request_id", "row", "prediction", *inputs, "other_values"]
        _, batches = log.batches(query, [name for name in wanted if name in known])
        lookup = LabelLookup(self.labels)
        limit = self._limit()
        for batch in batches:
            self.rows += batch.num_rows
            mature = pa.array(np.ones(batch.num_rows, bool)) if limit is None else pc.less(batch["time"], limit)
            self.young += batch.num_rows - int(pc.sum(mature).as_py() or 0)
            due = batch.filter(mature)
            places = lookup.positions(due)
            self._count(due["prediction"], places >= 0)
            if (places >= 0).any():
                self.batches.append(due.filter(pa.array(places >= 0)))
                self.places.append(lookup.rows(places[places >= 0]))

    def _limit(self) -> Any:
        import pyarrow as pa

        from seatrial.core.moments import parse_length

        if not self.settings.label_delay:
            return None
        delay: timedelta = parse_length(self.settings.label_delay, "label_delay")
        return pa.scalar(datetime.now(UTC) - delay, pa.timestamp("us", "UTC"))

    def _count(self, predictions: Any, labelled: Any) -> None:
        import pyarrow as pa

        if pa.types.is_floating(predictions.type):
            self.numbers.append((predictions.to_numpy(zero_copy_only=False), labelled))
            return
        values = np.array([str(value) for value in predictions.to_pylist()], dtype=object)
        for value in set(values.tolist()):
            those = values == value
            self.counted[value][0] += int(those.sum())
            self.counted[value][1] += int((those & labelled).sum())

    def _shares(self) -> list[tuple[str, int, int]]:
        if not self.numbers:
            return [(name, rows, labelled) for name, (rows, labelled) in self.counted.items()]
        predictions, labelled = (np.concatenate(parts) for parts in zip(*self.numbers, strict=True))
        thirds = np.searchsorted(np.nanquantile(predictions, [1 / 3, 2 / 3]), predictions)
        return [(name, int((thirds == n).sum()), int(labelled[thirds == n].sum())) for n, name in enumerate(THIRDS)]

    def result(self, project: "ProjectSettings", history: Any, old: "Export | None") -> TableAdditions:
        """The rows as the project's table has them, each prediction once: the last one, if a request was repeated."""
        import pyarrow as pa

        places = np.concatenate(self.places)
        _, last = np.unique(places[::-1], return_index=True)
        kept = np.sort(len(places) - 1 - last)
        table = pa.Table.from_batches(self.batches).take(pa.array(kept))
        hashed = hashed_rows(table, [column.name for column in self.checker.columns], old)
        table, kept = table.filter(pa.array(~hashed)), kept[~hashed]
        labels = self.labels.take(pa.array(places[kept]))
        others = other_values(table)
        columns = {
            column.name: column_values(table, column.name, others)
            for column in self.checker.columns
            if f"input_{column.name}" in table.column_names
        }
        if project.split.by == "time" and project.split.column not in {c.name for c in self.checker.columns}:
            columns[project.split.column] = request_times(
                project, table["time"].to_pylist(), value_of(old, project.split.column)
            )
        columns[project.target] = label_values([json.loads(text) for text in labels["label"].to_pylist()])
        return TableAdditions(
            pa.table(columns), _earlier(labels, history), self.rows, len(hashed), self.young, self._shares(),
            int(hashed.sum()),
        )  # fmt: skip


def _earlier(labels: Any, history: Any) -> list[tuple[str, ...]]:
    """The labels that each prediction had before its newest one, as texts."""
    before: dict[tuple[str, int], list[str]] = defaultdict(list)
    listed = [history[name].to_pylist() for name in ("request_id", "row", "label")]
    repeated = Counter(zip(*listed[:2], strict=True))
    for request, row, label in zip(*listed, strict=True):
        if repeated[request, row] > 1:
            before[request, row].append(label)
    found = []
    for request, row, label in zip(*(labels[name].to_pylist() for name in ("request_id", "row", "label")), strict=True):
        others = dict.fromkeys(each for each in before.get((request, row), ()) if each != label)
        found.append(tuple(_text(json.loads(each)) for each in others))
    return found


def _text(label: Any) -> str:
    """A label as Arrow writes it."""
    import pyarrow as pa

    return str(pa.scalar(label).cast(pa.string()).as_py())
