"""A task of an engine writes one part, whole or not at all, with what became of its bad rows."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.engines.passengers import BAD_AGE, KEY, by_id, passengers

from seatrial.core.errors import SeatrialError
from seatrial.engines.output_parts import ATTEMPTS, PartTarget, WrittenPart, file_system, write_part, written_parts

ROWS, BAD = 200, (3, 150)


def written(titanic, folder: Path, policy: str, bad=BAD) -> WrittenPart:
    batches = passengers(ROWS, bad).to_batches(max_chunksize=64)
    return write_part(titanic, batches, PartTarget(str(folder), policy), (KEY,))


def test_rows_come_and_go_in_equal_number(titanic, tmp_path: Path):
    part = written(titanic, tmp_path, "fail", bad=())
    assert (part.rows_in, part.good, part.bad, part.bad_file) == (ROWS, ROWS, 0, None)
    table = pq.read_table(tmp_path / ATTEMPTS / part.file)
    assert by_id(table) == by_id(titanic.predict_table(passengers(ROWS), keep=[KEY]))
    assert written_parts([part.to_json()]) == [part]


@pytest.mark.parametrize("policy", ["drop", "keep", "quarantine"])
def test_bad_rows_go_where_the_policy_says(titanic, tmp_path: Path, policy: str):
    part = written(titanic, tmp_path, policy)
    assert (part.rows_in, part.good, part.bad) == (ROWS, ROWS - 2, 2)
    table = pq.read_table(tmp_path / ATTEMPTS / part.file)
    assert table.num_rows == (ROWS if policy == "keep" else ROWS - 2)
    assert ("bad_rule" in table.column_names) is (policy == "keep")
    if policy == "keep":
        refused = [row for row in table.to_pylist() if row["bad_rule"]]
        assert [(row[KEY], row["prediction"]) for row in refused] == [(3, None), (150, None)]
    assert bool(part.bad_file) is (policy == "quarantine")
    if policy == "quarantine":
        refused = pq.read_table(tmp_path / ATTEMPTS / str(part.bad_file)).to_pylist()
        assert [(row[KEY], row["bad_column"], float(row["bad_value"])) for row in refused] == [
            (3, "age", BAD_AGE),
            (150, "age", BAD_AGE),
        ]


def test_a_bad_row_that_fails_leaves_no_file_and_names_its_key(titanic, tmp_path: Path):
    with pytest.raises(SeatrialError, match="150"):
        written(titanic, tmp_path, "fail", bad=(150,))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_release_that_loses_a_row_is_found(titanic, tmp_path: Path):
    class Loses:
        def predict_batches(self, batches, **options):
            return (batch.slice(1) for batch in titanic.predict_batches(batches, **options))

    with pytest.raises(SeatrialError, match="64 rows came, and 63 were answered"):
        write_part(Loses(), passengers(64).to_batches(), PartTarget(str(tmp_path), "fail"), (KEY,))  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["nowhere://x", "nowhere:/x"])
def test_a_url_that_is_none_is_an_error_with_an_example(url: str):
    with pytest.raises(SeatrialError, match="no file system for nowhere:") as refused:
        file_system(url)
    assert "s3://" in refused.value.hint
