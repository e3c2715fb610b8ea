"""Drawing rows of the log: each distinct row once, whatever the order, the batches and the repetitions."""

import numpy as np
import pyarrow as pa
import pytest
from tests.trial.logged_traffic import logged_table

from seatrial.trial.rows.row_draw import RowDraw


def draw(
    table: pa.Table, limit: int = 1000, *, seed: int = 0, batch: int = 700, **how
) -> tuple[pa.Table, RowDraw, tuple]:
    found = RowDraw(["x", "sex"], "0.1.0", limit, seed=seed, **how)
    for each in table.to_batches(max_chunksize=batch):
        found.add(each)
    drawn = found.drawn()
    return drawn[0], found, drawn


def rows_of(table: pa.Table) -> set[tuple]:
    return set(zip(table["input_x"].to_pylist(), table["input_sex"].to_pylist(), strict=True))


def test_each_distinct_row_is_drawn_once():
    table = logged_table([1.0, 2.0, 1.0, None, None, 2.0, 2.0], ["f", "f", "f", None, None, "m", "f"])
    drawn, found, (_, weights, first, distinct) = draw(table)
    assert rows_of(drawn) == {(1.0, "f"), (2.0, "f"), (2.0, "m"), (None, None)}
    assert drawn.num_rows == first.sum() == distinct == 4
    assert weights.tolist() == [1, 1, 1, 1]
    assert found.logged == 7


def test_of_equal_rows_the_baselines_newest_is_taken():
    own = logged_table([1.0, 1.0], ["f", "f"])
    table = pa.concat_tables([own, logged_table([1.0], ["f"], "0.2.0")])
    drawn, _, (_, _, first, _) = draw(table)
    assert drawn.filter(pa.array(first))["request_id"].to_pylist() == ["0.1.0-1"]


def test_other_answers_of_the_same_version_to_equal_rows_are_kept_apart():
    yes = [0.7, 0.7, 0.9]
    table = logged_table([1.0] * 3, ["f"] * 3, probability_yes=yes, probability_no=[1 - each for each in yes])
    drawn, _, (_, _, first, distinct) = draw(table)
    assert sorted(drawn["probability_yes"].to_pylist()) == [0.7, 0.9]
    assert (first.sum(), distinct) == (1, 1)


@pytest.mark.parametrize("batch", [97, 5_000])
def test_a_sample_does_not_depend_on_order_or_batches(batch: int):
    xs = np.random.default_rng(0).normal(size=3_000)
    table = logged_table(xs.tolist(), ["f"] * 3_000)
    one, _, (_, _, _, distinct) = draw(table, 400)
    other, _, _ = draw(table.take(np.random.default_rng(1).permutation(3_000)), 400, batch=batch)
    assert rows_of(one) == rows_of(other)
    assert one.num_rows == pytest.approx(400, abs=2)
    assert distinct == pytest.approx(3_000, rel=0.15)
    assert rows_of(draw(table, 400, seed=1)[0]) != rows_of(one)


def test_rare_answers_and_labelled_rows_are_drawn_more_often_and_weigh_less():
    xs = [*np.random.default_rng(0).normal(-5, 0.5, 3_000).tolist(), 4.0, 5.0, 6.0]
    table = logged_table(xs, ["f"] * len(xs))
    drawn, _, (_, weights, _, _) = draw(table, 300, labelled=["0.1.0-7"])
    assert drawn["prediction"].to_pylist().count("yes") == 3
    assert "0.1.0-7" in drawn["request_id"].to_pylist()
    rare = np.array([answer == "yes" for answer in drawn["prediction"].to_pylist()])
    assert weights[rare].max() < weights[~rare].max() / 5


def test_a_server_that_answers_at_random_does_not_fill_the_memory():
    yes = np.random.default_rng(0).random(500)
    table = logged_table([1.0] * 500, ["f"] * 500, probability_yes=yes, prediction=["yes"] * 500)
    assert draw(table)[0].num_rows == 3
