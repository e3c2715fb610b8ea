"""Makes logs for tests of the watch: rows drawn from a release's own held-out rows, with its answers, hour by hour."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa

from seatrial.prediction_log.destinations.folder import FolderDestination
from seatrial.prediction_log.log_records import Records
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.tables import LogTable
from seatrial.trial.rows.reference import read_rows
from seatrial.watch.release_reference import ReleaseReference

BEGIN = datetime(2026, 9, 7, tzinfo=UTC)  # a Monday
TYPES = {"integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}
Columns = Mapping[str, Any]
Change = Callable[[dict[str, Any], np.ndarray], None]


def at(days: float) -> datetime:
    """A moment so many days after the begin."""
    return BEGIN + timedelta(days=days)


def held_out_rows(titanic: Any, project: Path) -> ReleaseReference:
    """The held-out rows of a trained project's release, with its scores of them."""
    folder = project / "src" / "titanic_model" / "artifacts"
    rows = read_rows((folder / "reference.csv").read_text(), titanic.columns, titanic.metadata.target, "reference.csv")
    columns, problems = titanic.checker.check(rows.columns)
    assert not problems
    return ReleaseReference(
        titanic.version, titanic.metadata, titanic.columns, columns, rows.target, titanic.score_table(columns)
    )


def day_table(
    release: Any, columns: Columns, day: int, rows: int, change: Change | None = None, since: float = 0
) -> Any:
    """The log of one day: `rows` of the checked `columns` (n,), which `change` changes from `since` (in days) on."""
    g = np.random.default_rng([16, day % 10**6])
    times = np.sort(g.random(rows))
    drawn = g.integers(0, len(next(iter(columns.values()))), rows)
    values = {name: each[drawn].copy() for name, each in columns.items()}
    if change is not None:
        change(values, (day + times) >= since)
    return answered(release, values, day, times)


def answered(release: Any, values: Columns, day: int, times: np.ndarray) -> Any:
    """The log's table of rows (n,) at these parts of a day (n,)."""
    rows = len(times)
    micros = int(at(day).timestamp() * 1e6) + (times * 86_400e6).astype(np.int64)
    facts = Records(release, LogSettings(to="unused"), Path("unused")).facts
    data = {
        "time": pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "request_id": pa.array([f"{day:04x}{k:08x}" for k in range(rows)]),
        "row": pa.array(np.zeros(rows, np.int32)),
        "wheel": pa.repeat(pa.scalar(facts["wheel"]), rows),
        "route": pa.repeat(pa.scalar("/api/v1/predict"), rows),
        "key": pa.array([("web", "app", "partner")[k % 3] for k in range(rows)]),
        "trace": pa.nulls(rows, pa.string()),
        "seconds": pa.array(np.full(rows, 4e-4)),
    }
    for fact in facts["columns"]:
        data[f"input_{fact['name']}"] = _array(values[fact["name"]], TYPES.get(fact["type"], pa.string()))
    for name, each in release.prediction_columns(release.score_table(dict(values))).items():
        data[name] = pa.array(list(each) if name == "prediction" else np.ascontiguousarray(each))
    return pa.table({**data, "unseen": pa.nulls(rows, pa.string()), "other_values": pa.nulls(rows, pa.string())})


def _array(values: Any, kind: Any) -> Any:
    if values.dtype.kind == "f":
        return pa.array(values, pa.float64(), from_pandas=True).cast(kind)
    return pa.array(values.tolist(), kind)


def refused_table(day: int, times: np.ndarray, column: str, rule: str) -> Any:
    """Refused requests at these parts of a day."""
    rows = len(times)
    micros = int(at(day).timestamp() * 1e6) + (times * 86_400e6).astype(np.int64)
    return pa.table(
        {
            "time": pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "request_id": pa.array([f"r{day:03x}{k:08x}" for k in range(rows)]),
            "status": pa.array(np.full(rows, 422, np.int32)),
            "row": pa.array(np.zeros(rows, np.int32)),
            "column": pa.repeat(pa.scalar(column), rows),
            "rule": pa.repeat(pa.scalar(rule), rows),
        }
    )


def deliver(
    folder: Path, version: str, day: int, table: Any, kind: str = "predictions", name: str = "titanic-model"
) -> None:
    """Write a day into a log's folder, as the shipper does."""
    when: date = at(day).date()
    segment = f"{when:%Y%m%d}T000000000000-{crc32(f'{version} {day} {kind}'.encode()):016x}"
    FolderDestination(str(folder)).deliver(segment, [LogTable(kind, name, version, when, table)])
