"""Counts by version and hour, whatever order and however far apart rows come."""

import numpy as np

from seatrial.watch.input_tally import SampleTally
from seatrial.watch.tallies import SlotCounts, slot_of, time_of


def test_counts_are_added_by_version_and_hour():
    counts = SlotCounts(3)
    counts.add("1", np.array([5, 5, 7]), np.array([0, 2, 2]))
    counts.add("2", np.array([5]), np.array([1]))
    counts.add("1", np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    slots, every = counts.by_slot()
    assert (slots.tolist(), every.tolist()) == ([5, 7], [[1, 1, 1], [0, 0, 1]])
    assert counts.by_slot("2")[1].tolist() == [[0, 1, 0]]
    assert counts.by_slot("3")[1].shape == (0, 3)


def test_a_clock_that_jumps_by_decades_takes_no_memory():
    counts = SlotCounts(50)
    counts.add("1", np.array([0, 10**9]), np.array([1, 1]))
    assert counts.by_slot()[0].tolist() == [0, 10**9]


def test_an_hour_is_the_one_that_its_moment_is_in():
    assert slot_of(time_of(490_000)) == 490_000


def test_a_sample_has_rows_of_each_of_its_hours_and_is_bounded():
    import pyarrow as pa

    sample = SampleTally(["input_x"], 10, 11)
    batch = pa.record_batch({"input_x": np.arange(100_000.0)})
    for _ in range(3):
        sample.add(batch, "1", np.repeat([9, 10, 11, 12], 25_000))
    assert 19_000 < sample.table(10, 11).num_rows <= 20_000
    assert sample.table(11, 11)["input_x"].to_numpy().min() >= 50_000
    assert sample.table(12, 12) is None
