"""How the prediction log is laid out in files, in a folder as in an object store.

predictions/release=<name>/version=<version>/day=<yyyy-mm-dd>/<segment>.parquet
refused/release=<name>/version=<version>/day=<yyyy-mm-dd>/<segment>.parquet
labels/<time>-<random>.parquet
"""

from contextlib import suppress
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from seatrial.prediction_log.tables import LogTable

KINDS = ("predictions", "refused")
LABELS = "labels"
ROW_GROUP = 100_000
SUFFIX = ".parquet"


def relative_path(segment: str, table: LogTable) -> str:
    """The path of a table of a segment, which is always the same: a second delivery replaces the first."""
    part = f"-{table.part}" if table.part else ""
    return (
        f"{table.kind}/release={quote(table.release, safe='')}/version={quote(table.version, safe='')}"
        f"/day={table.day}/{segment}{part}{SUFFIX}"
    )


def write_parquet(data: Any, where: Any) -> None:
    """Write a table as Parquet, with statistics, to a path or a file."""
    import pyarrow.parquet as pq

    pq.write_table(data, where, compression="zstd", row_group_size=ROW_GROUP)


def day_of(name: str) -> date | None:
    """The day in the name of a partition's folder, or of a file of labels; None for any other name."""
    with suppress(ValueError):
        if name.startswith("day="):
            return date.fromisoformat(name.removeprefix("day="))
        if name.endswith(SUFFIX):
            return datetime.strptime(name[:8], "%Y%m%d").date()
    return None
