"""A folder has each segment once, in files that are complete, and forgets old days."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.prediction_log.log_lines import FACTS, SEGMENT, line, refusal

from seatrial.prediction_log.destinations import DeliveryError
from seatrial.prediction_log.destinations.folder import FolderDestination
from seatrial.prediction_log.tables import DAY, LogTable, log_tables


def tables(*records: dict[str, Any], **facts: Any) -> list[LogTable]:
    return log_tables({"w1": {**FACTS, **facts}}, [list(records)])


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_layout(tmp_path: Path) -> None:
    destination = FolderDestination(str(tmp_path))
    for _ in range(2):  # the second time changes nothing
        destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(2), name="a b/c", version="1.0+x"))
        place = "release=a%20b%2Fc/version=1.0%2Bx"
        assert names(tmp_path) == [
            f"predictions/{place}/day=2025-11-30/{SEGMENT}.parquet",
            f"predictions/{place}/day=2025-12-01/{SEGMENT}.parquet",
            f"refused/{place}/day=2025-11-30/{SEGMENT}.parquet",
        ]


def test_other_programs_find_the_partitions_and_the_statistics(tmp_path: Path) -> None:
    import polars as pl

    destination = FolderDestination(str(tmp_path))
    destination.deliver(SEGMENT, tables(line(1, [[1.5, 7, "a"], [2.5, 9, "b"]]), line(DAY)))
    frame = pl.scan_parquet(tmp_path / "predictions", hive_partitioning=True).collect()
    assert frame.height == 3
    assert set(frame["day"].to_list()) == {date(2025, 11, 30), date(2025, 12, 1)}
    assert set(frame["release"].to_list()) == {"shop"}
    (path,) = tmp_path.rglob(f"day=2025-11-30/{SEGMENT}.parquet")
    group = pq.read_metadata(path).row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert (columns["input_count"].statistics.min, columns["input_count"].statistics.max) == (7, 9)
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_a_killed_delivery_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = FolderDestination(str(tmp_path))

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(DeliveryError, match="No space left on device"):
            destination.deliver(SEGMENT, tables(line(1)))
    assert not list(tmp_path.rglob("*.parquet"))
    left = tmp_path / f"predictions/release=shop/version=1.0/day=2025-11-30/.{SEGMENT}.parquet.999999999-abc"
    left.touch()
    destination.deliver(SEGMENT, tables(line(1)))
    assert len(names(tmp_path)) == 1


def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeliveryError, match="file"):
        FolderDestination(str(tmp_path / "file")).deliver(SEGMENT, tables(line(1)))


def test_old_days_are_deleted(tmp_path: Path) -> None:
    destination = FolderDestination(str(tmp_path / "log"))
    destination.expire(date(2025, 12, 1))  # nothing is there yet
    destination.deliver(SEGMENT, tables(line(1), line(DAY), refusal(1), refusal(DAY)))
    labels = tmp_path / "log" / "labels"
    labels.mkdir()
    for name in ("20251130T100000000000-aa.parquet", "20251201T100000000000-bb.parquet", "notes.parquet"):
        (labels / name).touch()
    (tmp_path / "elsewhere").mkdir()
    link = next((tmp_path / "log").rglob("version=1.0")) / "day=2025-11-29"
    link.symlink_to(tmp_path / "elsewhere")
    destination.expire(date(2025, 12, 1))
    assert names(tmp_path / "log") == [
        "labels/20251201T100000000000-bb.parquet",
        "labels/notes.parquet",
        f"predictions/release=shop/version=1.0/day=2025-12-01/{SEGMENT}.parquet",
        f"refused/release=shop/version=1.0/day=2025-12-01/{SEGMENT}.parquet",
    ]
    assert (tmp_path / "elsewhere").is_dir()
