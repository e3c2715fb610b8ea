"""How clients write tables and read the answers, written without the code of the server."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from seatrial.model import Release

CSV, LINES, ARROW = "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"
Rows = Sequence[dict[str, Any]]
KINDS = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


def as_csv(release: Release, rows: Rows) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    names = [column.name for column in release.columns]
    writer.writerows([names, *(["" if row.get(n) is None else row[n] for n in names] for row in rows)])
    return out.getvalue().encode()


def as_lines(_: Release, rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def table_of(release: Release, rows: Rows) -> pa.Table:
    """A column that has values of another type, such as a float among integers, gets the type that takes all."""
    arrays = {}
    for column in release.columns:
        values = [row.get(column.name) for row in rows]
        numbers = column.kind == "integer" and any(type(value) is float for value in values)
        kind = pa.float64() if numbers else KINDS.get(column.kind)
        if column.kind == "category":
            kind = pa.int64() if all(type(value) is int for value in column.categories) else pa.string()
        arrays[column.name] = pa.array(values, type=kind or pa.string())
    return pa.table(arrays)


def stream_of(table: pa.Table, *, batch: int | None = None, options: Any = None) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=options) as stream:
        stream.write_table(table, max_chunksize=batch)
    return out.getvalue()


def as_arrow(release: Release, rows: Rows) -> bytes:
    return stream_of(table_of(release, rows), batch=100)


class Answer(NamedTuple):
    """The answer to one row: the label or the number, the probabilities, and the text of the warnings."""

    prediction: Any
    probabilities: list[float]
    warnings: str | None


def from_csv(release: Release, body: bytes) -> list[Answer]:
    header, *lines = csv.reader(io.StringIO(body.decode(), newline=""))
    classes = release.metadata.classes
    assert header == ["prediction", *(f"probability_{label}" for label in classes), "warnings"]
    kind = type(classes[0]) if classes else float
    return [
        Answer(kind(first) if first else None, [float(share) if share else None for share in shares], last or None)
        for first, *shares, last in lines
    ]


def from_objects(release: Release, rows: Rows) -> list[Answer]:
    names = [f"probability_{label}" for label in release.metadata.classes]
    return [Answer(row["prediction"], [row[name] for name in names], row["warnings"]) for row in rows]


def from_lines(release: Release, body: bytes) -> list[Answer]:
    return from_objects(release, [json.loads(line) for line in body.splitlines()])


def from_arrow(release: Release, body: bytes) -> list[Answer]:
    return from_objects(release, pa.ipc.open_stream(body).read_all().to_pylist())


WRITE: dict[str, Callable[[Release, Rows], bytes]] = {CSV: as_csv, LINES: as_lines, ARROW: as_arrow}
READ: dict[str, Callable[[Release, bytes], list[Answer]]] = {CSV: from_csv, LINES: from_lines, ARROW: from_arrow}
