"""The rows that servers of this machine have written and the shipper has not delivered yet."""

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.prediction_log.log_files import with_partition
from seatrial.prediction_log.log_query import SPOOLED, LogPart, LogQuery, SeenNames, place_of
from seatrial.prediction_log.log_settings import LogSettings, spool_folder
from seatrial.prediction_log.segments import CHUNK_BYTES, OPEN, SEALED, Record, Schemas, parse_lines, segment_time
from seatrial.prediction_log.tables import LogTable, log_tables


class SpooledRows:
    """A spool, read beside its writers and its shipper."""

    def __init__(self, settings: LogSettings, release: str) -> None:
        self.folder = spool_folder(settings, release)

    @contextmanager
    def reading(self, query: LogQuery) -> Iterator["Undelivered"]:
        """Hold what is in the spool at this moment, so that it can be compared with what is delivered after it.

        A segment that is delivered and removed meanwhile stays readable.
        """
        with ExitStack() as stack:
            held = []
            for path in sorted([*self.folder.glob(f"[!.]*{SEALED}"), *self.folder.glob(f"[!.]*{OPEN}")]):
                if _may_have(path, query) and (file := _opened(path)):
                    held.append((path.stem, stack.enter_context(file)))
            held.sort(key=lambda each: os.fstat(each[1].fileno()).st_mtime)
            yield Undelivered(self.folder, dict(held), query)


class Undelivered:
    """What was in a spool at one moment."""

    def __init__(self, folder: Path, segments: dict[str, BinaryIO], query: LogQuery) -> None:
        self._schemas = Schemas(folder)
        self._segments = segments
        self._query = query
        self._delivered: Collection[str] = ()

    def delivered(self, names: Collection[str]) -> None:
        """Note what is in the destination."""
        self._delivered = names

    def parts(self, newest: int | None = None) -> list[LogPart]:
        """The wanted rows that are not in the destination; with `newest`, at least so many of the newest ones."""
        found: list[LogPart] = []
        times = np.empty(0, np.int64)  # of the newest rows so far, in microseconds
        for segment, file in reversed(self._segments.items()) if newest else self._segments.items():
            if segment in self._delivered:
                continue
            if newest and times.size == newest and times.min() > os.fstat(file.fileno()).st_mtime * 1e6:
                break
            for table in log_tables(self._schemas, chunks_of(file)):
                if self._is_wanted(segment, table) and (part := TablePart(table)).keep(self._query):
                    found.append(part)
                    times = np.sort(np.concatenate([times, part.times]))[-(newest or 1) :]
        return found

    def _is_wanted(self, segment: str, table: LogTable) -> bool:
        name = f"{segment}-{table.part}" if table.part else segment
        place = place_of(table.kind, table.release, table.version, table.day, name)
        query = self._query
        wanted = table.kind == query.table and query.of(table.release, table.version) and query.on(table.day)
        return wanted and place not in self._delivered


class TablePart:
    """Rows of a spool as a part of the log."""

    def __init__(self, table: LogTable) -> None:
        self.schema = with_partition(table.data.schema)
        self._table = table.data
        self._constants: dict[str, Any] = {"release": table.release, "version": table.version, SPOOLED: True}

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """When the rows were answered, in microseconds."""
        return np.asarray(self._table["time"].cast(pa.int64()), np.int64)

    def keep(self, query: LogQuery) -> bool:
        """Keep only the rows that a query wants, or all if their columns are needed to report a mistake in it."""
        wanted = query.filter(self.schema, SeenNames(), self._constants)
        if wanted is not None:
            self._table = self._table.filter(wanted)
        return wanted is None or self._table.num_rows > 0

    def batches(
        self,
        columns: Collection[str],
        query: LogQuery,
        seen: SeenNames,
        newest: int | None = None,  # noqa: ARG002 - they are all in memory
    ) -> Iterator[pa.RecordBatch]:
        """Yield wanted rows."""
        wanted = query.filter(self.schema, seen, self._constants)
        if wanted is None:
            return
        table = self._table.filter(wanted)
        for name in self._constants:
            table = table.append_column(name, pa.repeat(pa.scalar(self._constants[name]), table.num_rows))
        yield from table.select([name for name in columns if name in table.column_names]).to_batches()


def chunks_of(file: BinaryIO) -> Iterator[list[Record]]:
    """The records of a segment that may still be written, in chunks."""
    while lines := file.readlines(CHUNK_BYTES):
        yield parse_lines(lines)[0]


def _opened(path: Path) -> BinaryIO | None:
    """Open a segment, which may have been sealed a moment ago; None if it was delivered."""
    for name in (path, path.with_suffix(SEALED)):
        with suppress(FileNotFoundError):
            return name.open("rb")
    return None


def _may_have(path: Path, query: LogQuery) -> bool:
    """Whether a segment may have rows of a window: its name has the time at which it was begun."""
    begun = segment_time(path.name)
    if query.until and begun and begun >= query.until.timestamp():
        return False
    with suppress(FileNotFoundError):
        return not query.since or datetime.fromtimestamp(path.stat().st_mtime, UTC) >= query.since
    return True  # it was renamed
