"""Reads a prediction log wherever it is kept, with the rows that servers have not delivered yet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import INPUT, column_of, unknown_column
from seatrial.prediction_log.log_files import FolderLog
from seatrial.prediction_log.log_query import PARTITION, SPOOLED, Delivered, LogPart, LogQuery, SeenNames
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.spooled_rows import SpooledRows
from seatrial.stores.shown_urls import cleaned, shown_url

HEAD = ("time", *PARTITION, "request_id", "row")  # the first columns of what is read
TAIL = ("unseen", "other_values", SPOOLED)
EMPTY = pa.schema(  # of a log without rows
    [
        ("time", pa.timestamp("us", "UTC")),
        *[(name, pa.string()) for name in (*PARTITION, "request_id")],
        ("row", pa.int32()),
        (SPOOLED, pa.bool_()),
    ]
)
ORDER = {"time": "descending", "request_id": "ascending", "row": "ascending"}  # of the newest rows


class LogStore(Protocol):
    """A destination, as it is read."""

    shown: str  # the destination without passwords

    def parts(self, query: LogQuery, delivered: Delivered) -> list[LogPart]:
        """What may have wanted rows; `delivered` gets what is in the destination, before it is read."""

    def waves(self, query: LogQuery, delivered: Delivered) -> Iterator[tuple[list[LogPart], int | None]]:
        """The same, the newest first, each with the time of the newest row that may still come, or None at the end."""

    def read_labels(self) -> pa.Table:
        """All labels, the oldest first; an empty table without columns if there are none."""

    def add_labels(self, labels: pa.Table) -> None:
        """Add labels, all or none."""


class PredictionLog:
    """One log: its destination, and the spool of this machine's servers.

    Raises SeatrialError where it is off, or cannot be read.
    """

    def __init__(self, settings: LogSettings, release: str = "") -> None:
        if not settings.to:
            raise SeatrialError("There is no prediction log.", hint="Set `to` in [tool.seatrial.log] to a folder.")
        self.settings = settings
        self.store: LogStore = open_store(settings.to)
        self.spool = SpooledRows(settings, release)

    def parts(self, query: LogQuery) -> list[LogPart]:
        """All parts of the log that may have wanted rows, with those that are in the spool only."""
        with self.spool.reading(query) as spooled:
            return [*self.store.parts(query, spooled.delivered), *spooled.parts()]

    def batches(self, query: LogQuery, columns: Sequence[str] = ()) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Read the wanted rows, about in the order of time: their schema, and batches of it, in bounded memory.

        `columns` are names of inputs and of the log's own columns, all by default. A column that a version of the
        release did not have is null there. One that had several types has the widest.
        """
        parts = self.parts(query)
        seen = SeenNames()
        for part in parts:
            query.filter(part.schema, seen)
        seen.check(query)
        schema = united([part.schema for part in parts], columns)
        return schema, _read(parts, query, schema)

    def table(self, query: LogQuery, columns: Sequence[str] = ()) -> pa.Table:
        """Read the wanted rows into memory."""
        schema, batches = self.batches(query, columns)
        return pa.Table.from_batches(batches, schema)

    def newest(self, query: LogQuery, limit: int, columns: Sequence[str] = ()) -> pa.Table:
        """Read the newest `limit` of the wanted rows, the newest first; older files are not read."""
        seen, found, schemas = SeenNames(), pa.table({}), []
        with self.spool.reading(query) as spooled:
            waves = self.store.waves(query, spooled.delivered)
            first = next(waves, None) or ([], None)
            rest = spooled.parts(limit)
            for parts, later in _with_first(([*rest, *first[0]], first[1]), waves):
                schemas += [part.schema for part in parts]
                wide = united(schemas, ())
                for part in parts:
                    needed = [name for name in wide.names if name in part.schema.names]
                    for batch in part.batches(needed, query, seen, newest=limit):
                        found = _newest(found, batch, wide, limit)
                if found.num_rows >= limit and (later is None or _oldest(found) > later):
                    break
        if found.num_rows < limit:
            seen.check(query)
        schema = united(schemas, columns)
        return pa.Table.from_batches([fitted(each, schema) for each in found.to_batches()], schema)


def _read(parts: Sequence[LogPart], query: LogQuery, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    seen = SeenNames()
    for part in parts:
        for batch in part.batches(schema.names, query, seen):
            if batch.num_rows:
                yield fitted(batch, schema)


def _with_first(
    first: tuple[list[LogPart], int | None], waves: Iterator[tuple[list[LogPart], int | None]]
) -> Iterator[tuple[list[LogPart], int | None]]:
    yield first
    yield from waves


def _newest(found: pa.Table, batch: pa.RecordBatch, wide: pa.Schema, limit: int) -> pa.Table:
    """The newest rows of what was found and of a further batch."""
    if not batch.num_rows:
        return found
    both = [*found.to_batches(), batch] if found.num_columns else [batch]
    table = pa.Table.from_batches([fitted(each, wide) for each in both], wide)
    by = [(name, order) for name, order in ORDER.items() if name in wide.names]  # some tables have no rows of requests
    return table.take(pc.sort_indices(table, by)[:limit])


def _oldest(table: pa.Table) -> int:
    return int(pc.min(table["time"]).cast(pa.int64()).as_py())


def united(schemas: Sequence[pa.Schema], columns: Sequence[str]) -> pa.Schema:
    """One schema for parts of the log: a column that has several types has one that takes all of their values.

    Raises SeatrialError for a name among `columns` that none of them has.
    """
    kinds: dict[str, pa.DataType] = {}
    for schema in {str(schema): schema for schema in schemas}.values():
        for field in schema:
            kinds[field.name] = _wider(kinds[field.name], field.type) if field.name in kinds else field.type
    if not kinds:
        return pa.schema([field for field in EMPTY if not columns or field.name in columns])
    ordered = sorted(kinds, key=_place)
    if columns:
        chosen = [(name, column_of(name, kinds)) for name in columns]
        if unknown := [name for name, column in chosen if column is None]:
            raise unknown_column(unknown[0], kinds)
        ordered = list(dict.fromkeys(str(column) for _, column in chosen))
    return pa.schema([(name, kinds[name]) for name in ordered])


def _place(name: str) -> tuple[int, int]:
    """Where a column stands: inputs are together, whichever version brought them."""
    if name in HEAD:
        return 0, HEAD.index(name)
    groups = (name in TAIL, name.startswith("probability_"), name == "prediction", name.startswith(INPUT))
    return next((5 - number for number, found in enumerate(groups) if found), 1), 0


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    numeric = [pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in (one, other)]
    return pa.float64() if all(numeric) else pa.string()


def fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch with the columns of a schema."""
    names = batch.schema.names
    arrays = [
        _cast(batch.column(name), kind) if name in names else pa.nulls(batch.num_rows, kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if array.type == kind:
        return array
    return array.cast(kind, safe=not pa.types.is_integer(array.type))  # int64 to float64 may round


def open_store(to: str) -> LogStore:
    """Open a destination for reading. Raises SeatrialError; no password is in its message."""
    scheme = urlsplit(to).scheme if "://" in to else ""
    if scheme == "postgresql":
        from seatrial.prediction_log.postgres_log import PostgresLog

        return PostgresLog(to)
    if not scheme:
        return FolderLog(fs.LocalFileSystem(), str(Path(to).absolute()), to)
    from seatrial.stores.object_files import object_files

    try:
        system, root = object_files(to)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise SeatrialError(f"{shown_url(to)} cannot be opened: {cleaned(error, to)}.") from None
    return FolderLog(system, root, shown_url(to))
