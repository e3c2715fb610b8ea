"""Reading a folder of the log: windows, releases, conditions, versions with other columns, and what is not read."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.prediction_log.made_up_log import NOON, predictions, write

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.conditions import parse_conditions
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog

HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three days of two versions; `fare` became a float, `deck` came."""
    old = {"fare": pa.int64(), "sex": pa.string()}
    write(tmp_path, predictions([{"fare": n, "sex": "f", "minutes": 300 * n} for n in range(10)], old), "0.1.0")
    new = {"fare": pa.float64(), "sex": pa.string(), "deck": pa.string()}
    rows = [{"fare": n + 0.5, "sex": "m", "deck": "A", "minutes": 300 * n + 1, "id": f"s{n}"} for n in range(10)]
    write(tmp_path, predictions(rows, new), "0.2.0")
    return tmp_path


def opened(folder: Path) -> PredictionLog:
    return PredictionLog(LogSettings(to=str(folder)))


def query(*conditions: str, **asked: Any) -> LogQuery:
    return LogQuery(conditions=parse_conditions(conditions), **asked)


def test_all_rows_with_the_columns_of_all_versions(folder: Path) -> None:
    table = opened(folder).table(query())
    assert table.num_rows == 20
    assert table.schema.field("input_fare").type == pa.float64()
    assert table.column_names[:5] == ["time", "release", "version", "request_id", "row"]
    assert table.filter(pa.compute.field("version") == "0.1.0")["input_deck"].null_count == 10


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (query("fare > 8"), {"r9", "s8", "s9"}),
        (query("fare > 8", version="0.1.0"), {"r9"}),
        (query("fare > 8 and version = 0.2.0"), {"s8", "s9"}),
        (query("fare > 8", release="other"), set()),
        (query("deck = A and fare < 1"), {"s0"}),
        (query("deck = null and fare < 1"), {"r0"}),
        (query("request_id = s3"), {"s3"}),
        (query(since=NOON + 44 * HOUR), {"r9", "s9"}),
        (query(since=NOON, until=NOON + 5 * HOUR), {"r0", "s0"}),
        (query("prediction = yes"), set()),
    ],
)
def test_what_is_wanted(folder: Path, asked: LogQuery, ids: set[str]) -> None:
    log = opened(folder)
    assert set(log.table(asked)["request_id"].to_pylist()) == ids
    newest = log.newest(asked, 100)
    assert set(newest["request_id"].to_pylist()) == ids
    assert newest["time"].to_pylist() == sorted(newest["time"].to_pylist(), reverse=True)


def test_the_newest_rows_come_from_the_newest_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(folder)
    read: list[str] = []
    footers = type(log.store).footers

    def noted(self: Any, files: Any) -> Any:
        read.extend(str(file.day) for file in files)
        return footers(self, files)

    monkeypatch.setattr(type(log.store), "footers", noted)
    assert log.newest(query(), 3)["request_id"].to_pylist() == ["s9", "r9", "s8"]
    assert set(read) == {"2026-12-02"}
    assert log.newest(query(), 12)["request_id"].to_pylist()[-1] == "r4"


def test_a_day_outside_of_the_window_is_not_opened(folder: Path) -> None:
    for file in folder.rglob("day=2026-11-30/*.parquet"):
        file.write_bytes(b"damaged")
    assert opened(folder).table(query(since=NOON + 12 * HOUR)).num_rows == 14
    with pytest.raises(SeatrialError, match="cannot be read as Parquet"):
        opened(folder).table(query())


def test_row_groups_are_skipped_by_their_statistics(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (file,) = write(tmp_path, predictions([{"fare": n, "minutes": 0} for n in range(1000)]))
    pq.write_table(pq.read_table(file, partitioning=None), file, row_group_size=100)
    (part,) = opened(tmp_path).store.parts(query(), lambda _: None)
    fragment = part._files[0].fragment  # type: ignore[attr-defined]
    assert len(fragment.split_by_row_group(pa.compute.field("input_fare") > 850.0)) == 2
    assert opened(tmp_path).table(query("fare > 850")).num_rows == 149


def test_hidden_and_other_files_are_not_read(folder: Path) -> None:
    day = next(folder.rglob("day=*"))
    (day / ".half.parquet").write_bytes(b"x")
    (day / "notes.txt").write_text("x")
    (folder / "predictions" / "release=x" / "other").mkdir(parents=True)
    assert opened(folder).table(query()).num_rows == 20


def test_columns_by_their_own_names_in_the_order_asked_for(folder: Path) -> None:
    table = opened(folder).table(query("deck = A"), ["fare", "time", "input_deck"])
    assert table.column_names == ["input_fare", "time", "input_deck"]


@pytest.mark.parametrize("asked", [query("fair > 3"), query("fare > x")])
def test_a_misspelt_name_is_an_error_and_not_an_empty_result(folder: Path, asked: LogQuery) -> None:
    log = opened(folder)
    for read in (lambda: log.table(asked), lambda: log.newest(asked, 3)):
        with pytest.raises(SeatrialError, match=r"no column `fair`|`fare` is a number, which 'x' is not"):
            read()
    with pytest.raises(SeatrialError, match="no column `fair`"):
        log.newest(query(), 3, ["fair"])


def test_an_empty_log(tmp_path: Path) -> None:
    assert opened(tmp_path / "none").newest(query("fare > 3"), 3).num_rows == 0
    with pytest.raises(SeatrialError, match="There is no prediction log"):
        PredictionLog(LogSettings())


def test_a_type_that_became_another_is_read_as_text(tmp_path: Path) -> None:
    write(tmp_path, predictions([{"code": 7}], {"code": pa.int64()}), "0.1.0")
    write(tmp_path, predictions([{"code": "7b"}], {"code": pa.string()}), "0.2.0")
    assert opened(tmp_path).table(query(), ["code"]).to_pylist() == [{"input_code": "7"}, {"input_code": "7b"}]
    assert opened(tmp_path).table(query("code = 7"), ["version"]).num_rows == 1
