"""Tables of labels: times, rows and names as people write them, and what is refused with its line."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.steps.label_files import read_labels


def csv(folder: Path, text: str) -> str:
    path = folder / "outcomes.csv"
    path.write_text(text)
    return str(path)


def test_requests_and_rows(tmp_path: Path) -> None:
    given, source = read_labels(
        csv(tmp_path, "request_id;row;survived\nr1;0;yes\nr2;;no\nr3;2;\n"),
        label="survived",
        by="request_id",
        row="row",
    )
    assert source == "outcomes.csv"
    assert [(each.by, each.row, each.label) for each in given] == [("r1", 0, "yes"), ("r2", None, "no"), ("r3", 2, "")]
    assert given[1].place == "outcomes.csv, line 3"


def test_a_parquet_file_with_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "customer": pa.array([7, 8], pa.int64()),
            "at": pa.array([0, 3_600_000_000], pa.int64()).cast(pa.timestamp("us", "UTC")),
            "y": [1.0, None],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    given, _ = read_labels(str(tmp_path / "x.parquet"), label="y", by="customer", time="at")
    assert [(each.by, each.label) for each in given] == [("7", "1"), ("8", "")]
    assert given[1].time == datetime(1970, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2027-01-31T12:00:00Z", "", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31 12:00+02:00", "", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("2027-01-31 12:00", "Europe/Berlin", datetime(2027, 1, 31, 11, tzinfo=UTC)),
        ("2027-01-31", "UTC", datetime(2027, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_times(tmp_path: Path, text: str, zone: str, moment: datetime) -> None:
    (given,), _ = read_labels(csv(tmp_path, f"id,time,y\n1,{text},1\n"), label="y", by="id", time="time", zone=zone)
    assert given.time == moment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,time,y\n1,2027-01-31T12:00,1\n", "a time without a zone"),
        ("id,time,y\n1,2027-01-31,1\n", "a time without a zone"),
        ("id,time,y\n1,noon,1\n", "line 2: `time` is 'noon', not a time"),
        ("id,time,y\n,2027-01-31T12:00Z,1\n", "line 2: `id` is empty"),
        ("id,tme,y\n1,2027-01-31T12:00Z,1\n", "has no column `time`"),
        ("id,time,row,y\n1,2027-01-31T12:00Z,-1,1\n", "`row` is '-1', not the number of a row"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SeatrialError) as caught:
        read_labels(csv(tmp_path, text), label="y", by="id", row="row", time="time")
    assert message in caught.value.message


def test_an_unknown_zone_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'Berlin' is not a time zone"):
        read_labels(csv(tmp_path, "id,y\n1,1\n"), label="y", by="id", zone="Berlin")
