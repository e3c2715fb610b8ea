"""A small log in the layout of a destination, written without the shipper."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HEAD = [
    ("time", pa.timestamp("us", "UTC")),
    ("request_id", pa.string()),
    ("row", pa.int32()),
    ("wheel", pa.string()),
    ("route", pa.string()),
    ("key", pa.string()),
    ("trace", pa.string()),
    ("seconds", pa.float64()),
]
INPUTS = {"fare": pa.float64(), "sex": pa.string(), "siblings": pa.int64()}
CLASSES = ("no", "yes")


def predictions(
    rows: Sequence[Mapping[str, Any]],
    inputs: Mapping[str, pa.DataType] = INPUTS,
    classes: Sequence[str] = CLASSES,
    kind: pa.DataType | None = None,
) -> pa.Table:
    """A table of predictions: each row has `minutes` after noon, `id`, inputs by their names, and maybe `row`."""
    head = pa.schema(HEAD)
    target = kind or pa.string()
    schema = pa.schema(
        [*head, *[(f"input_{name}", each) for name, each in inputs.items()], ("prediction", target)]
        + [(f"probability_{label}", pa.float64()) for label in classes]
        + [("unseen", pa.string())]
    )
    written = []
    for number, row in enumerate(rows):
        values = {f"input_{name}": row.get(name) for name in inputs}
        values |= {
            "time": NOON + timedelta(minutes=row.get("minutes", number)),
            "request_id": row.get("id", f"r{number}"),
        }
        values |= {"row": row.get("row", 0), "wheel": "w", "route": "/api/v1/predict", "seconds": 0.001}
        values |= {"prediction": row.get("prediction", classes[0] if classes else 1.5), "key": row.get("key")}
        values |= {f"probability_{label}": 1 / len(classes) for label in classes}
        written.append(values)
    return pa.Table.from_pylist(written, schema)


def write(
    root: Path, table: pa.Table, version: str = "0.1.0", *, release: str = "tiny-model", kind: str = "predictions"
) -> list[Path]:
    """Write a table as a segment: a file for each day. Returns the files."""
    segment = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}"
    days = [str(value.as_py().date()) for value in table["time"]]
    files = []
    for day in sorted(set(days)):
        folder = root / kind / f"release={release}" / f"version={version}" / f"day={day}"
        folder.mkdir(parents=True, exist_ok=True)
        files.append(folder / f"{segment}.parquet")
        part = table.filter(pa.array([each == day for each in days])).sort_by("time")
        pq.write_table(part, files[-1], compression="zstd")
    return files
