"""Dask frames: partition by partition, in order and with their index, in the workers' own processes."""

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from tests.conftest import TITANIC

from seatrial.core.errors import DataError, SeatrialError
from seatrial.engines.dask import predict

FRAME = pd.read_csv(TITANIC / "data" / "titanic.csv").assign(id=range(1309)).set_index(np.arange(1309) * 2)
BAD = FRAME.assign(age=FRAME["age"].mask(FRAME["id"].isin([7, 900]), -1.0))


@pytest.fixture(scope="module")
def expected(titanic) -> pd.DataFrame:
    return pd.concat([FRAME[["id"]], titanic.predict(FRAME)], axis=1)


def test_partitions_get_the_same_in_order_with_the_index_and_the_types_that_were_announced(titanic, expected):
    lazy = predict(titanic, dd.from_pandas(FRAME, npartitions=3), key="id")
    computed = lazy.compute()
    pd.testing.assert_frame_equal(computed, expected.astype({"warnings": computed["warnings"].dtype}))
    assert dict(lazy.dtypes) == dict(computed.dtypes)
    assert lazy.divisions == dd.from_pandas(FRAME, npartitions=3).divisions


@pytest.mark.parametrize("policy", ["drop", "keep"])
def test_bad_rows_are_dropped_or_kept_with_the_reason(titanic, expected, policy: str):
    lazy = predict(titanic, dd.from_pandas(BAD, npartitions=3), key="id", on_bad_rows=policy)
    computed = lazy.compute()
    assert dict(lazy.dtypes) == dict(computed.dtypes)
    good = expected[~expected["id"].isin([7, 900])]
    if policy == "keep":
        bad = computed[computed["bad_rule"].notna()]
        assert bad[["id", "bad_column", "bad_value"]].to_numpy().tolist() == [[7, "age", "-1.0"], [900, "age", "-1.0"]]
        assert bad["prediction"].isna().all()
        computed = computed[computed["bad_rule"].isna()].astype({"prediction": "int64"})
    assert computed.index.equals(good.index)
    assert computed[["id", "prediction", "probability_1"]].equals(good[["id", "prediction", "probability_1"]])


def test_a_bad_row_fails_its_task_with_its_key(titanic):
    with pytest.raises(DataError, match="id 900, column age"):
        predict(titanic, dd.from_pandas(BAD, npartitions=3), key="id").partitions[2].compute()


def test_what_cannot_be_predicted_is_refused_before_anything_is_computed(titanic):
    with pytest.raises(SeatrialError, match="Not a Dask DataFrame: DataFrame"):
        predict(titanic, FRAME)
    with pytest.raises(SeatrialError, match="no column 'key' to keep"):
        predict(titanic, dd.from_pandas(FRAME, npartitions=2), key="key")
    with pytest.raises(SeatrialError, match="on_bad_rows is 'mark'"):
        predict(titanic, dd.from_pandas(FRAME, npartitions=2), on_bad_rows="mark")
