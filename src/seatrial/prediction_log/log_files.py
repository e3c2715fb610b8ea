"""Reads the log's Parquet files in a folder or a bucket: by their paths, then by their statistics, then their rows."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from seatrial.core.errors import SeatrialError
from seatrial.core.files import replacing
from seatrial.prediction_log.destinations.objects import list_folder
from seatrial.prediction_log.destinations.parquet_files import ROW_GROUP
from seatrial.prediction_log.log_query import (
    BATCH,
    LABELS,
    PARTITION,
    SPOOLED,
    Delivered,
    LogPart,
    LogQuery,
    SeenNames,
    place_of,
)

THREADS = 16  # that read footers: a bucket answers each in some 50 ms
WAVE = 8  # files that are looked at together
FAR = 2**62  # later than any time
READ_AHEAD = 2  # files that are read at the same time; more only take memory
PARQUET = ds.ParquetFileFormat()


@dataclass(frozen=True)
class LogFile:
    """A file of the log, by its path; `segment` is the segment of a spool that it was made from."""

    path: str
    release: str
    version: str
    day: date
    segment: str

    def place(self, table: str) -> str:
        """Which part of which segment it is."""
        return place_of(table, self.release, self.version, self.day, self.segment)


class FooterOf:
    """A file whose footer was read."""

    def __init__(self, file: LogFile, system: fs.FileSystem) -> None:
        self.file = file
        self.fragment = PARQUET.make_fragment(file.path, system)
        self.schema = self.fragment.physical_schema
        self.rows = self.fragment.metadata.num_rows
        self.latest = _latest(self.fragment.metadata)  # the time of the newest row; None if it is not known


class FolderLog:
    """The files below one folder of a file system."""

    def __init__(self, system: fs.FileSystem, root: str, shown: str) -> None:
        self.system = system
        self.root = root.rstrip("/")
        self.shown = shown

    def files(self, query: LogQuery) -> list[LogFile]:
        """List the files that may have wanted rows, by the names of their folders."""
        found = []
        for release, folder in self._folders(f"{self.root}/{query.table}", "release"):
            for version, below in self._folders(folder, "version") if query.release in ("", release) else ():
                for text, days in self._folders(below, "day") if query.of(release, version) else ():
                    with suppress(ValueError):
                        if query.on(day := date.fromisoformat(text)):
                            found += [LogFile(path, release, version, day, name) for name, path in self._parquet(days)]
        return found

    def parts(self, query: LogQuery, delivered: Delivered) -> list[LogPart]:
        """What may have wanted rows, days in their order. `delivered` gets the files before they are read."""
        files = self.files(query)
        delivered({file.place(query.table) for file in files})
        return [*groups(self.footers(files), self.system)]

    def waves(self, query: LogQuery, delivered: Delivered) -> Iterator[tuple[list[LogPart], int | None]]:
        """The same in small numbers, the newest first, each with the time of the newest row of the waves after it.

        That time is in microseconds; None is the end.
        """
        files = self.files(query)
        delivered({file.place(query.table) for file in files})
        days = sorted({file.day for file in files}, reverse=True)
        for day, earlier in zip_longest(days, days[1:]):
            footers = self.footers([file for file in files if file.day == day])
            ordered = sorted(footers, key=lambda each: each.latest or FAR, reverse=True)
            limit = None if earlier is None else _end_of(earlier)
            for start in range(0, len(ordered), WAVE):
                rest = ordered[start + WAVE : start + WAVE + 1]
                yield [*groups(ordered[start : start + WAVE], self.system)], (rest[0].latest or FAR) if rest else limit

    def footers(self, files: Sequence[LogFile]) -> list[FooterOf]:
        """Read the footers of files, several at the same time; a file that has gone meanwhile is left out."""
        with ThreadPoolExecutor(min(THREADS, len(files) or 1)) as threads:
            return [found for found in threads.map(self._footer, files) if found]

    def label_files(self) -> list[str]:
        """List the files of labels, the oldest first."""
        return [path for _, path in sorted(self._parquet(f"{self.root}/{LABELS}"))]

    def read_labels(self) -> pa.Table:
        """All labels, the oldest first; an empty table without columns if there are none."""
        tables = [self.read(path) for path in self.label_files()]
        return pa.concat_tables(tables).sort_by("time") if tables else pa.table({})

    def add_labels(self, labels: pa.Table) -> None:
        """Add labels, as one file, all or none."""
        name = f"{labels['time'][0].as_py():%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}"
        self.write(f"{self.root}/{LABELS}/{name}.parquet", labels)

    def read(self, path: str) -> pa.Table:
        """Read a whole file."""
        import pyarrow.parquet as pq

        return pq.read_table(path, filesystem=self.system, partitioning=None)

    def write(self, path: str, table: pa.Table) -> None:
        """Write a file whole or not at all, in place of the one that is there."""
        import pyarrow.parquet as pq

        if isinstance(self.system, fs.LocalFileSystem):
            with replacing(Path(path)) as file:
                pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)
            return
        memory = pa.BufferOutputStream()  # what is put into a bucket at once appears whole
        pq.write_table(table, memory, compression="zstd", row_group_size=ROW_GROUP)
        with self.system.open_output_stream(path) as stream:
            stream.write(memory.getvalue())

    def remove(self, path: str) -> None:
        """Remove a file."""
        self.system.delete_file(path)

    def _footer(self, file: LogFile) -> FooterOf | None:
        try:
            return FooterOf(file, self.system)
        except FileNotFoundError:  # retention or `forget` has removed it
            return None
        except (pa.ArrowInvalid, OSError) as error:
            hint = "Remove the file, or restore it from a backup."
            raise SeatrialError(f"{file.path} cannot be read as Parquet: {first_line(error)}", hint=hint) from None

    def _folders(self, folder: str, key: str) -> Iterator[tuple[str, str]]:
        """The values of a partition key, with their folders."""
        for entry in self._entries(folder):
            name, _, value = entry.base_name.partition("=")
            if entry.type == fs.FileType.Directory and name == key:
                yield unquote(value), entry.path

    def _parquet(self, folder: str) -> Iterator[tuple[str, str]]:
        for entry in self._entries(folder):
            name, _, suffix = entry.base_name.rpartition(".")
            if entry.type == fs.FileType.File and suffix == "parquet" and not name.startswith("."):
                yield name, entry.path

    def _entries(self, folder: str) -> list[fs.FileInfo]:
        try:
            return sorted(list_folder(self.system, folder), key=lambda each: each.path)
        except OSError as error:
            raise SeatrialError(
                f"{self.shown} cannot be read: {first_line(error)}", hint="Check the destination and its credentials."
            ) from None


class FileGroup:
    """Files of one version of a release whose columns are the same."""

    def __init__(self, files: Sequence[FooterOf], system: fs.FileSystem) -> None:
        self._files = files
        self._system = system
        self.constants: dict[str, Any] = {"release": files[0].file.release, "version": files[0].file.version}
        self.constants[SPOOLED] = False
        self.schema = with_partition(files[0].schema)

    def counts(self) -> Iterator[tuple[LogFile, int]]:
        """The files with the numbers of their rows, wanted or not."""
        return ((each.file, each.rows) for each in self._files)

    def batches(
        self,
        columns: Collection[str],
        query: LogQuery,
        seen: SeenNames,
        newest: int | None = None,  # noqa: ARG002 - the caller looks at the newest files first
    ) -> Iterator[pa.RecordBatch]:
        """Yield wanted rows; row groups that can have none, by their statistics, are not read."""
        wanted = query.filter(self.schema, seen, self.constants)
        if wanted is None:
            return
        physical = self._files[0].schema
        projected: dict[str, ds.Expression] = {
            name: ds.field(name) if name in physical.names else ds.scalar(self.constants[name])
            for name in columns
            if name in self.schema.names
        }
        for start in range(0, len(self._files), WAVE):  # Arrow reads up to 1 GB ahead of a slow consumer
            fragments = [each.fragment for each in self._files[start : start + WAVE]]
            dataset = ds.FileSystemDataset(fragments, physical, PARQUET, self._system)
            try:
                yield from dataset.scanner(
                    columns=projected, filter=wanted, batch_size=BATCH, fragment_readahead=READ_AHEAD
                ).to_batches()
            except (pa.ArrowInvalid, OSError) as error:
                hint = "Try again: the retention, or `seatrial log forget`, may have changed it. Or it is damaged."
                raise SeatrialError(f"A file of the log cannot be read: {first_line(error)}", hint=hint) from None


def with_partition(schema: pa.Schema) -> pa.Schema:
    """The schema of a part of the log whose files have this one."""
    more = [pa.field(name, pa.string()) for name in PARTITION] + [pa.field(SPOOLED, pa.bool_())]
    plain = [field.remove_metadata() for field in schema if field.name not in (*PARTITION, SPOOLED)]
    return pa.schema([*plain, *more])


def groups(footers: Iterable[FooterOf], system: fs.FileSystem) -> list[FileGroup]:
    """Group files by version and columns, in the order of the files."""
    found: dict[tuple[str, str, str], list[FooterOf]] = defaultdict(list)
    for footer in footers:
        found[footer.file.release, footer.file.version, str(footer.schema.remove_metadata())].append(footer)
    return [FileGroup(files, system) for files in found.values()]


def _end_of(day: date) -> int:
    """The last microsecond of a day."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)).timestamp()) * 10**6 - 1


def _latest(metadata: Any) -> int | None:
    """The time of the newest row in microseconds, by the statistics."""
    newest = None
    position = next((n for n in range(metadata.num_columns) if metadata.schema.column(n).path == "time"), None)
    for number in range(metadata.num_row_groups if position is not None else 0):
        statistics = metadata.row_group(number).column(position).statistics
        if statistics is None or not statistics.has_min_max:
            return None
        value = pa.scalar(statistics.max, pa.timestamp("us", "UTC")).value
        newest = value if newest is None else max(newest, value)
    return newest


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
