"""polars frames: lazy ones stay lazy and stream, and the optimizer moves nothing past the model."""

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from tests.conftest import TITANIC

from seatrial.core.errors import DataError, SeatrialError
from seatrial.engines.polars import predict

ROWS = 5 * 1309
FRAME = pl.concat([pl.read_csv(TITANIC / "data" / "titanic.csv")] * 5).with_row_index("id")
BAD = FRAME.with_columns(age=pl.when(pl.col("id").is_in([7, 5000])).then(-1.0).otherwise(pl.col("age")))


@pytest.fixture(scope="module")
def expected(titanic) -> pl.DataFrame:
    return pl.DataFrame(titanic.predict_table(FRAME, keep=["id"]))


@pytest.fixture
def scanned(tmp_path) -> pl.LazyFrame:
    FRAME.write_parquet(tmp_path / "rows.parquet", row_group_size=1000)
    return pl.scan_parquet(tmp_path / "rows.parquet")


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
def test_a_lazy_frame_gets_the_same_in_order_with_both_engines(titanic, scanned, expected, engine: str):
    lazy = predict(titanic, scanned, key="id")
    assert lazy.collect_schema() == expected.schema
    assert_frame_equal(lazy.collect(engine=engine), expected)


def test_filters_columns_and_slices_behind_the_prediction_stay_behind_it(titanic, scanned, expected):
    lazy = predict(titanic, scanned, key="id")
    likely = lazy.filter(pl.col("probability_1") > 0.9, pl.col("id") > 100).select("id")
    assert_frame_equal(
        likely.collect(), expected.filter(pl.col("probability_1") > 0.9, pl.col("id") > 100).select("id")
    )
    assert_frame_equal(lazy.slice(1200, 5).collect(engine="streaming"), expected[1200:1205])
    assert lazy.select(pl.len()).collect(engine="streaming").item() == ROWS


def test_only_the_needed_columns_are_read_from_the_file(titanic, scanned):
    plan = predict(titanic, scanned, key="id").explain()
    assert f"{len(titanic.columns) + 1}/{len(FRAME.columns)} COLUMNS" in plan


@pytest.mark.parametrize("lazy", [False, True])
def test_bad_rows_are_dropped_kept_or_named_by_the_key_or_their_number(titanic, expected, lazy: bool):
    def result(**options) -> pl.DataFrame:
        return predict(titanic, BAD.lazy() if lazy else BAD, **options).lazy().collect(engine="streaming")

    good = expected.filter(~pl.col("id").is_in([7, 5000]))
    assert_frame_equal(result(key="id", on_bad_rows="drop"), good)
    kept = result(key="id", on_bad_rows="keep")
    assert kept.filter(pl.col("bad_rule").is_not_null()).rows(named=True)[0] | {"bad_rule": ""} == {
        "id": 7, "prediction": None, "probability_0": None, "probability_1": None, "warnings": None,
        "bad_column": "age", "bad_value": "-1.0", "bad_rule": "",
    }  # fmt: skip
    assert_frame_equal(kept.filter(pl.col("bad_rule").is_null()).select(good.columns), good)
    with pytest.raises((DataError, pl.exceptions.ComputeError), match=r"id (7|5000)\b"):
        result(key="id")  # whichever part of the query is first
    with pytest.raises((DataError, pl.exceptions.ComputeError), match=r"row (8|5001)\b"):
        result()


def test_a_key_of_a_polars_type_stays_what_it_is(titanic):
    kind = pl.Enum(["one", "two"])
    frame = FRAME.head(2).with_columns(id=pl.Series(["one", "two"], dtype=kind))
    assert predict(titanic, frame, key="id")["id"].dtype == kind
    assert predict(titanic, frame.lazy(), key="id").collect()["id"].dtype == kind


def test_what_cannot_be_predicted_is_refused_before_the_query_runs(titanic):
    with pytest.raises(SeatrialError, match="Not a polars frame: Table"):
        predict(titanic, pa.table({"age": [1]}))
    with pytest.raises(SeatrialError, match="no column 'key' to keep"):
        predict(titanic, FRAME.lazy(), key="key")
    with pytest.raises(SeatrialError, match="two columns called 'prediction'"):
        predict(titanic, FRAME.lazy().rename({"id": "prediction"}), key="prediction")
    with pytest.raises(SeatrialError, match="on_bad_rows is 'mark'"):
        predict(titanic, FRAME.lazy(), on_bad_rows="mark")
