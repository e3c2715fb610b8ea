"""Takes rows out of a log, wherever they are: segments of the spool, files, tables, and their labels.

What is killed in between has removed a part of the rows; the same command again removes the rest. The spool comes
first, so that nothing that was removed from the destination can be delivered into it again.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic_core import to_json

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.files import replacing
from seatrial.prediction_log.hashed_values import require_key
from seatrial.prediction_log.labels import Prediction
from seatrial.prediction_log.log_files import FolderLog, groups
from seatrial.prediction_log.log_query import PARTITION, SPOOLED, LogQuery, SeenNames
from seatrial.prediction_log.postgres_log import PostgresLog
from seatrial.prediction_log.reading import PredictionLog
from seatrial.prediction_log.segments import (
    OPEN,
    SEAL_REQUEST,
    Record,
    Schemas,
    paused_shipper,
    read_segment,
    seal_abandoned,
    sealed_segments,
)
from seatrial.prediction_log.tables import log_tables

SEAL_SECONDS = 15.0  # within which servers hand over their segments: they look once a second
OF_REQUESTS = {"time", "request_id", "wheel", "route", "key", "trace", "seconds", "status", *PARTITION}


@dataclass(frozen=True)
class Forgotten:
    """How much was removed: rows of predictions, rows of refused requests, labels; and from how many files."""

    predictions: int = 0
    refused: int = 0
    labels: int = 0
    files: int = 0
    spooled: int = 0  # of the rows, those that were in the spool

    def __add__(self, other: "Forgotten") -> "Forgotten":
        return Forgotten(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def forget(log: PredictionLog, query: LogQuery, *, dry_run: bool = False) -> Forgotten:
    """Remove the predictions that satisfy a query, and their labels; with `dry_run`, only count them.

    Refused requests have no values: they are removed where the conditions are about requests alone. Raises
    SeatrialError where there is no condition, where a name is no column, or where a hashed column's key is missing.
    """
    if not query.conditions:
        raise UsageError("Which rows are to be forgotten?", hint="Name them with --where or --request-id.")
    require_key(log.settings, query.release, [each.column for each in query.conditions])
    queries = [replace(query, refused=False)]
    if {each.column for each in query.conditions} <= OF_REQUESTS:
        queries.append(replace(query, refused=True))
    counted, predictions = _counted(log, queries)
    if dry_run:
        return replace(counted, labels=len(_labels_of(log, predictions)))
    removed: set[Prediction] = set(predictions)
    done = Forgotten()
    with handed_over(log.spool.folder):
        for segment in sealed_segments(log.spool.folder):
            done += _from_segment(segment, Schemas(log.spool.folder), queries, removed)
        for each in queries:
            done += _from_store(log, each, removed)
    return done + Forgotten(labels=_forget_labels(log, removed))


def _counted(log: PredictionLog, queries: list[LogQuery]) -> tuple[Forgotten, set[Prediction]]:
    """How many rows there are, and which predictions; raises SeatrialError for a name that is no column."""
    found, predictions = Forgotten(), set[Prediction]()
    for query in queries:
        seen = SeenNames()
        for part in log.parts(query):
            names = [name for name in ("request_id", "row", SPOOLED) if name in part.schema.names]
            for batch in part.batches(names, query, seen):
                kind = "refused" if query.refused else "predictions"
                spooled = batch.column(SPOOLED).true_count
                found += Forgotten(**{kind: batch.num_rows}, spooled=spooled)
                if not query.refused:
                    predictions |= _places(batch)
        if not query.refused:
            seen.check(query)
    return found, predictions


def _places(batch: Any) -> set[Prediction]:
    return set(zip(batch["request_id"].to_pylist(), batch["row"].to_pylist(), strict=True))


@contextmanager
def handed_over(spool: Path) -> Iterator[None]:
    """Have all that servers have written so far in sealed segments, and keep the shipper from them.

    Raises SeatrialError where a server does not hand over its segment.
    """
    if not spool.is_dir():
        yield
        return
    with paused_shipper(spool):
        request = spool / SEAL_REQUEST
        request.write_text(str(os.getpid()))
        try:
            _wait_for_writers(spool)
        finally:
            with suppress(OSError):
                request.unlink()
        yield


def _wait_for_writers(spool: Path) -> None:
    seal_abandoned(spool)
    written = [path for path in spool.glob(f"[!.]*{OPEN}") if _size(path)]
    deadline = time.monotonic() + SEAL_SECONDS
    while any(path.exists() for path in written):
        if time.monotonic() > deadline:
            raise SeatrialError(
                f"A server has not handed over what it has written to {spool}.",
                hint="Is it stopped (SIGSTOP)? End it, or try again.",
            )
        time.sleep(0.05)
        seal_abandoned(spool)  # it may have been killed


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _from_segment(path: Path, schemas: Schemas, queries: list[LogQuery], removed: set[Prediction]) -> Forgotten:
    """Rewrite a segment without the rows."""
    found: dict[bool, set[tuple[Any, ...]]] = {True: set(), False: set()}
    counts = Forgotten()
    for table in log_tables(schemas, (records for records, _ in read_segment(path))):
        for query in queries:
            if table.kind != query.table or not query.of(table.release, table.version):
                continue
            constants = {"release": table.release, "version": table.version, SPOOLED: True}
            schema = pa.schema(
                [*table.data.schema, *[pa.field(name, pa.scalar(value).type) for name, value in constants.items()]]
            )
            wanted = query.filter(schema, SeenNames(), constants)
            rows = table.data.filter(wanted) if wanted is not None else table.data.slice(0, 0)
            times = rows["time"].cast(pa.int64()).to_pylist()
            found[query.refused] |= set(
                zip(rows["request_id"].to_pylist(), times, rows["row"].to_pylist(), strict=True)
            )
            counts += Forgotten(**{query.table: rows.num_rows}, spooled=rows.num_rows)
            if not query.refused:
                removed |= _places(rows)
    if not counts.spooled:
        return counts
    requests = {(request, moment) for request, moment, _ in found[True]}
    with replacing(path) as file:
        for records, _ in read_segment(path):
            for record in records:
                if "rows" not in record:
                    file.write(b"" if (record["id"], record["t"]) in requests else to_json(record) + b"\n")
                else:
                    file.writelines(to_json(part) + b"\n" for part in _without(record, found[False]))
        empty = not file.tell()
    if empty:
        path.unlink()
    return counts + Forgotten(files=1)


def _without(record: Record, found: set[tuple[Any, ...]]) -> Iterator[Record]:
    """A record without some of its rows: one for each run of rows that stay, which keep their numbers."""
    first = record.get("first", 0)
    stays = [(record["id"], record["t"], first + place) not in found for place in range(len(record["rows"]))]
    if all(stays):
        yield record
        return
    begin = 0
    for place, here in enumerate([*stays, False]):
        if here:
            continue
        if place > begin:
            part = {**record, "first": first + begin}
            part |= {name: record[name][begin:place] for name in ("rows", "scores", "decided") if name in record}
            inside = range(first + begin, first + place)
            unseen = [each for each in record.get("unseen", ()) if each[0] in inside]
            yield {
                **{name: value for name, value in part.items() if name != "unseen"},
                **({"unseen": unseen} if unseen else {}),
            }
        begin = place + 1


def _from_store(log: PredictionLog, query: LogQuery, removed: set[Prediction]) -> Forgotten:
    store = log.store
    if isinstance(store, PostgresLog):
        rows = store.remove(query)
        removed |= set() if query.refused else rows
        return Forgotten(**{query.table: len(rows)})
    assert isinstance(store, FolderLog)
    return _from_files(store, query, removed)


def _from_files(store: FolderLog, query: LogQuery, removed: set[Prediction]) -> Forgotten:
    """Rewrite the files that have wanted rows; one without any row left is removed."""
    done = Forgotten()
    for footer in store.footers(store.files(query)):
        (group,) = groups([footer], store.system)
        wanted = query.filter(group.schema, SeenNames(), group.constants)
        if wanted is None or not footer.fragment.count_rows(filter=wanted):
            continue
        path = footer.file.path
        with suppress(FileNotFoundError):  # the retention was faster
            table = store.read(path)
            rows = table.filter(wanted)
            removed |= set() if query.refused else _places(rows)
            rest = table.filter(~wanted | wanted.is_null())
            store.write(path, rest) if rest.num_rows else store.remove(path)
            done += Forgotten(**{query.table: rows.num_rows}, files=1)
    return done


def _labels_of(log: PredictionLog, predictions: set[Prediction]) -> list[int]:
    """The positions of labels of these predictions."""
    table = log.store.read_labels()
    if not table.num_columns:
        return []
    places = zip(table["request_id"].to_pylist(), table["row"].to_pylist(), strict=True)
    return [number for number, place in enumerate(places) if place in predictions]


def _forget_labels(log: PredictionLog, predictions: set[Prediction]) -> int:
    store = log.store
    if isinstance(store, PostgresLog):
        return store.remove_labels(predictions)
    assert isinstance(store, FolderLog)
    count = 0
    for path in store.label_files() if predictions else ():
        table = store.read(path)
        stays = [
            place not in predictions
            for place in zip(table["request_id"].to_pylist(), table["row"].to_pylist(), strict=True)
        ]
        if not all(stays):
            rest = table.filter(pa.array(stays))
            store.write(path, rest) if rest.num_rows else store.remove(path)
            count += len(stays) - sum(stays)
    return count
