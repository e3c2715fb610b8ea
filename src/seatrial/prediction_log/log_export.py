"""Writes rows of the log as CSV, Parquet or JSON lines."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from seatrial.core.errors import UsageError
from seatrial.core.files import replacing

FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def format_of(path: Path) -> str:
    """The format that the end of a file's name stands for. Raises UsageError for any other."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{path.name}: a log cannot be written as {path.suffix or 'a file without a suffix'}.",
            hint="Use .csv, .parquet or .jsonl.",
        )
    return FORMATS[path.suffix.lower()]


def write_file(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write a file, whole or not at all, in the format that its name stands for; returns the number of rows."""
    kind = format_of(path)
    with replacing(path) as file:
        return write_stream(file, kind, schema, batches)


def write_stream(file: BinaryIO, kind: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write rows as csv, parquet or jsonl; returns their number. A batch is in memory at a time."""
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as pq

    rows = 0
    if kind == "jsonl":
        for batch in batches:
            file.write("".join(json_line(row) for row in batch.to_pylist()).encode())
            rows += batch.num_rows
        return rows
    options: dict[str, Any] = {"compression": "zstd"} if kind == "parquet" else {}
    writer = (pq.ParquetWriter if kind == "parquet" else arrow_csv.CSVWriter)(file, schema, **options)
    with writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def json_line(row: dict[str, Any]) -> str:
    """A row as one line of JSON; times are in UTC."""
    return json.dumps(row, ensure_ascii=False, default=json_value) + "\n"


def json_value(value: Any) -> str:
    """A date or time as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
