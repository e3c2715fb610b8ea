"""Old and new rows in one pool: how columns are read, and bounds."""

import numpy as np
from tests.trial.traits.orders_table import joined, objects, orders

from seatrial.trial.compare.row_matching import Table
from seatrial.trial.traits.pool import MOST_NEW, MOST_OLD, make_pool, normal_scores, pool_column


def test_dates_are_seconds_however_they_are_written() -> None:
    day = 1_704_067_200.0  # 2024-01-01
    iso = objects(["2024-01-01", "2024-01-02T06:00:00", None, "2024-01-03"])
    assert pool_column("d", iso[:2], iso[2:]).values[:2].tolist() == [day, day + 30 * 3600]
    european = objects(["01.01.2024", "31.01.2024", "03.01.2024"])
    assert pool_column("d", european, european).values[:2].tolist() == [day, day + 30 * 86_400]
    american = objects(["01/31/2024", "01/01/2024", "02/13/2024"])
    assert pool_column("d", american, american).values[:2].tolist() == [day + 30 * 86_400, day]
    assert pool_column("d", iso, iso).form == "moment"


def test_texts_are_codes_in_order_and_empty_ones_are_missing() -> None:
    column = pool_column("t", objects(["b", "", None]), objects(["a", "b"]))
    assert column.form == "text"
    assert [column.written(row) for row in range(5)] == ["b", "missing", "missing", "a", "b"]


def test_many_rows_are_sampled() -> None:
    large, many = orders(6_000, seed=1), orders(3_000, seed=2)
    pool = make_pool(large, joined(large, many), np.arange(6_000, 9_000))
    assert (pool.old_rows, pool.new_rows) == (MOST_OLD, MOST_NEW)
    assert not pool.all_new
    label = joined(large, many).target[pool.places[pool.old_rows :]]
    assert pool.label.values[pool.old_rows :].tolist() == label.tolist()


def test_columns_that_one_table_lacks_are_left_out() -> None:
    old = Table({"a": np.arange(20.0), "b": np.arange(20.0)}, np.zeros(20), "y")
    new = Table({"a": np.arange(40.0)}, np.zeros(40), "y")
    assert [column.name for column in make_pool(old, new, np.arange(20, 40)).columns] == ["a", "y"]


def test_scores_are_those_of_a_normal_distribution() -> None:
    scores = normal_scores(np.append(np.random.default_rng(0).lognormal(size=999), np.nan))
    assert scores[-1] == 0
    assert abs(scores[:-1].mean()) < 1e-6
    assert abs(scores[:-1].std() - 1) < 0.02
