"""Streams: a release in production, day by day, in the prediction log's own form, with labels that come later."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.watch.faults import DUPLICATES, GARBAGE, LABELS, MIXTURE, RELATION, Fault, with_relation
from benchmarks.watch.populations import CLOCK, Generator, Population, moments
from benchmarks.watch.releases import Answers, Trained
from benchmarks.watch.traffic import BEGIN, CALLERS, DAY, Asked, Traffic
from seatrial.model.features import Array, Columns

LABELLED, LABEL_DAYS = 0.9, 5.0  # the share of requests that get a label, and its mean delay


@dataclass(frozen=True)
class Day:
    """One day of a stream: the log's tables (pyarrow), and what the log does not have.

    `affected` (n,) are the rows that the fault changed, and `outcomes` (n,) the true ones, of the rows of `table`;
    `labels` has those that become known, with the times at which that is. `truth` are the outcomes as positions.
    """

    number: int
    version: str
    table: Any
    refused: Any
    labels: Any
    affected: Array
    truth: Array
    lost: int  # affected requests that were refused


@dataclass(frozen=True)
class Stream:
    """A release that answers traffic, in which a fault begins at a time (microseconds), if there is one.

    `successor` is an equal release that is deployed at the middle; `labelled` is the share of requests with a label.
    """

    name: str
    population: Population
    trained: Trained
    traffic: Traffic
    days: int
    seed: int
    fault: Fault | None = None
    begin: int = 2**62
    successor: Trained | None = None
    labelled: float = LABELLED

    def __iter__(self) -> Iterator[Day]:
        """Make its days, the same each time."""
        for number in range(self.days):
            yield self.day(number)

    def release(self, day: int) -> Trained:
        """The release of a day."""
        return self.successor if self.successor and day >= self.days // 2 else self.trained

    @cached_property
    def known(self) -> dict[int, Answers]:
        """The answers about the population's rows, by the release."""
        return {id(each): each.ask(self.population.columns) for each in (self.trained, self.successor) if each}

    def day(self, number: int) -> Day:
        """Make one day."""
        import pyarrow as pa

        g = np.random.default_rng([self.seed, 3, number])
        fault, release = self.fault, self.release(number)
        middle = np.array([BEGIN + number * DAY + DAY // 2])
        tilt = fault.share * fault.strength(middle, self.begin)[0] if fault and fault.name.startswith(MIXTURE) else 0.0
        asked = self.traffic.asked(self.population, number, g, tilt)
        asked, affected = self._affected(asked, g)
        truth = self.population.truth[asked.rows]
        if fault and fault.name.startswith(RELATION):
            truth = with_relation(self.population, truth, np.flatnonzero(affected))
        outcomes = self.population.outcomes(asked.rows, g, truth)
        told = outcomes if not (fault and fault.name == LABELS) else self._wrong(outcomes, affected, g)
        answers, accepted = self._answers(release, asked, affected, g)
        head = self._head(number, asked, g)
        table = pa.table({**{n: c.take(pa.array(accepted)) for n, c in head.items()}, **_columns(answers)})
        refused = _refused(head, answers.errors)
        labels = self._labels(table, told[accepted], g)
        lost = int(affected.sum() - affected[accepted].sum())
        return Day(
            number, release.release.version, table, refused, labels, affected[accepted], outcomes[accepted], lost
        )

    def _affected(self, asked: Asked, g: Generator) -> tuple[Asked, Array]:
        """The requests, and a mask of those that the fault changes."""
        fault, size = self.fault, len(asked.rows)
        if fault is None or asked.times[-1:].max(initial=0) < self.begin:
            return asked, np.zeros(size, dtype=bool)
        strength = fault.strength(asked.times, self.begin)
        if fault.name.startswith(MIXTURE):
            return asked, strength > 0
        if fault.name == GARBAGE:
            return asked, (strength > 0) & (asked.callers == 2)
        affected = g.random(size) < fault.share * strength
        if fault.name != DUPLICATES:
            return asked, affected
        again = np.concatenate([np.arange(size), np.flatnonzero(affected)])
        again = again[np.argsort(again, kind="stable")]
        twice = np.concatenate([[False], again[1:] == again[:-1]])
        return Asked(asked.times[again] + 1000 * twice, asked.rows[again], asked.callers[again]), twice

    def _answers(self, release: Trained, asked: Asked, affected: Array, g: Generator) -> tuple[Answers, Array]:
        """The answers, and the positions of the answered requests."""
        fault, known = self.fault, self.known[id(release)]
        changes = fault is not None and fault.change is not None and affected.any()
        if CLOCK not in self.population.columns and not changes:
            places = np.full(self.population.rows, -1)
            places[known.rows] = np.arange(len(known.rows))
            found = places[asked.rows]
            accepted = np.flatnonzero(found >= 0)
            wrong = {row: (row, column, rule) for row, column, rule in known.errors}
            errors = [(k, *wrong[row][1:]) for k, row in enumerate(asked.rows.tolist()) if found[k] < 0]
            return replace(known, table=known.table.take(found[accepted]), errors=errors), accepted
        columns: Columns = {name: values[asked.rows] for name, values in self.population.columns.items()}
        if CLOCK in columns:
            columns[CLOCK] = moments(asked.times.astype("datetime64[us]"))
        if fault and fault.change and changes:
            columns = fault.change(columns, np.flatnonzero(affected), fault.column, self.population, g)
        answers = release.ask(columns)
        return answers, answers.rows

    def _wrong(self, outcomes: Array, affected: Array, g: Generator) -> Array:
        """Outcomes of which some are those of other rows."""
        told = outcomes.copy()
        told[affected] = (
            (outcomes[affected] + 1 + g.integers(0, len(self.population.classes) - 1, affected.sum()))
            % len(self.population.classes)
            if self.population.classes
            else g.permutation(outcomes)[: affected.sum()]
        )
        return told

    def _head(self, number: int, asked: Asked, g: Generator) -> dict[str, Any]:
        import pyarrow as pa

        size = len(asked.rows)
        text = pa.string()
        return {
            "time": pa.array(asked.times, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "request_id": pa.array([f"{self.seed:04x}{number:04x}{k:08x}" for k in range(size)], text),
            "row": pa.array(np.zeros(size, np.int32)),
            "wheel": pa.repeat(pa.scalar(self.release(number).facts["wheel"]), size),
            "route": pa.repeat(pa.scalar("/api/v1/predict"), size),
            "key": pa.array(CALLERS).take(pa.array(asked.callers)),
            "trace": pa.nulls(size, text),
            "seconds": pa.array(g.gamma(2, 2e-4, size)),
        }

    def _labels(self, table: Any, told: Array, g: Generator) -> Any:
        """The labels (pyarrow), with the time at which each is recorded."""
        import pyarrow as pa

        size = table.num_rows
        chosen = g.random(size) < self.labelled
        delays = (g.exponential(LABEL_DAYS, size) * DAY).astype(np.int64)
        times = np.asarray(table["time"].cast(pa.int64())) + delays
        kind = table.schema.field("prediction").type
        texts = self.population.labels(told)
        quoted = [f'"{text}"' if pa.types.is_string(kind) else text for text in texts]
        columns = {
            "time": pa.array(times, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "request_id": table["request_id"],
            "row": table["row"],
            "label": pa.array(quoted, pa.string()),
            "source": pa.repeat(pa.scalar("made up"), size),
        }
        return pa.table(columns).filter(pa.array(chosen))


def _columns(answers: Answers) -> dict[str, Any]:
    return {name: answers.table[name] for name in answers.table.column_names}


def _refused(head: dict[str, Any], errors: list[tuple[int, str, str]]) -> Any:
    """The log's rows about refused requests."""
    import pyarrow as pa

    rows = pa.array([row for row, _, _ in errors], pa.int64())
    columns = {name: values.take(rows) for name, values in head.items() if name != "row"}
    columns["status"] = pa.array(np.full(len(errors), 422, np.int32))
    columns["row"] = pa.array(np.zeros(len(errors), np.int32))
    columns["column"] = pa.array([column or None for _, column, _ in errors], pa.string())
    columns["rule"] = pa.array([rule for _, _, rule in errors], pa.string())
    return pa.table(columns)


def write_log(stream: Stream, root: Path, *, until: datetime | None = None) -> None:
    """Write a stream into a folder as the shipper delivers it, and the labels that are known at a moment."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import fs

    from seatrial.prediction_log.destinations.folder import FolderDestination
    from seatrial.prediction_log.log_files import FolderLog
    from seatrial.prediction_log.tables import LogTable

    destination, labels = FolderDestination(str(root)), []
    for each in stream:
        release = stream.release(each.number).release
        day: date = (datetime.fromtimestamp(BEGIN / 1e6, UTC) + timedelta(days=each.number)).date()
        tables = [
            LogTable(kind, release.name, release.version, day, data)  # type: ignore[arg-type]
            for kind, data in (("predictions", each.table), ("refused", each.refused))
            if data.num_rows
        ]
        destination.deliver(f"{day:%Y%m%d}T000000000000-{each.number:016x}", tables)
        labels.append(each.labels)
    known = pa.concat_tables(labels)
    if until:
        known = known.filter(pc.less_equal(known["time"], pa.scalar(until, pa.timestamp("us", "UTC"))))
    if known.num_rows:
        (root / "labels").mkdir(parents=True, exist_ok=True)
        FolderLog(fs.LocalFileSystem(), str(root), str(root)).add_labels(known.sort_by("time"))
